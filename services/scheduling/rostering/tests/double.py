"""A compiled function for a process that tries where its code is kept."""

from services.scheduling.rostering.machine_code import compiled


@compiled()
def double(number: int) -> int:
    return 2 * number
