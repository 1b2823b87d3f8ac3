"""What notify publishes, and how each fact is made from its rows."""

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.notify.events.v1 import events_pb2 as facts
from servicekit import events
from services.notify.models import Preferences


def preferences_updated(session: AsyncSession, preferences: Preferences, changed: list[str]) -> None:
    """Somebody wants to be told in another way."""
    message = facts.PreferencesUpdated(
        user_id=str(preferences.user_id),
        restaurant_id=str(preferences.restaurant_id),
        changed_fields=changed,
        version=preferences.version,
    )
    events.emit(
        session,
        message,
        restaurant_id=preferences.restaurant_id,
        aggregate_id=preferences.user_id,
        version=preferences.version,
    )
