"""Invitations: how long they hold, whom they may be sent to, and lists of people as spreadsheets have them."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.identity.domain import roles
from services.identity.domain.contact import email_address, phone_digits

LIFETIME: Final = timedelta(days=7)
MAX_ROWS: Final = 500
MAX_NAME_LENGTH: Final = 150
MAX_DEPARTMENT_LENGTH: Final = 100
MAX_PHONE_LENGTH: Final = 20
EMAIL: Final = "email"
WHATSAPP: Final = "whatsapp"
FIRST_GUESSES: Final = frozenset({"0000", "1234", "000000", "123456"})
"""PINs that an agent sends when nobody chose one, and that everybody tries first."""

_HEADERS: Final = {
    "email": "email",
    "emailaddress": "email",
    "role": "role",
    "firstname": "first_name",
    "lastname": "last_name",
    "department": "department",
    "phone": "phone",
    "phonenumber": "phone",
    "whatsapp": "phone",
    "whatsappnumber": "phone",
    "contact": "contact",
}


class BadRow(ValueError):
    """Somebody who cannot be invited; the message says why, `field` what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class BadList(ValueError):
    """A list that cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A role offered to somebody who can be reached."""

    role: str
    email: str | None = None
    phone: str | None = None
    digits: str | None = None
    first_name: str = ""
    last_name: str = ""
    department: str | None = None

    def over(self, channels: Iterable[str]) -> list[str]:
        """Which of the channels reach the person."""
        reachable = {EMAIL: self.email, WHATSAPP: self.digits}
        return [channel for channel in channels if reachable[channel]]


def standing(status: str, expires_at: datetime, now: datetime) -> str:
    """What an invitation amounts to now: a pending one whose time is over is EXPIRED."""
    return "EXPIRED" if status == "PENDING" and expires_at <= now else status


def read_csv(text: str) -> list[dict[str, str]]:
    """The rows of a table with a header line, under our own names. Raises BadList.

    Cells are separated by commas or, as spreadsheets in French write them, by semicolons.
    """
    text = text.removeprefix("\ufeff")
    header = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadList("The CSV content cannot be read.") from error
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if not lines:
        raise BadList("The CSV content is empty.")
    names = [_HEADERS.get("".join(c for c in cell.lower() if c.isalpha())) for cell in lines[0]]
    if "role" not in names or not {"email", "phone", "contact"} & set(names):
        raise BadList("The CSV content needs a header line with role, and with email or phone.")
    return [{name: cell for name, cell in zip(names, line, strict=False) if name is not None} for line in lines[1:]]


def read_row(row: Mapping[str, str], known_roles: Iterable[str], channel: str | None = None) -> Offer:
    """The offer that a row of a list makes. Raises BadRow.

    With a channel, the row must say how the person is reached by it, in the channel's own column or in `contact`.
    """
    cells = {name: value.strip() for name, value in row.items()}
    role = roles.normalise(cells.get("role", ""))
    if not role:
        raise BadRow("role", "Role is required.")
    if role not in known_roles:
        raise BadRow("role", f'"{cells["role"][:40]}" is not a valid role.')
    email, phone = cells.get("email", ""), cells.get("phone", "")
    contact = cells.get("contact", "")
    if channel == EMAIL or (channel is None and "@" in contact):
        email = email or contact
    else:
        phone = phone or contact
    offer = offer_of(role, email=email, phone=phone, department=cells.get("department", ""))
    _require_reach(offer, channel)
    first_name, last_name = cells.get("first_name", ""), cells.get("last_name", "")
    if max(len(first_name), len(last_name)) > MAX_NAME_LENGTH:
        raise BadRow("first_name", f"Names have no more than {MAX_NAME_LENGTH} characters.")
    return replace(offer, first_name=first_name, last_name=last_name)


def _require_reach(offer: Offer, channel: str | None) -> None:
    if channel == EMAIL and not offer.email:
        raise BadRow("email", "Email is required.")
    if channel == WHATSAPP and not offer.digits:
        raise BadRow("phone_number", "Phone number is required.")
    if not offer.email and not offer.digits:
        raise BadRow("email", "Email or phone number is required.")


def offer_of(
    role: str,
    *,
    email: str | None = None,
    phone: str | None = None,
    first_name: str = "",
    last_name: str = "",
    department: str | None = None,
) -> Offer:
    """An offer with its address and number in canonical form. Raises BadRow for what is none."""
    address = email_address(email) if email else None
    if email and address is None:
        raise BadRow("email", "Enter a valid email address.")
    digits = phone_digits(phone)
    if phone and (digits is None or len(phone) > MAX_PHONE_LENGTH):
        raise BadRow("phone_number", "Enter a valid phone number.")
    if department and len(department) > MAX_DEPARTMENT_LENGTH:
        raise BadRow("department", f"Departments have no more than {MAX_DEPARTMENT_LENGTH} characters.")
    return Offer(role, address, phone or None, digits, first_name.strip(), last_name.strip(), department or None)


def repeated(offers: Iterable[Offer]) -> Iterator[bool]:
    """Whether each offer goes to somebody whom an earlier one of the list reaches already."""
    seen: set[str] = set()
    for offer in offers:
        # Two people may share a phone; it stands for a person only where there is no address.
        key = offer.email.lower() if offer.email else offer.digits or ""
        yield key in seen
        seen.add(key)
