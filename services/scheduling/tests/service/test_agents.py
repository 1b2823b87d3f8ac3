"""What agents find and plan, with identity's answers from a neighbour on a server of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import grpc
import pytest
import sqlalchemy as sa

import refdata
from mizan.identity.v1 import agent_pb2 as identity
from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import agent_pb2 as agents
from mizan.scheduling.v1 import checklist_pb2 as checklists
from mizan.scheduling.v1 import checklist_template_pb2 as templates
from mizan.scheduling.v1 import shift_pb2
from mizan.scheduling.v1 import shift_task_pb2 as shift_tasks
from mizan.scheduling.v1 import task_template_pb2 as task_templates
from servicekit.db import SYSTEM
from servicekit.errors import Invalid
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, running
from services.scheduling.main import build
from services.scheduling.settings import Settings
from services.scheduling.tests.team import Team, team

AGENT = Principal(kind="AGENT", subject="agent", permissions=frozenset({"agent.scheduling"}))
TOMORROW = "2031-03-04"


class Neighbour:
    """Answers as identity does, about the people that tests make known to it."""

    def __init__(self) -> None:
        self.people: dict[str, tuple[Team, frozenset[str]]] = {}
        self.phones: dict[str, str] = {}
        self.restaurants: set[str] = set()

    def knows(self, us: Team, *permissions: str) -> None:
        """Makes a restaurant and its people known, who hold the given permissions."""
        self.restaurants.add(str(us.restaurant_id))
        for person in us.people:
            self.people[str(person)] = (us, frozenset(permissions))

    def resolve(self, request: identity.ResolveContextRequest, rpc: Any) -> identity.ResolveContextResponse:
        user = next((self.phones[phone] for phone in request.phones if phone in self.phones), request.user_id)
        us, permissions = self.people.get(user, (None, frozenset()))
        named = [wanted for wanted in request.restaurant_ids if wanted in self.restaurants]
        restaurant = named[0] if named else str(us.restaurant_id) if us else ""
        if not restaurant:
            refused = Invalid("Unable to resolve restaurant context", code="context_unresolved")
            rpc.set_trailing_metadata((refused.to_trailer(),))
            rpc.abort(refused.grpc_code, refused.message)
        answer = identity.ResolveContextResponse(
            restaurant_id=restaurant, restaurant_name="Dar Atlas", timezone="Africa/Casablanca", language="en"
        )
        if us is not None and str(us.restaurant_id) == restaurant:
            answer.person.id, answer.person.role = user, "WAITER"
            answer.person.permissions.extend(sorted(permissions))
            if user in self.phones.values():
                answer.person.phone = next(phone for phone, owner in self.phones.items() if owner == user)
        return answer


@pytest.fixture(scope="module")
def neighbour() -> Iterator[tuple[Neighbour, str]]:
    known, server = Neighbour(), grpc.server(ThreadPoolExecutor(max_workers=2))
    handler = grpc.unary_unary_rpc_method_handler(
        known.resolve,
        request_deserializer=identity.ResolveContextRequest.FromString,
        response_serializer=identity.ResolveContextResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("mizan.identity.v1.AgentService", {"ResolveContext": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield known, f"127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture(scope="module")
def scheduling(settings_of: SettingsOf, neighbour: tuple[Neighbour, str]) -> Iterator[RunningService]:
    settings = Settings(**settings_of("scheduling"), IDENTITY_TARGET=neighbour[1])
    with running(lambda: build(settings)) as service:
        yield service


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


def rename(service: RunningService, us: Team, place: int, first: str, last: str, phone: str | None = None) -> None:
    """Gives somebody another name in the copy of people."""

    async def write() -> None:
        async with service.database.write(SYSTEM) as session:
            await session.execute(
                sa.update(refdata.staff_ref)
                .where(refdata.staff_ref.c.user_id == us.people[place])
                .values(first_name=first, last_name=last, phone=phone, skills=["Wine", "HACCP"])
            )

    service.run(write())


def shift(us: Team, place: int = 0, **fields: str) -> agents.CreateAgentShiftRequest:
    values = {
        "restaurant_id": str(us.restaurant_id),
        "staff_id": str(us.people[place]),
        "shift_date": TOMORROW,
        "start_time": "18:00",
        "end_time": "23:00",
        **fields,
    }
    return agents.CreateAgentShiftRequest(**values)


async def test_people_are_found_by_name_and_phone(
    api: Api, scheduling: RunningService, neighbour: tuple[Neighbour, str]
) -> None:
    us, known = team(scheduling), neighbour[0]
    known.knows(us)
    rename(scheduling, us, 0, "Zoé", "Amrani", "+212600000001")
    service = api.AgentSchedulingService
    everybody = await service.FindStaff(agents.FindStaffRequest(restaurant_id=str(us.restaurant_id)), principal=AGENT)
    assert len(everybody.staff) == 3
    for name, mode in (("zoe amrani", "exact"), ("Zoe", "exact"), ("Amrany", "fuzzy")):
        found = await service.FindStaff(
            agents.FindStaffRequest(restaurant_id=str(us.restaurant_id), name=name), principal=AGENT
        )
        assert [(one.id, one.match_mode) for one in found.staff] == [(str(us.people[0]), mode)]
        assert list(found.staff[0].skills) == ["Wine", "HACCP"]
    known.phones["+212600000001"] = str(us.people[0])
    by_phone = await service.FindStaffByPhone(agents.FindStaffByPhoneRequest(phone="+212600000001"), principal=AGENT)
    assert (by_phone.staff.id, by_phone.staff.first_name) == (str(us.people[0]), "Zoé")
    nobody = agents.FindStaffByPhoneRequest(phone="600000001")
    assert (await refusal(service.FindStaffByPhone(nobody, principal=AGENT))).code == "not_found"
    nowhere = await refusal(service.FindStaff(agents.FindStaffRequest(), principal=AGENT))
    assert nowhere.message == "Unable to resolve restaurant context."


async def test_people_are_told_of_a_shift_that_is_named_and_nothing_else(
    api: Api, scheduling: RunningService, neighbour: tuple[Neighbour, str]
) -> None:
    us = team(scheduling)
    neighbour[0].knows(us)
    service = api.AgentSchedulingService
    made = await service.CreateAgentShift(shift(us), principal=AGENT)
    told = await service.NotifyShift(agents.NotifyShiftRequest(shift_id=made.shift.id), principal=AGENT)
    assert (told.success, told.message) == (True, "1 person is told")
    unknown = agents.NotifyShiftRequest(shift_id=str(uuid4()))
    assert (await refusal(service.NotifyShift(unknown, principal=AGENT))).message == "Shift not found"


async def test_a_shift_brings_its_work_and_is_told(
    api: Api, scheduling: RunningService, neighbour: tuple[Neighbour, str], bus: Bus
) -> None:
    us = team(scheduling)
    neighbour[0].knows(us)
    work = await api.TaskTemplateService.CreateTaskTemplate(
        task_templates.CreateTaskTemplateRequest(
            name="Dinner service", template_type="SOP", tasks='[{"title": "Candles"}, {"title": "Menus"}]'
        ),
        principal=us.manager,
    )
    await api.ChecklistTemplateService.CreateChecklistTemplate(
        templates.CreateChecklistTemplateRequest(
            name="Dinner", task_template=work.id, steps=[templates.ChecklistStepDraft(title="Lights")]
        ),
        principal=us.manager,
    )
    service = api.AgentSchedulingService
    made = await service.CreateAgentShift(shift(us, shift_title="Dinner service"), principal=AGENT)
    assert (made.shift.shift_date, made.shift.title) == (TOMORROW, "Dinner service")
    assert list(made.auto_association.attached_template_names) == ["Dinner service"]
    created = made.auto_association
    assert (created.created_shift_tasks, created.created_checklist_executions) == (2, 1)
    listing = shift_tasks.ListShiftTasksRequest(shift_id=made.shift.id)
    listed = await api.ShiftTaskService.ListShiftTasks(listing, principal=us.manager)
    assert {(task.template.id, task.template.name) for task in listed.results} == {(work.id, "Dinner service")}
    notice = await bus.first(facts.ShiftNoticeRequested, us.restaurant_id)
    assert list(notice.message.staff_ids) == [str(us.people[0])]
    mine = await api.ChecklistService.ListMyExecutions(checklists.ListMyExecutionsRequest(), principal=us.principal(0))
    assert [one.assigned_shift_id for one in mine.results] == [made.shift.id]

    twice = await refusal(service.CreateAgentShift(shift(us, start_time="20:00"), principal=AGENT))
    assert twice.code == "double_booking"
    tired = shift(us, shift_date="2031-03-05", start_time="06:00", end_time="09:00")
    assert (await refusal(service.CreateAgentShift(tired, principal=AGENT))).code == "conflict"
    untitled = await service.CreateAgentShift(shift(us, 1, department="kitchen"), principal=AGENT)
    assert untitled.shift.title == "Dinner Service – Kitchen"
    overnight = await service.CreateAgentShift(shift(us, 2, start_time="20:00", end_time="02:00"), principal=AGENT)
    assert overnight.shift.end_time.startswith("2031-03-05T02:00:00")

    listed = await service.ListAgentShifts(
        agents.ListAgentShiftsRequest(restaurant_id=str(us.restaurant_id), date_from=TOMORROW, date_to=TOMORROW),
        principal=AGENT,
    )
    assert len(listed.shifts) == 3
    own = await service.ListPersonShifts(
        agents.ListPersonShiftsRequest(staff_id=str(us.people[0]), start_date="2031-03-03", weeks=1), principal=AGENT
    )
    assert [(one.start_time, one.end_time) for one in own.shifts] == [("18:00", "23:00")]
    conflicts = await service.DetectAgentConflicts(
        agents.DetectAgentConflictsRequest(
            staff_id=str(us.people[0]), shift_date=TOMORROW, start_time="22:00", end_time="23:30"
        ),
        principal=AGENT,
    )
    assert [conflict.type for conflict in conflicts.conflicts] == ["OVERLAP"]


async def test_an_agent_may_do_no_more_than_whom_it_acts_for(
    api: Api, scheduling: RunningService, neighbour: tuple[Neighbour, str]
) -> None:
    us, others = team(scheduling), team(scheduling)
    neighbour[0].knows(us, "schedule.view")
    neighbour[0].knows(others)
    service = api.AgentSchedulingService
    request = shift(us, 1, user_id=str(us.people[0]))
    assert (await refusal(service.CreateAgentShift(request, principal=AGENT))).code == "permission_denied"
    stranger = shift(us)
    stranger.staff_id = str(others.people[0])
    assert (await refusal(service.CreateAgentShift(stranger, principal=AGENT))).code == "not_found"
    nobody = Principal(kind="USER", subject=str(uuid4()), permissions=frozenset({"agent.scheduling"}))
    assert (await refusal(service.CreateAgentShift(shift(us), principal=nobody))).code == "permission_denied"


async def test_an_incident_is_as_urgent_as_its_words(
    api: Api, scheduling: RunningService, neighbour: tuple[Neighbour, str], bus: Bus
) -> None:
    us = team(scheduling)
    neighbour[0].knows(us)
    service = api.AgentSchedulingService
    made = await service.CreateAgentIncident(
        agents.CreateAgentIncidentRequest(user_id=str(us.people[0]), description="Gas leak near the oven"),
        principal=AGENT,
    )
    assert (made.priority, made.status, made.title) == ("CRITICAL", "OPEN", "Gas leak near the oven")
    event = await bus.first(facts.IncidentReported, us.restaurant_id)
    assert event.message.incident.reporter_id == str(us.people[0])


async def test_a_checklist_is_worked_through_in_conversation(
    api: Api, scheduling: RunningService, neighbour: tuple[Neighbour, str]
) -> None:
    us = team(scheduling)
    neighbour[0].knows(us)
    service = api.AgentChecklistService
    initiate = agents.InitiateChecklistRequest(staff_id=str(us.people[0]))
    assert (await service.InitiateChecklist(initiate, principal=AGENT)).status == "no_shift"
    await _shift_of_today(api, us)
    assert (await service.InitiateChecklist(initiate, principal=AGENT)).status == "no_checklists"
    await api.ChecklistTemplateService.CreateChecklistTemplate(
        templates.CreateChecklistTemplateRequest(
            name="Round", steps=[templates.ChecklistStepDraft(title=title) for title in ("Doors", "Till")]
        ),
        principal=us.manager,
    )
    first = await service.InitiateChecklist(initiate, principal=AGENT)
    assert (first.status, first.current_step.title, len(first.all_steps)) == ("started", "Doors", 2)
    photo = checklists.EvidenceDraft(step_response_id=first.current_step.id, file_path="https://example.com/p.jpg")
    answer = checklists.StepAnswer(step_id=first.current_step.id, response="YES", status="COMPLETED")
    sync = agents.SyncAgentExecutionRequest(execution_id=first.execution_id, step_responses=[answer], evidence=[photo])
    assert not (await service.SyncAgentExecution(sync, principal=AGENT)).conflicts
    second = await service.InitiateChecklist(initiate, principal=AGENT)
    assert (second.execution_id, second.current_step.title) == (first.execution_id, "Till")
    complete = agents.CompleteAgentExecutionRequest(execution_id=first.execution_id)
    assert (await refusal(service.CompleteAgentExecution(complete, principal=AGENT))).code == "checklist_incomplete"
    sync.step_responses[0].step_id = second.current_step.id
    await service.SyncAgentExecution(sync, principal=AGENT)
    done = await service.CompleteAgentExecution(complete, principal=AGENT)
    assert (done.success, done.status) == (True, "COMPLETED")
    assert (await service.InitiateChecklist(initiate, principal=AGENT)).status == "completed"
    elsewhere = AGENT.in_restaurant(uuid4())
    assert (await refusal(service.SyncAgentExecution(sync, principal=elsewhere))).code == "not_found"


async def _shift_of_today(api: Api, us: Team) -> None:
    today = datetime.now(UTC).astimezone(ZoneInfo("Africa/Casablanca")).date()
    await api.ShiftService.CreateShift(
        shift_pb2.CreateShiftRequest(
            staff=str(us.people[0]), shift_date=today.isoformat(), start_time="00:00", end_time="23:59"
        ),
        principal=us.manager,
    )
