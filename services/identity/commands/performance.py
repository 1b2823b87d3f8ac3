"""Measuring how people perform."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import NotFound
from servicekit.identity import Principal
from services.identity.commands.documents import ensure_may_file
from services.identity.models import PerformanceMetric

_COLUMNS = {"staff": "staff_id", "date": "measured_on"}
"""The columns of fields that requests call otherwise."""


async def record(session: AsyncSession, principal: Principal, values: Mapping[str, Any], now: datetime) -> UUID:
    """A new figure about a person; its id. Raises NotFound or Forbidden for a person the caller may not write about."""
    await ensure_may_file(session, principal, values["staff"])
    columns = {_COLUMNS.get(name, name): value for name, value in values.items()}
    metric = PerformanceMetric(id=uuid4(), restaurant_id=principal.tenant, created_at=now, **columns)
    session.add(metric)
    await session.flush()
    return metric.id


async def locked_metric(session: AsyncSession, principal: Principal, metric_id: UUID) -> PerformanceMetric:
    """A figure that the caller may change, held against others. Raises NotFound or Forbidden."""
    metric = await session.scalar(
        sa.select(PerformanceMetric)
        .where(PerformanceMetric.id == metric_id, PerformanceMetric.restaurant_id == principal.tenant)
        .with_for_update()
    )
    if metric is None:
        raise NotFound("No PerformanceMetric matches the given query.")
    await ensure_may_file(session, principal, metric.staff_id)
    return metric


async def change(
    session: AsyncSession, principal: Principal, metric: PerformanceMetric, changes: Mapping[str, Any]
) -> None:
    """Applies changes to a figure. Raises NotFound or Forbidden for a person the caller may not write about."""
    if "staff" in changes:
        await ensure_may_file(session, principal, changes["staff"])
    for name, value in changes.items():
        setattr(metric, _COLUMNS.get(name, name), value)
    await session.flush()
