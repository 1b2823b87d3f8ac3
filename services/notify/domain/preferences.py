"""What a person may choose about being told."""

from typing import Final

SWITCHES: Final = (
    "email_enabled",
    "push_enabled",
    "whatsapp_enabled",
    "shift_notifications",
    "task_notifications",
    "availability_notifications",
    "compliance_notifications",
    "emergency_notifications",
    "announcement_notifications",
)
"""Channels and subjects; each is on until it is switched off."""

QUIET_HOURS: Final = ("quiet_hours_start", "quiet_hours_end")
"""Times of day in the restaurant's zone, or nothing."""

STANDARD: Final = dict.fromkeys(SWITCHES, True)
"""What holds for somebody who never chose."""
