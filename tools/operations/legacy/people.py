"""Restaurants, accounts and profiles, as identity keeps them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as facts
from servicekit.errors import Invalid
from services.identity import events
from services.identity.domain.contact import phone_digits
from services.identity.models import Restaurant, StaffProfile, User
from services.identity.models.restaurant import LANGUAGES
from tools.operations.legacy.source import Row
from tools.operations.legacy.steps import Step, Waiting

SMALLEST, LARGEST = Decimal(5), Decimal(100)
# The only hashes of the earlier backend that can go on being used; its others are verified by nothing here.
ARGON2 = "argon2$argon2id$"
SETTINGS = (
    "name",
    "address",
    "phone",
    "latitude",
    "longitude",
    "geofence_enabled",
    "geofence_polygon",
    "timezone",
    "currency",
    "operating_hours",
    "automatic_clock_out",
    "break_duration",
    "email_notifications",
    "push_notifications",
    "general_settings",
    "restaurant_type",
    "max_weekly_hours",
    "min_rest_hours",
    "created_at",
    "updated_at",
)
PROFILE = (
    "contract_end_date",
    "health_card_expiry",
    "hourly_rate",
    "salary_type",
    "join_date",
    "promotion_history",
    "emergency_contact_name",
    "emergency_contact_phone",
    "notes",
    "geofence_alerts_enabled",
    "department",
    "date_of_birth",
    "position",
    "skills",
    "certifications",
)


async def take_restaurant(session: AsyncSession, row: Row) -> None:
    """A restaurant with its settings; its till's keys are left behind, so the till is connected anew."""
    updated: datetime = row.get("updated_at") or datetime.now(UTC)
    radius = row.get("radius")
    restaurant = Restaurant(
        id=row["id"],
        email=row["email"].strip(),
        language=row["language"] if row.get("language") in LANGUAGES else "en",
        radius=LARGEST if radius is None else min(max(radius, SMALLEST), LARGEST),
        settings_version=int(updated.timestamp()),
        **_present(row, SETTINGS),
    )
    session.add(restaurant)
    await session.flush()
    await session.refresh(restaurant)
    events.restaurant_created(session, restaurant)


async def take_user(session: AsyncSession, row: Row) -> None:
    """An account. A PIN, and a password under an older hash, are left behind: its owner sets a new one.

    Raises Invalid for somebody of no restaurant who is not the platform's own.
    """
    restaurant = await _restaurant_of(session, row)
    password = row.get("password") or ""
    user = User(
        id=row["id"],
        restaurant_id=restaurant.id if restaurant else None,
        email=row["email"].strip(),
        first_name=row.get("first_name") or "",
        last_name=row.get("last_name") or "",
        role=row["role"],
        phone=row.get("phone"),
        phone_digits=phone_digits(row.get("phone")),
        is_verified=bool(row.get("is_verified")),
        is_active=row.get("is_active", True),
        is_superuser=restaurant is None,
        preferred_language=row["preferred_language"] if row.get("preferred_language") in LANGUAGES else None,
        password_hash=password.removeprefix("argon2") if password.startswith(ARGON2) else None,
        last_login_at=row.get("last_successful_login") or row.get("last_login"),
        version=1,
        **_present(row, ("created_at", "updated_at")),
    )
    session.add(user)
    await session.flush()
    if restaurant is not None:
        about = events.staff_facts(user, language=restaurant.language, department=None, position=None)
        events.staff_changed(session, facts.StaffJoined if user.is_active else facts.StaffDeactivated, about)


async def take_profile(session: AsyncSession, row: Row) -> None:
    """What is known of a person as an employee. Raises Waiting when the person is not here."""
    user = await session.get(User, row["user_id"], with_for_update=True)
    if user is None or user.restaurant_id is None:
        raise Waiting
    profile = StaffProfile(user_id=user.id, restaurant_id=user.restaurant_id, **_profile(row))
    session.add(profile)
    await _tell(session, user, profile)


async def add_to_profile(session: AsyncSession, row: Row) -> bool:
    """What the second profile of a person says and the first one left open; False when it says nothing more."""
    user = await session.get_one(User, row["user_id"], with_for_update=True)
    profile = await session.get_one(StaffProfile, user.id)
    open_fields = {name: value for name, value in _profile(row).items() if value and not getattr(profile, name)}
    if not open_fields:
        return False
    for name, value in open_fields.items():
        setattr(profile, name, value)
    await _tell(session, user, profile)
    return True


async def _tell(session: AsyncSession, user: User, profile: StaffProfile) -> None:
    restaurant = await session.get_one(Restaurant, profile.restaurant_id)
    user.version += 1
    await session.flush()
    about = events.staff_facts(
        user,
        language=restaurant.language,
        department=profile.department,
        position=profile.position,
        skills=profile.skills,
    )
    events.staff_changed(session, facts.StaffUpdated if user.is_active else facts.StaffDeactivated, about)


def _profile(row: Row) -> dict[str, Any]:
    values = _present(row, PROFILE)
    if row.get("hire_date") is not None:
        values.setdefault("join_date", row["hire_date"])
    return values


async def _restaurant_of(session: AsyncSession, row: Row) -> Restaurant | None:
    if row.get("restaurant_id") is None:
        if not row.get("is_superuser"):
            raise Invalid.field("restaurant", "Somebody of no restaurant must be the platform's own.")
        return None
    restaurant = await session.get(Restaurant, row["restaurant_id"])
    if restaurant is None:
        raise Waiting
    return restaurant


def _present(row: Row, names: tuple[str, ...]) -> dict[str, Any]:
    """The columns that the row has and that are set; the others keep their defaults."""
    return {name: row[name] for name in names if row.get(name) is not None}


STEPS = (
    Step("identity", ("restaurants",), Restaurant.id, take_restaurant),
    Step("identity", ("users",), User.id, take_user),
    # The earlier backend kept two profiles per person, and here there is one.
    Step(
        "identity",
        ("staff_profiles", "accounts_staffprofile"),
        StaffProfile.user_id,
        take_profile,
        key="user_id",
        add=add_to_profile,
    ),
    Step("identity", ("staff_staffprofile",), StaffProfile.user_id, take_profile, key="user_id", add=add_to_profile),
)
