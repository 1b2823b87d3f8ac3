"""People and restaurants as scheduling's copies hold them, for tests."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

import refdata
from servicekit.db import SYSTEM
from servicekit.identity import Principal
from servicekit.testing.service import RunningService, person
from services.scheduling.tests.conftest import manager


@dataclass
class Team:
    """A restaurant with some people in it."""

    restaurant_id: UUID
    manager: Principal
    people: list[UUID] = field(default_factory=list)

    def principal(self, place: int, *permissions: str) -> Principal:
        """One of the people, who may look at the schedule."""
        return person(
            frozenset({"schedule.view", *permissions}), restaurant_id=self.restaurant_id, user_id=self.people[place]
        )


def team(
    service: RunningService, size: int = 3, *, role: str = "WAITER", timezone: str = "Africa/Casablanca", **facts: Any
) -> Team:
    """A new restaurant with active people of a role."""
    made = Team(uuid4(), manager(uuid4()))
    made.manager = manager(made.restaurant_id)
    made.people = [uuid4() for _ in range(size)]

    async def write() -> None:
        async with service.database.write(SYSTEM) as session:
            await session.execute(
                sa.insert(refdata.restaurant_ref).values(
                    id=made.restaurant_id,
                    name="Dar Atlas",
                    restaurant_type="CASUAL_DINING",
                    timezone=timezone,
                    currency="MAD",
                    language="fr",
                    radius=60,
                    geofence_enabled=False,
                    geofence_polygon=[],
                    operating_hours={},
                    automatic_clock_out=False,
                    break_duration=30,
                    max_weekly_hours=facts.get("max_weekly_hours", 44),
                    min_rest_hours=facts.get("min_rest_hours", 11),
                    version=1,
                )
            )
            rows = [
                {
                    "restaurant_id": made.restaurant_id,
                    "user_id": identifier,
                    "first_name": f"Person{place}",
                    "last_name": "Idrissi",
                    "email": f"person{place}@example.com",
                    "phone": f"+21261234560{place}",
                    "role": role,
                    "is_active": True,
                    "language": "fr",
                    "version": 1,
                }
                for place, identifier in enumerate(made.people)
            ]
            if rows:
                await session.execute(sa.insert(refdata.staff_ref), rows)

    service.run(write())
    return made
