"""`mizan import-legacy`"""

import asyncio
import csv
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from servicekit.db import Database
from tools.operations.choice import refuse
from tools.operations.legacy import attendance, menu, people, planning, reviews, sales, stock, timesheets
from tools.operations.legacy.source import Source
from tools.operations.legacy.steps import Outcome, run_step

STEPS = (
    *people.STEPS,
    *stock.STEPS,
    *menu.STEPS,
    *sales.STEPS,
    *planning.STEPS,
    *attendance.STEPS,
    *reviews.STEPS,
    *timesheets.STEPS,
)
SERVICES = tuple(dict.fromkeys(step.service for step in STEPS))
CONNECT_SECONDS = 10
NAMED_AT_MOST = 5


def main(
    refused: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Writes table, id and reason of every refused row there, as CSV."),
    ] = None,
) -> None:
    """Take over the tables of the earlier backend in LEGACY_DATABASE_URL, through <SERVICE>_DATABASE_URL.

    May be repeated, and has to be where rows wait for their restaurant to arrive in another service; the services must
    run for that. Ends with 1 when a row was refused or waits, and names the tables that nothing reads.
    """
    legacy = os.environ.get("LEGACY_DATABASE_URL")
    if not legacy:
        refuse("LEGACY_DATABASE_URL is not set")
    urls = {name: os.environ.get(f"{name.upper()}_DATABASE_URL") for name in SERVICES}
    if missing := [name for name, url in urls.items() if not url]:
        refuse(f"{missing[0].upper()}_DATABASE_URL is not set")
    with psycopg.connect(legacy, connect_timeout=CONNECT_SECONDS) as connection:
        source = Source(connection)
        outcomes = asyncio.run(_run(source, {name: str(url) for name, url in urls.items()}))
        unread = source.unread()
    if refused is not None:
        _write(refused, outcomes)
    for table, rows in unread.items():
        typer.echo(f"{table}: not taken over, about {rows} rows")
    if any(outcome.refused or outcome.waiting for outcome in outcomes):
        raise typer.Exit(1)


def _write(file: Path, outcomes: Sequence[Outcome]) -> None:
    with file.open("w", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(("table", "id", "reason"))
        lines.writerows((outcome.table, *row) for outcome in outcomes for row in outcome.refused)


async def _run(source: Source, urls: dict[str, str]) -> list[Outcome]:
    outcomes = []
    for step in STEPS:
        table = source.find(step.tables)
        if table is None:
            typer.echo(f"{step.tables[0]}: there is no such table")
            continue
        async with _database(urls[step.service]) as database:
            outcome = await run_step(step, table, source, database)
        typer.echo(str(outcome))
        for identifier, reason in outcome.refused[:NAMED_AT_MOST]:
            typer.echo(f"  {identifier}: {reason}")
        if more := outcome.refused[NAMED_AT_MOST:]:
            typer.echo(f"  and {len(more)} more")
        outcomes.append(outcome)
    return outcomes


@asynccontextmanager
async def _database(url: str) -> AsyncIterator[Database]:
    database = Database(url, application="mizan-import-legacy", pool_size=1)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()
