"""How much an act of the audit trail matters, and what people call it."""

from collections.abc import Mapping
from typing import Final

LOW: Final = "LOW"
SEVERITIES: Final = (LOW, "MEDIUM", "HIGH", "CRITICAL")
_SEVERITY: Final[Mapping[str, str]] = {
    "DELETE": "HIGH",
    "PERMISSION_CHANGE": "CRITICAL",
    "PASSWORD_CHANGED": "MEDIUM",
    "PIN_CHANGED": "MEDIUM",
}


def severity_of(action: str) -> str:
    """How much an action matters: removing more than changing, and rights most of all."""
    return _SEVERITY.get(action, LOW)


def actions_of(*severities: str) -> list[str]:
    """The actions that matter that much; LOW stands for all that are not named here."""
    return sorted(action for action, severity in _SEVERITY.items() if severity in severities)


def label_of(code: str) -> str:
    """An action or a severity in words."""
    return code.replace("_", " ").capitalize()


def share(part: int, whole: int) -> float:
    """A part in percent."""
    return round(part * 100 / whole, 2) if whole else 0.0
