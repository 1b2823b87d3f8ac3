"""Every text, in every language, as every channel carries it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from services.notify import texts
from services.notify.clients import whatsapp
from services.notify.clients.push import _message
from services.notify.domain.whatsapp import LONGEST_TEXT, NOTICE, TEMPLATES, body_of
from services.notify.letters import letter
from services.notify.texts import LANGUAGES, RIGHT_TO_LEFT, Coded, Day, Money, Time
from services.notify.texts.talk import phrases

ZONE = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
LINES = [(Day(NOON), Time(NOON), "–", Time(NOON))] * 7
WORDS: dict[str, Any] = {
    **dict.fromkeys(("message", "title", "restaurant", "first_name", "name", "receiver", "role"), "Amina"),
    **dict.fromkeys(("incident", "subject", "comment", "document", "item", "unit", "number", "reason"), "Thé & <b>"),
    **dict.fromkeys(("task", "checklist", "note", "shift"), "Ouverture"),
    **dict.fromkeys(("date", "week", "first_day", "last_day"), Day(date(2026, 11, 23))),
    **dict.fromkeys(("start", "end", "time"), Time(NOON)),
    **dict.fromkeys(("lines", "added", "changed", "removed"), LINES),
    "tasks": ["Ouverture", "Fermeture"],
    "status": Coded("APPROVED"),
    "count": 7,
    "minutes": 30,
    "dishes": 2,
    "hours": 38.5,
    "quantity": Decimal("2.5"),
    "amount": Money(Decimal("49.90"), "MAD"),
    "time_left": timedelta(minutes=30),
    "duration": timedelta(hours=8),
}
EVERY = [(name, language) for name in sorted(texts.names()) for language in LANGUAGES]


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_a_text_is_carried_by_every_channel(name: str, language: str) -> None:
    text = texts.render(name, language, WORDS, ZONE)
    assert "{" not in text.message
    assert "None" not in text.message
    if name == "footer":
        return
    assert 0 < len(text.title) <= texts.LONGEST_TITLE
    assert 0 < len(text.message) <= LONGEST_TEXT - len(text.title) - 10
    assert "\n" not in text.title
    if language in RIGHT_TO_LEFT and name not in ("test", "announcement"):
        assert any("\u0600" <= letter <= "\u06ff" for letter in text.title + text.message)

    mail = letter(
        title=text.title,
        message=text.message,
        language=language,
        restaurant="Dar Atlas",
        sender="Mizan <no-reply@example.com>",
        to="amina@example.com",
        reference=uuid4(),
        url="https://app.example.com",
    )
    html = mail.get_body(("html",))
    assert html is not None
    content = html.get_content()
    assert f'dir="{"rtl" if language in RIGHT_TO_LEFT else "ltr"}"' in content
    assert "<b>" not in content
    assert text.message.splitlines()[0] in str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr] # is there

    use = TEMPLATES.get(name, NOTICE)
    words = {**text.words, "title": text.title, "message": text.message}
    components = body_of([words[word] for word in use.words])
    assert sum(len(word["text"]) for part in components for word in part["parameters"]) <= 1024
    assert whatsapp.text(f"*{text.title}*\n\n{text.message}")["text"]["body"]

    pushed = _message("token", text.title, text.message, {}, "tag", urgent=True)
    assert pushed.notification.title


def test_every_language_has_every_text_and_every_word() -> None:
    for language in LANGUAGES:
        assert set(texts._texts(language)) == texts.names()
        assert texts._vocabulary(language).keys() == texts._vocabulary("en").keys()
    for phrase, spoken in phrases().items():
        assert set(spoken) == set(LANGUAGES), phrase


def test_plurals_follow_the_language() -> None:
    def lasting(minutes: int, language: str) -> str:
        return texts.render("clock_in_reminder", language, {**WORDS, "minutes": minutes}, ZONE).message

    assert "in 1 minute." in lasting(1, "en")
    assert "in 2 minutes." in lasting(2, "en")
    assert "دقيقتين" in lasting(2, "ar")
    assert "5 دقائق" in lasting(5, "ar")
    assert "15 دقيقة" in lasting(15, "ar")


def test_times_are_those_of_the_restaurant() -> None:
    assert "12:00" in texts.render("shift_reminder", "en", WORDS, ZONE).message
    assert "20:00" in texts.render("shift_reminder", "en", WORDS, ZoneInfo("Asia/Tokyo")).message


@pytest.mark.parametrize(
    ("code", "language"), [("fr_FR", "fr"), ("ar-MA", "ar"), ("ma", "ar"), ("de", "en"), ("", "en"), ("EN", "en")]
)
def test_other_languages_are_english(code: str, language: str) -> None:
    assert texts.language_of(code) == language
