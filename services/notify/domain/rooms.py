"""What kinds of rooms there are, and by which names they are found."""

from typing import Final
from uuid import UUID

RESTAURANT: Final = "RESTAURANT"
DIRECT: Final = "DIRECT"
GROUP: Final = "GROUP"
KINDS: Final = (RESTAURANT, DIRECT, GROUP)

MAX_MEMBERS: Final = 200
MAX_LENGTH: Final = 4000


def restaurant_room(restaurant_id: UUID) -> str:
    """The name of a restaurant's own room."""
    return f"chat_{restaurant_id}"


def direct_room(one: UUID, other: UUID) -> str:
    """The name of the conversation of two people, whoever begins it."""
    first, second = sorted((str(one), str(other)))
    return f"direct_{first}_{second}"


def group_room(room_id: UUID) -> str:
    """The name of a group."""
    return f"group_{room_id}"
