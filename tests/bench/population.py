"""The people whom the bench's requests speak for: an owner and fifty employees, some of them managers who log in."""

import json
from dataclasses import dataclass
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

import psycopg

from tools.installation import Site

PASSWORD = "Str0ng!pass"
STAFF = 50
MANAGERS = 16
TIMEOUT = 30
_SYSTEM = "SELECT set_config('mizan.scope', 'system', true)"
_USER = """
    INSERT INTO users (id, restaurant_id, email, first_name, last_name, role, phone, is_verified, password_hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, true, %s)
"""
_PROFILE = """
    INSERT INTO staff_profiles (user_id, restaurant_id, employee_id, position, department, hourly_rate, join_date)
    VALUES (%s, %s, %s, 'Waiter', 'Floor', 42.50, '2024-03-01')
"""


def post(url: str, body: object) -> dict[str, object]:
    """The answer to a JSON request. Raises OSError, also for a refusal."""
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json"})  # noqa: S310 - our own server
    with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - as above
        content: dict[str, object] = json.load(answer)
    return content


def register(site: Site, name: str, owner: str) -> UUID:
    """A new restaurant, owned by whoever has the address. Raises OSError when the gateway refuses."""
    registered = post(
        f"{site.url}/api/register/",
        {
            "restaurant": {"name": name, "email": owner, "timezone": "Africa/Casablanca"},
            "user": {"email": owner, "password": PASSWORD, "first_name": "Amina", "last_name": "Bench"},
        },
    )
    restaurant = registered["restaurant"]
    assert isinstance(restaurant, dict)
    return UUID(restaurant["id"])


@dataclass(frozen=True)
class Population:
    """Who exists. The first of the managers owns the restaurant; tokens are in the same order as the addresses."""

    restaurant_id: UUID
    emails: list[str]
    tokens: list[str]
    password_hash: str

    @classmethod
    def create(cls, site: Site) -> "Population":
        """Registers a restaurant, fills it, and logs its managers in. Raises OSError when the gateway refuses."""
        owner = "owner@bench.example"
        restaurant_id = register(site, "Chez Bench", owner)
        emails = [owner, *(f"person{number}@bench.example" for number in range(1, STAFF + 1))]
        with psycopg.connect(site.database_url("identity")) as connection:
            connection.execute(_SYSTEM)
            (password_hash,) = connection.execute("SELECT password_hash FROM users").fetchall()[0]
            people = [
                (uuid4(), email, "MANAGER" if number < MANAGERS else "WAITER", number)
                for number, email in enumerate(emails[1:], start=1)
            ]
            with connection.cursor() as cursor:
                cursor.executemany(
                    _USER,
                    [
                        (id, restaurant_id, email, "Person", str(n), role, f"+2126000000{n:02}", password_hash)
                        for id, email, role, n in people
                    ],
                )
                cursor.executemany(_PROFILE, [(id, restaurant_id, f"E{n:03}") for id, _, _, n in people])
            # As the server's own housekeeping would have done by the time a restaurant has fifty employees.
            connection.execute("ANALYZE")
        managers = emails[:MANAGERS]
        return cls(restaurant_id, managers, [cls._log_in(site, email) for email in managers], password_hash)

    @staticmethod
    def _log_in(site: Site, email: str) -> str:
        tokens = post(f"{site.url}/api/auth/login/", {"email": email, "password": PASSWORD})["tokens"]
        assert isinstance(tokens, dict)
        return str(tokens["access"])
