"""Goes through the platform once as a person would, and says what does not work: `mizan journey`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

import httpx
import stamina
import typer

from tools.operations.choice import refuse

TIMEOUT_SECONDS = 20.0
# What a fact takes at most from one service over NATS into another's tables.
FACT_SECONDS = 60.0


class JourneyFailed(Exception):
    """The platform answered something else than a person needs."""


@dataclass
class Traveller:
    """Somebody with a browser."""

    client: httpx.Client

    def ask(self, method: str, path: str, expected: int, body: Any = None) -> Any:
        """The answer's body. Raises JourneyFailed for another status than the expected one."""
        answer = self.client.request(method, path, json=body)
        if answer.status_code != expected:
            raise JourneyFailed(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def come_in(self, path: str, body: Any, expected: int) -> None:
        """Logs in or signs up; from then on requests carry the token. Raises JourneyFailed."""
        tokens = self.ask("POST", path, expected, body)["tokens"]
        self.client.headers["authorization"] = f"Bearer {tokens['access']}"


def main(
    sign_up: Annotated[
        bool, typer.Option("--sign-up", help="Sign a restaurant up instead of logging in; it stays.")
    ] = False,
) -> None:
    """Log in at PUBLIC_URL as MIZAN_TEST_EMAIL with MIZAN_TEST_PASSWORD, change something, and undo it.

    The account needs the rights to plan schedules and to look at the audit trail. Ends with 1 at the first step that
    fails.
    """
    url, email, password = map(os.environ.get, ("PUBLIC_URL", "MIZAN_TEST_EMAIL", "MIZAN_TEST_PASSWORD"))
    if not url:
        refuse("PUBLIC_URL is not set")
    if not sign_up and not (email and password):
        refuse("set MIZAN_TEST_EMAIL and MIZAN_TEST_PASSWORD, or say --sign-up")
    with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        try:
            for step in travel(Traveller(client), None if sign_up else (str(email), str(password))):
                typer.echo(f"ok: {step}")
        except (JourneyFailed, httpx.HTTPError) as error:
            typer.echo(f"failed: {error}", err=True)
            raise typer.Exit(1) from error


def travel(person: Traveller, account: tuple[str, str] | None) -> Iterator[str]:
    """The steps, each named once it is done. Raises JourneyFailed or httpx.HTTPError."""
    if account is None:
        person.come_in("/api/register/", _newcomer(), 201)
        yield "signed a restaurant up"
    else:
        person.come_in("/api/auth/login/", {"email": account[0], "password": account[1]}, 200)
        yield "logged in"
    person.ask("GET", "/api/auth/me/", 200)
    yield "identity knows who is calling"
    name = f"Check {uuid4().hex[:12]}"
    made = person.ask("POST", "/api/scheduling/task-categories/", 201, {"name": name})
    try:
        listed = rows_of(person.ask("GET", "/api/scheduling/task-categories/", 200))
        if made["id"] not in [row["id"] for row in listed]:
            raise JourneyFailed("a task category that was just made is not listed")
        yield "scheduling stored what was sent"
    finally:
        person.ask("DELETE", f"/api/scheduling/task-categories/{made['id']}/", 204)
    yield "scheduling deleted it again"
    for attempt in stamina.retry_context(on=JourneyFailed, attempts=None, timeout=FACT_SECONDS, wait_max=2.0):
        with attempt:
            if not rows_of(person.ask("GET", f"/api/audit-logs/?entity_id={made['id']}", 200)):
                raise JourneyFailed("the fact has not arrived in the audit trail")
    yield "the fact arrived over NATS"
    person.ask("POST", "/api/auth/logout/", 200, {})
    for attempt in stamina.retry_context(on=JourneyFailed, attempts=None, timeout=FACT_SECONDS, wait_max=1.0):
        with attempt:
            if person.client.get("/api/auth/me/").status_code != httpx.codes.UNAUTHORIZED:
                raise JourneyFailed("a token still works after logging out")
    yield "logged out, and the token is worth nothing"


def rows_of(answer: Any) -> list[Any]:
    """The rows of a list, paged or not."""
    rows: list[Any] = answer if isinstance(answer, list) else answer["results"]
    return rows


def _newcomer() -> dict[str, Any]:
    email = f"check-{uuid4().hex[:12]}@example.com"
    user = {"email": email, "password": f"Aa1!{uuid4().hex}", "first_name": "Check", "last_name": "Journey"}
    return {"restaurant": {"name": "Check", "email": email}, "user": user}
