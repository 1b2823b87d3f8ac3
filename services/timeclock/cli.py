"""Timeclock's commands: `mizan timeclock --help`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
import typer

from servicekit.cli import UNUSABLE, commands_of, read_settings, run, transaction
from servicekit.db import SessionReader
from services.timeclock.commands import log, policy, watching
from services.timeclock.models import Punch
from services.timeclock.queries import timesheets
from services.timeclock.service.timesheets import payroll_csv
from services.timeclock.settings import Settings

app = commands_of("timeclock", "Punches, sessions and timesheets.")


@app.command()
def rebuild(
    restaurant: Annotated[str, typer.Option(help="Only this restaurant.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which sessions would be different.")] = False,
) -> None:
    """Derive every session from the log of punches again, and say which were different."""
    settings = read_settings(Settings)
    wanted = _restaurant(restaurant)

    async def derive() -> int:
        async with transaction(settings, "mizan-rebuild") as session:
            statement = sa.select(Punch.restaurant_id, Punch.staff_id).distinct()
            if wanted is not None:
                statement = statement.where(Punch.restaurant_id == wanted)
            people = (await session.execute(statement)).all()
        different = 0
        for person in people:
            async with transaction(settings, "mizan-rebuild") as session:
                await log.lock_person(session, person.restaurant_id, person.staff_id)
                for changed in await log.derive(session, person.restaurant_id, person.staff_id, None):
                    typer.echo(f"{changed.id} of {person.staff_id}: {changed.status}")
                    different += 1
                if dry_run:
                    await session.rollback()
        return different

    typer.echo(f"{run(derive())} sessions {'would be' if dry_run else 'were'} different")


@app.command()
def watch() -> None:
    """Look once for people who do not come and people who do not clock out, as the service does every minute."""
    settings = read_settings(Settings)

    async def look() -> tuple[int, int]:
        now = datetime.now(UTC)
        async with transaction(settings, "mizan-watch") as session:
            absent = await watching.mark_absent(session, now)
        settled = 0
        async with transaction(settings, "mizan-watch") as session:
            for found in await watching.overdue(session, now):
                settled += await watching.settle(session, found, now)
        return absent, settled

    absent, settled = run(look())
    typer.echo(f"{absent} absences, {settled} forgotten punches")


@app.command()
def take_over_wages(restaurant: Annotated[str, typer.Option(help="Only this restaurant.")] = "") -> None:
    """Have a running service take over what people's profiles say they earn, as it does every night."""
    settings = read_settings(Settings)
    wanted = _restaurant(restaurant)

    async def ask() -> int:
        async with transaction(settings, "mizan-take-over-wages") as session:
            return await policy.have_wages_taken_over(session, wanted)

    typer.echo(f"asked for {run(ask())} restaurants")


@app.command()
def export_payroll(
    restaurant: Annotated[str, typer.Argument(help="The restaurant's id.")],
    first: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Periods that end from this day on.")],
    last: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Periods that end until this day.")],
    file: Annotated[Path, typer.Argument(help="The CSV file to write.")],
) -> None:
    """Write the lines of approved and paid timesheets to a CSV file."""
    settings = read_settings(Settings)
    tenant = _restaurant(restaurant)
    if tenant is None:
        raise typer.Exit(UNUSABLE)

    async def export() -> int:
        async with transaction(settings, "mizan-export-payroll") as session:
            rows = await timesheets.payroll(SessionReader(session), tenant, first.date(), last.date())
        file.write_bytes(payroll_csv(rows))
        return len(rows)

    typer.echo(f"{run(export())} lines written to {file}")


def _restaurant(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        typer.echo(f"{text} is no restaurant's id", err=True)
        raise typer.Exit(UNUSABLE) from error
