"""Keeping how people want to be told."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify import events
from services.notify.models import Preferences

_INSERT = insert(Preferences).on_conflict_do_nothing()


async def register_person(session: AsyncSession, restaurant_id: UUID, user_id: UUID) -> None:
    """Gives a person the standard preferences, unless they have some."""
    await session.execute(_INSERT, [{"restaurant_id": restaurant_id, "user_id": user_id}])


async def change_preferences(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, changes: Mapping[str, Any]
) -> Preferences:
    """A person's preferences after a change of some of them."""
    await register_person(session, restaurant_id, user_id)
    preferences = (
        await session.scalars(
            sa.select(Preferences)
            .where(Preferences.restaurant_id == restaurant_id, Preferences.user_id == user_id)
            .with_for_update()
        )
    ).one()
    changed = [name for name, value in changes.items() if getattr(preferences, name) != value]
    if changed:
        for name in changed:
            setattr(preferences, name, changes[name])
        preferences.version += 1
        await session.flush()
        await session.refresh(preferences)
        events.preferences_updated(session, preferences, changed)
    return preferences
