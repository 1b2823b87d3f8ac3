"""Colleagues of an owner, put straight into the database."""

from typing import Any
from uuid import UUID, uuid4

from servicekit.db import SYSTEM
from servicekit.identity import Principal
from servicekit.testing.service import RunningService, person
from services.identity.domain.contact import phone_digits
from services.identity.domain.permissions import standard_permissions
from services.identity.models import User
from services.identity.tests.conftest import Owner


def hire(
    identity: RunningService, owner: Owner, role: str = "WAITER", *, phone: str | None = None, **columns: Any
) -> Principal:
    """Somebody of the owner's restaurant, as the gateway would let them in."""
    user_id = columns.pop("id", None) or uuid4()
    values = {"first_name": "Karim", "last_name": "Alaoui", "email": f"{user_id.hex[:12]}@example.com", **columns}

    async def add() -> None:
        async with identity.service.core.database.write(SYSTEM) as session:
            session.add(
                User(
                    id=user_id,
                    restaurant_id=owner.restaurant_id,
                    role=role,
                    phone=phone,
                    phone_digits=phone_digits(phone),
                    **values,
                )
            )

    identity.run(add())
    name = f"{values['first_name']} {values['last_name']}".strip()
    return person(standard_permissions(role), restaurant_id=owner.restaurant_id, role=role, user_id=user_id, name=name)


def hire_many(identity: RunningService, owner: Owner, count: int) -> list[UUID]:
    """Many people at once; their ids."""
    ids = [uuid4() for _ in range(count)]

    async def add() -> None:
        async with identity.service.core.database.write(SYSTEM) as session:
            session.add_all(
                User(
                    id=user_id,
                    restaurant_id=owner.restaurant_id,
                    role="WAITER",
                    email=f"{user_id.hex[:12]}@example.com",
                    first_name=f"Waiter {number:03}",
                    last_name="Many",
                )
                for number, user_id in enumerate(ids)
            )

    identity.run(add())
    return ids
