"""What differs between two states of a template."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.template_states import TemplateShift, differences


def shifts() -> st.SearchStrategy[list[dict[str, Any]]]:
    shift = st.fixed_dictionaries(
        {
            "role": st.sampled_from(("CHEF", "WAITER")),
            "day_of_week": st.integers(0, 2),
            "start_time": st.sampled_from((None, "09:00:00", "18:00:00")),
            "end_time": st.sampled_from((None, "23:00:00")),
            "required_staff": st.integers(1, 3),
        }
    )
    return st.lists(shift, unique_by=lambda one: (one["role"], one["day_of_week"], one["start_time"] or ""))


@given(shifts(), shifts())
def test_the_differences_make_the_second_state_of_the_first(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    found = differences(first, second)
    replaced = {(one["role"], one["day_of_week"], one["start_time"]) for one in (*found.removed, *found.changed)}
    kept = [one for one in first if (one["role"], one["day_of_week"], one["start_time"]) not in replaced]
    made = [*kept, *found.added, *found.changed]
    assert sorted(map(_text, made)) == sorted(map(_text, second))
    assert found.growth == len(second) - len(first)


@given(shifts(), shifts())
def test_the_way_back_takes_away_what_the_way_there_added(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    there, back = differences(first, second), differences(second, first)
    assert (there.added, there.removed, len(there.changed)) == (back.removed, back.added, len(back.changed))


def _text(shift: TemplateShift) -> str:
    return repr(sorted(shift.items()))
