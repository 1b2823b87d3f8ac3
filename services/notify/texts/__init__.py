"""What notifications say, in each language: texts of YAML files, made with the words of what happened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment, StrictUndefined, Template

LANGUAGES: Final = ("en", "fr", "ar")
RIGHT_TO_LEFT: Final = frozenset({"ar"})
# Digits as Morocco and France write them, which are also those of the tills.
_LOCALES: Final = {"en": Locale("en", "GB"), "fr": Locale("fr", "FR"), "ar": Locale("ar", "MA")}
_FOLDER: Final = Path(__file__).parent
_VOCABULARY: Final = "vocabulary"
LONGEST_TITLE: Final = 255


@dataclass(frozen=True, slots=True)
class Time:
    """An instant of which the time of day is said, in the restaurant's zone."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """A day; of an instant, the one in the restaurant's zone."""

    day: date | datetime


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of a currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A word that stands in every language's vocabulary; itself where it does not."""

    code: str


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody is told, in their language; `words` are what it was made of."""

    title: str
    message: str
    words: Mapping[str, Any]


def language_of(code: str) -> str:
    """The language that a code such as fr, fr_FR or ar-ma stands for; English for one that is not spoken here."""
    primary = code.replace("_", "-").partition("-")[0].lower()
    primary = "ar" if primary == "ma" else primary
    return primary if primary in LANGUAGES else "en"


def names() -> frozenset[str]:
    """The names of all texts."""
    return frozenset(_texts("en"))


def render(name: str, language: str, words: Mapping[str, Any], zone: ZoneInfo) -> Text:
    """A text in a language. Raises KeyError for a name that no text has and UndefinedError for a missing word."""
    language = language_of(language)
    title, message = _texts(language)[name]
    said = {key: say(word, language, zone) for key, word in words.items()}
    heading = " ".join(title.render(said).split())
    return Text(heading[:LONGEST_TITLE], message.render(said).strip(), said)


def say(word: Any, language: str, zone: ZoneInfo) -> Any:
    """A word as it is said in a language; whole numbers stay, for the plurals."""
    locale = _LOCALES[language]
    match word:
        case Time(moment):
            return format_time(moment, "HH:mm", tzinfo=zone, locale=locale)
        case Day(day):
            local = day.astimezone(zone).date() if isinstance(day, datetime) else day
            return format_date(local, "EEEE d MMMM", locale=locale)
        case Money(amount, currency):
            return format_currency(amount, currency, locale=locale)
        case Coded(code):
            return _vocabulary(language).get(code, code.replace("_", " ").lower())
        case timedelta():
            return format_timedelta(word, granularity="minute", threshold=10, locale=locale)
        case Decimal() | float():
            return format_decimal(word, locale=locale)
        case list():
            return [say(one, language, zone) for one in word]
        case tuple():
            return " ".join(str(say(one, language, zone)) for one in word)
    return word


@cache
def _texts(language: str) -> dict[str, tuple[Template, Template]]:
    environment = _environment(language)
    return {
        name: (environment.from_string(text["title"]), environment.from_string(text["message"]))
        for name, text in _read(language).items()
        if name != _VOCABULARY
    }


def _vocabulary(language: str) -> dict[str, str]:
    vocabulary: dict[str, str] = _read(language)[_VOCABULARY]
    return vocabulary


@cache
def _read(language: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    return content


def _environment(language: str) -> Environment:
    environment = Environment(
        autoescape=False,  # noqa: S701 - plain text; what becomes HTML is escaped where that is made
        undefined=StrictUndefined,
    )
    environment.filters["plural"] = _plural(language)
    return environment


def _plural(language: str) -> Callable[..., str]:
    form = _LOCALES[language].plural_form

    def plural(count: int, **forms: str) -> str:
        return forms.get(form(count), forms["other"]).replace("#", str(count))

    return plural
