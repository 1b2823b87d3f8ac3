"""Pictures of the menu: kept in the file storage, removed when no item shows them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from google.api import httpbody_pb2
from google.protobuf import any_pb2

from mizan.options.v1 import files_pb2
from servicekit import jobs
from servicekit.clock import Clock
from servicekit.db import SYSTEM, Database
from servicekit.errors import NotFound, Refusal
from servicekit.files import IMAGES, MEBIBYTE, Accept, Files
from servicekit.jobs.task import Handler
from services.pos.commands.menu_items import RECLAIM
from services.pos.models import MenuItem

FOLDER = "menu"
ACCEPT = Accept(IMAGES - {"image/heic"}, max_bytes=5 * MEBIBYTE)
# An upload whose transaction has not committed by then never will.
ABANDONED_AFTER = timedelta(hours=1)
_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}


class Pictures:
    """Stores and serves the pictures of items."""

    def __init__(self, files: Files, database: Database, clock: Clock) -> None:
        self._files = files
        self._database = database
        self._clock = clock

    def handlers(self) -> Mapping[jobs.Task, Handler]:
        """The tasks that it carries out."""
        return {RECLAIM: self.reclaim}

    async def store(self, restaurant_id: UUID, upload: files_pb2.Upload) -> str:
        """Stores a picture and returns its name; unless an item shows it within the hour, it is removed again.

        Raises Invalid for anything but a picture, FileTooLarge beyond the limit.
        """
        try:
            stored = await self._files.put(restaurant_id, FOLDER, upload.content, accept=ACCEPT)
        except Refusal as refusal:
            if refusal.fields:
                refusal.fields = {"image": [refusal.message]}
            raise
        async with self._database.write(SYSTEM) as session:
            await jobs.defer(session, RECLAIM, at=self._clock.now() + ABANDONED_AFTER, key=stored.key)
        return stored.key

    async def body(self, key: str) -> httpbody_pb2.HttpBody:
        """A picture as an answer. Raises NotFound."""
        ending = key.rpartition(".")[2]
        if ending not in _TYPES:
            raise NotFound
        packed = any_pb2.Any()
        packed.Pack(files_pb2.Disposition(filename=f"picture.{ending}", inline=True))
        return httpbody_pb2.HttpBody(content_type=_TYPES[ending], data=await self._files.read(key), extensions=[packed])

    async def reclaim(self, _job: jobs.Job, *, key: str, **_: Any) -> None:
        """Removes a picture unless an item shows it; repeating it changes nothing."""
        async with self._database.write(SYSTEM) as session:
            shown = await session.scalar(sa.select(MenuItem.id).where(MenuItem.image_key == key).limit(1))
        if shown is None:
            await self._files.delete(key)
