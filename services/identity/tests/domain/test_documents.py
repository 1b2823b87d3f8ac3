"""When documents run out, and under which names they are saved."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.documents import REMINDER_DAYS, due_reminder, save_name

EXPIRY = date(2026, 12, 31)


def reminders(days_before: list[int]) -> list[int]:
    """The reminders that go out when the check runs so many days before the expiry."""
    sent: list[int] = []
    for days in days_before:
        due = due_reminder(EXPIRY - timedelta(days=days), EXPIRY, sent[-1] if sent else None)
        if due is not None:
            sent.append(due)
    return sent


def test_a_daily_check_reminds_thirty_days_seven_days_and_one_day_before() -> None:
    assert reminders(list(range(40, -5, -1))) == [30, 7, 1]


def test_days_without_a_check_are_made_up_for_by_the_latest_reminder() -> None:
    assert reminders([31, 20, 19, 5, 4, 0]) == [30, 7, 1]
    assert reminders([35, 3]) == [7]
    assert reminders([0]) == [1]


def test_nothing_is_said_after_the_expiry() -> None:
    assert reminders([-1, -2]) == []


@given(st.lists(st.integers(-10, 60), max_size=60))
def test_each_reminder_goes_out_once_and_never_early(days_before: list[int]) -> None:
    days_before = sorted(days_before, reverse=True)
    sent = reminders(days_before)
    assert sent == sorted(set(sent), reverse=True)
    assert set(sent) <= set(REMINDER_DAYS)
    for reminder in sent:
        assert any(0 <= days <= reminder for days in days_before)


@pytest.mark.parametrize(
    ("title", "key", "name"),
    [
        ("Contrat", "a/documents/1.pdf", "Contrat.pdf"),
        ("Contrat.PDF", "a/documents/1.pdf", "Contrat.pdf"),
        ("عقد العمل", "a/documents/1.docx", "عقد العمل.docx"),
        ("../../etc/passwd", "a/documents/1.txt", "_.._etc_passwd.txt"),
        ('a"b\r\nc', "a/documents/1.png", "a_b_c.png"),
        ("", "a/documents/1.png", "file.png"),
        ("...", "a/documents/1.png", "file.png"),
    ],
)
def test_files_are_saved_under_their_title_with_the_ending_of_their_type(title: str, key: str, name: str) -> None:
    assert save_name(title, key) == name


@given(st.text(max_size=300))
def test_no_title_makes_a_name_that_leaves_its_folder(title: str) -> None:
    name = save_name(title, "t/documents/1.pdf")
    assert name.endswith(".pdf")
    assert not set(name) & set('/\\\0\r\n"')
    assert not name.startswith(".")
    assert len(name) <= 154
