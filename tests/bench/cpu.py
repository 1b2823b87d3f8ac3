"""CPU time of process trees, read from /proc."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def cpu_ms(roots: Mapping[str, int]) -> dict[str, float]:
    """Milliseconds of CPU that each process and everything below it have used, also what ended meanwhile."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended while it was looked at
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        # User and system time, its own and that of the children it has waited for.
        used[pid] = sum(map(int, fields[11:15]))
    return {name: _TICK_MS * sum(used[pid] for pid in _tree(root, parents)) for name, root in roots.items()}


def _tree(root: int, parents: Mapping[int, int]) -> Iterable[int]:
    below: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        below.setdefault(parent, []).append(pid)
    found = [root] if root in parents else []
    for pid in found:
        found.extend(below.get(pid, ()))
    return found
