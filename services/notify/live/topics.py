"""What can be followed, under which paths, and by whom."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from servicekit import live
from servicekit.identity import Principal

CHAT: Final = "chat"
SETTINGS: Final = "settings"

FOLLOWERS: Final[dict[str, frozenset[str]]] = {
    live.NOTIFICATIONS: frozenset(),
    CHAT: frozenset(),
    SETTINGS: frozenset(),
    live.JOBS: frozenset(),
    live.KITCHEN: frozenset({"kitchen.work"}),
    live.BOARD: frozenset({"schedule.view", "attendance.view"}),
}
"""Topics with the permissions any of which lets a person follow; nothing means everybody, who then sees their own."""

UNADDRESSED: Final[dict[str, str]] = {
    live.KITCHEN: "kitchen.work",
    live.BOARD: "attendance.view",
    live.JOBS: "schedule.manage",
}
"""Who sees what is published on a topic to nobody in particular, where not every follower does."""

PATHS: Final[dict[str, frozenset[str]]] = {
    "/ws/": frozenset(),
    "/ws/notifications/": frozenset({live.NOTIFICATIONS}),
    "/notifications/": frozenset({live.NOTIFICATIONS}),
    "/ws/chat/": frozenset({CHAT}),
    "/ws/kitchen/": frozenset({live.KITCHEN}),
    "/ws/settings/restaurant/": frozenset({SETTINGS}),
    "/ws/board/": frozenset({live.BOARD}),
    "/ws/jobs/": frozenset({live.JOBS}),
}
"""What each path follows from the start; every one of them can follow more."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person behind a socket, as far as delivery asks."""

    user_id: str
    session_id: str
    restaurant_id: UUID | None
    permissions: frozenset[str]

    @classmethod
    def of(cls, principal: Principal) -> "Viewer":
        """The viewer that a principal is."""
        return cls(principal.subject, principal.session_id, principal.restaurant_id, principal.permissions)

    def may_follow(self, topic: str) -> bool:
        """Whether the topic exists and the person may follow it; a room's members are another question."""
        name, _, room = topic.partition(":")
        if room and name != CHAT:
            return False
        needed = FOLLOWERS.get(name)
        if needed is None or (self.restaurant_id is None and name != live.NOTIFICATIONS):
            return False
        return not needed or not needed.isdisjoint(self.permissions)
