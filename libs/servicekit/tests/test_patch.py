"""Requests as Python values, and what a partial change changes."""

from datetime import date
from decimal import Decimal

from google.protobuf.field_mask_pb2 import FieldMask

from mizan.identity.v1 import account_pb2, auth_pb2
from servicekit.patch import changes_of, values_of

FIELDS = ("first_name", "last_name", "phone", "preferred_language")


def request(*sent: str, first_name: str | None = None, email: str | None = None) -> auth_pb2.UpdateMeRequest:
    return auth_pb2.UpdateMeRequest(update_mask=FieldMask(paths=sent), first_name=first_name, email=email)


def test_only_what_was_sent_changes() -> None:
    assert changes_of(request("first_name", first_name="Zineb"), FIELDS) == {"first_name": "Zineb"}


def test_null_clears_what_may_be_empty_and_leaves_the_rest() -> None:
    assert changes_of(request("first_name", "phone"), FIELDS, nullable=("phone",)) == {"phone": None}


def test_a_field_outside_the_list_is_ignored() -> None:
    assert changes_of(request("email", email="a@b.c"), FIELDS) == {}


def test_values_have_the_types_that_their_rules_declare() -> None:
    change = account_pb2.ProfileChange(
        hourly_rate="42.50", join_date="2026-01-31", promotion_history='[{"role": "CHEF"}]', notes="x"
    )
    assert values_of(change, without=("notes",)) == {
        "hourly_rate": Decimal("42.50"),
        "join_date": date(2026, 1, 31),
        "promotion_history": [{"role": "CHEF"}],
    }
