"""The channels over which people are told things."""

from collections.abc import Iterable
from typing import Final

APP: Final = "app"
PUSH: Final = "push"
WHATSAPP: Final = "whatsapp"
EMAIL: Final = "email"
CHANNELS: Final = (APP, PUSH, WHATSAPP, EMAIL)
"""In the order in which they are tried for what is critical."""

AGENT: Final = "agent"
"""The agent's server: it is told of what happens, and is nobody's channel."""

_SPELLINGS: Final = {"in_app": APP}


def channels_of(names: Iterable[str]) -> tuple[str, ...]:
    """The channels of these names, each once and in their own order; others are passed over."""
    wanted = {_SPELLINGS.get(name, name) for name in names}
    return tuple(channel for channel in CHANNELS if channel in wanted)
