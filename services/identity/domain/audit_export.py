"""The audit trail as a table that spreadsheets open."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

BYTE_ORDER_MARK: Final = "\ufeff"
"""By which spreadsheet programs recognise UTF-8, so that Arabic names survive."""

HEADER: Final = (
    "timestamp",
    "actor",
    "user",
    "action",
    "entity_type",
    "entity_id",
    "description",
    "old_values",
    "new_values",
    "ip_address",
    "service",
    "request_id",
)
_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def lines(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV lines; what a spreadsheet would take for a formula is marked as text."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    shown = "" if value is None else str(value)
    return f"'{shown}" if shown.startswith(_STARTS_A_FORMULA) else shown
