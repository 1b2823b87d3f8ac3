"""Deciding how receipts look."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import AlreadyExists
from services.pos.models import ReceiptSettings


async def create_settings(session: AsyncSession, restaurant_id: UUID, values: Mapping[str, Any]) -> None:
    """Decides for the first time how a restaurant's receipts look. Raises AlreadyExists where that is decided."""
    created = await session.scalar(
        insert(ReceiptSettings)
        .values(restaurant_id=restaurant_id, **values)
        .on_conflict_do_nothing()
        .returning(ReceiptSettings.restaurant_id)
    )
    if created is None:
        raise AlreadyExists("A restaurant has one receipt setting, and this one has it: change that.")


async def delete_settings(session: AsyncSession, restaurant_id: UUID) -> None:
    """Takes back what a restaurant has decided about its receipts."""
    await session.execute(sa.delete(ReceiptSettings).where(ReceiptSettings.restaurant_id == restaurant_id))


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
