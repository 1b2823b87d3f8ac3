"""Whatever can be chosen can be asked for and is kept."""

from mizan.notify.v1.preference_pb2 import Preferences as Shown
from mizan.notify.v1.preference_pb2 import UpdatePreferencesRequest
from services.notify.domain.preferences import QUIET_HOURS, STANDARD, SWITCHES
from services.notify.models import Preferences

CHOICES = {*SWITCHES, *QUIET_HOURS}


def test_every_choice_can_be_made_kept_and_shown() -> None:
    asked = set(UpdatePreferencesRequest.DESCRIPTOR.fields_by_name) - {"update_mask"}
    assert asked == CHOICES
    assert set(Preferences.__table__.columns.keys()) >= CHOICES
    assert set(Shown.DESCRIPTOR.fields_by_name) >= CHOICES


def test_everything_is_on_until_switched_off() -> None:
    assert dict.fromkeys(SWITCHES, True) == STANDARD
