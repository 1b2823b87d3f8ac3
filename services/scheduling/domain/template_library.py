"""Templates of weeks as a library: what they cost, and how they travel as a table."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from servicekit.spreadsheet import unmarked
from services.scheduling.domain.planning import role_code, usual_hours
from services.scheduling.domain.staffing import break_of, canonical

COPY_SUFFIX: Final = " (Copy)"
LONGEST_NAME: Final = 100
MOST_ROWS: Final = 500
MOST_SHIFTS: Final = 500
HEADER: Final = (
    "ID",
    "Name",
    "Description",
    "Category",
    "Is Active",
    "Is Favorite",
    "Created At",
    "Created By",
    "Shifts Count",
    "Tasks Count",
    "Usage Count",
    "Estimated Labor Hours",
    "Estimated Cost",
    "Tags",
    "Shifts",
)
"""The columns of the table; `Shifts` carries what a template is made of, such as `MON CHEF 09:00-17:00 x2`."""

_DAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_SHIFT = re.compile(
    r"(?P<day>[A-Z]{3}) (?P<role>[A-Z0-9_]{1,40})"
    r"(?: (?P<start>[0-2]\d:[0-5]\d)?-(?P<end>[0-2]\d:[0-5]\d)?)?(?: X(?P<staff>\d{1,3}))?"
)
_YES: Final = frozenset({"true", "yes", "1"})
_NO: Final = frozenset({"false", "no", "0", ""})


def copy_name(name: str) -> str:
    """What a copy is called."""
    return name[: LONGEST_NAME - len(COPY_SUFFIX)] + COPY_SUFFIX


def hours_by_role(shifts: Iterable[Any]) -> dict[str, timedelta]:
    """The paid work of a week from a template, by role; roles that do the same work count as one."""
    found: defaultdict[str, timedelta] = defaultdict(timedelta)
    for shift in shifts:
        usual_start, usual_end = usual_hours(shift.role)
        length = _length(shift.start_time or usual_start, shift.end_time or usual_end)
        paid = length - timedelta(minutes=break_of(length // timedelta(minutes=1)))
        found[canonical(shift.role)] += paid * shift.required_staff
    return dict(found)


def mean_wages(people: Iterable[tuple[str, int]]) -> dict[str, float]:
    """What an hour of a role costs on average, in minor units; `people` are roles with what is paid for an hour."""
    paid: defaultdict[str, list[int]] = defaultdict(list)
    for role, wage in people:
        paid[canonical(role)].append(wage)
    return {role: sum(wages) / len(wages) for role, wages in paid.items()}


def cost_of(work: Mapping[str, timedelta], wages: Mapping[str, float]) -> int | None:
    """What the work costs in minor units; None when nobody of a role that is needed has a wage."""
    if any(role not in wages for role in work):
        return None
    return round(sum(length / timedelta(hours=1) * wages[role] for role, length in work.items()))


def shifts_text(shifts: Iterable[Any]) -> str:
    """Shifts as one cell of the table."""
    return "; ".join(_shift_text(shift) for shift in shifts)


@dataclass(slots=True)
class Imported:
    """What a table holds: templates with the number of their row, and why other rows are none."""

    templates: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def read_table(content: bytes) -> Imported:
    """The templates of a table with the columns of `HEADER`, of which `Name` is required.

    Raises ValueError for what is no such table, and for more than `MOST_ROWS` rows.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("The file is not CSV in UTF-8.") from error
    found = Imported()
    for number, row in _rows(text):
        try:
            found.templates.append((number, _template(row)))
        except ValueError as error:
            found.errors.append(f"Row {number}: {error}")
    return found


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(table, [])]
        if "name" not in header:
            raise ValueError("The file has no column Name.")
        for number, cells in enumerate(table, 2):
            if number > MOST_ROWS + 1:
                raise ValueError(f"At most {MOST_ROWS} rows are taken at once.")
            if any(cell.strip() for cell in cells):
                yield number, {name: unmarked(cell.strip()) for name, cell in zip(header, cells, strict=False)}
    except csv.Error as error:
        raise ValueError("The file is not CSV.") from error


def _template(row: Mapping[str, str]) -> dict[str, Any]:
    name = " ".join(row.get("name", "").split())
    if not name:
        raise ValueError("Name is required.")
    if len(name) > LONGEST_NAME or len(row.get("category", "")) > LONGEST_NAME:
        raise ValueError(f"Name and Category have {LONGEST_NAME} characters at most.")
    if any("\x00" in cell for cell in row.values()):
        raise ValueError("A cell holds a character that no text has.")
    tags = [tag.strip() for tag in row.get("tags", "").split(",") if tag.strip()]
    if any(len(tag) > LONGEST_NAME for tag in tags):
        raise ValueError(f"A tag has {LONGEST_NAME} characters at most.")
    return {
        "name": name,
        "description": row.get("description") or None,
        "category": row.get("category") or None,
        "is_active": _flag(row, "is active", default=True),
        "is_favorite": _flag(row, "is favorite", default=False),
        "tags": list(dict.fromkeys(tags))[:50],
        "shifts": _shifts(row.get("shifts", "")),
    }


def _flag(row: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = row.get(name, "").lower()
    if text not in _YES | _NO:
        raise ValueError(f"{name.title()} is true or false.")
    return text in _YES if text else default


def _shifts(text: str) -> list[dict[str, Any]]:
    shifts = [_shift(part.strip()) for part in text.split(";") if part.strip()]
    if len(shifts) > MOST_SHIFTS:
        raise ValueError(f"A template has {MOST_SHIFTS} shifts at most.")
    keys = {(shift["role"], shift["day_of_week"], shift["start_time"]) for shift in shifts}
    if len(keys) < len(shifts):
        raise ValueError("A role has two shifts that start at the same time of the same day.")
    return shifts


def _shift(text: str) -> dict[str, Any]:
    found = _SHIFT.fullmatch(text.upper())
    if found is None or found["day"] not in _DAYS:
        raise ValueError(f"{text[:40]!r} is no shift such as MON CHEF 09:00-17:00 x2.")
    staff = int(found["staff"] or 1)
    if not 1 <= staff <= 100:
        raise ValueError("A shift needs 1 to 100 people.")
    return {
        "role": role_code(found["role"]),
        "day_of_week": _DAYS.index(found["day"]),
        "start_time": time.fromisoformat(found["start"]) if found["start"] else None,
        "end_time": time.fromisoformat(found["end"]) if found["end"] else None,
        "required_staff": staff,
    }


def _shift_text(shift: Any) -> str:
    text = f"{_DAYS[shift.day_of_week]} {shift.role}"
    if shift.start_time is not None or shift.end_time is not None:
        text += f" {_clock(shift.start_time)}-{_clock(shift.end_time)}"
    return f"{text} x{shift.required_staff}"


def _clock(at: time | None) -> str:
    return f"{at:%H:%M}" if at is not None else ""


def _length(start: time, end: time) -> timedelta:
    length = datetime.combine(date.min, end) - datetime.combine(date.min, start)
    return length if length > timedelta() else length + timedelta(days=1)


def mean(values: Sequence[float]) -> float:
    """The average; 0 of nothing."""
    return round(sum(values) / len(values), 2) if values else 0.0
