"""Lists of a restaurant's people."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.db import Query, Reader
from servicekit.paging import Page
from services.identity.models import Restaurant, StaffProfile, User, WorkedSession
from services.identity.queries.accounts import PROFILE_COLUMNS, RESTAURANT_COLUMNS, USER_COLUMNS

_restaurant = bindparam("restaurant_id", type_=sa.Uuid)
_role = bindparam("role", type_=sa.Text)
_active = sa.cast(bindparam("is_active", type_=sa.Boolean), sa.Boolean)
_pattern = bindparam("pattern", type_=sa.Text)
_by_email = bindparam("by_email", type_=sa.Boolean)

_SEARCHED = sa.func.concat_ws(" ", User.first_name, User.last_name, sa.case((_by_email, User.email)))
_MATCHES = (
    User.restaurant_id == _restaurant,
    sa.or_(_role.is_(None), User.role == _role),
    sa.or_(_active.is_(None), User.is_active == _active),
    sa.or_(_pattern.is_(None), _SEARCHED.ilike(_pattern)),
)
_EMPLOYEES = (*_MATCHES, User.role != "SUPER_ADMIN")
_ORDER = (User.first_name, User.last_name, User.id)
_LIMIT = bindparam("limit", type_=sa.Integer)
_OFFSET = bindparam("offset", type_=sa.BigInteger)

_USERS = Query(
    sa.select(*USER_COLUMNS, *PROFILE_COLUMNS)
    .select_from(User)
    .outerjoin(StaffProfile, StaffProfile.user_id == User.id)
    .where(*_MATCHES)
    .order_by(*_ORDER)
    .limit(_LIMIT)
    .offset(_OFFSET)
)
_COUNT_USERS = Query(sa.select(sa.func.count()).select_from(User).where(*_MATCHES))
_FIGURES = Query(
    sa.select(
        sa.func.count().label("active"),
        sa.func.count().filter(User.created_at > bindparam("since", type_=sa.DateTime(timezone=True))).label("new"),
    ).where(User.restaurant_id == _restaurant, User.is_active)
)
_RESTAURANT = Query(sa.select(*RESTAURANT_COLUMNS).where(Restaurant.id == _restaurant))

_WORKED = WorkedSession.business_date
_HOURS = Query(
    sa.select(
        WorkedSession.user_id,
        *(
            sa.func.coalesce(
                sa.func.sum(WorkedSession.minutes).filter(bindparam(since, type_=sa.Date) <= _WORKED), 0
            ).label(since)
            for since in ("week", "month", "year")
        ),
    )
    .where(
        WorkedSession.restaurant_id == _restaurant,
        WorkedSession.user_id == sa.any_(bindparam("people", type_=ARRAY(sa.Uuid))),
        sa.func.least(bindparam("year", type_=sa.Date), bindparam("week", type_=sa.Date)) <= _WORKED,
    )
    .group_by(WorkedSession.user_id)
)

STAFF_COLUMNS: list[Any] = [*USER_COLUMNS, *PROFILE_COLUMNS, StaffProfile.employee_id, StaffProfile.position]
"""What a staff row is made of."""

_STAFF = Query(
    sa.select(*STAFF_COLUMNS)
    .select_from(User)
    .outerjoin(StaffProfile, StaffProfile.user_id == User.id)
    .where(*_EMPLOYEES)
    .order_by(*_ORDER)
    .limit(_LIMIT)
    .offset(_OFFSET)
)
_COUNT_STAFF = Query(sa.select(sa.func.count()).select_from(User).where(*_EMPLOYEES))

MEMBER = Query(
    sa.select(*STAFF_COLUMNS, Restaurant.name.label("restaurant_name"))
    .select_from(User)
    .outerjoin(StaffProfile, StaffProfile.user_id == User.id)
    .join(Restaurant, Restaurant.id == User.restaurant_id)
    .where(User.restaurant_id == _restaurant, User.id == bindparam("user_id", type_=sa.Uuid))
)
"""One employee as a staff row."""


def filters(request: Any, *, by_email: bool = True) -> dict[str, Any]:
    """The parameters of a list request's filters; an absent one does not narrow."""
    return {
        "role": request.role.upper() if request.HasField("role") else None,
        "is_active": request.is_active if request.HasField("is_active") else None,
        "pattern": _contains(request.search) if request.HasField("search") else None,
        "by_email": by_email,
    }


def _contains(text: str) -> str:
    """The LIKE pattern of texts that contain this one."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def users(
    reader: Reader, restaurant_id: UUID, page: Page, narrowed: dict[str, Any]
) -> tuple[int, list[Any], Any]:
    """How many accounts match, a page of them, and their restaurant's row. Raises NotFound beyond the last page."""
    matching = {"restaurant_id": restaurant_id, **narrowed}
    counted, rows, home = await reader.batch(
        (_COUNT_USERS, matching),
        (_USERS, {**matching, "limit": page.limit, "offset": page.offset}),
        (_RESTAURANT, {"restaurant_id": restaurant_id}),
    )
    page.check(counted[0][0])
    return counted[0][0], rows, home[0] if home else None


async def staff(reader: Reader, restaurant_id: UUID, page: Page, narrowed: dict[str, Any]) -> tuple[int, list[Any]]:
    """How many employees match, and a page of them. Raises NotFound for a page beyond the end."""
    matching = {"restaurant_id": restaurant_id, **narrowed}
    counted, rows = await reader.batch(
        (_COUNT_STAFF, matching), (_STAFF, {**matching, "limit": page.limit, "offset": page.offset})
    )
    page.check(counted[0][0])
    return counted[0][0], rows


async def figures(reader: Reader, restaurant_id: UUID, since: datetime) -> Any:
    """How many people may log in, and how many of them came after an instant."""
    return await reader.first(_FIGURES, restaurant_id=restaurant_id, since=since)


async def minutes_worked(reader: Reader, restaurant_id: UUID, people: Sequence[UUID], today: date) -> dict[UUID, Any]:
    """Minutes of each of the people since Monday, the first of the month and of January; who never worked is absent."""
    rows = await reader.all(
        _HOURS,
        restaurant_id=restaurant_id,
        people=list(people),
        week=today - timedelta(days=today.weekday()),
        month=today.replace(day=1),
        year=today.replace(month=1, day=1),
    )
    return {row.user_id: row for row in rows}
