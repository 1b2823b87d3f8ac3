"""Restaurants and the people in them, made through the public API as the front end makes them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

PASSWORD = "Str0ng!pass"
ADMINISTRATIVE = ("ADMIN", "MANAGER", "OWNER")
STAFF = ("CHEF", "WAITER", "CASHIER", "BARTENDER", "RECEPTIONIST", "CLEANER", "SECURITY", "KITCHEN_HELP")


@dataclass
class Person:
    """Somebody with an open session."""

    client: httpx.Client
    user: dict[str, Any]
    tokens: dict[str, str]

    @property
    def id(self) -> str:
        """The person's id."""
        return str(self.user["id"])

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request with the person's token."""
        headers = {"Authorization": f"Bearer {self.tokens['access']}", **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """A GET with the person's token."""
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        """A POST with the person's token."""
        return self.request("POST", path, json={} if json is None else json, **options)


@dataclass
class Restaurant:
    """A restaurant with its owner and whoever joined it, by role."""

    data: dict[str, Any]
    owner: Person
    people: dict[str, Person] = field(default_factory=dict)


def register(client: httpx.Client, name: str) -> Restaurant:
    """Signs a restaurant up."""
    email = f"{name.lower()}-{uuid4().hex[:8]}@example.com"
    answer = client.post(
        "/api/register/",
        json={
            "restaurant": {"name": name, "email": email, "address": "", "phone": ""},
            "user": {"email": email, "password": PASSWORD, "first_name": "Amina", "last_name": name},
        },
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return Restaurant(made["restaurant"], Person(client, made["user"], made["tokens"]))


def join(restaurant: Restaurant, role: str, pin: str) -> Person:
    """Invites somebody and accepts in their name, with a password or a PIN as their role asks."""
    client = restaurant.owner.client
    email = f"{role.lower()}-{uuid4().hex[:8]}@example.com"
    invited = restaurant.owner.post("/api/staff/invite/", {"role": role, "email": email})
    assert invited.status_code == 201, invited.text
    accepting: dict[str, Any] = {"token": invited.json()["token"], "first_name": role.title(), "last_name": "Test"}
    if role in ADMINISTRATIVE:
        answer = client.post("/api/invitations/accept/", json={**accepting, "password": PASSWORD})
    else:
        answer = client.post("/api/staff/accept-invitation/", json={**accepting, "pin_code": pin})
    assert answer.status_code == 201, answer.text
    person = Person(client, answer.json()["user"], answer.json()["tokens"])
    restaurant.people[role] = person
    return person


def full_house(client: httpx.Client, name: str) -> Restaurant:
    """A restaurant with one person in every role."""
    restaurant = register(client, name)
    for number, role in enumerate((*ADMINISTRATIVE, *STAFF)):
        join(restaurant, role, f"{4100 + number}")
    restaurant.people["SUPER_ADMIN"] = restaurant.owner
    return restaurant
