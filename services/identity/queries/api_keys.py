"""Keys of agents and integrators."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reader
from servicekit.paging import Page
from services.identity.models import ApiKey, User

_VALID = (ApiKey.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid), ApiKey.revoked_at.is_(None))

_COUNT = Query(sa.select(sa.func.count()).select_from(ApiKey).where(*_VALID))

_LIST = Query(
    sa.select(
        ApiKey.id,
        ApiKey.name,
        ApiKey.kind,
        ApiKey.prefix,
        ApiKey.scopes,
        ApiKey.created_by,
        ApiKey.created_at,
        ApiKey.expires_at,
        User.first_name,
        User.last_name,
        User.email,
    )
    .select_from(ApiKey)
    .outerjoin(User, User.id == ApiKey.created_by)
    .where(*_VALID)
    .order_by(ApiKey.created_at.desc(), ApiKey.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)


async def api_keys(reader: Reader, restaurant_id: UUID, page: Page) -> tuple[int, list[Any]]:
    """How many keys a restaurant has, and one page of them. Raises NotFound for a page beyond the end."""
    count, rows = await reader.batch(
        (_COUNT, {"restaurant_id": restaurant_id}),
        (_LIST, {"restaurant_id": restaurant_id, "limit": page.limit, "offset": page.offset}),
    )
    page.check(count[0][0])
    return count[0][0], rows
