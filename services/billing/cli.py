"""Billing's commands: `mizan billing --help`."""

from typing import Annotated

import typer

from servicekit.cli import commands_of, read_settings, run, transaction
from servicekit.db import SessionReader
from services.billing.commands import plans as commands
from services.billing.domain.plan import Offer, price_of
from services.billing.queries import plans as queries
from services.billing.settings import Settings

app = commands_of("billing", "Plans that restaurants can subscribe to.")


@app.command("plans")
def list_plans() -> None:
    """List every plan, on offer or not."""
    for line in run(_list(read_settings(Settings))):
        typer.echo(line)


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
    typer.echo(run(_put(read_settings(Settings), offer)))


async def _list(settings: Settings) -> list[str]:
    async with transaction(settings, "mizan-plans") as session:
        plans = await queries.every_plan(SessionReader(session))
    return [
        f"{plan.slug}  {plan.price} {plan.currency} a {plan.period}  {'on offer' if plan.is_active else 'withdrawn'}"
        for plan in plans
    ]


async def _put(settings: Settings, offer: Offer) -> str:
    async with transaction(settings, "mizan-put-plan") as session:
        plan = await commands.put_plan(session, offer)
        return f"{plan.slug} is plan {plan.id}, version {plan.version}"
