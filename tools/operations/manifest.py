"""What a folder of backups holds."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.operations.postgresql import Contents, DatabaseProblem

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Backup:
    """One database's file and what it held at that moment."""

    file: str
    sha256: str
    taken_at: str
    revision: str
    contents: dict[str, Contents]

    @classmethod
    def read(cls, folder: Path, service: str) -> "Backup":
        """The backup of a service in a folder. Raises DatabaseProblem when there is none."""
        path = folder / MANIFEST
        known = json.loads(path.read_text()) if path.exists() else {}
        if service not in known:
            raise DatabaseProblem(f"{folder} holds no backup of {service}")
        fields: dict[str, Any] = known[service]
        contents = {table: Contents(**held) for table, held in fields.pop("contents").items()}
        return cls(**fields, contents=contents)

    def keep(self, folder: Path, service: str) -> None:
        """Writes the entry of a service, whole or not at all."""
        path = folder / MANIFEST
        known = json.loads(path.read_text()) if path.exists() else {}
        known[service] = asdict(self)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(known, indent=2))
        fresh.replace(path)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
