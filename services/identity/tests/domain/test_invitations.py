"""Lists of people as spreadsheets have them, and how long an invitation holds."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.invitations import (
    EMAIL,
    WHATSAPP,
    BadList,
    BadRow,
    Offer,
    read_csv,
    read_row,
    repeated,
    standing,
)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ROLES = frozenset({"WAITER", "SOUS_CHEF", "MANAGER"})
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=30).filter(
    lambda text: text.strip()
)


def table(header: list[str], *rows: list[str], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";"])
@given(cells=st.lists(CELLS, min_size=4, max_size=4))
def test_what_a_spreadsheet_wrote_is_read_back(delimiter: str, cells: list[str]) -> None:
    text = table(["email", "role", "first_name", "last_name"], cells, delimiter=delimiter)
    assert read_csv(text) == [dict(zip(["email", "role", "first_name", "last_name"], cells, strict=True))]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("First Name", "first_name"),
        ("firstname", "first_name"),
        ("LASTNAME", "last_name"),
        ("WhatsApp", "phone"),
        ("phone number", "phone"),
        ("phonenumber", "phone"),
        ("E-mail", "email"),
        ("Department", "department"),
    ],
)
def test_headers_are_known_in_every_spelling(header: str, name: str) -> None:
    (row,) = read_csv(table(["role", "contact", header], ["WAITER", "x", "value"]))
    assert row[name] == "value"


def test_a_byte_order_mark_blank_lines_and_unknown_columns_do_no_harm() -> None:
    text = "\ufeffemail,role,shoe size\r\n\r\na@example.com,WAITER,43\r\n,,\r\n"
    assert read_csv(text) == [{"email": "a@example.com", "role": "WAITER"}]


@pytest.mark.parametrize("text", ["", "\n\n", "name,role\nx,y", "email,first_name\na@b.c,x", 'email,role\n"open'])
def test_a_list_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadList):
        read_csv(text)


def test_a_row_becomes_an_offer_in_canonical_form() -> None:
    offer = read_row(
        {"email": " Ali@EXAMPLE.com ", "role": "sous-chef", "first_name": "Ali", "phone": "06 12 34 56 78"}, ROLES
    )
    assert offer == Offer("SOUS_CHEF", "Ali@example.com", "06 12 34 56 78", "212612345678", "Ali", "", None)
    assert offer.over((EMAIL, WHATSAPP)) == [EMAIL, WHATSAPP]


@pytest.mark.parametrize(
    ("row", "channel", "problem"),
    [
        ({"email": "a@example.com"}, None, "Role is required."),
        ({"email": "a@example.com", "role": "KING"}, None, '"KING" is not a valid role.'),
        ({"role": "WAITER"}, None, "Email or phone number is required."),
        ({"role": "WAITER", "email": "nobody"}, None, "Enter a valid email address."),
        ({"role": "WAITER", "phone": "abc"}, None, "Enter a valid phone number."),
        ({"role": "WAITER", "phone": "0612345678"}, EMAIL, "Email is required."),
        ({"role": "WAITER", "email": "a@example.com"}, WHATSAPP, "Phone number is required."),
        (
            {"role": "WAITER", "email": "a@example.com", "first_name": "x" * 151},
            None,
            "Names have no more than 150 characters.",
        ),
        (
            {"role": "WAITER", "email": "a@example.com", "department": "x" * 101},
            None,
            "Departments have no more than 100 characters.",
        ),
    ],
)
def test_a_bad_row_says_what_is_wrong(row: dict[str, str], channel: str | None, problem: str) -> None:
    with pytest.raises(BadRow) as refused:
        read_row(row, ROLES, channel)
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("contact", "channel", "offer"),
    [
        ("a@example.com", EMAIL, Offer("WAITER", email="a@example.com")),
        ("a@example.com", None, Offer("WAITER", email="a@example.com")),
        ("0612345678", WHATSAPP, Offer("WAITER", phone="0612345678", digits="212612345678")),
        ("0612345678", None, Offer("WAITER", phone="0612345678", digits="212612345678")),
    ],
)
def test_contact_is_what_the_channel_needs(contact: str, channel: str | None, offer: Offer) -> None:
    assert read_row({"role": "WAITER", "contact": contact}, ROLES, channel) == offer


@given(
    st.dictionaries(
        st.sampled_from(["email", "role", "phone", "contact", "first_name", "department"]), st.text(max_size=60)
    )
)
def test_any_row_is_an_offer_that_reaches_somebody_or_refused(row: dict[str, str]) -> None:
    try:
        offer = read_row(row, ROLES)
    except BadRow:
        return
    assert offer.role in ROLES
    assert offer.over((EMAIL, WHATSAPP))


def test_a_person_counts_once_in_a_list() -> None:
    offers = [
        Offer("WAITER", email="a@example.com", digits="1"),
        Offer("WAITER", email="A@example.com"),
        Offer("WAITER", digits="1"),
        Offer("WAITER", digits="1"),
        Offer("WAITER", email="b@example.com", digits="1"),
    ]
    assert list(repeated(offers)) == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("status", "left", "expected"),
    [
        ("PENDING", timedelta(seconds=1), "PENDING"),
        ("PENDING", timedelta(0), "EXPIRED"),
        ("ACCEPTED", timedelta(days=-9), "ACCEPTED"),
        ("REJECTED", timedelta(days=9), "REJECTED"),
        ("EXPIRED", timedelta(days=9), "EXPIRED"),
    ],
)
def test_an_invitation_expires_at_its_very_instant(status: str, left: timedelta, expected: str) -> None:
    assert standing(status, NOW + left, NOW) == expected
