"""Whatever can be chosen can be asked for and is kept."""

from mizan.notify.v1.preference_pb2 import Preferences as Shown
from mizan.notify.v1.preference_pb2 import UpdatePreferencesRequest
from services.notify.domain.preferences import CHOICES, STANDARD, SWITCHES, exceptions_problem
from services.notify.models import Preferences


def test_every_choice_can_be_made_kept_and_shown() -> None:
    asked = set(UpdatePreferencesRequest.DESCRIPTOR.fields_by_name) - {"update_mask"}
    assert asked == set(CHOICES)
    assert set(Preferences.__table__.columns.keys()) >= set(CHOICES)
    assert set(Shown.DESCRIPTOR.fields_by_name) >= set(CHOICES)


def test_everything_is_on_until_switched_off() -> None:
    assert dict.fromkeys(SWITCHES, True) == STANDARD


def test_exceptions_are_switches_of_channels_by_subject() -> None:
    assert exceptions_problem({}) is None
    assert exceptions_problem({"shift": {"whatsapp": False, "email": True}, "other": {}}) is None
    wrongs: tuple[object, ...] = (
        [],
        "shift",
        {"weather": {}},
        {"shift": []},
        {"shift": {"app": False}},
        {"shift": {"email": "no"}},
    )
    for wrong in wrongs:
        assert exceptions_problem(wrong)
