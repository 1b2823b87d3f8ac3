"""Goes through the platform once as a person would, and says what does not work: `mizan journey`."""

import os
from collections.abc import Callable, Iterator
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
# Of the two kilograms that a newcomer has, when a quarter of one is sold.
SOLD_FROM = 1.75


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

    The account needs the rights to plan schedules and to look at the audit trail. A restaurant that was signed up for
    this sells something besides, and waits until the shelf and its owner know. Ends with 1 at the first step that
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
    wait_until(
        lambda: rows_of(person.ask("GET", f"/api/audit-logs/?entity_id={made['id']}", 200)),
        "the fact has not arrived in the audit trail",
    )
    yield "the fact arrived over NATS"
    if account is None:
        yield from _sell(person)
    person.ask("POST", "/api/auth/logout/", 200, {})
    wait_until(
        lambda: person.client.get("/api/auth/me/").status_code == httpx.codes.UNAUTHORIZED,
        "a token still works after logging out",
    )
    yield "logged out, and the token is worth nothing"


def _sell(owner: Traveller) -> Iterator[str]:
    """An evening of one dish, through every service that has a part in it."""
    flour = {"name": "Flour", "unit": "kg", "current_stock": 2, "min_stock_level": 1.8, "cost_per_unit": 8}
    flour = owner.ask("POST", "/api/inventory/items/", 201, flour)
    bread = owner.ask("POST", "/api/menu/items/", 201, {"name": "Bread", "price": "5.00"})
    recipe = {"menu_item": bread["id"], "instructions": "Bake."}
    made: list[Any] = []

    def written() -> bool:
        """The shelf hears of the menu a moment later."""
        answer = owner.client.post("/api/menu/recipes/", json=recipe)
        made[:] = [answer.json()]
        return answer.status_code == httpx.codes.CREATED

    wait_until(written, "inventory does not know the menu")
    used = {"ingredient": flour["id"], "quantity": 250, "unit": "g"}
    owner.ask("POST", f"/api/menu/recipes/{made[0]['id']}/ingredients/", 201, used)
    yield "inventory costs a dish of the menu"
    ordered = {"order_type": "TAKEOUT", "items": [{"product_id": bread["id"], "quantity": 1}]}
    order = owner.ask("POST", "/api/pos/orders/", 201, ordered)
    paid = {"payment_method": "CASH", "amount": order["total_amount"]}
    owner.ask("POST", f"/api/pos/orders/{order['id']}/process_payment/", 200, paid)
    yield "pos took an order and its payment"
    wait_until(
        lambda: owner.ask("GET", f"/api/inventory/items/{flour['id']}/", 200)["current_stock"] == SOLD_FROM,
        "the sale has not reached the shelf",
    )
    yield "the sale is off the shelf"
    wait_until(
        lambda: rows_of(owner.ask("GET", "/api/notifications/", 200)), "nobody was told that little is left of it"
    )
    yield "notify told the owner that little is left"
    owner.ask("GET", "/api/timeclock/current-session/", 200)
    owner.ask("GET", "/api/billing/", 200)
    yield "timeclock and billing know the restaurant"


def wait_until(holds: Callable[[], Any], otherwise: str) -> None:
    """Asks again until something holds. Raises JourneyFailed when it does not in time."""
    for attempt in stamina.retry_context(on=JourneyFailed, attempts=None, timeout=FACT_SECONDS, wait_max=1.0):
        with attempt:
            if not holds():
                raise JourneyFailed(otherwise)


def rows_of(answer: Any) -> list[Any]:
    """The rows of a list, paged or not."""
    rows: list[Any] = answer if isinstance(answer, list) else answer["results"]
    return rows


def _newcomer() -> dict[str, Any]:
    email = f"check-{uuid4().hex[:12]}@example.com"
    user = {"email": email, "password": f"Aa1!{uuid4().hex}", "first_name": "Check", "last_name": "Journey"}
    return {"restaurant": {"name": "Check", "email": email}, "user": user}
