"""Inventory's commands: `mizan inventory --help`."""

from typing import Annotated
from uuid import UUID

import typer

from servicekit.cli import commands_of, read_settings, run, transaction
from servicekit.db import SessionReader
from services.inventory.commands.integrity import sum_up_again
from services.inventory.queries import integrity
from services.inventory.settings import Settings

app = commands_of("inventory", "The stock of restaurants and the ledger that it follows from.")


@app.command("check")
def check(
    restaurant: Annotated[UUID | None, typer.Option(help="Only this restaurant.")] = None,
    repair: Annotated[bool, typer.Option(help="Make wrong sums anew from the ledger.")] = False,
) -> None:
    """Compare every balance and every sum with the entries of the ledger; ends with 1 where something differs."""
    settings = read_settings(Settings)
    wrong = run(_check(settings, restaurant, repair=repair))
    for line in wrong:
        typer.echo(line)
    if wrong:
        raise typer.Exit(1)
    typer.echo("everything adds up")


async def _check(settings: Settings, restaurant: UUID | None, *, repair: bool) -> list[str]:
    async with transaction(settings, "mizan-check") as session:
        chosen = [restaurant] if restaurant is not None else await integrity.restaurants(SessionReader(session))
    lines: list[str] = []
    for restaurant_id in chosen:
        async with transaction(settings, "mizan-check") as session:
            balances, sums = await integrity.wrong_items(SessionReader(session), restaurant_id)
            lines += [f"{restaurant_id}  {item_id}  balance" for item_id in balances]
            if sums and repair:
                await sum_up_again(session, restaurant_id)
            lines += [f"{restaurant_id}  {item_id}  sums{', made anew' if repair else ''}" for item_id in sums]
    return lines
