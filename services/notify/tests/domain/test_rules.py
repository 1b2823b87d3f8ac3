"""Rules of deliveries, routing, announcements and WhatsApp."""

import hashlib
import hmac
from datetime import UTC, datetime, time, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.announcements import Targeting, plain
from services.notify.domain.channels import CHANNELS, channels_of
from services.notify.domain.deliveries import LONGEST_PAUSE, SENDING, STATES, after_report, pause_after
from services.notify.domain.kinds import KINDS, PRIORITIES, SUBJECTS
from services.notify.domain.notifications import time_ago
from services.notify.domain.preferences import STANDARD
from services.notify.domain.routing import Urgency, Wishes, route
from services.notify.domain.whatsapp import (
    TEMPLATES,
    body_of,
    is_signed,
    may_write_freely,
    parameter,
    phone_digits,
    read_webhook,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize("order", list(permutations(("SENT", "DELIVERED", "READ"))))
def test_reports_in_any_order_end_the_same(order: tuple[str, ...]) -> None:
    state = SENDING
    for reported in order:
        state = after_report(state, reported)
    assert state == "READ"


@given(st.sampled_from(STATES), st.lists(st.sampled_from(("SENT", "DELIVERED", "READ", "FAILED", "nonsense"))))
def test_a_report_that_comes_twice_says_nothing_new(state: str, reports: list[str]) -> None:
    for reported in reports:
        state = after_report(state, reported)
        assert after_report(state, reported) == state
        assert state in STATES


def test_a_failure_is_believed_until_it_arrives() -> None:
    assert after_report("SENT", "FAILED") == "FAILED"
    assert after_report("FAILED", "DELIVERED") == "DELIVERED"
    assert after_report("DELIVERED", "FAILED") == "DELIVERED"
    assert after_report("UNCERTAIN", "SENT") == "SENT"
    for settled in ("SKIPPED", "CANCELLED"):
        assert after_report(settled, "READ") == settled


@given(st.integers(-5, 100), st.none() | st.timedeltas(timedelta(), timedelta(days=2)))
def test_pauses_grow_and_end(attempt: int, asked: timedelta | None) -> None:
    pause = pause_after(attempt, asked)
    assert timedelta(seconds=2) <= pause <= LONGEST_PAUSE
    assert pause <= pause_after(attempt + 1, asked)
    if asked is not None and asked <= LONGEST_PAUSE:
        assert pause >= asked


wishes = st.builds(
    Wishes,
    st.fixed_dictionaries({name: st.booleans() for name in STANDARD}),
    st.dictionaries(st.sampled_from(SUBJECTS), st.dictionaries(st.sampled_from(CHANNELS[1:]), st.booleans())),
    st.none() | st.times(),
    st.none() | st.times(),
)


@given(st.sampled_from(sorted(KINDS)), wishes, st.booleans(), st.booleans())
def test_every_channel_is_used_once_and_wishes_hold(name: str, chosen: Wishes, overrides: bool, critical: bool) -> None:
    kind = KINDS[name]
    urgency = Urgency(overrides, critical)
    legs = route(kind, kind.channels, chosen, urgency, zone=UTC_ZONE, now=NOW)
    channels = [leg.channel for leg in legs]
    assert len(channels) == len(set(channels))
    if critical:
        assert channels == list(CHANNELS)
        assert all(leg.not_before is None and leg.state in ("PENDING", "SENT") for leg in legs)
    elif not overrides and not chosen.wants(kind):
        assert legs == []
    else:
        assert legs[0].channel == "app"
        for leg in legs[1:]:
            if not overrides:
                assert (leg.state == "SKIPPED") != chosen.wants_by(kind, leg.channel)
            if leg.state == "PENDING" and leg.not_before is not None:
                assert leg.not_before > NOW


def test_what_is_over_before_the_quiet_hours_end_is_not_sent() -> None:
    asleep = Wishes(quiet_from=time(11), quiet_until=time(14))
    (app, push) = route(
        KINDS["TASK_ASSIGNED"],
        ("push",),
        asleep,
        Urgency(),
        zone=UTC_ZONE,
        now=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    assert (app.state, push.state) == ("SENT", "SKIPPED")


def test_kinds_are_whole() -> None:
    for name, kind in KINDS.items():
        assert (kind.name, len(name) <= 30, kind.priority in PRIORITIES) == (name, True, True)
        assert kind.subject in SUBJECTS
        assert set(kind.channels) <= set(CHANNELS)
    assert channels_of(["in_app", "email", "app", "sms"]) == ("app", "email")


@given(st.text(alphabet="<>ab/ !?\"'=&;cript", max_size=60))
def test_nothing_that_a_browser_takes_for_markup_stays(text: str) -> None:
    kept = plain(text)
    for following in "abcript/!?":
        assert f"<{following}" not in kept


def test_plain_text_stays_as_it_is() -> None:
    assert plain("2 < 3 and 5 > 4") == "2 < 3 and 5 > 4"
    assert plain("<scr<b>ipt>alert(1)</script> Hi") == "ipt>alert(1) Hi"
    assert plain("&lt;script&gt;") == "&lt;script&gt;"


def test_targeting_survives_its_row() -> None:
    targeting = Targeting.of(["6c2d6e4f-0000-4000-8000-000000000001"] * 2, [" Bar ", ""], ["CHEF", "CHEF"], [])
    assert Targeting.from_json(targeting.to_json()) == targeting
    assert (targeting.departments, targeting.roles, len(targeting.staff_ids)) == (("Bar",), ("CHEF",), 1)
    assert not Targeting().is_targeted


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("+212 612-345678", "212612345678"),
        ("00212612345678", "212612345678"),
        ("0612345678", "212612345678"),
        ("12", None),
        ("", None),
        (None, None),
        ("1234567890123456", None),
    ],
)
def test_phones(written: str | None, digits: str | None) -> None:
    assert phone_digits(written, "212") == digits


def test_the_window_of_a_day() -> None:
    assert not may_write_freely(None, NOW)
    assert may_write_freely(NOW - timedelta(hours=23), NOW)
    assert not may_write_freely(NOW - timedelta(hours=24), NOW)


@given(st.text())
def test_a_template_takes_every_word(word: str) -> None:
    said = parameter(word)
    assert said
    assert len(said) <= 900
    assert not {"\n", "\t"} & set(said)
    assert "    " not in said


def test_templates_are_whole() -> None:
    assert body_of([]) == []
    for use in TEMPLATES.values():
        assert len(body_of(use.words)) == bool(use.words)


def test_signatures() -> None:
    good = "sha256=" + hmac.new(b"secret", b"{}", hashlib.sha256).hexdigest()
    assert is_signed(b"{}", good, "secret")
    for body, signature, secret in (
        (b"{ }", good, "secret"),
        (b"{}", good, "other"),
        (b"{}", good, ""),
        (b"{}", "", "secret"),
        (b"{}", "sha1=" + good[7:], "secret"),
        (b"{}", "sha256=é", "secret"),
    ):
        assert not is_signed(body, signature, secret)


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("entry", "changes", "value", "messages", "statuses", "id", "from", "status", "errors")),
            inner,
        )
    ),
    max_leaves=12,
)


@given(odd)
def test_a_webhook_may_hold_anything(content: object) -> None:
    inbound, reports = read_webhook(content, "", NOW)
    assert all(one.id and one.phone.isdecimal() for one in inbound)
    assert all(one.provider_id and one.state in STATES for one in reports)


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=-3), "Just now"),
        (timedelta(seconds=59), "Just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(days=3, hours=5), "3 days ago"),
    ],
)
def test_time_ago(passed: timedelta, said: str) -> None:
    assert time_ago(NOW - passed, NOW) == said
