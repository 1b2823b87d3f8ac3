"""What the operator's commands of every service have in common."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import typer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.commands import UNUSABLE, AnySpelling, commands_of, run
from servicekit.db import SYSTEM, Database
from servicekit.settings import ServiceSettings

__all__ = ["UNUSABLE", "AnySpelling", "commands_of", "read_settings", "run", "transaction"]

S = TypeVar("S", bound=ServiceSettings)


def read_settings(kind: type[S]) -> S:
    """A service's settings. Ends the command with the names of the variables that are missing or wrong."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]).upper()
            typer.echo(f"{name}: {problem['msg']}", err=True)
        raise typer.Exit(UNUSABLE) from error


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
