"""What a key of an agent or an integrator may be granted."""

from collections.abc import Collection, Iterable
from typing import Final

from services.identity.domain.permissions import AGENT_SCOPES, CATALOGUE

PREFIX: Final = "mzk_"
SHOWN_CHARACTERS: Final = 12
"""How much of a key is kept readable, so that people can tell their keys apart."""


def scope_problem(kind: str, scopes: Iterable[str], held: Collection[str]) -> str | None:
    """Why somebody with the held permissions may not grant these scopes to a key, or None.

    Agents may hold the scopes made for them; beyond that a key holds no more than its creator.
    """
    for scope in scopes:
        if kind == "AGENT" and scope in AGENT_SCOPES:
            continue
        if scope in AGENT_SCOPES:
            return f'"{scope}" is for agents only.'
        if scope not in CATALOGUE:
            return f'"{scope}" is not a known scope.'
        if scope not in held:
            return f'You cannot grant "{scope}", which you do not hold.'
    return None
