"""Which stored files are still somebody's."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.identity.models import StaffDocument, StaffProfile, StaffRequestAttachment

_KEY = bindparam("key", type_=sa.Text)
_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_NAMED = Query(
    sa.select(
        sa.or_(
            sa.exists().where(StaffDocument.restaurant_id == _RESTAURANT, StaffDocument.file_key == _KEY),
            sa.exists().where(
                StaffRequestAttachment.restaurant_id == _RESTAURANT, StaffRequestAttachment.file_key == _KEY
            ),
            sa.exists().where(StaffProfile.restaurant_id == _RESTAURANT, StaffProfile.image_file == _KEY),
        )
    )
)


async def is_named(reading: Reading, restaurant_id: UUID, key: str) -> bool:
    """Whether a row of the restaurant names the file."""
    return bool(await reading.scalar(_NAMED, restaurant_id=restaurant_id, key=key))
