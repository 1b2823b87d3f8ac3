"""Rules of tasks under way: what a percentage says of a task, and what evidence its end asks for."""

from typing import Final

OVER: Final = frozenset({"COMPLETED", "CANCELLED"})
BY_STATUS: Final = {"TODO": 0, "IN_PROGRESS": 50}


def status_at(percentage: int) -> str:
    """The status of a task that is so far."""
    if percentage == 0:
        return "TODO"
    return "COMPLETED" if percentage == 100 else "IN_PROGRESS"


def share_done(status: str, noted: int | None, subtasks: list[str]) -> int:
    """How far a task is, in per cent: as far as the tasks under it, else as was noted, else as its status says."""
    if subtasks:
        return subtasks.count("COMPLETED") * 100 // len(subtasks)
    if noted is not None and status == "IN_PROGRESS":
        return noted
    return BY_STATUS.get(status, 100)


def lacks(verification: str, *, has_photo: bool, has_notes: bool) -> str | None:
    """What the evidence of a finished task lacks: "photo", "notes", or nothing.

    A reading, a count or a list is written down or photographed; a picture is what only a picture is.
    """
    if verification in ("NONE", "SUPERVISOR_APPROVAL"):
        return None
    if verification == "PHOTO":
        return None if has_photo else "photo"
    return None if has_photo or has_notes else "notes"
