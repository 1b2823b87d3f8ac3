"""Billing's commands: `mizan billing --help`."""

import json
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from servicekit.cli import commands_of, read_settings, run, transaction
from servicekit.clock import SystemClock
from servicekit.db import SYSTEM, Database, SessionReader
from servicekit.errors import Refusal
from servicekit.jobs import Job
from services.billing import tasks
from services.billing.catalogue import STANDARD
from services.billing.commands import entitlements
from services.billing.commands import plans as commands
from services.billing.domain.money import to_minor
from services.billing.domain.plan import Offer, limit_of, price_of
from services.billing.jobs import BillingJobs
from services.billing.main import stripe_of
from services.billing.queries import plans as queries
from services.billing.queries import reconciliations
from services.billing.settings import Settings

T = TypeVar("T")

app = commands_of("billing", "Plans that restaurants can subscribe to, and what they may use.")


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
    entitles_to: Annotated[
        list[str] | None, typer.Option(help="A feature that it switches on, such as api_access; may be repeated.")
    ] = None,
    limit: Annotated[list[str] | None, typer.Option(help="A limit such as staff=25; may be repeated.")] = None,
    trial_days: Annotated[int, typer.Option(help="Days that it can be tried without paying.")] = 0,
    base: Annotated[bool, typer.Option(help="Whether everybody has it who pays for none.")] = False,
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
            entitled_features=tuple(entitles_to or ()),
            limits=dict(map(limit_of, limit or ())),
            trial_days=trial_days,
            is_base=base,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(_checked(_put(read_settings(Settings), offer)))


@app.command("seed-plans")
def seed_plans() -> None:
    """Put the standard plans; with Stripe's key, their prices are found or made there. Harmless when repeated."""
    for line in _checked(_seed(read_settings(Settings))):
        typer.echo(line)


@app.command("grant")
def grant(
    restaurant: Annotated[UUID, typer.Argument(help="The restaurant's id.")],
    name: Annotated[str, typer.Argument(help="A feature such as api_access, or a limit with --limit.")],
    limit: Annotated[int | None, typer.Option(help="How much of it there may be.")] = None,
    until: Annotated[datetime | None, typer.Option(help="When it ends, in UTC.")] = None,
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Give a restaurant a feature or a higher limit beside its plan."""
    settings = read_settings(Settings)
    ends = until.replace(tzinfo=UTC) if until is not None else None

    async def give() -> bool:
        async with transaction(settings, "mizan-grant") as session:
            now = datetime.now(UTC)
            return await entitlements.grant(
                session, restaurant, name, limit=limit, until=ends, note=note, now=now, grace=settings.grace
            )

    _report(_checked(give()))


@app.command("revoke")
def revoke(
    restaurant: Annotated[UUID, typer.Argument(help="The restaurant's id.")],
    names: Annotated[list[str], typer.Argument(help="What was given.")],
) -> None:
    """Take back what was given beside the plan."""
    settings = read_settings(Settings)

    async def take() -> bool:
        async with transaction(settings, "mizan-revoke") as session:
            return await entitlements.revoke(session, restaurant, names, datetime.now(UTC), settings.grace)

    _report(_checked(take()))


@app.command("reconcile")
def reconcile() -> None:
    """Compare every restaurant with Stripe now, set right what differs, and say what that was."""
    settings = read_settings(Settings)
    typer.echo(_checked(_reconcile(settings)))


@app.command("reconciliations")
def list_reconciliations(
    count: Annotated[int, typer.Option(help="How many of the latest.", min=1, max=100)] = 10,
) -> None:
    """List what the latest comparisons with Stripe found."""
    for line in run(_reports(read_settings(Settings), count)):
        typer.echo(line)


def _checked(work: Coroutine[Any, Any, T]) -> T:
    """Awaits the work of a command; what it refuses ends the command with its words."""
    try:
        return run(work)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    except Refusal as refusal:
        typer.echo(refusal.message, err=True)
        raise typer.Exit(1) from refusal


def _report(known: bool) -> None:
    if not known:
        typer.echo("no such restaurant", err=True)
        raise typer.Exit(1)
    typer.echo("done")


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


async def _seed(settings: Settings) -> list[str]:
    stripe = stripe_of(settings)
    lines = []
    try:
        async with transaction(settings, "mizan-seed-plans") as session:
            known = {plan.slug: plan.stripe_price_id for plan in await queries.every_plan(SessionReader(session))}
            for offer in STANDARD:
                price_id = known.get(offer.slug)
                if stripe.is_configured and offer.price:
                    price_id = await stripe.ensure_price(
                        offer.slug,
                        offer.name,
                        amount=to_minor(offer.price, offer.currency),
                        currency=offer.currency,
                        period=offer.period,
                    )
                plan = await commands.put_plan(session, replace(offer, stripe_price_id=price_id))
                lines.append(f"{plan.slug} is plan {plan.id}, version {plan.version}")
    finally:
        await stripe.stop()
    return lines


async def _reconcile(settings: Settings) -> str:
    database = Database(settings.database_url, application="mizan-reconcile", pool_size=4)
    await database.start()
    stripe = stripe_of(settings)
    try:
        jobs = BillingJobs(database, stripe, SystemClock(), settings.grace)
        await jobs.reconcile(Job(id=0, task=tasks.RECONCILE.name, attempt=1, last_attempt=True))
        (report,) = await reconciliations.latest(database.read(SYSTEM), 1)
    finally:
        await stripe.stop()
        await database.stop()
    return _line(report)


async def _reports(settings: Settings, count: int) -> list[str]:
    async with transaction(settings, "mizan-reconciliations") as session:
        return [_line(report) for report in await reconciliations.latest(SessionReader(session), count)]


def _line(report: Any) -> str:
    found = json.dumps(report.findings) if report.findings else ""
    counts = f"{report.checked} checked, {report.repaired} repaired, {report.failed} failed"
    return f"{report.started_at:%Y-%m-%d %H:%M}  {counts}  {found}".rstrip()
