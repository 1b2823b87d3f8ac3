"""Files of people and requests: kept in the file storage, reached by links, removed when nothing names them."""

import base64
import hmac
from datetime import timedelta
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.options.v1 import files_pb2
from servicekit import jobs
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database
from servicekit.errors import Forbidden, Refusal, Unauthenticated
from servicekit.files import DOCUMENTS, IMAGES, Accept, Files, StoredFile
from servicekit.identity import Principal
from services.identity.vault import Vault

RECLAIM = jobs.Task("file.reclaim")
"""Removes a file from the storage unless a row names it."""

PICTURES = IMAGES - {"image/heic"}
"""What every browser shows."""

_PICTURE_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}

PAPERS = (
    DOCUMENTS
    | IMAGES
    | {
        "application/rtf",
        "application/vnd.ms-powerpoint",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "text/plain",
    }
)
"""What may be kept about people or attached to requests."""

# An upload whose transaction has not committed by then never will.
ABANDONED_AFTER = timedelta(hours=1)
LINK_STEP_SECONDS = 1800
LINK_STEPS = 3
_PURPOSE = "file-link"


async def discard(session: AsyncSession, restaurant_id: UUID, key: str | None) -> None:
    """Has a file removed once the session's transaction, which names it no more, is committed."""
    if key is not None:
        await jobs.defer(session, RECLAIM, restaurant_id=str(restaurant_id), key=key)


def require_person(principal: Principal) -> None:
    """Raises Unauthenticated for nobody in particular and Forbidden for a caller that is no person."""
    if principal.kind == "ANONYMOUS":
        raise Unauthenticated("Authentication credentials were not provided.")
    if principal.kind != "USER":
        raise Forbidden


class Filing:
    """Stores and serves files, and makes the links under which browsers fetch them."""

    def __init__(
        self, files: Files, database: Database, vault: Vault, clock: Clock, *, public_url: str, max_bytes: int
    ) -> None:
        self._files = files
        self._database = database
        self._vault = vault
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._max_bytes = max_bytes

    async def store(
        self, restaurant_id: UUID, folder: str, upload: files_pb2.Upload, types: frozenset[str], *, field: str = "file"
    ) -> StoredFile:
        """Stores an upload; the caller's transaction must then name it, or it is removed again.

        Raises Invalid for an empty file or one of another type, FileTooLarge beyond the limit.
        """
        accept = Accept(types, max_bytes=self._max_bytes)
        try:
            stored = await self._files.put(restaurant_id, folder, upload.content, accept=accept)
        except Refusal as refusal:
            if refusal.fields:
                refusal.fields = {field: [refusal.message]}
            raise
        abandoned = self._clock.now() + ABANDONED_AFTER
        async with self._database.write(SYSTEM) as session:
            await jobs.defer(session, RECLAIM, at=abandoned, restaurant_id=str(restaurant_id), key=stored.key)
        return stored

    async def remove(self, key: str) -> None:
        """Removes a file now; one that is not there is no error."""
        await self._files.delete(key)

    async def body(self, key: str, content_type: str, name: str) -> httpbody_pb2.HttpBody:
        """A file as an answer, shown in place where that is harmless. Raises NotFound."""
        content = await self._files.read(key)
        if content_type.startswith("text/"):
            content_type = f"{content_type}; charset=utf-8"
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=name, inline=True))
        return httpbody_pb2.HttpBody(content_type=content_type, data=content, extensions=[packed])

    async def picture(self, key: str) -> httpbody_pb2.HttpBody:
        """A picture as an answer. Raises NotFound."""
        ending = key.rpartition(".")[2]
        return await self.body(key, _PICTURE_TYPES[ending], f"picture.{ending}")

    def link(self, path: str, key: str) -> str:
        """A URL under which a file can be fetched for a while by whoever has it.

        It stays the same for half an hour, so that browsers keep what they fetched, and works for at least an hour.
        """
        step = int(self._clock.now().timestamp()) // LINK_STEP_SECONDS
        expires = (step + LINK_STEPS) * LINK_STEP_SECONDS
        return f"{self._public_url}{path}?expires={expires}&signature={self._signature(path, key, expires)}"

    def check_link(self, path: str, key: str | None, expires: int, signature: str) -> None:
        """Raises Forbidden unless a link is ours, for this very file, and has not expired; None is no file."""
        expected = self._signature(path, key or "", expires)
        genuine = hmac.compare_digest(expected.encode(), signature.encode())
        if not genuine or key is None or self._clock.now().timestamp() >= expires:
            raise Forbidden("This link does not work any more.", code="link_expired")

    def _signature(self, path: str, key: str, expires: int) -> str:
        proof = self._vault.digest(_PURPOSE, f"{path}\n{key}\n{expires}")
        return base64.urlsafe_b64encode(proof[:24]).decode()
