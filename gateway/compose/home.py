"""The home page: numbers of the day, and what somebody should do about them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from mizan.gateway.v1 import dashboard_pb2
from mizan.identity.v1 import user_pb2
from mizan.inventory.v1 import purchase_order_pb2
from mizan.scheduling.v1 import board_pb2 as work_pb2
from mizan.timeclock.v1 import board_pb2 as attendance_pb2

INSIGHTS = 5
AT_RISK = 3
NO_DELIVERY = "None"
NOT_SET = "Not set"
MANY_LATE = 3


def summary(
    work: work_pb2.WorkFigures,
    attendance: attendance_pb2.AttendanceFigures,
    team: user_pb2.TeamFigures,
    orders: purchase_order_pb2.ListPurchaseOrdersResponse,
    warnings: Sequence[str],
) -> dashboard_pb2.Summary:
    """The page; what a missing part would say is zero."""
    found = sorted(insights(work, attendance), key=lambda item: (-item.urgency, item.id))
    at_risk = {person.id: person.name for person in (*attendance.unreliable, *attendance.overworked)}
    return dashboard_pb2.Summary(
        attendance=dashboard_pb2.AttendanceSummary(
            present_count=attendance.present_count,
            active_shifts=work.shifts_today,
            no_shows=attendance.no_shows,
            shift_gaps=work.unfilled_today,
            ot_risk=len(work.planned_over),
        ),
        operations=dashboard_pb2.OperationsSummary(
            negative_reviews=attendance.negative_reviews,
            avg_rating=attendance.avg_rating or "0.0",
            completion_rate=work.completion_rate or "0.0",
            next_delivery=next_delivery(orders),
        ),
        wellbeing=dashboard_pb2.WellbeingSummary(
            new_hires=team.new_hires,
            swap_requests=work.swap_requests,
            risk_staff=[
                dashboard_pb2.RiskStaff(id=person, name=name) for person, name in list(at_risk.items())[:AT_RISK]
            ],
        ),
        insights=dashboard_pb2.Insights(items=found[:INSIGHTS], counts=Counter(item.level for item in found)),
        tasks_due=[
            dashboard_pb2.TaskDue(label=task.label, status=task.status, priority=task.priority)
            for task in work.tasks_due
        ],
        date=work.date or datetime.now(UTC).date().isoformat(),
        warnings=warnings,
    )


def next_delivery(orders: purchase_order_pb2.ListPurchaseOrdersResponse) -> dashboard_pb2.NextDelivery:
    """The placed order that is expected first; one without a date comes after all others."""
    if not orders.results:
        return dashboard_pb2.NextDelivery(supplier=NO_DELIVERY, date=NO_DELIVERY)
    first = min(orders.results, key=lambda order: (order.expected_delivery_date or "9999", order.order_date, order.id))
    return dashboard_pb2.NextDelivery(supplier=first.supplier_info.name, date=first.expected_delivery_date or NOT_SET)


def insights(
    work: work_pb2.WorkFigures, attendance: attendance_pb2.AttendanceFigures
) -> Iterator[dashboard_pb2.Insight]:
    """Everything that somebody should do something about."""
    missing = [person.name for person in attendance.missing]
    if missing:
        yield _insight(
            "no-shows", "CRITICAL", "attendance", 95, f"{len(missing)} expected and not clocked in", missing,
            "Call them or find cover", "/dashboard/attendance",
        )  # fmt: skip
    if work.unfilled_today:
        yield _insight(
            "gaps", "CRITICAL", "coverage", 90, f"{work.unfilled_today} shifts of today have nobody", [],
            "Assign somebody", "/dashboard/scheduling", count=work.unfilled_today,
        )  # fmt: skip
    if work.open_concerns:
        yield _insight(
            "concerns", "OPERATIONAL", "incidents", 80, f"{work.open_concerns} incidents are open", [],
            "Review them", "/dashboard/safety", count=work.open_concerns,
        )  # fmt: skip
    if work.overdue_tasks or work.urgent_tasks:
        yield _insight(
            "tasks", "OPERATIONAL", "tasks", 70,
            f"{work.overdue_tasks} tasks are overdue and {work.urgent_tasks} urgent", [],
            "Reassign or finish them", "/dashboard/tasks", count=work.overdue_tasks + work.urgent_tasks,
        )  # fmt: skip
    over = [person.name for person in work.planned_over]
    if over:
        yield _insight(
            "planned-over", "PREVENTIVE", "workload", 60, f"{len(over)} are planned for more hours than allowed", over,
            "Move shifts to others", "/dashboard/scheduling",
        )  # fmt: skip
    if work.swap_requests:
        yield _insight(
            "swaps", "OPERATIONAL", "coverage", 50, f"{work.swap_requests} shift swaps wait for an answer", [],
            "Decide them", "/dashboard/scheduling", count=work.swap_requests,
        )  # fmt: skip
    late = [person.name for person in attendance.late]
    if len(late) >= MANY_LATE:
        yield _insight(
            "late", "PERFORMANCE", "attendance", 45, f"{len(late)} came late today", late,
            "Talk to them", "/dashboard/attendance",
        )  # fmt: skip
    unreliable = [person.name for person in attendance.unreliable]
    if unreliable:
        yield _insight(
            "reliability", "PERFORMANCE", "attendance", 40,
            f"{len(unreliable)} missed several shifts in the last seven days", unreliable,
            "Plan them with a reserve", "/dashboard/staff",
        )  # fmt: skip


def _insight(
    name: str,
    level: str,
    category: str,
    urgency: int,
    text: str,
    people: list[str],
    action: str,
    url: str,
    *,
    count: int | None = None,
) -> dashboard_pb2.Insight:
    return dashboard_pb2.Insight(
        id=name,
        level=level,
        category=category,
        urgency=urgency,
        summary=text,
        impacted=dashboard_pb2.Impact(count=len(people) if count is None else count, people=people),
        recommended_action=action,
        action_url=url,
    )
