"""The audit trail of planning."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from google.api import httpbody_pb2
from google.protobuf import any_pb2

from mizan.identity.v1 import schedule_audit_pb2 as pb
from mizan.options.v1 import files_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.errors import Invalid, NotFound
from servicekit.paging import Page, page_of
from servicekit.zones import beginning_of, day_of
from services.identity.domain.audit_severity import LOW, SEVERITIES, actions_of, label_of, severity_of, share
from services.identity.queries import audit as queries
from services.identity.queries import audit_sums as sums
from services.identity.queries.restaurants import time_zone

OWNER: Final = "scheduling"
MAX_EXPORTED: Final = 10_000
TREND_DAYS: Final = 30
DAY: Final = timedelta(days=1)
INSTANT: Final = timedelta(microseconds=1)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing was recorded before; the days of a trend are not counted into the Middle Ages."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
GRAVE: Final = actions_of("HIGH", "CRITICAL")


class ScheduleAuditService:
    """Implements mizan.identity.v1.ScheduleAuditService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ListScheduleAudit(self, request: pb.ListScheduleAuditRequest, call: Call) -> pb.ListScheduleAuditResponse:
        filters = await _filters(request, call)
        if request.HasField("user_id"):
            filters["user_id"] = UUID(request.user_id)
            await sums.one_person(call.read(), call.principal.tenant, filters["user_id"])
        if request.HasField("action"):
            filters["action"] = request.action
        if request.HasField("content_type"):
            filters["entity_type"] = request.content_type
        if request.HasField("severity"):
            filters |= _of_severity(request.severity)
        count, rows = await queries.entries(call.read(), filters, page_of(request))
        return pb.ListScheduleAuditResponse(count=count, results=await _messages(call, rows))

    async def GetScheduleAuditEntry(
        self, request: pb.GetScheduleAuditEntryRequest, call: Call
    ) -> pb.ScheduleAuditEntry:
        row = await queries.entry(call.read(), call.principal.tenant, UUID(request.id))
        if row.service != OWNER:
            raise NotFound(queries.NO_ENTRY)
        (message,) = await _messages(call, [row])
        return message

    async def SummarizeScheduleAudit(
        self, request: pb.SummarizeScheduleAuditRequest, call: Call
    ) -> pb.ScheduleAuditSummary:
        reader, tenant = call.read(), call.principal.tenant
        filters = await _filters(request, call)
        zone = ZoneInfo(await time_zone(reader, tenant))
        last = day_of(min(self._clock.now(), max(filters.get("until", NEVER), EARLIEST) - INSTANT), zone)
        days = [last - DAY * back for back in reversed(range(TREND_DAYS))]
        beginnings = [beginning_of(day, zone) for day in (*days, last + DAY)]
        actions, users, trend = await sums.sums(reader, filters, beginnings)
        _, grave = await queries.entries(reader, {**filters, "actions": GRAVE}, Page(1, 10))
        by_action = {row.action: row.entries for row in actions}
        names = await sums.people(reader, tenant, [row.user_id for row in users])
        return pb.ScheduleAuditSummary(
            total_activities=sum(by_action.values()),
            action_statistics=_statistics(by_action),
            severity_statistics=_statistics(_by_severity(by_action)),
            top_users=[
                pb.ActiveUser(
                    user_id=str(row.user_id),
                    name=_name(names[row.user_id]) if row.user_id in names else row.actor,
                    activity_count=row.entries,
                )
                for row in users
            ],
            critical_activities=await _messages(call, grave),
            daily_trend=[
                pb.AuditedDay(date=day.isoformat(), count=trend.get(place, 0)) for place, day in enumerate(days, 1)
            ],
        )

    async def ExportScheduleAudit(
        self, request: pb.ExportScheduleAuditRequest, call: Call
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        filters = await _filters(request, call)
        name = f"audit_trail_{self._clock.now():%Y%m%d_%H%M%S}.json"
        return _file(name, queries.all_entries(call.read(), filters, MAX_EXPORTED))

    async def GetUserScheduleActivity(
        self, request: pb.GetUserScheduleActivityRequest, call: Call
    ) -> pb.UserScheduleActivity:
        reader, person_id = call.read(), UUID(request.user_id)
        person = await sums.one_person(reader, call.principal.tenant, person_id)
        filters = {**await _filters(request, call), "user_id": person_id}
        actions = await sums.by_action(reader, filters)
        _, recent = await queries.entries(reader, filters, Page(1, 20))
        by_action = {row.action: row.entries for row in actions}
        return pb.UserScheduleActivity(
            user=pb.AuditedUser(id=str(person.id), name=_name(person), email=person.email, role=person.role),
            summary=pb.UserActivitySummary(
                total_activities=sum(by_action.values()),
                action_counts=by_action,
                severity_counts=_by_severity(by_action),
                first_activity=timestamp_of(min((row.first for row in actions), default=None)),
                last_activity=timestamp_of(max((row.last for row in actions), default=None)),
            ),
            recent_activities=await _messages(call, recent),
        )

    async def GetScheduleObjectTrail(
        self, request: pb.GetScheduleObjectTrailRequest, call: Call
    ) -> pb.ScheduleObjectTrail:
        filters = {**_mine(call), "entity_type": request.content_type, "entity_id": request.object_id}
        count, rows = await queries.entries(call.read(), filters, Page(1, 50))
        if not count:
            raise NotFound("Nothing was recorded of this.")
        trail = await _messages(call, rows)
        called = next((entry.object_str for entry in trail if entry.HasField("object_str")), request.content_type)
        about = pb.AuditedObject(type=request.content_type, id=request.object_id, str=called)
        return pb.ScheduleObjectTrail(object=about, audit_trail=trail)

    async def ListCriticalScheduleAudit(
        self, request: pb.ListCriticalScheduleAuditRequest, call: Call
    ) -> pb.CriticalScheduleAudit:
        since = self._clock.now() - timedelta(hours=request.hours if request.HasField("hours") else 24)
        filters = {**_mine(call), "actions": GRAVE, "since": since}
        count, rows = await queries.entries(call.read(), filters, Page(1, 50))
        return pb.CriticalScheduleAudit(activities=await _messages(call, rows), count=count, since=timestamp_of(since))


def _mine(call: Call) -> dict[str, Any]:
    return {"restaurant_id": call.principal.tenant, "service": OWNER}


async def _filters(request: Any, call: Call) -> dict[str, Any]:
    """The parameters of a request's period. Raises Invalid for what is neither a day nor an instant."""
    zone = await time_zone(call.read(), call.principal.tenant)
    filters = _mine(call)
    if request.HasField("start_date"):
        filters["since"] = _instant(request.start_date, zone, "start_date", days=0)
    if request.HasField("end_date"):
        filters["until"] = _instant(request.end_date, zone, "end_date", days=1)
    return filters


def _instant(text: str, zone: str, field: str, *, days: int) -> datetime:
    """An instant, or the beginning of a day or of so many days later. Raises Invalid for anything else."""
    try:
        if len(text) == len("2026-01-31"):
            return queries.midnight(date.fromisoformat(text), zone, days_later=days)
        # A plus sign in a query is a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if text.count("T") else text)
    except ValueError as error:
        raise Invalid.field(field, "Use a day or an instant in ISO 8601.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))


def _of_severity(severity: str) -> dict[str, list[str]]:
    if severity == LOW:
        return {"other_actions": actions_of(*SEVERITIES)}
    return {"actions": actions_of(severity)}


def _by_severity(by_action: Mapping[str, int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for action, count in by_action.items():
        found[severity_of(action)] += count
    return dict(found)


def _statistics(counts: Mapping[str, int]) -> str:
    whole = sum(counts.values())
    shares = {
        name: {"count": count, "label": label_of(name), "percentage": share(count, whole)}
        for name, count in counts.items()
    }
    return orjson.dumps(shares).decode()


async def _messages(call: Call, rows: Sequence[Any]) -> list[pb.ScheduleAuditEntry]:
    known = await sums.people(call.read(), call.principal.tenant, {row.user_id for row in rows if row.user_id})
    return [_message(row, known.get(row.user_id)) for row in rows]


def _message(row: Any, person: Any | None) -> pb.ScheduleAuditEntry:
    return pb.ScheduleAuditEntry(
        id=str(row.id),
        timestamp=timestamp_of(row.occurred_at),
        user=str(row.user_id) if row.user_id is not None else None,
        user_name=row.actor,
        user_email=person.email if person is not None else "",
        action=row.action,
        severity=severity_of(row.action),
        description=row.description,
        content_type_name=row.entity_type,
        object_id=row.entity_id,
        object_str=_called(row),
        old_values=row.old_values,
        new_values=row.new_values,
        metadata=orjson.dumps(_metadata(row)).decode(),
        ip_address=row.ip_address,
        user_agent=row.user_agent or None,
    )


def _metadata(row: Any) -> dict[str, str]:
    return {"request_id": row.request_id, "service": row.service}


def _called(row: Any) -> str | None:
    """What the thing was called after the act, or before it."""
    for values in (orjson.loads(row.new_values), orjson.loads(row.old_values)):
        for name in ("name", "title"):
            if isinstance(values.get(name), str):
                return str(values[name])
    return None


def _name(person: Any) -> str:
    return f"{person.first_name} {person.last_name}".strip()


async def _file(name: str, batches: AsyncIterator[Any]) -> AsyncIterator[httpbody_pb2.HttpBody]:
    disposition = any_pb2.Any()
    disposition.Pack(files_pb2.Disposition(filename=name))
    yield httpbody_pb2.HttpBody(content_type="application/json", data=b"[", extensions=[disposition])
    separator = b""
    async for rows in batches:
        for row in rows:
            yield httpbody_pb2.HttpBody(data=separator + orjson.dumps(_exported(row)))
            separator = b",\n"
    yield httpbody_pb2.HttpBody(data=b"]")


def _exported(row: Any) -> dict[str, Any]:
    return {
        "timestamp": row.occurred_at,
        "user": row.actor,
        "action": row.action,
        "severity": severity_of(row.action),
        "description": row.description,
        "object_type": row.entity_type,
        "object_id": row.entity_id,
        "old_values": orjson.Fragment(row.old_values),
        "new_values": orjson.Fragment(row.new_values),
        "metadata": _metadata(row),
        "ip_address": row.ip_address,
    }
