"""What pos publishes, and how each fact is made from its rows."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.pos.events.v1 import events_pb2 as facts
from servicekit import events
from services.pos.models import (
    MenuCategory,
    MenuItem,
    Order,
    OrderLine,
    Payment,
    ProviderConnection,
    ProviderSync,
    Refund,
)


def menu_category_created(session: AsyncSession, category: MenuCategory) -> None:
    """The menu has a new section."""
    about = facts.MenuCategoryFacts(
        id=str(category.id),
        restaurant_id=str(category.restaurant_id),
        name=category.name,
        is_active=category.is_active,
        display_order=category.display_order,
        version=category.version,
    )
    events.emit(
        session,
        facts.MenuCategoryCreated(category=about),
        restaurant_id=category.restaurant_id,
        aggregate_id=category.id,
        version=category.version,
    )


def _item_facts(item: MenuItem) -> facts.MenuItemFacts:
    return facts.MenuItemFacts(
        id=str(item.id),
        restaurant_id=str(item.restaurant_id),
        name=item.name,
        price=str(item.price),
        is_active=item.is_active,
        is_available=item.is_available,
        category_id=str(item.category_id or ""),
        version=item.version,
    )


def menu_item_changed(session: AsyncSession, item: MenuItem) -> None:
    """The menu has a new item, or another state of one."""
    _emit_item(session, item, facts.MenuItemChanged(item=_item_facts(item)))


def menu_item_deleted(session: AsyncSession, item: MenuItem) -> None:
    """The menu has an item no more."""
    _emit_item(session, item, facts.MenuItemDeleted(item=_item_facts(item)))


def menu_item_availability(session: AsyncSession, item: MenuItem) -> None:
    """An item has run out, or is back."""
    kind = facts.MenuItemRestored if item.is_available else facts.MenuItemSoldOut
    _emit_item(session, item, kind(item=_item_facts(item)))


def _emit_item(session: AsyncSession, item: MenuItem, message: Any) -> None:
    events.emit(session, message, restaurant_id=item.restaurant_id, aggregate_id=item.id, version=item.version)


def _order_facts(order: Order, lines: Sequence[OrderLine]) -> facts.OrderFacts:
    return facts.OrderFacts(
        id=str(order.id),
        restaurant_id=str(order.restaurant_id),
        order_number=order.order_number,
        order_type=order.order_type,
        status=order.status,
        table_id=str(order.table_id or ""),
        server_id=str(order.server_id or ""),
        business_date=order.business_date.isoformat(),
        currency=order.currency,
        subtotal=str(order.subtotal),
        tax_amount=str(order.tax_amount),
        discount_amount=str(order.discount_amount),
        service_charge=str(order.service_charge),
        total_amount=str(order.total_amount),
        amount_paid=str(order.amount_paid),
        refund_amount=str(order.refund_amount),
        guest_count=order.guest_count,
        lines=[
            facts.OrderLineFacts(
                id=str(line.id),
                menu_item_id=str(line.menu_item_id),
                name=line.name,
                quantity=line.quantity,
                unit_price=str(line.unit_price),
                total_price=str(line.total_price),
                modifier_ids=[str(modifier["id"]) for modifier in _modifiers(line)],
            )
            for line in lines
            if line.status != "CANCELLED"
        ],
        version=order.version,
    )


def _modifiers(line: Any) -> list[dict[str, Any]]:
    return list(line.modifiers)


def order_opened(session: AsyncSession, order: Order, lines: Sequence[OrderLine]) -> None:
    """An order was taken."""
    _emit_order(session, order, facts.OrderOpened(order=_order_facts(order, lines)))


def order_updated(session: AsyncSession, order: Order, lines: Sequence[OrderLine]) -> None:
    """An order changed."""
    _emit_order(session, order, facts.OrderUpdated(order=_order_facts(order, lines)))


def order_completed(session: AsyncSession, order: Order, lines: Sequence[OrderLine]) -> None:
    """An order is paid and closed."""
    _emit_order(session, order, facts.OrderCompleted(order=_order_facts(order, lines)))


def order_voided(session: AsyncSession, order: Order, lines: Sequence[OrderLine]) -> None:
    """An order was cancelled."""
    message = facts.OrderVoided(order=_order_facts(order, lines), reason=order.void_reason or "")
    _emit_order(session, order, message)


def order_refunded(
    session: AsyncSession, order: Order, lines: Sequence[OrderLine], amount: Decimal, tax: Decimal, reason: str
) -> None:
    """Money was given back for an order."""
    message = facts.OrderRefunded(
        order=_order_facts(order, lines), amount=str(amount), tax_amount=str(tax), reason=reason
    )
    _emit_order(session, order, message)


def _emit_order(session: AsyncSession, order: Order, message: Any) -> None:
    events.emit(session, message, restaurant_id=order.restaurant_id, aggregate_id=order.id, version=order.version)


def _payment_facts(payment: Payment) -> facts.PaymentFacts:
    return facts.PaymentFacts(
        id=str(payment.id),
        restaurant_id=str(payment.restaurant_id),
        order_id=str(payment.order_id),
        payment_method=payment.payment_method,
        status=payment.status,
        amount=str(payment.amount),
        tip_amount=str(payment.tip_amount),
        refund_amount=str(payment.refund_amount),
        currency=payment.currency,
    )


def payment_captured(session: AsyncSession, payment: Payment) -> None:
    """Money was taken."""
    events.emit(
        session,
        facts.PaymentCaptured(payment=_payment_facts(payment)),
        restaurant_id=payment.restaurant_id,
        aggregate_id=payment.id,
    )


def payment_refunded(session: AsyncSession, payment: Payment, amount: Decimal, tip: Decimal) -> None:
    """Money of a payment was given back."""
    events.emit(
        session,
        facts.PaymentRefunded(payment=_payment_facts(payment), amount=str(amount), tip_amount=str(tip)),
        restaurant_id=payment.restaurant_id,
        aggregate_id=payment.id,
    )


def payment_refund_failed(session: AsyncSession, payment: Payment, refund: Refund, reason: str) -> None:
    """The payment provider did not give back what a refund says."""
    message = facts.PaymentRefundFailed(
        payment=_payment_facts(payment),
        refund_id=str(refund.id),
        amount=str(refund.amount + refund.tip_amount),
        tip_amount=str(refund.tip_amount),
        reason=reason,
    )
    events.emit(session, message, restaurant_id=payment.restaurant_id, aggregate_id=payment.id)


def ticket_opened(session: AsyncSession, ticket: Any, lines: Sequence[Any]) -> None:
    """The kitchen has something new to make; `ticket` is a row of queries.kitchen."""
    _emit_ticket(session, ticket, facts.TicketOpened(ticket=_ticket_facts(ticket, lines)))


def ticket_changed(session: AsyncSession, ticket: Any, lines: Sequence[Any]) -> None:
    """A ticket, or a line on it, changed; `ticket` is a row of queries.kitchen."""
    _emit_ticket(session, ticket, facts.TicketChanged(ticket=_ticket_facts(ticket, lines)))


def _ticket_facts(ticket: Any, lines: Sequence[Any]) -> facts.TicketFacts:
    about = facts.TicketFacts(
        id=str(ticket.id),
        restaurant_id=str(ticket.restaurant_id),
        order_id=str(ticket.order_id),
        order_number=ticket.order_number,
        order_type=ticket.order_type,
        table_number=ticket.table_number or 0,
        status=ticket.status,
        is_priority=ticket.is_priority,
        lines=[
            facts.TicketLineFacts(
                id=str(line.id),
                name=line.name,
                quantity=line.quantity,
                modifiers=[str(modifier["name"]) for modifier in _modifiers(line)],
                special_instructions=line.special_instructions or "",
                status=line.status,
            )
            for line in lines
        ],
        version=ticket.version,
        notes=ticket.notes or "",
    )
    about.opened_at.FromDatetime(ticket.created_at)
    if ticket.bumped_at is not None:
        about.bumped_at.FromDatetime(ticket.bumped_at)
    return about


def _emit_ticket(session: AsyncSession, ticket: Any, message: Any) -> None:
    events.emit(session, message, restaurant_id=ticket.restaurant_id, aggregate_id=ticket.id, version=ticket.version)


def provider_changed(session: AsyncSession, connection: ProviderConnection, syncs: Mapping[str, Any]) -> None:
    """A connection with a till system changed, or a sync of it ended; `syncs` are their rows by kind."""
    runs = any(sync.state == "RUNNING" for sync in syncs.values())
    message = facts.ProviderChanged(
        restaurant_id=str(connection.restaurant_id),
        provider=connection.provider,
        is_connected=connection.status == "CONNECTED",
        sync_status="SYNCING" if runs and connection.status == "CONNECTED" else connection.status,
        merchant_id=connection.merchant_id,
        location_id=connection.location_id,
        orders_synced=syncs["orders"].total_records if "orders" in syncs else 0,
        version=connection.version,
    )
    if connection.token_expires_at is not None:
        message.token_expires_at.FromDatetime(connection.token_expires_at)
    if connection.last_sync_at is not None:
        message.last_sync_at.FromDatetime(connection.last_sync_at)
    events.emit(
        session,
        message,
        restaurant_id=connection.restaurant_id,
        aggregate_id=connection.restaurant_id,
        version=connection.version,
    )


def sync_started(session: AsyncSession, sync: ProviderSync) -> None:
    """A menu or orders are being taken over."""
    _emit_sync(session, sync, facts.SyncStarted(sync=_sync_facts(sync)))


def sync_completed(session: AsyncSession, sync: ProviderSync) -> None:
    """All of it was taken over."""
    _emit_sync(session, sync, facts.SyncCompleted(sync=_sync_facts(sync)))


def sync_failed(session: AsyncSession, sync: ProviderSync, reason: str) -> None:
    """The provider refused or did not answer."""
    _emit_sync(session, sync, facts.SyncFailed(sync=_sync_facts(sync), reason=reason))


def _sync_facts(sync: ProviderSync) -> facts.SyncFacts:
    return facts.SyncFacts(
        restaurant_id=str(sync.restaurant_id), provider=sync.provider, kind=sync.kind, records=sync.records
    )


def _emit_sync(session: AsyncSession, sync: ProviderSync, message: Any) -> None:
    events.emit(session, message, restaurant_id=sync.restaurant_id, aggregate_id=sync.restaurant_id)
