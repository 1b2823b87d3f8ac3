"""Rules of a restaurant's settings: their version, their free-form parts, and who may move the fence."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import orjson

LOCATION_FIELDS: Final = frozenset({"latitude", "longitude", "radius", "geofence_enabled", "geofence_polygon"})
DEFAULT_RADIUS: Final = Decimal(100)
MAX_CORNERS: Final = 100
MAX_JSON_BYTES: Final = 20_000
NO_PROVIDER: Final = "NONE"

_DAYS: Final = frozenset({"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"})
_TIME_OF_DAY: Final = re.compile(r"(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)(?::00)?")


def next_version(previous: int, now: datetime) -> int:
    """The version after a change: the time in seconds, and larger than before however fast changes follow."""
    return max(previous + 1, int(now.timestamp()))


def is_location_locked(latitude: Decimal | None, longitude: Decimal | None, role: str) -> bool:
    """Whether coordinates and fence are closed to a role: to all but super admins, once both coordinates are set."""
    return latitude is not None and longitude is not None and role != "SUPER_ADMIN"


def real_changes(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The wanted values that differ from the present ones; decimals are equal whatever their trailing zeros."""
    return {name: value for name, value in wanted.items() if current[name] != value}


def forgets_pos_key(changes: Mapping[str, Any]) -> bool:
    """Whether the stored key must go: it is another provider's now, and no new one came with the change."""
    return "pos_provider" in changes and not changes.get("pos_api_key")


def json_problem(name: str, value: Any) -> str | None:
    """What is wrong with a free-form setting, or None."""
    if len(orjson.dumps(value)) > MAX_JSON_BYTES:
        return f"Ensure that this is not larger than {MAX_JSON_BYTES} bytes."
    check = _CHECKS.get(name)
    return check(value) if check else None


def _operating_hours_problem(value: Any) -> str | None:
    if not isinstance(value, dict):
        return _NO_OBJECT
    for day, hours in value.items():
        if day.lower() not in _DAYS:
            return f'"{day}" is not a day of the week.'
        if hours is None:
            continue
        if not isinstance(hours, dict):
            return f"{day}: expected an object with open, close and isClosed."
        for end in ("open", "close"):
            if hours.get(end) and not _is_time_of_day(hours[end]):
                return f"{day}: {end} must be a time such as 09:30."
        if not isinstance(hours.get("isClosed", False), bool):
            return f"{day}: isClosed must be true or false."
    return None


def _is_time_of_day(value: Any) -> bool:
    return isinstance(value, str) and _TIME_OF_DAY.fullmatch(value) is not None


def _polygon_problem(value: Any) -> str | None:
    if not isinstance(value, list):
        return "Expected a list of [latitude, longitude] pairs."
    if not value:
        return None
    if not 3 <= len(value) <= MAX_CORNERS:
        return f"A fence has between 3 and {MAX_CORNERS} corners."
    if not all(_is_corner(corner) for corner in value):
        return "Each corner must be a pair [latitude, longitude] in degrees."
    return None


def _is_corner(corner: Any) -> bool:
    return (
        isinstance(corner, Sequence)
        and len(corner) == 2
        and all(isinstance(degrees, int | float) and not isinstance(degrees, bool) for degrees in corner)
        and abs(corner[0]) <= 90
        and abs(corner[1]) <= 180
    )


def _switches_problem(value: Any) -> str | None:
    if not isinstance(value, dict):
        return _NO_OBJECT
    if not all(isinstance(switch, bool) for switch in value.values()):
        return "Each value must be true or false."
    return None


def _object_problem(value: Any) -> str | None:
    return None if isinstance(value, dict) else _NO_OBJECT


_NO_OBJECT: Final = "Expected an object."
_CHECKS: Final = {
    "operating_hours": _operating_hours_problem,
    "geofence_polygon": _polygon_problem,
    "email_notifications": _switches_problem,
    "push_notifications": _switches_problem,
    "ai_features": _switches_problem,
    "general_settings": _object_problem,
}
FREE_FORM: Final = frozenset(_CHECKS)
