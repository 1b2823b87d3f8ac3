"""The plan: shifts, swaps, bids and leave."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.events import Envelope
from servicekit.inbox import Handler
from services.notify.commands.telling import News
from services.notify.models import Notification, ShiftRef
from services.notify.reactions.base import Reactions, day, moment
from services.notify.texts import Day, Time

_KEEP = insert(ShiftRef)
_KEEP_SHIFT = _KEEP.on_conflict_do_update(
    index_elements=["id"],
    set_={
        name: _KEEP.excluded[name]
        for name in ("staff_ids", "starts_at", "ends_at", "is_published", "is_deleted", "version")
    },
    where=_KEEP.excluded.version >= ShiftRef.version,
)
REMINDERS = {
    "SHIFT": ("SHIFT_REMINDER", "shift_reminder"),
    "CLOCK_IN": ("CLOCK_IN_REMINDER", "clock_in_reminder"),
    "CLOCK_OUT": ("CLOCK_OUT_REMINDER", "clock_out_reminder"),
    "CHECKLIST": ("CHECKLIST_REMINDER", "checklist_reminder"),
}


class SchedulingReactions(Reactions):
    """Reacts to scheduling's facts about who works when."""

    def handlers(self) -> dict[type[Message], Handler]:
        """Its handlers, by event."""
        return {
            facts.ShiftCreated: self.shift_created,
            facts.ShiftUpdated: self.shift_updated,
            facts.ShiftDeleted: self.shift_deleted,
            facts.StaffSchedulePublished: self.schedule_published,
            facts.ShiftNoticeRequested: self.notice_requested,
            facts.ShiftReminderDue: self.reminder_due,
            facts.ShiftMissed: self.shift_missed,
            facts.SwapRequested: self.swap_requested,
            facts.SwapDecided: self.swap_decided,
            facts.ShiftBidPlaced: self.bid_placed,
            facts.ShiftBidsDecided: self.bids_decided,
            facts.TimeOffRequested: self.time_off_requested,
            facts.TimeOffDecided: self.time_off_decided,
        }

    # Shifts

    async def shift_created(self, session: AsyncSession, event: facts.ShiftCreated, _envelope: Envelope) -> None:
        """Tells whoever is on a new shift of a published week."""
        await self._keep(session, event.shift)
        if event.shift.is_published:
            await self._tell_shift(session, event.shift, event.shift.staff_ids, "assigned")

    async def shift_updated(self, session: AsyncSession, event: facts.ShiftUpdated, _envelope: Envelope) -> None:
        """Tells whoever is on it now, is no longer, or still is at another time."""
        shift = event.shift
        await self._keep(session, shift)
        if not shift.is_published:
            return
        before, after = set(event.previous_staff_ids), set(shift.staff_ids)
        if shift.status == "CANCELLED":
            await self._tell_shift(session, shift, before | after, "cancelled")
            return
        await self._tell_shift(session, shift, after - before, "assigned")
        await self._tell_shift(session, shift, before - after, "cancelled")
        if event.moved:
            await self._tell_shift(session, shift, after & before, "updated")

    async def shift_deleted(self, session: AsyncSession, event: facts.ShiftDeleted, _envelope: Envelope) -> None:
        """Tells whoever was on it."""
        await self._keep(session, event.shift, is_deleted=True)
        if event.shift.is_published:
            await self._tell_shift(session, event.shift, event.shift.staff_ids, "cancelled")

    async def notice_requested(
        self, session: AsyncSession, event: facts.ShiftNoticeRequested, envelope: Envelope
    ) -> None:
        """Tells those who are named, whatever they were told before."""
        await self._tell_shift(session, event.shift, event.staff_ids, "assigned", again=str(envelope.id))

    async def schedule_published(
        self, session: AsyncSession, event: facts.StaffSchedulePublished, _envelope: Envelope
    ) -> None:
        """Tells a person their week, or what changed in it and was not told shift by shift."""
        added, changed, removed = list(event.added), list(event.changed), list(event.removed)
        if event.number > 1:
            told = await self._told(session, event.staff_id, [*added, *changed, *removed])
            added, changed, removed = ([s for s in some if s.id not in told] for some in (added, changed, removed))
        if not (added or changed or removed):
            return
        words: dict[str, Any] = {"week": Day(day(event.week_start))}
        if event.number == 1:
            lines = sorted(added, key=lambda shift: shift.starts_at.seconds)
            words |= {"count": len(lines), "hours": event.total_hours, "lines": _lines(lines)}
        else:
            words |= {"added": _lines(added), "changed": _lines(changed), "removed": _lines(removed)}
        news = News(
            key=f"schedule {event.schedule_id} {event.number}",
            kind="SCHEDULE_PUBLISHED",
            text="schedule_published" if event.number == 1 else "schedule_changed",
            words=words,
            data={"schedule_id": event.schedule_id, "week_start": event.week_start, "route": "/staff-dashboard"},
        )
        await self.tell(session, event.restaurant_id, [event.staff_id], news)

    async def reminder_due(self, session: AsyncSession, event: facts.ShiftReminderDue, _envelope: Envelope) -> None:
        """Reminds one person of their shift, unless it is over by then."""
        shift = event.shift
        if event.kind not in REMINDERS:
            return
        kind, text = REMINDERS[event.kind]
        ends = moment(shift.ends_at)
        until = ends + timedelta(hours=1) if event.kind == "CLOCK_OUT" else ends
        words = _shift_words(shift) | {
            "minutes": max(0, event.minutes_left),
            "time_left": timedelta(minutes=max(0, event.minutes_left)),
            "duration": ends - moment(shift.starts_at),
            "shift": " • ".join(part for part in (shift.title, shift.role) if part),
            "tasks": list(event.open_tasks),
        }
        news = News(
            key=f"reminder {event.kind} {shift.id} {shift.starts_at.seconds}",
            kind=kind,
            text=text,
            words=words,
            data={"shift_id": shift.id},
            related_shift_id=UUID(shift.id),
            expires_at=until,
        )
        await self.tell(session, shift.restaurant_id, [event.staff_id], news)

    async def shift_missed(self, session: AsyncSession, event: facts.ShiftMissed, _envelope: Envelope) -> None:
        """Tells the managers who has not come."""
        managers = await self.managers(session, event.shift.restaurant_id)
        for staff_id in event.staff_ids:
            news = absence(
                event.shift.id, staff_id, await self.name(session, event.shift.restaurant_id, staff_id), event.shift
            )
            await self.tell(session, event.shift.restaurant_id, managers, news, but=staff_id)

    async def _keep(self, session: AsyncSession, shift: facts.ShiftFacts, *, is_deleted: bool = False) -> None:
        row = {
            "id": UUID(shift.id),
            "restaurant_id": UUID(shift.restaurant_id),
            "staff_ids": list(shift.staff_ids),
            "starts_at": moment(shift.starts_at),
            "ends_at": moment(shift.ends_at),
            "is_published": shift.is_published,
            "is_deleted": is_deleted or shift.status == "CANCELLED",
            "version": shift.version,
        }
        await session.execute(_KEEP_SHIFT, row)

    async def _tell_shift(
        self, session: AsyncSession, shift: facts.ShiftFacts, people: Iterable[str], verb: str, *, again: str = ""
    ) -> None:
        # Nobody needs to know of a change to what is over.
        if moment(shift.ends_at) <= self._clock.now():
            return
        news = News(
            key=_key(shift, verb) + (f" {again}" if again else ""),
            kind=f"SHIFT_{verb.upper()}",
            text=f"shift_{verb}",
            words=_shift_words(shift),
            data={
                "shift_id": shift.id,
                "shift_date": shift.shift_date,
                "start_time": moment(shift.starts_at).isoformat(),
                "end_time": moment(shift.ends_at).isoformat(),
                "role": shift.role,
                "department": shift.department,
            },
            related_shift_id=UUID(shift.id),
            expires_at=moment(shift.ends_at),
        )
        await self.tell(session, shift.restaurant_id, people, news)

    async def _told(self, session: AsyncSession, staff_id: str, shifts: Sequence[facts.ShiftFacts]) -> set[str]:
        """Those of the shifts of whose present state a person was told already."""
        keys = {_key(shift, verb): shift.id for shift in shifts for verb in ("assigned", "updated", "cancelled")}
        found = await session.scalars(
            sa.select(Notification.key).where(Notification.recipient_id == UUID(staff_id), Notification.key.in_(keys))
        )
        return {keys[key] for key in found}

    # Swaps and leave

    async def swap_requested(self, session: AsyncSession, event: facts.SwapRequested, _envelope: Envelope) -> None:
        """Tells whom a shift is offered to, or the managers of an offer to all."""
        swap = event.swap
        whom = [swap.receiver_id] if swap.receiver_id else await self.managers(session, swap.restaurant_id)
        news = await self._swap_news(session, swap, "swap_offered")
        await self.tell(session, swap.restaurant_id, whom, news, but=swap.requester_id)

    async def swap_decided(self, session: AsyncSession, event: facts.SwapDecided, _envelope: Envelope) -> None:
        """Tells both sides, but not whoever decided."""
        swap = event.swap
        if swap.status not in ("APPROVED", "REJECTED", "CANCELLED"):
            return
        news = await self._swap_news(session, swap, f"swap_{swap.status.lower()}")
        await self.tell(session, swap.restaurant_id, [swap.requester_id, swap.receiver_id], news, but=event.decided_by)

    async def _swap_news(self, session: AsyncSession, swap: facts.SwapFacts, text: str) -> News:
        words = _shift_words(swap.shift) | {
            "name": await self.name(session, swap.restaurant_id, swap.requester_id),
            "receiver": await self.name(session, swap.restaurant_id, swap.receiver_id),
        }
        return News(
            key=f"{text} {swap.id}",
            kind="SHIFT_SWAP",
            text=text,
            words=words,
            data={"swap_id": swap.id, "shift_id": swap.shift.id, "route": "/dashboard/swap-requests"},
            related_shift_id=UUID(swap.shift.id),
        )

    async def bid_placed(self, session: AsyncSession, event: facts.ShiftBidPlaced, _envelope: Envelope) -> None:
        """Tells the managers who would work an open shift."""
        shift = event.shift
        words = {"name": await self.name(session, shift.restaurant_id, event.staff_id)}
        news = _bid_news(shift, f"shift bid {shift.id} {event.staff_id} v{shift.version}", "bid_placed", words)
        managers = await self.managers(session, shift.restaurant_id)
        await self.tell(session, shift.restaurant_id, managers, news, but=event.staff_id)

    async def bids_decided(self, session: AsyncSession, event: facts.ShiftBidsDecided, _envelope: Envelope) -> None:
        """Tells those who did not get the shift; who got it hears of the shift itself."""
        shift = event.shift
        news = _bid_news(shift, f"shift bids {shift.id} v{shift.version} declined", "bid_declined", {})
        await self.tell(session, shift.restaurant_id, event.declined_staff_ids, news)

    async def time_off_requested(
        self, session: AsyncSession, event: facts.TimeOffRequested, _envelope: Envelope
    ) -> None:
        """Tells the managers."""
        off = event.time_off
        words = _time_off_words(off) | {"name": await self.name(session, off.restaurant_id, off.staff_id)}
        news = News(
            key=f"time off {off.id} requested",
            kind="AVAILABILITY_REQUEST",
            text="time_off_requested",
            words=words,
            data={"time_off_id": off.id, "staff_id": off.staff_id},
        )
        await self.tell(
            session, off.restaurant_id, await self.managers(session, off.restaurant_id), news, but=off.staff_id
        )

    async def time_off_decided(self, session: AsyncSession, event: facts.TimeOffDecided, _envelope: Envelope) -> None:
        """Tells whoever asked, once for each decision."""
        off = event.time_off
        if off.status not in ("APPROVED", "DENIED"):
            return
        news = News(
            key=f"time off {off.id} {off.status.lower()} v{off.version}",
            kind=f"AVAILABILITY_{off.status}",
            text=f"time_off_{off.status.lower()}",
            words=_time_off_words(off),
            data={"time_off_id": off.id},
        )
        await self.tell(session, off.restaurant_id, [off.staff_id], news, but=event.decided_by)


def absence(shift_id: str, staff_id: str, name: str, shift: Any) -> News:
    """What managers are told of somebody who has not come, whichever service noticed first."""
    starts = moment(shift.starts_at if hasattr(shift, "starts_at") else shift.shift_starts_at)
    return News(
        key=f"absent {shift_id} {staff_id}",
        kind="COMPLIANCE_ALERT",
        text="attendance_absent",
        words={"name": name, "date": Day(starts), "start": Time(starts)},
        channels=("app", "push", "whatsapp"),
        data={"shift_id": shift_id, "staff_id": staff_id},
        related_shift_id=UUID(shift_id),
    )


def _key(shift: facts.ShiftFacts, verb: str) -> str:
    return f"shift {shift.id} v{shift.version} {verb}"


def _shift_words(shift: facts.ShiftFacts) -> dict[str, Any]:
    starts, ends = moment(shift.starts_at), moment(shift.ends_at)
    return {"date": Day(starts), "start": Time(starts), "end": Time(ends), "role": shift.role.replace("_", " ").lower()}


def _bid_news(shift: facts.ShiftFacts, key: str, text: str, words: dict[str, Any]) -> News:
    return News(
        key=key,
        kind="SHIFT_SWAP",
        text=text,
        words=_shift_words(shift) | words,
        channels=("app", "push"),
        data={"shift_id": shift.id, "shift_date": shift.shift_date},
        related_shift_id=UUID(shift.id),
        expires_at=moment(shift.ends_at),
    )


def _lines(shifts: Iterable[facts.ShiftFacts]) -> list[Any]:
    return [(Day(moment(s.starts_at)), Time(moment(s.starts_at)), "–", Time(moment(s.ends_at))) for s in shifts]


def _time_off_words(off: facts.TimeOffFacts) -> dict[str, Any]:
    return {"first_day": Day(day(off.first_day)), "last_day": Day(day(off.last_day))}
