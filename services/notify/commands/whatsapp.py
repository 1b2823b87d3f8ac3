"""Keeping what WhatsApp tells, before it is acknowledged."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit import jobs
from services.notify.commands.deliveries import apply_report
from services.notify.domain.whatsapp import Inbound, Report
from services.notify.models import WhatsAppMessage, WhatsAppSession
from services.notify.tasks import CONVERSE

TOO_OLD: Final = timedelta(hours=12)
"""A message that took longer is kept and not answered: whoever wrote it has gone on."""

_STORE = insert(WhatsAppMessage).on_conflict_do_nothing(index_elements=["id"]).returning(WhatsAppMessage.phone)


async def store(session: AsyncSession, inbound: Sequence[Inbound], reports: Sequence[Report], now: datetime) -> None:
    """Keeps messages, has each phone's answered in their order, and applies reports. Repeating it changes nothing."""
    for report in reports:
        await apply_report(session, report, now)
    if not inbound:
        return
    rows = [
        {"id": one.id, "phone": one.phone, "message": dict(one.message), "sent_at": one.sent_at, "received_at": now}
        for one in {one.id: one for one in inbound}.values()
    ]
    fresh = (await session.execute(_STORE, rows)).scalars().all()
    for phone in dict.fromkeys(fresh):
        latest = max(one.sent_at for one in inbound if one.phone == phone)
        await note_inbound(session, phone, latest)
        await jobs.defer(session, CONVERSE, lock=f"whatsapp {phone}", once=f"whatsapp {phone}", phone=phone)


async def note_inbound(session: AsyncSession, phone: str, at: datetime) -> None:
    """From now on texts may be sent to a number for a day."""
    await session.execute(
        insert(WhatsAppSession)
        .values(phone=phone, last_inbound_at=at)
        .on_conflict_do_update(
            index_elements=["phone"],
            set_={"last_inbound_at": sa.func.greatest(WhatsAppSession.last_inbound_at, at)},
        )
    )


async def waiting(session: AsyncSession, phone: str) -> WhatsAppMessage | None:
    """The next message of a number that nobody has worked on, locked."""
    message: WhatsAppMessage | None = (
        await session.scalars(
            sa.select(WhatsAppMessage)
            .where(WhatsAppMessage.phone == phone, WhatsAppMessage.processed_at.is_(None))
            .order_by(WhatsAppMessage.seq)
            .limit(1)
            .with_for_update()
        )
    ).one_or_none()
    return message


async def conversation(session: AsyncSession, phone: str) -> WhatsAppSession:
    """Where a number's conversation stands, locked."""
    await session.execute(insert(WhatsAppSession).values(phone=phone).on_conflict_do_nothing())
    return (
        await session.scalars(sa.select(WhatsAppSession).where(WhatsAppSession.phone == phone).with_for_update())
    ).one()


def answer_rows(
    restaurant_id: UUID | None, phone: str, message_id: str, answers: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The deliveries that answer a message: each once, however often the message is worked on."""
    return [
        {
            "restaurant_id": restaurant_id,
            "addressee": f"phone {phone}",
            "channel": "whatsapp",
            "key": f"{message_id[-180:]} {number}",
            "state": "PENDING",
            "payload": {"to": phone, "message": answer},
        }
        for number, answer in enumerate(answers)
    ]
