"""Making a restaurant's subscription and invoices what the payment provider says they are.

Events are only hints that something changed: what is applied is always a snapshot that was taken after the row was
locked. Snapshots of one restaurant are therefore applied in the order in which they were taken, and neither repeated,
late nor missing events can leave an older state behind.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.billing.events.v1 import events_pb2 as facts
from services.billing import events
from services.billing.commands.entitlements import derive
from services.billing.domain.entitlement import Standing, grace_until
from services.billing.domain.subscription import CANCELED, InvoiceMirror, Snapshot
from services.billing.models import Invoice, Subscription
from services.billing.queries.catalogue import Catalogue, catalogue_of

Changes = dict[str, list[str | None]]
"""What was set right: the field, before and after."""

log = structlog.get_logger(__name__)


async def apply(
    session: AsyncSession, subscription: Subscription, snapshot: Snapshot, now: datetime, grace: timedelta
) -> Changes:
    """Applies a snapshot to a subscription that the session has locked; what that changed."""
    catalogue = await catalogue_of(session)
    before = (subscription.status, catalogue.slug(subscription.plan_id))
    changes = _compare(subscription, _wanted(subscription, snapshot, catalogue))
    if changes:
        subscription.version += 1
        await session.flush()
        plan = catalogue.slug(subscription.plan_id)
        if "status" in changes and subscription.status == CANCELED:
            events.subscription_canceled(session, subscription, plan)
        else:
            standing = Standing(subscription.status, past_due_since=subscription.past_due_since)
            events.subscription_updated(
                session,
                subscription,
                plan,
                grace_until(standing, grace),
                previous_status=before[0],
                previous_plan=before[1],
            )
    changes |= await _apply_invoices(session, subscription, snapshot)
    if changes:
        await derive(session, subscription, catalogue, now, grace)
    return changes


def _wanted(subscription: Subscription, snapshot: Snapshot, catalogue: Catalogue) -> dict[str, Any]:
    current = snapshot.current
    if current is None:
        if subscription.stripe_subscription_id is None:
            return {}
        # It was deleted where it was bought.
        return {"status": CANCELED, "past_due_since": None, "cancel_at_period_end": False}
    plan_id = catalogue.by_price.get(current.price_id or "")
    if plan_id is None:
        log.warning("price_without_plan", price=current.price_id, restaurant_id=str(subscription.restaurant_id))
    return {
        "plan_id": plan_id,
        "status": current.status,
        "current_period_start": current.current_period_start,
        "current_period_end": current.current_period_end,
        "cancel_at_period_end": current.cancel_at_period_end,
        "trial_end": current.trial_end,
        "trial_used": True,
        "canceled_at": current.canceled_at,
        "past_due_since": snapshot.overdue_since,
        "stripe_subscription_id": current.stripe_subscription_id,
        "stripe_price_id": current.price_id,
    }


def _compare(row: Any, wanted: dict[str, Any], prefix: str = "") -> Changes:
    changes: Changes = {}
    for name, value in wanted.items():
        known = getattr(row, name)
        if known != value:
            changes[prefix + name] = [_text(known), _text(value)]
            setattr(row, name, value)
    return changes


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def _apply_invoices(session: AsyncSession, subscription: Subscription, snapshot: Snapshot) -> Changes:
    restaurant_id = subscription.restaurant_id
    known = {
        row.stripe_invoice_id: row
        for row in await session.scalars(sa.select(Invoice).where(Invoice.restaurant_id == restaurant_id))
    }
    changes: Changes = {}
    told: list[tuple[Any, Invoice]] = []
    for mirror in snapshot.invoices:
        values = _columns(mirror)
        row = known.get(mirror.stripe_invoice_id)
        if row is None:
            row = Invoice(restaurant_id=restaurant_id, version=1, **values)
            session.add(row)
            changes[f"{mirror.stripe_invoice_id}.status"] = [None, mirror.status]
            told += [(kind, row) for kind in _news(None, 0, mirror)]
            continue
        status, attempts = row.status, row.attempt_count
        different = _compare(row, values, f"{mirror.stripe_invoice_id}.")
        if different:
            row.version += 1
            changes |= different
            told += [(kind, row) for kind in _news(status, attempts, mirror)]
    await session.flush()
    for kind, row in told:
        events.invoice(session, kind, row)
    return changes


def _columns(mirror: InvoiceMirror) -> dict[str, Any]:
    values = asdict(mirror)
    values["created_at"] = values.pop("created")
    values["stripe_subscription_id"] = values.pop("subscription_id")
    return values


def _news(status: str | None, attempts: int, now: InvoiceMirror) -> Iterator[Any]:
    """What is new of an invoice that had a status and so many attempts before."""
    if now.status == "open" and status in {None, "draft"}:
        yield facts.InvoiceIssued
    if now.status == "open" and now.attempt_count > attempts and now.amount_remaining > 0:
        yield facts.InvoicePaymentFailed
    if now.status == "paid" and status != "paid":
        yield facts.InvoicePaid
    if now.status in {"void", "uncollectible"} and status != now.status:
        yield facts.InvoiceVoided
