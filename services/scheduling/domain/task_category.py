"""Rules about categories of tasks."""

from typing import Final

DEFAULT_COLOR: Final = "#3B82F6"


def normal_color(color: str | None) -> str:
    """A colour as it is kept: #RRGGBB in capitals, the default where none was chosen."""
    return color.upper() if color else DEFAULT_COLOR
