"""What people are told about: each kind with its subject, its channels and its urgency."""

from dataclasses import dataclass
from typing import Final

from services.notify.domain.channels import APP, CHANNELS, EMAIL, PUSH, WHATSAPP

PRIORITIES: Final = ("LOW", "MEDIUM", "HIGH", "URGENT")

SUBJECTS: Final = ("shift", "task", "availability", "compliance", "emergency", "announcement", "other")
"""What people switch on and off; `other` has no switch of its own, only exceptions by channel."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notification; `name` is the public `notification_type`."""

    name: str
    subject: str
    channels: tuple[str, ...]
    priority: str = "MEDIUM"
    is_critical: bool = False
    """Told whatever people have switched off and whatever the hour."""


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds}


KINDS: Final = _kinds(
    Kind("SHIFT_ASSIGNED", "shift", (APP, PUSH, WHATSAPP, EMAIL)),
    Kind("SHIFT_UPDATED", "shift", (APP, PUSH, WHATSAPP), "HIGH"),
    Kind("SHIFT_CANCELLED", "shift", (APP, PUSH, WHATSAPP, EMAIL), "HIGH"),
    Kind("SHIFT_REMINDER", "shift", (APP, PUSH, WHATSAPP)),
    Kind("SHIFT_SWAP", "shift", (APP, PUSH, WHATSAPP)),
    Kind("SCHEDULE_PUBLISHED", "shift", (APP, PUSH, WHATSAPP, EMAIL)),
    Kind("CLOCK_IN_REMINDER", "shift", (APP, PUSH, WHATSAPP), "HIGH"),
    Kind("CLOCK_OUT_REMINDER", "shift", (APP, PUSH, WHATSAPP), "HIGH"),
    Kind("BREAK_REQUEST", "shift", (APP, PUSH)),
    Kind("TASK_ASSIGNED", "task", (APP, PUSH)),
    Kind("TASK_COMPLETED", "task", (APP,), "LOW"),
    Kind("TASK_OVERDUE", "task", (APP, PUSH), "HIGH"),
    Kind("CHECKLIST_REMINDER", "task", (APP, PUSH)),
    Kind("AVAILABILITY_REQUEST", "availability", (APP, EMAIL)),
    Kind("AVAILABILITY_APPROVED", "availability", (APP, WHATSAPP, EMAIL)),
    Kind("AVAILABILITY_DENIED", "availability", (APP, WHATSAPP, EMAIL)),
    Kind("COMPLIANCE_ALERT", "compliance", (APP, WHATSAPP, EMAIL), "HIGH"),
    Kind("SAFETY_BRIEFING", "compliance", (APP, PUSH, WHATSAPP), "HIGH"),
    Kind("EMERGENCY", "emergency", CHANNELS, "URGENT", is_critical=True),
    Kind("ANNOUNCEMENT", "announcement", (APP, WHATSAPP)),
    Kind("STAFF_REQUEST", "other", (APP, PUSH)),
    Kind("SYSTEM_ALERT", "other", (APP,), "HIGH"),
    Kind("STOCK_ALERT", "other", (APP, PUSH), "HIGH"),
    Kind("BILLING_ALERT", "other", (APP, EMAIL), "HIGH"),
    Kind("INVITATION", "other", (APP,)),
    Kind("OTHER", "other", (APP,)),
)
"""Every kind by its name."""
