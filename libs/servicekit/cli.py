"""What the operator's commands of every service have in common."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import typer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from typer.core import TyperGroup

from servicekit.db import SYSTEM, Database
from servicekit.settings import ServiceSettings

UNUSABLE = 2
"""The exit status of a command that was not given what it needs."""

S = TypeVar("S", bound=ServiceSettings)
T = TypeVar("T")


class AnySpelling(TyperGroup):
    """Commands whose names may be typed with underscores instead of hyphens."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of either spelling, or None."""
        return super().get_command(ctx, cmd_name.replace("_", "-"))


def commands_of(name: str, help_text: str) -> typer.Typer:
    """The group of one service's commands, for its `cli.py`."""
    return typer.Typer(name=name, help=help_text, cls=AnySpelling, no_args_is_help=True)


def read_settings(kind: type[S]) -> S:
    """A service's settings. Ends the command with the names of the variables that are missing or wrong."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]).upper()
            typer.echo(f"{name}: {problem['msg']}", err=True)
        raise typer.Exit(UNUSABLE) from error


def run(work: Coroutine[Any, Any, T]) -> T:
    """Awaits the work of a command."""
    return asyncio.run(work)


@asynccontextmanager
async def transaction(settings: ServiceSettings, application: str) -> AsyncIterator[AsyncSession]:
    """One transaction of the platform itself on a service's database, committed unless the block raises."""
    database = Database(settings.database_url, application=application, pool_size=1)
    await database.start()
    try:
        async with database.write(SYSTEM) as session:
            yield session
    finally:
        await database.stop()
