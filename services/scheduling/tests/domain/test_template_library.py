"""What templates cost, and how they travel as a table."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.spreadsheet import BYTE_ORDER_MARK, lines
from services.scheduling.domain.template_library import (
    HEADER,
    LONGEST_NAME,
    MOST_ROWS,
    copy_name,
    cost_of,
    hours_by_role,
    mean_wages,
    read_table,
    shifts_text,
)

TIMES = st.none() | st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30)))


@dataclass(frozen=True)
class Shift:
    role: str
    day_of_week: int = 0
    start_time: time | None = None
    end_time: time | None = None
    required_staff: int = 1


SHIFTS = st.lists(
    st.builds(Shift, st.sampled_from(("CHEF", "WAITER", "X1")), st.integers(0, 6), TIMES, TIMES, st.integers(1, 100)),
    unique_by=lambda one: (one.role, one.day_of_week, one.start_time),
    max_size=20,
)


def table(*rows: dict[str, Any]) -> bytes:
    cells = [[row.get(name, "") for name in HEADER] for row in rows]
    return (BYTE_ORDER_MARK + lines([HEADER, *cells])).encode()


@given(SHIFTS)
def test_the_shifts_of_a_template_come_back_from_its_table(shifts: list[Shift]) -> None:
    read = read_table(table({"Name": "=Winter", "Tags": "cold, quiet, cold", "Shifts": shifts_text(shifts)}))
    ((number, draft),) = read.templates
    assert (number, draft["name"], draft["tags"], read.errors) == (2, "=Winter", ["cold", "quiet"], [])
    assert [Shift(**one) for one in draft["shifts"]] == shifts


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"Description": "Nameless"}, "Name is required"),
        ({"Name": "x" * (LONGEST_NAME + 1)}, "characters at most"),
        ({"Name": "Winter", "Is Active": "perhaps"}, "Is Active is true or false"),
        ({"Name": "Winter", "Shifts": "MON CHEF 25:00-26:00"}, ""),
        ({"Name": "Winter", "Shifts": "DAY CHEF"}, "is no shift"),
        ({"Name": "Winter", "Shifts": "MON CHEF x0"}, "1 to 100"),
        ({"Name": "Winter", "Shifts": "MON CHEF; MON CHEF x2"}, "same time"),
    ],
)
def test_a_row_that_is_no_template_is_named_and_the_others_are_taken(row: dict[str, Any], why: str) -> None:
    read = read_table(table({"Name": "Summer"}, row))
    assert [draft["name"] for _, draft in read.templates] == ["Summer"]
    (error,) = read.errors
    assert error.startswith("Row 3: ")
    assert why in error


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"Title\nWinter\n", b"", b'Name\n"Win\n', b"Name\n" + b"x\n" * (MOST_ROWS + 1)]
)
def test_what_is_no_table_is_refused_whole(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"CSV|column Name|rows"):
        read_table(content)


def test_work_is_paid_without_breaks_and_costs_what_its_roles_earn() -> None:
    night = Shift("WAITER", 4, time(20), time(2), 2)
    work = hours_by_role([night, Shift("CHEF"), Shift("SERVER", 1, time(12), time(13))])
    # A chef without times works the usual eight hours; waiters and servers do the same work.
    assert work == {"WAITER": timedelta(hours=12), "CHEF": timedelta(hours=7.5)}
    wages = mean_wages([("SERVER", 1000), ("WAITER", 2000), ("CHEF", 4000)])
    assert cost_of(work, wages) == 12 * 1500 + 30000
    assert cost_of(work, {"CHEF": 1.0}) is None


@given(st.text(max_size=200))
def test_a_copy_has_a_name_that_fits(name: str) -> None:
    assert len(copy_name(name)) <= LONGEST_NAME
    assert copy_name(name).endswith(" (Copy)")
