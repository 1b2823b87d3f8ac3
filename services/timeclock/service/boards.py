"""Attendance on the boards of the dashboard."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from google.protobuf.empty_pb2 import Empty

from mizan.timeclock.v1 import board_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.errors import Invalid
from services.timeclock.domain import attendance
from services.timeclock.domain.pay import SECONDS_PER_HOUR
from services.timeclock.domain.sessions import OPEN
from services.timeclock.queries import policy, shift_reviews
from services.timeclock.queries import sessions as queries
from services.timeclock.queries.overviews import UNSCHEDULED, Attended, attendance_of
from services.timeclock.service.attendance import at_clock

WEEK: Final = timedelta(days=6)
LONGEST: Final = timedelta(days=365)
LAST_EVENTS: Final = 10
UNRELIABLE_FROM: Final = 2
WELL_RATED_FROM: Final = 3
CENT: Final = Decimal("0.01")
_ORDER: Final = ("late", "absent", "on_time", "present", "clocked_out", "scheduled")
_WORDS: Final = {"IN": "Clock In", "OUT": "Clock Out", "BREAK_START": "Break Start", "BREAK_END": "Break End"}
_MISSED: Final = (attendance.MISSING, attendance.ABSENT)


class BoardService:
    """Implements mizan.timeclock.v1.BoardService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def GetAttendanceDashboard(self, _request: Empty, call: Call) -> board_pb2.AttendanceDashboard:
        reader, tenant, now = call.read(), call.principal.tenant, self._clock.now()
        today = (await policy.rules_of(reader, tenant)).business_date(now)
        overview = await attendance_of(reader, tenant, today, today, now)
        punches = await queries.punches_of_day(reader, tenant, today, None)
        people = await policy.people_of(reader, tenant)
        zone = overview.rules.zone
        by_session: defaultdict[UUID, list[Any]] = defaultdict(list)
        for punch in punches:
            by_session[punch.session_id].append(punch)
        rows = [_row(line, by_session, zone) for line in overview.attended]
        rows.sort(key=lambda row: (_ORDER.index(row.status), row.staff.name))
        return board_pb2.AttendanceDashboard(
            summary=_counts(overview.attended),
            attendance_list=rows,
            recent_activity=[
                _activity(punch, getattr(people.get(punch.staff_id), "name", ""), zone)
                for punch in punches[:LAST_EVENTS]
            ],
        )

    async def GetAttendanceFigures(self, _request: Empty, call: Call) -> board_pb2.AttendanceFigures:
        reader, tenant, now = call.read(), call.principal.tenant, self._clock.now()
        rules = await policy.rules_of(reader, tenant)
        today = rules.business_date(now)
        lines = (await attendance_of(reader, tenant, today - WEEK, today, now)).attended
        begun = [line for line in lines if line.shift is not None and line.mark.status != attendance.SCHEDULED]
        present = {line.staff_id for line in lines if any(session.status == OPEN for session in line.sessions)}
        missing = [line for line in begun if line.day == today and line.mark.status in _MISSED]
        missed = Counter(line.staff_id for line in begun if line.mark.status == attendance.ABSENT)
        worked: Counter[UUID] = Counter()
        for line in lines:
            worked[line.staff_id] += line.seconds // 60
        limit = None if rules.max_weekly_hours is None else int(rules.max_weekly_hours * 60)
        names = {line.staff_id: line.staff_name for line in lines}
        since, _ = rules.bounds(today - WEEK, today)
        ratings, _, _ = await shift_reviews.statistics(reader, tenant, since, None)
        stars = sum(rating * count for rating, count in ratings.items())
        reviews = sum(ratings.values())
        return board_pb2.AttendanceFigures(
            present_count=len(present),
            no_shows=len({line.staff_id for line in missing} - present),
            late=[
                _named(line.staff_id, names, line.mark.late_minutes)
                for line in begun
                if line.day == today and line.mark.status == attendance.LATE
            ],
            missing=[_named(line.staff_id, names, line.mark.late_minutes) for line in missing],
            shifts_week=len(begun),
            attended_week=sum(bool(line.sessions) for line in begun),
            on_time_week=sum(line.mark.status == attendance.PRESENT for line in begun),
            unreliable=[
                _named(person, names, count) for person, count in missed.most_common() if count >= UNRELIABLE_FROM
            ],
            overworked=[
                _named(person, names, minutes)
                for person, minutes in worked.most_common()
                if limit is not None and minutes > limit
            ],
            avg_rating=f"{stars / reviews:.1f}" if reviews else "0.0",
            negative_reviews=sum(count for rating, count in ratings.items() if rating < WELL_RATED_FROM),
        )

    async def ListPresence(self, _request: Empty, call: Call) -> board_pb2.ListPresenceResponse:
        there = await queries.open_sessions(call.read(), call.principal.tenant)
        return board_pb2.ListPresenceResponse(
            people=[
                board_pb2.Presence(staff_id=str(row.staff_id), is_on_break=session.running_break is not None)
                for session, row in there
            ]
        )

    async def ListLaborCosts(
        self, request: board_pb2.LaborPeriodRequest, call: Call
    ) -> board_pb2.ListLaborCostsResponse:
        costs: defaultdict[str, Decimal] = defaultdict(Decimal)
        for line, cost in await self._costs(request, call):
            costs[line.role] += cost
        dearest = sorted(costs.items(), key=lambda item: (-item[1], item[0]))
        return board_pb2.ListLaborCostsResponse(
            roles=[board_pb2.LaborCost(name=role, value=str(cost.quantize(CENT))) for role, cost in dearest]
        )

    async def ListDailyLabor(
        self, request: board_pb2.LaborPeriodRequest, call: Call
    ) -> board_pb2.ListDailyLaborResponse:
        costs: defaultdict[date, Decimal] = defaultdict(Decimal)
        people: defaultdict[date, set[UUID]] = defaultdict(set)
        for line, cost in await self._costs(request, call):
            costs[line.day] += cost
            people[line.day].add(line.staff_id)
        return board_pb2.ListDailyLaborResponse(
            days=[
                board_pb2.LaborDay(date=day.isoformat(), cost=str(costs[day].quantize(CENT)), people=len(people[day]))
                for day in sorted(costs)
            ]
        )

    async def _costs(self, request: board_pb2.LaborPeriodRequest, call: Call) -> list[tuple[Attended, Decimal]]:
        """What was worked in the period, each with its cost by the wage of its day."""
        reader, tenant, now = call.read(), call.principal.tenant, self._clock.now()
        today = (await policy.rules_of(reader, tenant)).business_date(now)
        first, last = _period(request, today)
        wages = await policy.wages_of_all(reader, tenant)
        lines = (await attendance_of(reader, tenant, first, last, now)).attended
        return [
            (line, wages[line.staff_id].on(line.day) * line.seconds / SECONDS_PER_HOUR)
            for line in lines
            if line.sessions
        ]


def _period(request: board_pb2.LaborPeriodRequest, today: date) -> tuple[date, date]:
    last = date.fromisoformat(request.end_date) if request.end_date else today
    first = date.fromisoformat(request.start_date) if request.start_date else last - WEEK
    if first > last:
        raise Invalid.field("end_date", "The period ends before it begins.")
    if last - first > LONGEST:
        raise Invalid.field("start_date", f"Ask for at most {LONGEST.days + 1} days.")
    return first, last


def _named(person: UUID, names: dict[UUID, str], amount: int) -> board_pb2.NamedPerson:
    return board_pb2.NamedPerson(id=str(person), name=names[person], amount=amount)


def _counts(lines: Sequence[Attended]) -> board_pb2.AttendanceCounts:
    planned = {line.staff_id for line in lines if line.shift is not None}
    came = {line.staff_id for line in lines if line.shift is not None and line.sessions}
    late = [line.mark.late_minutes for line in lines if line.mark.status == attendance.LATE]
    absent = {line.staff_id for line in lines if line.mark.status in _MISSED}
    return board_pb2.AttendanceCounts(
        present=board_pb2.PresentCount(
            count=len(came), total=len(planned), percentage=round(100 * len(came) / len(planned)) if planned else 0
        ),
        late=board_pb2.LateCount(count=len(late), avg_minutes=round(sum(late) / len(late)) if late else 0),
        absent=board_pb2.AbsentCount(count=len(absent), reason="No clock-in recorded" if absent else "Everybody came"),
        on_leave=board_pb2.LeaveCount(count=0, subtitle="Not on today's schedule"),
    )


def _row(line: Attended, punches: dict[UUID, list[Any]], zone: ZoneInfo) -> board_pb2.AttendanceRow:
    still_there = any(session.status == OPEN for session in line.sessions)
    status = _status(line, still_there=still_there)
    timeline = [punch for session in line.sessions for punch in reversed(punches.get(session.id, []))]
    shift = board_pb2.AttendanceShift(status=line.mark.status)
    if line.shift is not None:
        shift.start = f"{line.shift.starts_at.astimezone(zone):%H:%M}"
        shift.end = f"{line.shift.ends_at.astimezone(zone):%H:%M}"
    return board_pb2.AttendanceRow(
        staff=board_pb2.AttendancePerson(id=str(line.staff_id), name=line.staff_name, role=line.role),
        shift=shift,
        clock_in=at_clock(line.mark.first_in, zone),
        clock_out=None if still_there else at_clock(line.mark.last_out, zone),
        status=status,
        late_minutes=line.mark.late_minutes if status in ("late", "absent") else 0,
        location=_place(line),
        timeline=[
            board_pb2.TimelineEntry(time=f"{punch.at.astimezone(zone):%H:%M}", type=punch.kind.lower())
            for punch in timeline
        ],
        signals=sorted({flag for session in line.sessions for flag in session.flags}),
    )


def _status(line: Attended, *, still_there: bool) -> str:
    if line.mark.status == attendance.LATE:
        return "late"
    if line.mark.status in _MISSED:
        return "absent"
    if line.mark.status == attendance.SCHEDULED:
        return "scheduled"
    if not still_there:
        return "clocked_out"
    return "present" if line.mark.status == UNSCHEDULED else "on_time"


def _place(line: Attended) -> str:
    return line.planned.row.workspace_location or "" if line.planned is not None else ""


def _activity(punch: Any, name: str, zone: ZoneInfo) -> board_pb2.Activity:
    return board_pb2.Activity(
        id=str(punch.id),
        staff_name=name,
        event=_WORDS[punch.kind],
        time=f"{punch.at.astimezone(zone):%H:%M}",
    )
