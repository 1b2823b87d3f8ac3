"""Tables as files that spreadsheet programs open."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

BYTE_ORDER_MARK: Final = "\ufeff"
"""By which spreadsheet programs recognise UTF-8, so that Arabic names survive."""

_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def lines(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV lines; what a spreadsheet would take for a formula is marked as text, unless it is a number."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def unmarked(text: str) -> str:
    """A cell as it was before `lines` marked it as text."""
    return text[1:] if text[:1] == "'" and _is_formula(text[1:]) else text


def _cell(value: Any) -> str:
    shown = "" if value is None else str(value)
    return f"'{shown}" if _is_formula(shown) else shown


def _is_formula(text: str) -> bool:
    return text.startswith(_STARTS_A_FORMULA) and not _NUMBER.fullmatch(text)
