"""Billing, inventory, the till and the time clock."""

from decimal import Decimal
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.billing.events.v1 import events_pb2 as billing
from mizan.inventory.events.v1 import events_pb2 as inventory
from mizan.pos.events.v1 import events_pb2 as pos
from mizan.timeclock.events.v1 import events_pb2 as timeclock
from servicekit.events import Envelope
from servicekit.inbox import Handler
from services.notify.commands.telling import News
from services.notify.queries.people import OWNERS
from services.notify.reactions.base import Reactions, day, moment
from services.notify.reactions.scheduling import absence
from services.notify.texts import Coded, Day, Money, Time

KITCHEN = ("CHEF", "SOUS_CHEF")


class BillingReactions(Reactions):
    """Tells the owners what concerns their money."""

    def handlers(self) -> dict[type[Message], Handler]:
        """Its handlers, by event."""
        return {
            billing.InvoicePaymentFailed: self.payment_failed,
            billing.SubscriptionTrialEnding: self.trial_ending,
            billing.SubscriptionUpdated: self.subscription_updated,
            billing.SubscriptionCanceled: self.subscription_canceled,
        }

    async def payment_failed(
        self, session: AsyncSession, event: billing.InvoicePaymentFailed, _envelope: Envelope
    ) -> None:
        """Tells of every attempt that failed."""
        invoice = event.invoice
        await self._tell(
            session,
            invoice.restaurant_id,
            f"invoice {invoice.id} failed {invoice.attempt_count}",
            "payment_failed",
            {"amount": Money(Decimal(invoice.amount_remaining or invoice.total), invoice.currency)},
            {"invoice_id": invoice.id, "url": invoice.hosted_url},
        )

    async def trial_ending(
        self, session: AsyncSession, event: billing.SubscriptionTrialEnding, _envelope: Envelope
    ) -> None:
        """Tells once for each trial."""
        await self._tell(
            session,
            event.subscription.restaurant_id,
            f"trial ending {event.trial_end.seconds}",
            "trial_ending",
            {"date": Day(moment(event.trial_end))},
            {"plan": event.subscription.plan},
        )

    async def subscription_updated(
        self, session: AsyncSession, event: billing.SubscriptionUpdated, _envelope: Envelope
    ) -> None:
        """Tells when a payment becomes overdue."""
        subscription = event.subscription
        if subscription.status != "past_due" or event.previous_status == "past_due":
            return
        grace = subscription.HasField("grace_until")
        await self._tell(
            session,
            subscription.restaurant_id,
            f"subscription overdue v{subscription.version}",
            "subscription_overdue",
            {"date": Day(moment(subscription.grace_until)) if grace else ""},
            {"plan": subscription.plan},
        )

    async def subscription_canceled(
        self, session: AsyncSession, event: billing.SubscriptionCanceled, _envelope: Envelope
    ) -> None:
        """Tells that it is over."""
        subscription = event.subscription
        await self._tell(
            session,
            subscription.restaurant_id,
            f"subscription canceled v{subscription.version}",
            "subscription_canceled",
            {},
            {"plan": subscription.plan},
        )

    async def _tell(
        self,
        session: AsyncSession,
        restaurant_id: str,
        key: str,
        text: str,
        words: dict[str, Any],
        data: dict[str, Any],
    ) -> None:
        news = News(key=key, kind="BILLING_ALERT", text=text, words=words, data={**data, "route": "/settings/billing"})
        await self.tell(session, restaurant_id, await self.in_roles(session, restaurant_id, OWNERS), news)


class InventoryReactions(Reactions):
    """Tells managers, and the chefs of what they cook with."""

    def handlers(self) -> dict[type[Message], Handler]:
        """Its handlers, by event."""
        return {
            inventory.StockLow: self.stock_low,
            inventory.StockOut: self.stock_out,
            inventory.PurchaseOrderReceived: self.order_received,
            inventory.PurchaseOrderCancelled: self.order_cancelled,
        }

    async def stock_low(self, session: AsyncSession, event: inventory.StockLow, _envelope: Envelope) -> None:
        """Tells that little is left."""
        await self._tell_stock(session, event.stock, "stock_low", {})

    async def stock_out(self, session: AsyncSession, event: inventory.StockOut, _envelope: Envelope) -> None:
        """Tells that nothing is left, and how many dishes that concerns; once, although recipes may change after it."""
        if event.is_repeated:
            return
        await self._tell_stock(session, event.stock, "stock_out", {"dishes": len(event.menu_item_ids)})

    async def _tell_stock(
        self, session: AsyncSession, stock: inventory.StockFacts, text: str, more: dict[str, Any]
    ) -> None:
        news = News(
            key=f"{text} {stock.item_id} v{stock.version}",
            kind="STOCK_ALERT",
            text=text,
            words={"item": stock.name, "quantity": Decimal(stock.quantity or "0"), "unit": stock.unit, **more},
            data={"item_id": stock.item_id, "quantity": stock.quantity, "unit": stock.unit},
        )
        whom = [
            *await self.managers(session, stock.restaurant_id),
            *await self.in_roles(session, stock.restaurant_id, KITCHEN),
        ]
        await self.tell(session, stock.restaurant_id, whom, news)

    async def order_received(
        self, session: AsyncSession, event: inventory.PurchaseOrderReceived, _envelope: Envelope
    ) -> None:
        """Tells that something came."""
        await self._tell_order(session, event.purchase_order, "purchase_order_received")

    async def order_cancelled(
        self, session: AsyncSession, event: inventory.PurchaseOrderCancelled, _envelope: Envelope
    ) -> None:
        """Tells that it will not come."""
        await self._tell_order(session, event.purchase_order, "purchase_order_cancelled")

    async def _tell_order(self, session: AsyncSession, order: inventory.PurchaseOrderFacts, text: str) -> None:
        news = News(
            key=f"{text} {order.id} v{order.version}",
            kind="OTHER",
            text=text,
            words={"date": Day(day(order.order_date)), "status": Coded(order.status)},
            data={"purchase_order_id": order.id, "status": order.status},
        )
        await self.tell(session, order.restaurant_id, await self.managers(session, order.restaurant_id), news)


class TillReactions(Reactions):
    """Tells managers what happens at the till."""

    def handlers(self) -> dict[type[Message], Handler]:
        """Its handlers, by event."""
        return {pos.MenuItemSoldOut: self.sold_out, pos.OrderRefunded: self.order_refunded}

    async def sold_out(self, session: AsyncSession, event: pos.MenuItemSoldOut, _envelope: Envelope) -> None:
        """Tells that a dish has run out."""
        item = event.item
        news = News(
            key=f"sold out {item.id} v{item.version}",
            kind="OTHER",
            text="menu_item_sold_out",
            words={"item": item.name},
            data={"menu_item_id": item.id},
        )
        await self.tell(session, item.restaurant_id, await self.managers(session, item.restaurant_id), news)

    async def order_refunded(self, session: AsyncSession, event: pos.OrderRefunded, _envelope: Envelope) -> None:
        """Tells of every refund."""
        order = event.order
        news = News(
            key=f"refund {order.id} v{order.version}",
            kind="OTHER",
            text="order_refunded",
            words={
                "amount": Money(Decimal(event.amount), order.currency),
                "number": order.order_number,
                "reason": event.reason,
            },
            data={"order_id": order.id},
        )
        await self.tell(session, order.restaurant_id, await self.managers(session, order.restaurant_id), news)


class TimeclockReactions(Reactions):
    """Tells people of their own punches and timesheets, and managers of what is missing."""

    def handlers(self) -> dict[type[Message], Handler]:
        """Its handlers, by event."""
        return {
            timeclock.PunchForgotten: self.punch_forgotten,
            timeclock.AttendanceAbsent: self.absent,
            timeclock.TimesheetSubmitted: self.timesheet_submitted,
            timeclock.TimesheetApproved: self.timesheet_decided,
            timeclock.TimesheetRejected: self.timesheet_decided,
        }

    async def punch_forgotten(
        self, session: AsyncSession, event: timeclock.PunchForgotten, _envelope: Envelope
    ) -> None:
        """Reminds the person while they can still clock out, and tells the managers."""
        found = event.session
        started = moment(found.started_at)
        words = {"date": Day(started), "start": Time(started)}
        news = News(
            key=f"forgotten {found.id}",
            kind="CLOCK_OUT_REMINDER",
            text="clock_out_forgotten",
            words=words,
            data={"session_id": found.id, "clocked_out": event.clocked_out},
        )
        await self.tell(session, found.restaurant_id, [found.staff_id], news)
        name = await self.name(session, found.restaurant_id, found.staff_id)
        report = News(
            key=f"forgotten by {found.id}",
            kind="COMPLIANCE_ALERT",
            text="clock_out_forgotten_by",
            words={**words, "name": name},
            channels=("app",),
            priority="MEDIUM",
            data={"session_id": found.id, "staff_id": found.staff_id},
        )
        managers = await self.managers(session, found.restaurant_id)
        await self.tell(session, found.restaurant_id, managers, report, but=found.staff_id)

    async def absent(self, session: AsyncSession, event: timeclock.AttendanceAbsent, _envelope: Envelope) -> None:
        """Tells the managers who has not come."""
        facts = event.attendance
        name = await self.name(session, facts.restaurant_id, facts.staff_id)
        news = absence(facts.shift_id, facts.staff_id, name, facts)
        managers = await self.managers(session, facts.restaurant_id)
        await self.tell(session, facts.restaurant_id, managers, news, but=facts.staff_id)

    async def timesheet_submitted(
        self, session: AsyncSession, event: timeclock.TimesheetSubmitted, _envelope: Envelope
    ) -> None:
        """Tells the managers."""
        sheet = event.timesheet
        words = _sheet_words(sheet) | {"name": await self.name(session, sheet.restaurant_id, sheet.staff_id)}
        news = _sheet_news(sheet, "timesheet_submitted", words)
        managers = await self.managers(session, sheet.restaurant_id)
        await self.tell(session, sheet.restaurant_id, managers, news, but=sheet.staff_id)

    async def timesheet_decided(
        self,
        session: AsyncSession,
        event: timeclock.TimesheetApproved | timeclock.TimesheetRejected,
        _envelope: Envelope,
    ) -> None:
        """Tells the person."""
        sheet = event.timesheet
        text = "timesheet_approved" if isinstance(event, timeclock.TimesheetApproved) else "timesheet_rejected"
        await self.tell(session, sheet.restaurant_id, [sheet.staff_id], _sheet_news(sheet, text, _sheet_words(sheet)))


def _sheet_words(sheet: timeclock.TimesheetFacts) -> dict[str, Any]:
    return {
        "first_day": Day(day(sheet.start_date)),
        "last_day": Day(day(sheet.end_date)),
        "hours": Decimal(sheet.total_hours or "0"),
    }


def _sheet_news(sheet: timeclock.TimesheetFacts, text: str, words: dict[str, Any]) -> News:
    return News(
        key=f"{text} {sheet.id} v{sheet.version}",
        kind="OTHER",
        text=text,
        words=words,
        channels=("app", "push"),
        data={"timesheet_id": sheet.id},
    )
