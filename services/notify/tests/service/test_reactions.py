"""What other services' facts make of the right people's lists."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.message import Message

from mizan.billing.events.v1 import events_pb2 as billing
from mizan.identity.events.v1 import events_pb2 as identity
from mizan.inventory.events.v1 import events_pb2 as inventory
from mizan.pos.events.v1 import events_pb2 as pos
from mizan.scheduling.events.v1 import events_pb2 as scheduling
from mizan.timeclock.events.v1 import events_pb2 as timeclock
from services.notify.clients.agent import Agent, AgentAddress
from services.notify.projections import subscriptions
from services.notify.tests.facts import shift, stamp
from services.notify.tests.town import Town

OWNER, MANAGER, CHEF, STAFF = "OWNER", "MANAGER", "CHEF", "WAITER"
SOON = datetime.now(UTC) + timedelta(days=1)


def _invoice(place: UUID, _staff: UUID) -> Message:
    invoice = billing.InvoiceFacts(
        id="in_1", restaurant_id=str(place), amount_remaining="49.00", currency="USD", attempt_count=1
    )
    return billing.InvoicePaymentFailed(invoice=invoice)


def _subscription(place: UUID, status: str) -> billing.SubscriptionFacts:
    return billing.SubscriptionFacts(id=1, restaurant_id=str(place), status=status, version=3, grace_until=stamp(SOON))


def _stock(place: UUID) -> inventory.StockFacts:
    return inventory.StockFacts(
        item_id=str(uuid4()), restaurant_id=str(place), name="Tomatoes", unit="kg", quantity="1.5", version=4
    )


def _order(place: UUID) -> inventory.PurchaseOrderFacts:
    return inventory.PurchaseOrderFacts(
        id=str(uuid4()), restaurant_id=str(place), status="RECEIVED", order_date="2026-11-20", version=2
    )


def _session(place: UUID, staff: UUID) -> timeclock.SessionFacts:
    return timeclock.SessionFacts(
        id=str(uuid4()), restaurant_id=str(place), staff_id=str(staff), started_at=stamp(SOON - timedelta(days=2))
    )


def _absence(place: UUID, staff: UUID) -> timeclock.AttendanceFacts:
    return timeclock.AttendanceFacts(
        restaurant_id=str(place), staff_id=str(staff), shift_id=str(uuid4()), shift_starts_at=stamp(SOON)
    )


def _sheet(place: UUID, staff: UUID) -> timeclock.TimesheetFacts:
    return timeclock.TimesheetFacts(
        id=str(uuid4()),
        restaurant_id=str(place),
        staff_id=str(staff),
        start_date="2026-11-16",
        end_date="2026-11-22",
        total_hours="38.50",
        version=1,
    )


def _request(place: UUID, staff: UUID) -> identity.StaffRequestFacts:
    return identity.StaffRequestFacts(
        id=str(uuid4()),
        restaurant_id=str(place),
        staff_id=str(staff),
        staff_name="Amina",
        subject="A new apron",
        priority="HIGH",
        status="APPROVED",
        version=2,
    )


def _swap(place: UUID, staff: UUID, status: str = "PENDING") -> scheduling.SwapFacts:
    return scheduling.SwapFacts(
        id=str(uuid4()),
        restaurant_id=str(place),
        shift=shift(place, staff),
        requester_id=str(staff),
        status=status,
        version=1,
    )


def _off(place: UUID, staff: UUID, status: str) -> scheduling.TimeOffFacts:
    return scheduling.TimeOffFacts(
        id=str(uuid4()),
        restaurant_id=str(place),
        staff_id=str(staff),
        first_day="2026-12-01",
        last_day="2026-12-03",
        status=status,
        version=1,
    )


def _task(place: UUID, staff: UUID, **facts_: Any) -> scheduling.TaskFacts:
    given = {"kind": "ALONE", "status": "TODO", "priority": "HIGH", "due_date": "2026-12-01", "version": 1}
    return scheduling.TaskFacts(
        id=str(uuid4()), restaurant_id=str(place), title="Count stock", assigned_to=[str(staff)], **{**given, **facts_}
    )


def _checklist(place: UUID, staff: UUID, **facts_: Any) -> scheduling.ChecklistFacts:
    return scheduling.ChecklistFacts(
        id=str(uuid4()), restaurant_id=str(place), name="Opening", assigned_to=str(staff), version=1, **facts_
    )


WHAT: dict[str, tuple[Any, dict[str, str]]] = {
    "payment failed": (_invoice, {OWNER: "BILLING_ALERT"}),
    "trial ending": (
        lambda place, _: billing.SubscriptionTrialEnding(
            subscription=_subscription(place, "trialing"), trial_end=stamp(SOON)
        ),
        {OWNER: "BILLING_ALERT"},
    ),
    "overdue": (
        lambda place, _: billing.SubscriptionUpdated(
            subscription=_subscription(place, "past_due"), previous_status="active"
        ),
        {OWNER: "BILLING_ALERT"},
    ),
    "still overdue": (
        lambda place, _: billing.SubscriptionUpdated(
            subscription=_subscription(place, "past_due"), previous_status="past_due"
        ),
        {},
    ),
    "canceled": (
        lambda place, _: billing.SubscriptionCanceled(subscription=_subscription(place, "canceled")),
        {OWNER: "BILLING_ALERT"},
    ),
    "stock low": (
        lambda place, _: inventory.StockLow(stock=_stock(place)),
        {OWNER: "STOCK_ALERT", MANAGER: "STOCK_ALERT", CHEF: "STOCK_ALERT"},
    ),
    "stock out": (
        lambda place, _: inventory.StockOut(stock=_stock(place), menu_item_ids=["a", "b"]),
        {OWNER: "STOCK_ALERT", MANAGER: "STOCK_ALERT", CHEF: "STOCK_ALERT"},
    ),
    "delivery": (
        lambda place, _: inventory.PurchaseOrderReceived(purchase_order=_order(place)),
        {OWNER: "OTHER", MANAGER: "OTHER"},
    ),
    "sold out": (
        lambda place, _: pos.MenuItemSoldOut(
            item=pos.MenuItemFacts(id=str(uuid4()), restaurant_id=str(place), name="Tajine", version=2)
        ),
        {OWNER: "OTHER", MANAGER: "OTHER"},
    ),
    "refund": (
        lambda place, _: pos.OrderRefunded(
            order=pos.OrderFacts(id=str(uuid4()), restaurant_id=str(place), order_number="17", currency="MAD"),
            amount="12.50",
        ),
        {OWNER: "OTHER", MANAGER: "OTHER"},
    ),
    "forgotten": (
        lambda place, staff: timeclock.PunchForgotten(session=_session(place, staff)),
        {OWNER: "COMPLIANCE_ALERT", MANAGER: "COMPLIANCE_ALERT", STAFF: "CLOCK_OUT_REMINDER"},
    ),
    "absent": (
        lambda place, staff: timeclock.AttendanceAbsent(attendance=_absence(place, staff)),
        {OWNER: "COMPLIANCE_ALERT", MANAGER: "COMPLIANCE_ALERT"},
    ),
    "timesheet": (
        lambda place, staff: timeclock.TimesheetSubmitted(timesheet=_sheet(place, staff)),
        {OWNER: "OTHER", MANAGER: "OTHER"},
    ),
    "timesheet approved": (
        lambda place, staff: timeclock.TimesheetApproved(timesheet=_sheet(place, staff)),
        {STAFF: "OTHER"},
    ),
    "request": (
        lambda place, staff: identity.StaffRequestCreated(request=_request(place, staff)),
        {OWNER: "STAFF_REQUEST", MANAGER: "STAFF_REQUEST"},
    ),
    "request decided": (
        lambda place, staff: identity.StaffRequestUpdated(request=_request(place, staff), previous_status="PENDING"),
        {STAFF: "STAFF_REQUEST"},
    ),
    "comment": (
        lambda place, staff: identity.StaffRequestCommented(
            request=_request(place, staff), comment_id=str(uuid4()), body="Soon"
        ),
        {STAFF: "STAFF_REQUEST"},
    ),
    "document": (
        lambda place, staff: identity.DocumentExpiring(
            document_id=str(uuid4()),
            restaurant_id=str(place),
            staff_id=str(staff),
            title="Health card",
            expires_on="2026-12-24",
        ),
        {OWNER: "COMPLIANCE_ALERT", MANAGER: "COMPLIANCE_ALERT", STAFF: "COMPLIANCE_ALERT"},
    ),
    "swap offered": (
        lambda place, staff: scheduling.SwapRequested(swap=_swap(place, staff)),
        {OWNER: "SHIFT_SWAP", MANAGER: "SHIFT_SWAP"},
    ),
    "swap decided": (
        lambda place, staff: scheduling.SwapDecided(swap=_swap(place, staff, "REJECTED")),
        {STAFF: "SHIFT_SWAP"},
    ),
    "bid": (
        lambda place, staff: scheduling.ShiftBidPlaced(shift=shift(place), staff_id=str(staff)),
        {OWNER: "SHIFT_SWAP", MANAGER: "SHIFT_SWAP"},
    ),
    "bid declined": (
        lambda place, staff: scheduling.ShiftBidsDecided(shift=shift(place), declined_staff_ids=[str(staff)]),
        {STAFF: "SHIFT_SWAP"},
    ),
    "leave": (
        lambda place, staff: scheduling.TimeOffRequested(time_off=_off(place, staff, "PENDING")),
        {OWNER: "AVAILABILITY_REQUEST", MANAGER: "AVAILABILITY_REQUEST"},
    ),
    "leave granted": (
        lambda place, staff: scheduling.TimeOffDecided(time_off=_off(place, staff, "APPROVED")),
        {STAFF: "AVAILABILITY_APPROVED"},
    ),
    "leave withdrawn": (lambda place, staff: scheduling.TimeOffDecided(time_off=_off(place, staff, "CANCELLED")), {}),
    "shift": (
        lambda place, staff: scheduling.ShiftCreated(shift=shift(place, staff)),
        {STAFF: "SHIFT_ASSIGNED"},
    ),
    "draft of a shift": (
        lambda place, staff: scheduling.ShiftCreated(shift=shift(place, staff, is_published=False)),
        {},
    ),
    "shift of yesterday": (
        lambda place, staff: scheduling.ShiftCreated(shift=shift(place, staff, begins=SOON - timedelta(days=3))),
        {},
    ),
    "shift taken away": (
        lambda place, staff: scheduling.ShiftUpdated(shift=shift(place), previous_staff_ids=[str(staff)]),
        {STAFF: "SHIFT_CANCELLED"},
    ),
    "shift moved": (
        lambda place, staff: scheduling.ShiftUpdated(
            shift=shift(place, staff), previous_staff_ids=[str(staff)], moved=True
        ),
        {STAFF: "SHIFT_UPDATED"},
    ),
    "shift deleted": (
        lambda place, staff: scheduling.ShiftDeleted(shift=shift(place, staff)),
        {STAFF: "SHIFT_CANCELLED"},
    ),
    "reminder": (
        lambda place, staff: scheduling.ShiftReminderDue(
            shift=shift(place, staff), staff_id=str(staff), kind="CLOCK_IN", minutes_left=15
        ),
        {STAFF: "CLOCK_IN_REMINDER"},
    ),
    "missed": (
        lambda place, staff: scheduling.ShiftMissed(shift=shift(place, staff), staff_ids=[str(staff)]),
        {OWNER: "COMPLIANCE_ALERT", MANAGER: "COMPLIANCE_ALERT"},
    ),
    "task": (lambda place, staff: scheduling.TaskCreated(task=_task(place, staff)), {STAFF: "TASK_ASSIGNED"}),
    "task of a shift": (lambda place, staff: scheduling.TaskCreated(task=_task(place, staff, kind="SHIFT")), {}),
    "task overdue": (lambda place, staff: scheduling.TaskOverdue(task=_task(place, staff)), {STAFF: "TASK_OVERDUE"}),
    "checklist": (
        lambda place, staff: scheduling.ChecklistAssigned(
            checklist=_checklist(place, staff, due_at=stamp(SOON)), assigned_by=str(uuid4())
        ),
        {STAFF: "TASK_ASSIGNED"},
    ),
    "checklist to approve": (
        lambda place, staff: scheduling.ChecklistCompleted(checklist=_checklist(place, staff, requires_approval=True)),
        {OWNER: "TASK_COMPLETED", MANAGER: "TASK_COMPLETED"},
    ),
    "checklist rejected": (
        lambda place, staff: scheduling.ChecklistReviewed(
            checklist=_checklist(place, staff, review_status="REJECTED"), reason="Blurred photo"
        ),
        {STAFF: "TASK_ASSIGNED"},
    ),
    "action": (
        lambda place, staff: scheduling.ChecklistActionOpened(
            id=str(uuid4()), restaurant_id=str(place), title="Fix the fridge", priority="HIGH", assigned_to=str(staff)
        ),
        {STAFF: "TASK_ASSIGNED"},
    ),
    "recurrence failed": (
        lambda place, _: scheduling.RecurrenceFailed(
            restaurant_id=str(place), template_id=str(uuid4()), template_name="Opening", day="2026-12-01"
        ),
        {OWNER: "SYSTEM_ALERT", MANAGER: "SYSTEM_ALERT"},
    ),
    "incident": (
        lambda place, staff: scheduling.IncidentReported(
            incident=scheduling.IncidentFacts(
                id=str(uuid4()), restaurant_id=str(place), title="Slip", severity="LOW", reporter_id=str(staff)
            )
        ),
        {OWNER: "COMPLIANCE_ALERT", MANAGER: "COMPLIANCE_ALERT"},
    ),
    "incident updated": (
        lambda place, staff: scheduling.IncidentUpdated(
            incident=scheduling.IncidentFacts(
                id=str(uuid4()), restaurant_id=str(place), title="Slip", status="RESOLVED", reporter_id=str(staff)
            )
        ),
        {STAFF: "COMPLIANCE_ALERT"},
    ),
    "incident edited": (
        lambda place, staff: scheduling.IncidentUpdated(
            incident=scheduling.IncidentFacts(
                id=str(uuid4()), restaurant_id=str(place), title="Slip", status="REPORTED", reporter_id=str(staff)
            ),
            is_edit=True,
        ),
        {},
    ),
}


@pytest.mark.parametrize("what", WHAT)
async def test_the_right_people_hear_of_it(town: Town, what: str) -> None:
    make, heard = WHAT[what]
    place = await town.restaurant()
    quiet: dict[str, Any] = {"push_enabled": False, "whatsapp_enabled": False, "email_enabled": False}
    people = {
        role: await town.person(place, role.title(), role=role, **quiet) for role in (OWNER, MANAGER, CHEF, STAFF)
    }
    stranger = await town.person(await town.restaurant(), role=OWNER, **quiet)
    await town.happens(make(place, people[STAFF].id), place)
    told = {role: [row.kind for row in town.notifications(one)] for role, one in people.items()}
    assert told == {role: [heard[role]] if role in heard else [] for role in people}
    assert town.notifications(stranger) == []


async def test_an_invitation_is_brought_over_whatsapp_without_its_link_being_kept(town: Town) -> None:
    place = await town.restaurant()
    invited = identity.StaffInvited(
        invitation_id=str(uuid4()),
        restaurant_id=str(place),
        restaurant_name="Dar Atlas",
        phone="+212612345678",
        first_name="Amina",
        role=STAFF,
        language="fr",
        by_whatsapp=True,
    )
    without_phone = identity.StaffInvited(
        invitation_id=str(uuid4()), restaurant_id=str(place), first_name="Bahia", role=STAFF, by_whatsapp=True
    )
    by_mail = identity.StaffInvited(invitation_id=str(uuid4()), restaurant_id=str(place), role=STAFF)
    for message in (invited, without_phone, by_mail):
        await town.happens(message, place, settle=False)
    (waiting,) = town.addressed(f"invitation {invited.invitation_id}")
    # Identity is away in this test: the invitation waits for it.
    assert (waiting.state, waiting.payload["language"]) in (("PENDING", "fr"), ("SENDING", "fr"))
    assert "link" not in waiting.payload
    (skipped,) = town.addressed(f"invitation {without_phone.invitation_id}")
    assert (skipped.state, skipped.error) == ("SKIPPED", "no phone")
    assert town.addressed(f"invitation {by_mail.invitation_id}") == []


def test_every_reaction_is_tried() -> None:
    tried = {type(make(uuid4(), uuid4())) for make, _ in WHAT.values()}
    clock: Any = None
    listened = {
        kind
        for one in subscriptions(clock, "212", Agent(AgentAddress("", "", "", "", ""), timeout=1))
        if one.name != "notify-refdata"
        for kind in one.message_types.values()
    }
    elsewhere = {
        identity.StaffJoined,
        identity.StaffDeactivated,
        identity.StaffInvited,
        scheduling.StaffSchedulePublished,
        scheduling.ShiftNoticeRequested,
        scheduling.TaskUpdated,
        inventory.PurchaseOrderCancelled,
        timeclock.TimesheetRejected,
    }
    assert listened - elsewhere == tried
