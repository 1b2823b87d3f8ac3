"""Changing a restaurant's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Conflict, Forbidden, Invalid, NotFound
from services.identity import events
from services.identity.domain import settings as rules
from services.identity.models import Restaurant
from services.identity.vault import Vault

API_KEY: Final = "pos_api_key"
LOCATION_LOCKED: Final = "The location is set already. Only a super admin can change it."


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What a change did: the names of the settings that differ now, and their values but for secrets."""

    changed: list[str] = field(default_factory=list)
    old_values: dict[str, Any] = field(default_factory=dict)
    new_values: dict[str, Any] = field(default_factory=dict)


async def change_settings(
    session: AsyncSession,
    vault: Vault,
    restaurant_id: UUID,
    wanted: Mapping[str, Any],
    *,
    role: str,
    now: datetime,
    based_on: int | None = None,
    sets_location: bool = False,
) -> SettingsChange:
    """Applies the wanted settings and says what became different; equal values change nothing, not even the version.

    Raises Conflict when the change is based on another version than the present one, Forbidden when it moves a locked
    location (or sets it, equal or not, where that is what was asked for), and Invalid for a free-form value of the
    wrong shape or an address that is taken.
    """
    for name in rules.FREE_FORM & wanted.keys():
        if problem := rules.json_problem(name, wanted[name]):
            raise Invalid.field(name, problem)
    restaurant = await session.get(Restaurant, restaurant_id, with_for_update=True)
    if restaurant is None:
        raise NotFound("No Restaurant matches the given query.")
    if based_on is not None and based_on != restaurant.settings_version:
        raise Conflict("Settings version conflict", code="settings_version_conflict")
    before = {name: _present(restaurant, name) for name in wanted}
    changes = rules.real_changes(before, wanted)
    moves = sets_location or bool(rules.LOCATION_FIELDS & changes.keys())
    if moves and rules.is_location_locked(restaurant.latitude, restaurant.longitude, role):
        raise Forbidden(LOCATION_LOCKED, code="location_locked", extra={"error": "Location locked"})
    if not changes:
        return SettingsChange()
    _apply(restaurant, vault, changes)
    restaurant.settings_version = rules.next_version(restaurant.settings_version, now)
    restaurant.updated_at = now
    changed = sorted(changes)
    events.restaurant_updated(session, restaurant, changed)
    await _flush(session)
    shown = [name for name in changed if name != API_KEY]
    return SettingsChange(changed, {name: before[name] for name in shown}, {name: changes[name] for name in shown})


def _present(restaurant: Restaurant, name: str) -> Any:
    """A setting's present value; of the key its ciphertext, which no new key equals."""
    return getattr(restaurant, "pos_api_key_encrypted" if name == API_KEY else name)


def _apply(restaurant: Restaurant, vault: Vault, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name != API_KEY:
            setattr(restaurant, name, value)
    if "pos_provider" in changes:
        restaurant.pos_is_connected = False
        restaurant.pos_sync_status = "DISCONNECTED"
    if changes.get(API_KEY):
        restaurant.pos_api_key_encrypted = vault.encrypt(changes[API_KEY])
    elif API_KEY in changes or rules.forgets_pos_key(changes):
        restaurant.pos_api_key_encrypted = None


async def _flush(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        violation = error.orig
        if isinstance(violation, UniqueViolation) and violation.diag.constraint_name == "restaurants_email_key":
            raise Invalid.field("email", "restaurant with this email already exists.", code="email_taken") from error
        raise
