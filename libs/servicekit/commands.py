"""What every group of the operator's commands has in common, with or without a database."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer
from typer.core import TyperGroup

UNUSABLE = 2
"""The exit status of a command that was not given what it needs."""

T = TypeVar("T")


class AnySpelling(TyperGroup):
    """Commands whose names may be typed with underscores instead of hyphens."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of either spelling, or None."""
        return super().get_command(ctx, cmd_name.replace("_", "-"))


def commands_of(name: str, help_text: str) -> typer.Typer:
    """The group of one service's commands, for its `cli.py`."""
    return typer.Typer(name=name, help=help_text, cls=AnySpelling, no_args_is_help=True)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Awaits the work of a command."""
    return asyncio.run(work)
