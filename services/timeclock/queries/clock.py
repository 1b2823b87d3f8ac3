"""What the clock page asks for."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from servicekit.errors import NotFound
from services.timeclock.models import PunchPhoto, WorkSession

_SESSIONS: Any = WorkSession.__table__
_OPEN = Query(
    sa.select(_SESSIONS).where(
        _SESSIONS.c.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid),
        _SESSIONS.c.staff_id == bindparam("staff_id", type_=sa.Uuid),
        _SESSIONS.c.status == "OPEN",
    )
)
_STILL_KEPT = (
    PunchPhoto.punch_id == bindparam("id", type_=sa.Uuid),
    PunchPhoto.expires_at > bindparam("now", type_=sa.DateTime(timezone=True)),
)
_LINKED_PHOTO = Query(sa.select(PunchPhoto.file_key, PunchPhoto.content_type).where(*_STILL_KEPT))
_PHOTO = Query(
    sa.select(PunchPhoto.staff_id, PunchPhoto.file_key, PunchPhoto.content_type).where(
        PunchPhoto.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), *_STILL_KEPT
    )
)


async def open_session(reading: Reading, restaurant_id: UUID, staff_id: UUID) -> Any | None:
    """A person's open session, or None."""
    return await reading.first(_OPEN, restaurant_id=restaurant_id, staff_id=staff_id)


async def photo(reading: Reading, restaurant_id: UUID, punch_id: UUID, own: UUID | None, now: datetime) -> Any:
    """A picture that is still kept. Raises NotFound, also for one of somebody else than `own`."""
    found = await reading.first(_PHOTO, restaurant_id=restaurant_id, id=punch_id, now=now)
    if found is None or own not in (None, found.staff_id):
        raise NotFound
    return found


async def linked_photo(reading: Reading, punch_id: UUID, now: datetime) -> Any | None:
    """A picture of any restaurant that is still kept, for whoever has a link to it; or None."""
    return await reading.first(_LINKED_PHOTO, id=punch_id, now=now)
