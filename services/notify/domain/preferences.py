"""What a person may choose about being told."""

from collections.abc import Mapping
from typing import Any, Final

from services.notify.domain.channels import CHANNELS, EMAIL, PUSH, WHATSAPP
from services.notify.domain.kinds import SUBJECTS

CHANNEL_SWITCHES: Final = {EMAIL: "email_enabled", PUSH: "push_enabled", WHATSAPP: "whatsapp_enabled"}
"""The in-app list has none: it shows whatever is told at all."""

SUBJECT_SWITCHES: Final = {subject: f"{subject}_notifications" for subject in SUBJECTS if subject != "other"}

SWITCHES: Final = ("notifications_enabled", *CHANNEL_SWITCHES.values(), *SUBJECT_SWITCHES.values())
"""Everything, channels and subjects; each is on until it is switched off."""

QUIET_HOURS: Final = ("quiet_hours_start", "quiet_hours_end")
"""Times of day in the person's zone, or nothing."""

ZONE: Final = "timezone"
"""The person's, or nothing for the restaurant's."""

EXCEPTIONS: Final = "channel_exceptions"

NULLABLE: Final = (*QUIET_HOURS, ZONE)

CHOICES: Final = (*SWITCHES, *NULLABLE, EXCEPTIONS)
"""Everything that a person may choose."""

STANDARD: Final = dict.fromkeys(SWITCHES, True)
"""What holds for somebody who never chose."""


def exceptions_problem(exceptions: Any) -> str | None:
    """Why these cannot be exceptions from the channels' switches, or None when they can."""
    if not isinstance(exceptions, Mapping):
        return "Must be an object of subjects."
    for subject, channels in exceptions.items():
        if subject not in SUBJECTS:
            return f"{subject!r} is no subject."
        if not isinstance(channels, Mapping) or not channels.keys() <= set(CHANNEL_SWITCHES):
            return f"{subject!r} must have an object of the channels {', '.join(CHANNELS[1:])}."
        if not all(isinstance(wanted, bool) for wanted in channels.values()):
            return f"The channels of {subject!r} must be true or false."
    return None
