"""Pictures taken with punches: kept in the file storage for as long as the restaurant says."""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from google.api import httpbody_pb2
from google.protobuf import any_pb2

from mizan.options.v1 import files_pb2
from servicekit import jobs
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database
from servicekit.errors import NotFound, Refusal
from servicekit.files import IMAGES, MEBIBYTE, Accept, Files, StoredFile
from servicekit.jobs.task import Handler
from services.timeclock.models import PunchPhoto

FOLDER: Final = "clock_photos"
ACCEPT: Final = Accept(IMAGES - {"image/heic"}, max_bytes=5 * MEBIBYTE)
RECLAIM: Final = jobs.Task("timeclock.reclaim_photo")
"""Removes a picture from the storage unless a punch names it."""
EXPIRE: Final = jobs.Task("timeclock.expire_photos", cron="41 2 * * *", max_attempts=3)
# An upload whose transaction has not committed by then never will.
ABANDONED_AFTER: Final = timedelta(hours=1)
AT_ONCE: Final = 200
NOT_KEPT: Final = "The picture could not be used."
_ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}


class Photos:
    """Stores, serves and forgets the pictures of punches."""

    def __init__(self, files: Files, database: Database, clock: Clock) -> None:
        self._files = files
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[jobs.Task, Handler]:
        """The tasks that it carries out."""
        return {RECLAIM: self.reclaim, EXPIRE: self.expire}

    async def store(self, restaurant_id: UUID, content: bytes | None) -> StoredFile | None:
        """Stores a picture, or returns None for what is none: a broken picture does not keep anybody from working."""
        if not content:
            return None
        try:
            stored = await self._files.put(restaurant_id, FOLDER, content, accept=ACCEPT)
        except Refusal:
            return None
        async with self._database.write(SYSTEM) as session:
            await jobs.defer(session, RECLAIM, at=self._clock.now() + ABANDONED_AFTER, key=stored.key)
        return stored

    async def body(self, key: str, content_type: str) -> httpbody_pb2.HttpBody:
        """A picture as an answer. Raises NotFound."""
        if content_type not in _ENDINGS:
            raise NotFound
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=f"punch.{_ENDINGS[content_type]}", inline=True))
        return httpbody_pb2.HttpBody(content_type=content_type, data=await self._files.read(key), extensions=[packed])

    async def reclaim(self, _job: jobs.Job, *, key: str, **_: Any) -> None:
        """Removes a picture unless a punch names it; repeating it changes nothing."""
        async with self._database.write(SYSTEM) as session:
            named = await session.scalar(sa.select(PunchPhoto.punch_id).where(PunchPhoto.file_key == key).limit(1))
        if named is None:
            await self._files.delete(key)

    async def expire(self, _job: jobs.Job, **_tick: Any) -> None:
        """Removes the pictures whose time is over; the row goes last, so that a repetition finds what is left."""
        while True:
            async with self._database.write(SYSTEM) as session:
                over = (
                    await session.scalars(
                        sa.select(PunchPhoto).where(PunchPhoto.expires_at <= self._clock.now()).limit(AT_ONCE)
                    )
                ).all()
                for photo in over:
                    await self._files.delete(photo.file_key)
                    await session.delete(photo)
            if len(over) < AT_ONCE:
                return


async def content_of(data_url: str) -> bytes | None:
    """The bytes of a data URL with base64, or None for anything else."""
    head, separator, encoded = data_url.partition(";base64,")
    if not separator or not head.startswith("data:image/"):
        return None
    try:
        return await asyncio.to_thread(base64.b64decode, encoded, validate=True)
    except binascii.Error:
        return None
