"""Looking at processes from outside, for tests about starting and stopping them."""

import contextlib
import os
import select
from pathlib import Path


def descendants(root: int) -> dict[int, str]:
    """Every process below one: id -> command line."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            commands[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended while it was looked at
        parents[int(folder.name)] = int(fields[1])
    below: dict[int, str] = {}
    frontier = {root}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        below |= {pid: commands[pid] for pid in frontier}
    return below


def watch(pids: dict[int, str]) -> dict[int, str]:
    """File descriptors that become readable when the processes end: descriptor -> command line."""
    watched = {}
    for pid, command in pids.items():
        with contextlib.suppress(ProcessLookupError):  # ended already
            watched[os.pidfd_open(pid)] = command
    return watched


def survivors(watched: dict[int, str], timeout: float = 20) -> list[str]:
    """The command lines of watched processes that do not end in time; closes the descriptors."""
    left = []
    for descriptor, command in watched.items():
        if not select.select([descriptor], [], [], timeout)[0]:
            left.append(command)
        os.close(descriptor)
    return left
