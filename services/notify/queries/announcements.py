"""Announcements: whom they mean, what became of them, their files."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from refdata import staff_ref
from servicekit.db import Query, Reader, Reading
from servicekit.paging import Page, read_page
from services.notify.domain.announcements import Targeting
from services.notify.models import Announcement, Attachment, Delivery, Notification, ShiftRef

_TENANT = bindparam("restaurant_id", type_=sa.Uuid)
_TEXTS = ARRAY(sa.Text)
_UUIDS = ARRAY(sa.Uuid)

_ON_SHIFTS = (
    sa.select(sa.func.jsonb_array_elements_text(ShiftRef.staff_ids))
    .where(
        ShiftRef.restaurant_id == _TENANT,
        ShiftRef.id == sa.any_(bindparam("shift_ids", type_=_UUIDS)),
        sa.not_(ShiftRef.is_deleted),
    )
    .scalar_subquery()
)
_MEANT = sa.and_(
    staff_ref.c.restaurant_id == _TENANT,
    staff_ref.c.is_active,
    staff_ref.c.user_id != bindparam("sender_id", type_=sa.Uuid),
    sa.or_(
        bindparam("everybody", type_=sa.Boolean),
        staff_ref.c.user_id == sa.any_(bindparam("staff_ids", type_=_UUIDS)),
        sa.func.lower(staff_ref.c.department) == sa.any_(bindparam("departments", type_=_TEXTS)),
        sa.func.lower(staff_ref.c.role) == sa.any_(bindparam("roles", type_=_TEXTS)),
        sa.func.lower(staff_ref.c.position) == sa.any_(bindparam("roles", type_=_TEXTS)),
        sa.cast(staff_ref.c.user_id, sa.Text).in_(_ON_SHIFTS),
    ),
)
_COUNT_MEANT = Query(sa.select(sa.func.count()).select_from(staff_ref).where(_MEANT))
_NEXT_MEANT = Query(
    sa.select(staff_ref.c.user_id)
    .where(_MEANT, staff_ref.c.user_id > bindparam("after", type_=sa.Uuid))
    .order_by(staff_ref.c.user_id)
    .limit(bindparam("limit", type_=sa.Integer))
)
_KNOWN_STAFF = Query(
    sa.select(staff_ref.c.user_id).where(
        staff_ref.c.restaurant_id == _TENANT, staff_ref.c.user_id == sa.any_(bindparam("ids", type_=_UUIDS))
    )
)
_KNOWN_SHIFTS = Query(
    sa.select(ShiftRef.id).where(
        ShiftRef.restaurant_id == _TENANT,
        ShiftRef.id == sa.any_(bindparam("ids", type_=_UUIDS)),
        sa.not_(ShiftRef.is_deleted),
    )
)

_STATUS = bindparam("status", type_=sa.Text)
_LISTED = sa.and_(Announcement.restaurant_id == _TENANT, sa.or_(_STATUS == "", Announcement.status == _STATUS))
_PAGE = (
    sa.select(Announcement)
    .where(_LISTED)
    .order_by(Announcement.created_at.desc(), Announcement.id)
    .limit(bindparam("limit", type_=sa.Integer))
    .offset(bindparam("offset", type_=sa.Integer))
    .subquery()
)
_FATE = (
    sa.select(
        sa.func.count().label("recipient_count"),
        sa.func.count(Notification.read_at).label("read_count"),
        sa.func.count(Notification.acknowledged_at).label("acknowledged_count"),
    )
    .where(Notification.restaurant_id == _TENANT, Notification.announcement_id == _PAGE.c.id)
    .lateral()
)
_FAILED = (
    sa.select(sa.func.count().label("failed_count"))
    .select_from(Delivery)
    .join(Notification, Notification.id == Delivery.notification_id)
    .where(
        Notification.restaurant_id == _TENANT,
        Notification.announcement_id == _PAGE.c.id,
        Delivery.state == "FAILED",
    )
    .lateral()
)
_ANNOUNCEMENTS = Query(
    sa.select(
        *_PAGE.c,
        refdata.FULL_NAME.label("sender_name"),
        _FATE.c.recipient_count,
        _FATE.c.read_count,
        _FATE.c.acknowledged_count,
        _FAILED.c.failed_count,
    )
    .select_from(_PAGE)
    .join(_FATE, sa.true())
    .join(_FAILED, sa.true())
    .outerjoin(staff_ref, refdata.is_staff(_PAGE.c.restaurant_id, _PAGE.c.sender_id))
    .order_by(_PAGE.c.created_at.desc(), _PAGE.c.id)
)
_COUNT = Query(sa.select(sa.func.count()).select_from(Announcement).where(_LISTED))
_ATTACHMENT = Query(sa.select(Attachment).where(Attachment.id == bindparam("id", type_=sa.Uuid)))
_NAMED = Query(sa.select(Attachment.id).where(Attachment.key == bindparam("key", type_=sa.Text)))


async def count_meant(reading: Reading, restaurant_id: UUID, sender_id: UUID, targeting: Targeting) -> int:
    """How many people an announcement means at this moment."""
    return int(await reading.scalar(_COUNT_MEANT, **_meant(restaurant_id, sender_id, targeting)))


async def next_meant(
    reading: Reading, restaurant_id: UUID, sender_id: UUID, targeting: Targeting, *, after: UUID, limit: int
) -> list[UUID]:
    """The people whom an announcement means, in the order of their ids, after one of them."""
    rows = await reading.all(_NEXT_MEANT, **_meant(restaurant_id, sender_id, targeting), after=after, limit=limit)
    return [row.user_id for row in rows]


async def unknown(reading: Reading, restaurant_id: UUID, targeting: Targeting) -> str | None:
    """What the targeting names and the restaurant does not have: "User" or "Shift"; None when it has all of it."""
    staff, shifts = await reading.batch(
        (_KNOWN_STAFF, {"restaurant_id": restaurant_id, "ids": list(targeting.staff_ids)}),
        (_KNOWN_SHIFTS, {"restaurant_id": restaurant_id, "ids": list(targeting.shift_ids)}),
    )
    if len(staff) < len(targeting.staff_ids):
        return "User"
    return "Shift" if len(shifts) < len(targeting.shift_ids) else None


async def announcements(reader: Reader, restaurant_id: UUID, status: str, page: Page) -> tuple[int, list[Any]]:
    """A page of the restaurant's announcements, the newest first, with what became of each."""
    return await read_page(reader, _COUNT, _ANNOUNCEMENTS, page, restaurant_id=restaurant_id, status=status)


async def attachment(reading: Reading, attachment_id: UUID) -> Any | None:
    """A file of any restaurant's announcement."""
    return await reading.first(_ATTACHMENT, id=attachment_id)


async def is_named(reading: Reading, key: str) -> bool:
    """Whether a row names a stored file."""
    return await reading.first(_NAMED, key=key) is not None


def _meant(restaurant_id: UUID, sender_id: UUID, targeting: Targeting) -> dict[str, Any]:
    return {
        "restaurant_id": restaurant_id,
        "sender_id": sender_id,
        "everybody": not targeting.is_targeted,
        "staff_ids": list(targeting.staff_ids),
        "departments": _lowered(targeting.departments),
        "roles": _lowered(targeting.roles),
        "shift_ids": list(targeting.shift_ids),
    }


def _lowered(words: Sequence[str]) -> list[str]:
    return [word.lower() for word in words]
