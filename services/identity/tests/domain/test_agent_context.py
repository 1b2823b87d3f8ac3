"""Whom an agent's request is about."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.agent_context import (
    Clues,
    choose,
    read_clues,
    session_parts,
    whatsapp_name,
    whatsapp_senders,
)

HERE, THERE = UUID(int=1), UUID(int=2)


@dataclass(frozen=True)
class Somebody:
    id: UUID
    restaurant_id: UUID
    email: str = ""
    phone_digits: str | None = None


AMINA = Somebody(UUID(int=10), HERE, "amina@example.com", "212612345678")
KARIM = Somebody(UUID(int=11), HERE, "karim@example.com", "212698765432")
ZINEB = Somebody(UUID(int=20), THERE, "zineb@example.com", "212698765432")
EVERYBODY = [AMINA, KARIM, ZINEB]


def test_clues_are_read_from_fields_first_and_metadata_after() -> None:
    clues = read_clues(
        restaurant_ids=("", "nonsense", str(HERE)),
        session_id=f"tenant-{HERE}-user-{AMINA.id}",
        user_id=str(AMINA.id),
        email=" Amina@Example.com ",
        phones=("0612345678",),
        metadata={"restaurantId": str(THERE), "userId": str(KARIM.id), "from": "+212 698-765432", "token": "t"},
    )
    assert clues.restaurant_ids == (HERE, THERE)
    assert clues.session == (HERE, AMINA.id)
    assert clues.user_ids == (AMINA.id, KARIM.id)
    assert clues.emails == ("amina@example.com",)
    assert clues.phones == ("212612345678", "212698765432")
    assert clues.tokens == ("t",)


@pytest.mark.parametrize("metadata", [None, [], "text", 7, {"restaurant_id": {"id": 1}, "email": ["a@b.c"]}])
def test_metadata_of_any_shape_is_no_clue_and_no_error(metadata: object) -> None:
    assert read_clues(metadata=metadata) == Clues()


@given(st.text(max_size=120))
def test_no_text_is_taken_for_a_session_by_accident(text: str) -> None:
    parts = session_parts(text)
    assert parts is None or text.strip().startswith("tenant-")


def test_senders_and_names_are_found_in_what_whatsapp_delivers() -> None:
    messages = [{"from": "212612345678"}, {"id": 1}, "x"]
    contacts = [{"wa_id": "212698765432", "profile": {"name": "Karim"}}]
    assert list(whatsapp_senders(messages, contacts)) == ["212612345678", "212698765432"]
    assert whatsapp_name(contacts) == "Karim"
    assert list(whatsapp_senders({"from": 1}, None)) == []
    assert whatsapp_name("x") == ""


def test_a_named_restaurant_comes_before_everything_else() -> None:
    clues = Clues(restaurant_ids=(HERE,), user_ids=(ZINEB.id, KARIM.id))
    assert choose(clues, EVERYBODY, {HERE, THERE}, None) == (HERE, KARIM)


def test_a_restaurant_that_does_not_exist_is_passed_over() -> None:
    clues = Clues(restaurant_ids=(UUID(int=99),), emails=("zineb@example.com",))
    assert choose(clues, EVERYBODY, {HERE, THERE}, None) == (THERE, ZINEB)


def test_a_session_names_both() -> None:
    assert choose(Clues(session=(HERE, AMINA.id)), EVERYBODY, {HERE}, None) == (HERE, AMINA)
    assert choose(Clues(session=(HERE, ZINEB.id)), EVERYBODY, {HERE}, None) == (HERE, None)


@pytest.mark.parametrize(
    ("clues", "person"),
    [
        (Clues(user_ids=(AMINA.id,), emails=("karim@example.com",)), AMINA),
        (Clues(emails=("karim@example.com",), phones=("212612345678",)), KARIM),
        (Clues(phones=("212612345678",)), AMINA),
    ],
)
def test_ids_come_before_addresses_and_addresses_before_phones(clues: Clues, person: Somebody) -> None:
    assert choose(clues, EVERYBODY, (), None) == (HERE, person)


def test_a_token_is_the_last_clue() -> None:
    assert choose(Clues(), EVERYBODY, (), None, token_user=AMINA.id) == (HERE, AMINA)
    assert choose(Clues(emails=("zineb@example.com",)), EVERYBODY, (), None, token_user=AMINA.id) == (THERE, ZINEB)


def test_a_phone_that_fits_people_of_two_restaurants_settles_nothing() -> None:
    shared = Clues(phones=("212698765432",))
    assert choose(shared, EVERYBODY, (), None) == (None, None)
    assert choose(shared, EVERYBODY, (), HERE) == (HERE, KARIM)
    named = Clues(restaurant_ids=(THERE,), phones=("212698765432",))
    assert choose(named, EVERYBODY, {THERE}, None) == (THERE, ZINEB)


def test_part_of_a_phone_finds_nobody() -> None:
    assert choose(Clues(phones=("612345678",)), EVERYBODY, (), None) == (None, None)


def test_a_key_of_one_restaurant_finds_nobody_outside_it() -> None:
    clues = Clues(user_ids=(ZINEB.id,), emails=("zineb@example.com",))
    assert choose(clues, EVERYBODY, {THERE}, HERE) == (HERE, None)


PEOPLE = st.builds(
    Somebody,
    id=st.uuids(),
    restaurant_id=st.sampled_from([HERE, THERE]),
    email=st.sampled_from(["a@x.ma", "b@x.ma"]),
    phone_digits=st.sampled_from([None, "212600000001", "212600000002"]),
)


@given(
    people=st.lists(PEOPLE, max_size=6),
    restaurants=st.lists(st.sampled_from([HERE, THERE, uuid4()]), max_size=2),
    phones=st.lists(st.sampled_from(["212600000001", "212600000002"]), max_size=2),
    emails=st.lists(st.sampled_from(["a@x.ma", "b@x.ma"]), max_size=2),
    within=st.sampled_from([None, HERE]),
)
def test_the_person_is_always_of_the_restaurant_and_fits_a_clue(
    people: list[Somebody], restaurants: list[UUID], phones: list[str], emails: list[str], within: UUID | None
) -> None:
    clues = Clues(restaurant_ids=tuple(restaurants), phones=tuple(phones), emails=tuple(emails))
    restaurant, person = choose(clues, people, {HERE, THERE}, within)
    if within is not None:
        assert restaurant == within
    if person is not None:
        assert person.restaurant_id == restaurant
        assert person.phone_digits in phones or person.email in emails
