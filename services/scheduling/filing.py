"""Files that go with work: kept in the file storage, removed when nothing names them."""

import base64
import binascii
from datetime import timedelta
from typing import Final
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.options.v1 import files_pb2
from servicekit import jobs
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database
from servicekit.errors import Invalid, Refusal
from servicekit.files import AUDIO, IMAGES, Accept, Files, StoredFile

RECLAIM: Final = jobs.Task("scheduling.file.reclaim")
"""Removes a file from the storage unless a row names it."""

VIDEO: Final = frozenset({"video/mp4", "video/quicktime", "video/webm", "video/3gpp"})
TYPES: Final = IMAGES | VIDEO | AUDIO | {"application/pdf"}
"""What goes with an answer or a report."""

ABANDONED_AFTER: Final = timedelta(hours=1)
"""An upload whose transaction has not committed by then never will."""


async def discard(session: AsyncSession, restaurant_id: UUID, key: str | None) -> None:
    """Has a file removed once the session's transaction, which names it no more, is committed."""
    if key is not None:
        await jobs.defer(session, RECLAIM, restaurant_id=str(restaurant_id), key=key)


def decoded(data_url: str) -> bytes:
    """The content of a data URL in base64. Raises Invalid for anything else."""
    head, comma, body = data_url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise Invalid("A data URL has to be in base64.", code="invalid_data_url")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise Invalid("A data URL has to be in base64.", code="invalid_data_url") from error


class Filing:
    """Stores files and hands them out."""

    def __init__(self, files: Files, database: Database, clock: Clock, *, max_bytes: int) -> None:
        self._files = files
        self._database = database
        self._clock = clock
        self._max_bytes = max_bytes

    async def store(
        self, restaurant_id: UUID, folder: str, content: bytes, types: frozenset[str] = TYPES, *, field: str = "file"
    ) -> StoredFile:
        """Stores a file; the caller's transaction must then name it, or it is removed again.

        Raises Invalid for an empty file or one of another type, FileTooLarge beyond the limit.
        """
        try:
            stored = await self._files.put(restaurant_id, folder, content, accept=Accept(types, self._max_bytes))
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
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=name, inline=True))
        return httpbody_pb2.HttpBody(content_type=content_type, data=await self._files.read(key), extensions=[packed])
