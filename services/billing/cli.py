"""The operator's commands for billing."""

import asyncio
from typing import Annotated

import typer

from servicekit.db import SYSTEM, Database
from services.billing.commands import plans as commands
from services.billing.domain.plan import Offer, price_of
from services.billing.queries import plans as queries
from services.billing.settings import Settings

app = typer.Typer(help="Plans that restaurants can subscribe to.", no_args_is_help=True)


@app.command("plans")
def list_plans() -> None:
    """List every plan, on offer or not."""
    asyncio.run(_list())


@app.command("put-plan")
def put_plan(
    slug: Annotated[str, typer.Argument(help="The plan's name in URLs; an existing plan of this slug is changed.")],
    name: Annotated[str, typer.Option(help="What the plan is called.")],
    price: Annotated[str, typer.Option(help="For one interval, such as 29.90.")],
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "USD",
    interval: Annotated[str, typer.Option(help="month or year.")] = "month",
    feature: Annotated[list[str] | None, typer.Option(help="A line about what it offers; may be repeated.")] = None,
    stripe_price_id: Annotated[str | None, typer.Option(help="The price at Stripe that a checkout names.")] = None,
    active: Annotated[bool, typer.Option(help="Whether it is on offer.")] = True,
) -> None:
    """Add a plan, or make the one of this slug what is given here."""
    try:
        offer = Offer(
            slug=slug,
            name=name,
            price=price_of(price),
            currency=currency,
            period=interval,
            features=tuple(feature or ()),
            stripe_price_id=stripe_price_id,
            is_active=active,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(asyncio.run(_put(offer)))


async def _list() -> None:
    database = await _database()
    try:
        for plan in await queries.every_plan(database.read(SYSTEM)):
            offered = "on offer" if plan.is_active else "withdrawn"
            typer.echo(f"{plan.slug}  {plan.price} {plan.currency} a {plan.period}  {offered}")
    finally:
        await database.stop()


async def _put(offer: Offer) -> str:
    database = await _database()
    try:
        async with database.write(SYSTEM) as session:
            plan = await commands.put_plan(session, offer)
            return f"{plan.slug} is plan {plan.id}, version {plan.version}"
    finally:
        await database.stop()


async def _database() -> Database:
    # Required settings come from the environment.
    database = Database(Settings().database_url, application="billing-cli", pool_size=1)
    await database.start()
    return database
