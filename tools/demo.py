"""The demo restaurant: who works there and what they asked for. Its secrets are made when it is seeded."""

from dataclasses import dataclass
from typing import Any

NAME = "Dar Zitoun"
DOMAIN = "dar-zitoun.example.com"
DEVICE = "Counter tablet"
ADMINISTRATIVE = frozenset({"SUPER_ADMIN", "OWNER", "ADMIN", "MANAGER"})
"""Roles that log in with a password; everybody else has a PIN."""

SIGN_UP: dict[str, Any] = {
    "name": NAME,
    "email": f"contact@{DOMAIN}",
    "phone": "+212522481516",
    "address": "12, rue Tahar Sebti, Casablanca",
    "timezone": "Africa/Casablanca",
    "currency": "MAD",
    "language": "fr",
    "restaurant_type": "CASUAL_DINING",
}


def _open(start: str, end: str) -> dict[str, Any]:
    return {"open": start, "close": end, "isClosed": False}


SETTINGS: dict[str, Any] = {
    "operating_hours": {
        "Monday": {"open": "", "close": "", "isClosed": True},
        "Tuesday": _open("12:00", "23:00"),
        "Wednesday": _open("12:00", "23:00"),
        "Thursday": _open("12:00", "23:00"),
        "Friday": _open("13:00", "23:59"),
        "Saturday": _open("12:00", "23:59"),
        "Sunday": _open("12:00", "22:00"),
    },
    "automatic_clock_out": True,
    "break_duration": 30,
    "email_notifications": {"lowInventory": True, "scheduling": True, "revenue": False, "aiInsights": True},
    "push_notifications": {"lowInventory": True, "scheduling": True, "revenue": False, "aiInsights": False},
}
PLACE: dict[str, Any] = {"latitude": 33.592779, "longitude": -7.615364, "radius": 60}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works in the demo restaurant; pay in dirhams per hour, or per month for salaried people."""

    first_name: str
    last_name: str
    role: str
    department: str
    position: str
    pay: str
    phone: str
    hired: str
    salaried: bool = False
    skills: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        """The address, by which the person logs in."""
        return f"{self.first_name}.{self.last_name}@{DOMAIN}".lower().replace(" ", "-")

    @property
    def has_pin(self) -> bool:
        """Whether the person logs in by PIN."""
        return self.role not in ADMINISTRATIVE


OWNER = Person(
    "Amina", "El Fassi", "SUPER_ADMIN", "Management", "Owner", "22000", "+212661000101", "2019-03-04", salaried=True
)
STAFF = (
    Person("Karim", "Bennani", "MANAGER", "Floor", "Floor manager", "11500", "+212661000102", "2019-09-02", True),
    Person("Hassan", "Ouazzani", "CHEF", "Kitchen", "Head chef", "55", "+212661000103", "2019-03-11",
           skills=("tagine", "couscous", "menu planning")),
    Person("Fatima", "Idrissi", "SOUS_CHEF", "Kitchen", "Sous-chef", "42", "+212661000104", "2020-01-20",
           skills=("pastilla", "sauces")),
    Person("Salma", "Berrada", "PASTRY_CHEF", "Kitchen", "Pastry chef", "38", "+212661000105", "2021-06-01",
           skills=("briouats", "kaab el ghazal")),
    Person("Rachid", "Amrani", "KITCHEN_HELP", "Kitchen", "Kitchen help", "19", "+212661000106", "2023-02-13"),
    Person("Youssef", "Tazi", "WAITER", "Floor", "Head waiter", "28", "+212661000107", "2019-10-01",
           skills=("French", "English", "Spanish")),
    Person("Nadia", "Cherkaoui", "WAITRESS", "Floor", "Waitress", "22", "+212661000108", "2022-04-04",
           skills=("French", "English")),
    Person("Omar", "Lahlou", "WAITER", "Floor", "Waiter", "21", "+212661000109", "2024-09-09"),
    Person("Imane", "Sefrioui", "BARISTA", "Bar", "Barista", "24", "+212661000110", "2022-11-07",
           skills=("mint tea", "latte art")),
    Person("Mehdi", "Kabbaj", "CASHIER", "Floor", "Cashier", "25", "+212661000111", "2021-01-18"),
    Person("Khadija", "Benhaddou", "CLEANER", "Housekeeping", "Cleaner", "18", "+212661000112", "2020-07-06"),
)  # fmt: skip
INVITED = Person("Zineb", "Alaoui", "HOSTESS", "Floor", "Hostess", "20", "+212661000113", "2026-01-05")
"""Who was invited and has not answered."""


@dataclass(frozen=True, slots=True)
class Request:
    """Something that a member of staff asked."""

    email: str
    subject: str
    description: str
    category: str
    priority: str
    answer: str = ""
    approved: bool = False


REQUESTS = (
    Request(
        STAFF[5].email,
        "Three days off for my sister's wedding",
        "The wedding is in Fes. Omar can take my tables on Thursday and Friday.",
        "SCHEDULING",
        "HIGH",
    ),
    Request(
        STAFF[2].email,
        "Overtime of last month is missing",
        "I stayed until closing on four evenings and see no overtime on my payslip.",
        "PAYROLL",
        "MEDIUM",
        answer="I am checking the timesheets with Mehdi.",
    ),
    Request(
        STAFF[10].email,
        "New floor cleaner",
        "The present one leaves stains on the zellige. We need the neutral one again.",
        "OPERATIONS",
        "LOW",
        answer="Ordered, it comes on Tuesday.",
        approved=True,
    ),
)
