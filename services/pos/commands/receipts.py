"""Deciding how receipts look."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.pos.models import ReceiptSettings


async def change_settings(session: AsyncSession, restaurant_id: UUID, changes: Mapping[str, Any]) -> None:
    """Changes how a restaurant's receipts look."""
    if changes:
        await session.execute(
            insert(ReceiptSettings)
            .values(restaurant_id=restaurant_id, **changes)
            .on_conflict_do_update(
                index_elements=[ReceiptSettings.restaurant_id], set_={**changes, "updated_at": sa.func.now()}
            )
        )
