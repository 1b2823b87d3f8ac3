"""What operators do to identity from the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.audit.events.v1 import events_pb2 as audit_facts
from mizan.identity.events.v1 import events_pb2 as facts
from servicekit.events import emit
from services.identity import events
from services.identity.commands import accounts, invitations
from services.identity.domain.languages import LANGUAGES
from services.identity.models import Language, Restaurant, User
from services.identity.vault import Vault, random_password, random_pin

INITIAL_STAFF: Final = (("WAITER", "Youssef", "Test"), ("CLEANER", "Khadija", "Test"), ("CHEF", "Hassan", "Test"))


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that was just made, with the secret that exists nowhere else in readable form."""

    role: str
    email: str
    secret: str


async def create_superuser(
    session: AsyncSession, vault: Vault, *, email: str, first_name: str, last_name: str, password: str, now: datetime
) -> User:
    """A member of the platform's own staff, of no restaurant. Raises Invalid for an address that is taken."""
    await accounts.ensure_email_free(session, email)
    user = User(
        id=uuid4(),
        email=email.strip(),
        first_name=first_name,
        last_name=last_name,
        role="SUPER_ADMIN",
        is_superuser=True,
        is_verified=True,
        password_hash=await vault.hash(password),
        created_at=now,
        updated_at=now,
    )
    session.add(user)
    _record(session, "CREATE", "User", str(user.id), "Created a superuser from the command line", now)
    return user


async def create_initial_data(
    session: AsyncSession, vault: Vault, *, name: str, email: str, admin_email: str, now: datetime
) -> list[NewAccount]:
    """A restaurant with an owner and a few people, each with a secret of their own; nothing when it exists already."""
    exists = sa.select(sa.exists().where(sa.func.lower(Restaurant.email) == email.lower()))
    if await session.scalar(exists):
        return []
    password = random_password()
    restaurant, owner = await accounts.register(
        session,
        vault,
        {"name": name, "email": email},
        {"email": admin_email, "first_name": "Admin", "last_name": "Test"},
        accounts.Hashes(password=await vault.hash(password)),
        now,
    )
    owner.is_verified = True
    made = [NewAccount(owner.role, owner.email, password)]
    domain = admin_email.partition("@")[2]
    used: set[str] = set()
    for role, first_name, last_name in INITIAL_STAFF:
        pin = next(pin for pin in iter(random_pin, "") if pin not in used)
        used.add(pin)
        address = f"{role.lower()}@{domain}"
        await accounts.ensure_email_free(session, address)
        user = accounts.new_user(
            vault,
            restaurant.id,
            email=address,
            role=role,
            hashes=accounts.Hashes(pin=await vault.hash(pin), pin_plain=pin),
            now=now,
            first_name=first_name,
            last_name=last_name,
            is_verified=True,
        )
        session.add(user)
        await session.flush()
        events.staff_changed(
            session,
            facts.StaffJoined,
            events.staff_facts(user, language=restaurant.language, department=None, position=None),
        )
        made.append(NewAccount(role, address, pin))
    return made


async def delete_unaccepted_invitations(
    session: AsyncSession, now: datetime, *, open_ones_too: bool
) -> Sequence[tuple[UUID, UUID, datetime]]:
    """Deletes invitations at an operator's word, and records each; see `invitations.delete_unaccepted`."""
    rows = await invitations.delete_unaccepted(session, now, open_ones_too=open_ones_too)
    for invitation_id, restaurant_id, _ in rows:
        _record(
            session,
            "DELETE",
            "Invitation",
            str(invitation_id),
            "Deleted an invitation that was never accepted",
            now,
            restaurant_id=restaurant_id,
        )
    return rows


async def populate_languages(session: AsyncSession) -> int:
    """Writes the languages that people may choose, changing those that differ; how many there are."""
    rows: list[Mapping[str, Any]] = [language._asdict() for language in LANGUAGES]
    statement = insert(Language)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["code"],
            set_={name: statement.excluded[name] for name in ("name", "native_name", "right_to_left")},
        ),
        rows,
    )
    return len(rows)


def _record(
    session: AsyncSession,
    action: str,
    entity_type: str,
    entity_id: str,
    description: str,
    now: datetime,
    *,
    restaurant_id: UUID | None = None,
) -> None:
    entry = audit_facts.EntryRecorded(
        actor="operator",
        action=action,
        entity_type=entity_type,
        entity_id=entity_id,
        description=description,
        service="identity",
    )
    entry.occurred_at.FromDatetime(now)
    if restaurant_id is not None:
        entry.restaurant_id = str(restaurant_id)
    emit(session, entry, restaurant_id=restaurant_id, aggregate_id=uuid4())
