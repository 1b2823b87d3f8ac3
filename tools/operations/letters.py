"""The events that services gave up on: `mizan dead-letters`, `mizan replay`."""

from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from servicekit import deadletters
from servicekit.cli import read_settings, run
from servicekit.deadletters import DeadLetter, Replayed
from servicekit.runtime import Service
from tools.operations.choice import chosen, refuse
from tools.services import service_names

T = TypeVar("T")


def list_dead_letters(
    service: Annotated[str, typer.Argument()],
    most: Annotated[int, typer.Option(min=1, help="How many at most, latest first.")] = 100,
    discard: Annotated[list[UUID] | None, typer.Option(help="Delete this one; may be repeated.")] = None,
) -> None:
    """List the events that a service gave up on, or discard some for good."""

    async def work(built: Service) -> Sequence[DeadLetter] | int:
        if discard:
            return await deadletters.discard(built.core.database, discard)
        return await deadletters.listing(built.core.database, most)

    answer = run(_with_database(service, work))
    if isinstance(answer, int):
        typer.echo(f"discarded {answer}")
        return
    for letter in answer:
        typer.echo(
            f"{letter.id}  {letter.failed_at:%Y-%m-%d %H:%M:%S}  {letter.consumer}  {letter.type}  "
            f"{letter.reason} after {letter.attempts}: {letter.error}"
        )
    typer.echo(f"{len(answer)} dead letters")


def replay_dead_letters(
    service: Annotated[str, typer.Argument()],
    ids: Annotated[list[UUID] | None, typer.Argument(help="Which dead letters.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Handle dead letters again, in the service's own code; ends with 1 when one fails again."""
    if bool(ids) == everything:
        refuse("name dead letters, or say --all")

    async def work(built: Service) -> Replayed:
        outcomes = [
            await deadletters.replay(subscriber.inbox, None if everything else ids) for subscriber in built.subscribers
        ]
        return Replayed(
            sum(outcome.applied for outcome in outcomes),
            sum(outcome.already_applied for outcome in outcomes),
            sum(outcome.failed for outcome in outcomes),
        )

    outcome = run(_with_database(service, work))
    typer.echo(f"applied {outcome.applied}, applied before {outcome.already_applied}, failed {outcome.failed}")
    if outcome.failed:
        raise typer.Exit(1)


async def _with_database(service: str, work: Callable[[Service], Awaitable[T]]) -> T:
    """Does something with a service that is connected to its database and to nothing else."""
    (name,) = chosen(service, service_names(), or_all=False)
    settings = read_settings(import_module(f"services.{name}.settings").Settings)
    built: Service = import_module(f"services.{name}.main").build(settings)
    await built.core.database.start()
    try:
        return await work(built)
    finally:
        await built.core.database.stop()
