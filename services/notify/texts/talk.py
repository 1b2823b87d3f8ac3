"""What is said in conversations."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from services.notify.texts import language_of


def talk(key: str, language: str, **words: Any) -> str:
    """A phrase in a language. Raises KeyError for one that there is not, and for a missing word."""
    return phrases()[key][language_of(language)].format(**words)


@cache
def phrases() -> dict[str, dict[str, str]]:
    """Every phrase in every language."""
    content: dict[str, dict[str, str]] = yaml.safe_load(
        Path(__file__).with_name("talk.yaml").read_text(encoding="utf-8")
    )
    return content
