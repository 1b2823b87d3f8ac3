"""What the agent's server is sent, made of a delivery's row and of what is known of people at that moment."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import refdata
from servicekit.db import SYSTEM, Database
from servicekit.errors import NotFound, Refusal, Unavailable
from services.notify.clients.agent import Agent
from services.notify.clients.neighbours import Neighbours
from services.notify.domain import agent as domain
from services.notify.domain.deliveries import Outcome, Postponed, Skipped
from services.notify.domain.whatsapp import phone_digits

_NOT_YET = Postponed("not known here yet")


class Briefing:
    """Tells the agent's server; names, numbers and links are looked up when it is told and kept in no queue."""

    def __init__(self, database: Database, neighbours: Neighbours, agent: Agent, country_code: str) -> None:
        self._database = database
        self._neighbours = neighbours
        self._agent = agent
        self._country_code = country_code

    async def send(self, row: Any, now: datetime) -> Outcome:
        """Posts a webhook whose delivery was claimed."""
        try:
            match row.payload["event"]:
                case domain.USER_AUTHENTICATED:
                    return await self._authenticated(row, now)
                case domain.STAFF_INVITE:
                    link = await self._neighbours.invitation_link(row.payload["invitation_id"])
                    body = domain.invited(row.payload, link, _token(link))
                case domain.INVITATION_ACCEPTED:
                    person = await self._person(row, row.payload["user_id"])
                    invitation_id = row.payload["invitation_id"]
                    link = await self._neighbours.invitation_link(invitation_id, even_accepted=True)
                    body = domain.accepted(row.payload, person, _token(link))
                case _:
                    reporter = row.payload["reporter_id"]
                    body = domain.reported(row.payload, await self._person(row, reporter) if reporter else None)
        except NotFound:
            return _NOT_YET
        except Unavailable as away:
            return Postponed(away.code)
        except Refusal as refusal:
            return Skipped(f"the invitation is over ({refusal.code})")
        return await self._agent.tell_event(body, str(row.id), now)

    async def _authenticated(self, row: Any, now: datetime) -> Outcome:
        person = await self._person(row, row.payload["user_id"])
        restaurant = await refdata.restaurant(self._database.read(SYSTEM), row.restaurant_id)
        if restaurant is None:
            return _NOT_YET
        mobile = phone_digits(person.phone, self._country_code) or ""
        return await self._agent.tell_login(domain.authenticated(person, restaurant, mobile), str(row.id), now)

    async def _person(self, row: Any, user_id: str) -> Any:
        """Somebody as they are now. Raises NotFound before their first event has come."""
        return await refdata.member(self._database.read(SYSTEM), row.restaurant_id, UUID(user_id))


def _token(link: str) -> str:
    return parse_qs(urlsplit(link).query).get("token", [""])[0]
