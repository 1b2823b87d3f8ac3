"""Writes, resolves and removes the alerts of the dashboard."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.notify.events.v1 import events_pb2 as facts
from servicekit.errors import Invalid, NotFound
from servicekit.identity import Principal
from services.notify import events
from services.notify.models import Alert
from services.notify.queries.alerts import NO_ALERT


async def create(session: AsyncSession, principal: Principal, values: Mapping[str, Any], now: datetime) -> UUID:
    """A new alert; its id. Raises Invalid for one that says nothing."""
    alert = Alert(
        id=uuid4(),
        restaurant_id=principal.tenant,
        alert_type="INFO",
        created_by=principal.user_id,
        created_at=now,
        version=1,
    )
    _apply(alert, values, principal, now)
    session.add(alert)
    await session.flush()
    events.alert_changed(session, facts.AlertCreated, alert)
    return alert.id


async def change(
    session: AsyncSession, principal: Principal, alert_id: UUID, changes: Mapping[str, Any], now: datetime
) -> None:
    """Applies what was sent; what changes nothing is told to nobody. Raises NotFound or Invalid."""
    alert = await locked(session, principal.tenant, alert_id)
    _apply(alert, changes, principal, now)
    if session.is_modified(alert):
        alert.version += 1
        await session.flush()
        events.alert_changed(session, facts.AlertUpdated, alert)


async def delete(session: AsyncSession, restaurant_id: UUID, alert_id: UUID) -> Alert:
    """Removes an alert. Raises NotFound."""
    alert = await locked(session, restaurant_id, alert_id)
    alert.version += 1
    events.alert_changed(session, facts.AlertDeleted, alert)
    await session.delete(alert)
    return alert


async def locked(session: AsyncSession, restaurant_id: UUID, alert_id: UUID) -> Alert:
    """An alert, held against others. Raises NotFound."""
    alert = await session.scalar(
        sa.select(Alert).where(Alert.id == alert_id, Alert.restaurant_id == restaurant_id).with_for_update()
    )
    if alert is None:
        raise NotFound(NO_ALERT)
    return alert


def _apply(alert: Alert, changes: Mapping[str, Any], principal: Principal, now: datetime) -> None:
    if "message" in changes:
        alert.message = changes["message"].strip()
        if not alert.message:
            raise Invalid.field("message", "This field may not be blank.")
    if "alert_type" in changes:
        alert.alert_type = changes["alert_type"]
    if "is_resolved" in changes and changes["is_resolved"] != (alert.resolved_at is not None):
        is_resolved = changes["is_resolved"]
        alert.resolved_at, alert.resolved_by = (now, principal.user_id) if is_resolved else (None, None)
