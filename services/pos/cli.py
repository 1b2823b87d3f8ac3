"""Pos's commands: `mizan pos --help`."""

import asyncio
from typing import Annotated

import typer

from servicekit.cli import commands_of, read_settings, run
from servicekit.clock import SystemClock
from servicekit.db import SYSTEM, Database
from services.pos.queries import providers
from services.pos.settings import Settings
from services.pos.summing import Summing

app = commands_of("pos", "Till systems that restaurants are connected with, and the sums behind long reports.")


@app.command("verification-codes")
def list_codes(limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=100)] = 10) -> None:
    """List the codes that providers sent to verify a webhook, to be typed in at the provider."""
    for line in run(_codes(read_settings(Settings), limit)):
        typer.echo(line)


@app.command("sum-sales")
def sum_sales() -> None:
    """Sum up every business day whose sums do not hold, as the service does by itself every ten minutes."""
    typer.echo(f"{run(_sum(read_settings(Settings)))} days")


async def _codes(settings: Settings, limit: int) -> list[str]:
    database = Database(settings.database_url, application="pos-cli", pool_size=1)
    await database.start()
    try:
        rows = await providers.verification_codes(database.read(SYSTEM), limit)
    finally:
        await database.stop()
    return [f"{row.received_at:%Y-%m-%d %H:%M} {row.provider} {row.code}" for row in rows]


async def _sum(settings: Settings) -> int:
    database = Database(settings.database_url, application="pos-cli", pool_size=2)
    await database.start()
    try:
        async with asyncio.timeout(3600):
            return await Summing(database, SystemClock()).sum_stale()
    finally:
        await database.stop()
