"""Whom an agent's request may be about: the clues in it, and the order in which they are believed."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from services.identity.domain.contact import phone_digits

_SESSION: Final = re.compile(r"tenant-([0-9a-fA-F-]{32,36})-user-([0-9a-fA-F-]{32,36})")
_RESTAURANT_KEYS: Final = ("restaurant_id", "restaurantId", "restaurant")
_SESSION_KEYS: Final = ("session_id", "sessionId")
_USER_KEYS: Final = ("user_id", "userId", "staff_id", "staffId")
_EMAIL_KEYS: Final = ("email", "emailAddress", "email_address")
_PHONE_KEYS: Final = ("phone", "phoneNumber", "phone_number", "from", "wa_id")
_TOKEN_KEYS: Final = ("token",)


@dataclass(frozen=True, slots=True)
class Clues:
    """What a request names, the most telling first; what is malformed is not among it."""

    restaurant_ids: tuple[UUID, ...] = ()
    session: tuple[UUID, UUID] | None = None
    """Restaurant and person."""
    user_ids: tuple[UUID, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    """Normalised digits."""
    tokens: tuple[str, ...] = ()


def read_clues(
    *,
    restaurant_ids: Iterable[str] = (),
    session_id: str = "",
    user_id: str = "",
    email: str = "",
    phones: Iterable[str] = (),
    token: str = "",
    metadata: Any = None,
) -> Clues:
    """The clues in what a request carries; its metadata is read after everything else."""
    more = metadata if isinstance(metadata, Mapping) else {}
    sessions = (pair for text in (session_id, *_texts(more, _SESSION_KEYS)) if (pair := session_parts(text)))
    return Clues(
        restaurant_ids=_unique(_uuids((*restaurant_ids, *_texts(more, _RESTAURANT_KEYS)))),
        session=next(sessions, None),
        user_ids=_unique(_uuids((user_id, *_texts(more, _USER_KEYS)))),
        emails=_unique(text.strip().lower() for text in (email, *_texts(more, _EMAIL_KEYS)) if "@" in text),
        phones=_unique(
            digits for text in (*phones, *_texts(more, _PHONE_KEYS)) if (digits := phone_digits(text)) is not None
        ),
        tokens=_unique(text for text in (token, *_texts(more, _TOKEN_KEYS)) if text),
    )


def session_parts(text: str) -> tuple[UUID, UUID] | None:
    """Restaurant and person of an agent's session id `tenant-<restaurant>-user-<person>`, or None for another text."""
    match = _SESSION.fullmatch(text.strip())
    if match is None:
        return None
    parts = list(_uuids(match.groups()))
    return (parts[0], parts[1]) if len(parts) == 2 else None


def whatsapp_senders(messages: Any, contacts: Any) -> Iterator[str]:
    """The phones in what WhatsApp delivers: `messages[].from`, then `contacts[].wa_id`."""
    for items, key in ((messages, "from"), (contacts, "wa_id")):
        for item in items if isinstance(items, list) else ():
            if isinstance(item, Mapping) and isinstance(item.get(key), str):
                yield item[key]


def whatsapp_name(contacts: Any) -> str:
    """The name in `contacts[0].profile.name`, or an empty text."""
    for item in contacts if isinstance(contacts, list) else ():
        profile = item.get("profile") if isinstance(item, Mapping) else None
        if isinstance(profile, Mapping) and isinstance(profile.get("name"), str):
            return str(profile["name"])
    return ""


def _texts(source: Mapping[Any, Any], keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        value = source.get(key)
        if isinstance(value, str):
            yield value
        elif isinstance(value, int) and not isinstance(value, bool):
            yield str(value)


def _uuids(texts: Iterable[str]) -> Iterator[UUID]:
    for text in texts:
        try:
            yield UUID(text.strip())
        except ValueError:
            continue


def _unique(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


class Person(Protocol):
    """A candidate: somebody active whom a clue fits."""

    @property
    def id(self) -> UUID: ...

    @property
    def restaurant_id(self) -> UUID: ...

    @property
    def email(self) -> str: ...

    @property
    def phone_digits(self) -> str | None: ...


P = TypeVar("P", bound=Person)


def choose(
    clues: Clues, people: Sequence[P], known: Collection[UUID], within: UUID | None, token_user: UUID | None = None
) -> tuple[UUID | None, P | None]:
    """The restaurant that a request is about and the person in it; None for what the clues do not settle.

    `known` are the restaurants among those named that exist, `within` is the one that the agent's key is for: then
    nobody outside it is found, and it is the answer when nothing else names one. A clue that fits people of several
    restaurants, such as a phone, settles neither.
    """
    if within is not None:
        people = [person for person in people if person.restaurant_id == within]
        known = {within} & set(known)
    matches = list(_matches(clues, people, token_user))
    restaurant = _restaurant(clues, matches, known) or within
    if restaurant is None:
        return None, None
    for matching in matches:
        members = [person for person in matching if person.restaurant_id == restaurant]
        if len(members) == 1:
            return restaurant, members[0]
    return restaurant, None


def _matches(clues: Clues, people: Sequence[P], token_user: UUID | None) -> Iterator[list[P]]:
    """The people whom each clue fits, the most telling clue first."""
    if clues.session is not None:
        yield [person for person in people if (person.restaurant_id, person.id) == clues.session]
    for user_id in clues.user_ids:
        yield [person for person in people if person.id == user_id]
    for email in clues.emails:
        yield [person for person in people if person.email.lower() == email]
    for phone in clues.phones:
        yield [person for person in people if person.phone_digits == phone]
    if token_user is not None:
        yield [person for person in people if person.id == token_user]


def _restaurant(clues: Clues, matches: Sequence[Sequence[Person]], known: Collection[UUID]) -> UUID | None:
    named = [*clues.restaurant_ids, *([clues.session[0]] if clues.session else [])]
    for restaurant_id in named:
        if restaurant_id in known:
            return restaurant_id
    for matching in matches:
        restaurants = {person.restaurant_id for person in matching}
        if len(restaurants) == 1:
            return restaurants.pop()
    return None
