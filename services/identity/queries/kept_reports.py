"""Reports that somebody had made."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query, Reading
from services.identity.models import KeptReport, User

LATEST = 100

_REPORTS = (
    sa.select(*KeptReport.__table__.columns, User.first_name, User.last_name)
    .outerjoin(User, User.id == KeptReport.generated_by)
    .where(KeptReport.restaurant_id == bindparam("restaurant_id", type_=sa.Uuid))
)
_LATEST = Query(_REPORTS.order_by(KeptReport.generated_at.desc(), KeptReport.id).limit(LATEST))
_ONE = Query(_REPORTS.where(KeptReport.id == bindparam("id", type_=sa.Uuid)))


async def latest(reading: Reading, restaurant_id: UUID) -> Sequence[Any]:
    """The newest reports of a restaurant with the names of who had them made."""
    return await reading.all(_LATEST, restaurant_id=restaurant_id)


async def report(reading: Reading, restaurant_id: UUID, report_id: UUID) -> Any:
    """A report that is known to be there."""
    return await reading.first(_ONE, restaurant_id=restaurant_id, id=report_id)
