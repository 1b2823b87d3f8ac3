"""The secrets of a development installation: generated once, kept in its data folder, readable by their owner only."""

import base64
import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tools.stack.processes import write_secret


class DevKeys:
    """Finds a secret in the folder or makes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def internal_keys(self) -> Path:
        """The folder with the key pairs that sign and verify internal tokens."""
        return self._subfolder("internal")

    @property
    def jwt_keys(self) -> Path:
        """The folder with the keys that sign access tokens."""
        return self._subfolder("jwt")

    def make_internal_keys(self, issuers: list[str]) -> None:
        """Make the key pair of every issuer that has none."""
        for issuer in issuers:
            self._make_key(self.internal_keys / f"{issuer}.pem", self.internal_keys / f"{issuer}.pub")

    def make_jwt_key(self) -> None:
        """Make a signing key unless there is one."""
        if not any(self.jwt_keys.glob("*.pem")):
            self._make_key(self.jwt_keys / "access.pem")

    def text(self, name: str) -> str:
        """A random text, the same at every call with this name."""
        return self._keep(name, secrets.token_urlsafe(32))

    def signing_key(self, name: str) -> str:
        """A key for signatures in base64, the same at every call with this name."""
        return self._keep(name, base64.b64encode(secrets.token_bytes(32)).decode())

    def fernet_key(self, name: str) -> str:
        """A Fernet key, the same at every call with this name."""
        return self._keep(name, Fernet.generate_key().decode())

    def _subfolder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _keep(self, name: str, fresh: str) -> str:
        path = self._folder / name
        if not path.exists():
            write_secret(path, fresh)
        return path.read_text()

    @staticmethod
    def _make_key(private_path: Path, public_path: Path | None = None) -> None:
        if private_path.exists():
            return
        key = Ed25519PrivateKey.generate()
        if public_path is not None:
            public_path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_secret(private_path, pem.decode())
