"""What is published of templates of shifts, of tasks and of checklists."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import checklist_template_pb2 as checklists
from mizan.scheduling.v1 import task_template_pb2 as task_templates
from mizan.scheduling.v1 import template_pb2 as templates
from mizan.scheduling.v1 import template_selection_pb2 as selections
from mizan.scheduling.v1 import template_shift_pb2 as shifts
from mizan.scheduling.v1 import template_version_pb2 as versions
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.team import team

Method = Callable[..., Awaitable[Any]]


def _methods(api: Api, kind: str) -> tuple[tuple[Method, Any], tuple[Method, Any], tuple[Method, Any]]:
    """Creates, changes and deletes a template of a kind: methods, and their requests without ids."""
    if kind == "SHIFTS":
        weeks = api.ScheduleTemplateService
        return (
            (weeks.CreateScheduleTemplate, templates.CreateScheduleTemplateRequest(name="Quiet")),
            (weeks.UpdateScheduleTemplate, templates.UpdateScheduleTemplateRequest(name="Busy", is_active=False)),
            (weeks.DeleteScheduleTemplate, templates.DeleteScheduleTemplateRequest()),
        )
    if kind == "TASKS":
        work = api.TaskTemplateService
        return (
            (work.CreateTaskTemplate, task_templates.CreateTaskTemplateRequest(name="Quiet", template_type="OPENING")),
            (work.UpdateTaskTemplate, task_templates.UpdateTaskTemplateRequest(name="Busy", is_active=False)),
            (work.DeleteTaskTemplate, task_templates.DeleteTaskTemplateRequest()),
        )
    steps = [checklists.ChecklistStepDraft(title="Doors")]
    service = api.ChecklistTemplateService
    return (
        (service.CreateChecklistTemplate, checklists.CreateChecklistTemplateRequest(name="Quiet", steps=steps)),
        (service.UpdateChecklistTemplate, checklists.UpdateChecklistTemplateRequest(name="Busy", is_active=False)),
        (service.DeleteChecklistTemplate, checklists.DeleteChecklistTemplateRequest()),
    )


@pytest.mark.parametrize("kind", ["SHIFTS", "TASKS", "CHECKLIST"])
async def test_every_state_of_a_template_is_published(
    api: Api, bus: Bus, scheduling: RunningService, kind: str
) -> None:
    us = team(scheduling)
    (create, draft), (change, changes), (delete, wanted) = _methods(api, kind)
    made = await create(draft, principal=us.manager)
    about = facts.TemplateFacts(
        id=made.id, restaurant_id=str(us.restaurant_id), kind=kind, name="Quiet", is_active=True, version=1
    )
    (created,) = await bus.of_aggregate(facts.TemplateCreated, made.id, 1)
    assert created.message.template == about

    changes.id = wanted.id = made.id
    changes.update_mask.paths.extend(["name", "is_active"])
    await change(changes, principal=us.manager)
    (changed,) = await bus.of_aggregate(facts.TemplateUpdated, made.id, 1)
    about.name, about.is_active, about.version = "Busy", False, 2
    assert changed.message.template == about

    await delete(wanted, principal=us.manager)
    (deleted,) = await bus.of_aggregate(facts.TemplateDeleted, made.id, 1)
    about.version = 3
    assert deleted.message.template == about


async def test_each_change_of_one_shift_is_a_state_of_its_template(
    api: Api, bus: Bus, scheduling: RunningService
) -> None:
    us, them = team(scheduling), team(scheduling)
    service, pattern = api.TemplateShiftService, api.ScheduleTemplateService
    made = await pattern.CreateScheduleTemplate(
        templates.CreateScheduleTemplateRequest(name="Quiet"), principal=us.manager
    )

    def draft(role: str = "chef", day: int = 0, start: str | None = "09:00") -> shifts.CreateTemplateShiftRequest:
        return shifts.CreateTemplateShiftRequest(template=made.id, role=role, day_of_week=day, start_time=start)

    async def refusal(attempt: Awaitable[Any]) -> str:
        with pytest.raises(RemoteRefusal) as refused:
            await attempt
        return refused.value.code

    first = await service.CreateTemplateShift(draft(), principal=us.manager)
    assert (first.template, first.role, first.day_of_week, first.start_time) == (made.id, "CHEF", 0, "09:00:00")
    second = await service.CreateTemplateShift(draft(day=1), principal=us.manager)
    assert await refusal(service.CreateTemplateShift(draft(day=1), principal=us.manager)) == "repeated_shift"
    change = shifts.UpdateTemplateShiftRequest(template=made.id, id=second.id, day_of_week=0, required_staff=3)
    change.update_mask.paths.append("required_staff")
    assert (await service.UpdateTemplateShift(change, principal=us.manager)).required_staff == 3
    change.update_mask.paths.append("day_of_week")
    assert await refusal(service.UpdateTemplateShift(change, principal=us.manager)) == "repeated_shift"
    change.update_mask.paths.append("start_time")
    moved = await service.UpdateTemplateShift(change, principal=us.manager)
    assert (moved.day_of_week, moved.HasField("start_time")) == (0, False)
    gone = shifts.DeleteTemplateShiftRequest(template=made.id, id=first.id)
    other = await pattern.CreateScheduleTemplate(
        templates.CreateScheduleTemplateRequest(name="Busy"), principal=us.manager
    )
    for principal, template in ((them.manager, made.id), (us.manager, other.id)):
        gone.template = template
        assert await refusal(service.DeleteTemplateShift(gone, principal=principal)) == "not_found"
        get = shifts.GetTemplateShiftRequest(template=template, id=first.id)
        assert await refusal(service.GetTemplateShift(get, principal=principal)) == "not_found"
    gone.template = made.id
    await service.DeleteTemplateShift(gone, principal=us.manager)

    listing = shifts.ListTemplateShiftsRequest(template=made.id)
    assert [one.id for one in (await service.ListTemplateShifts(listing, principal=us.manager)).results] == [second.id]
    assert await refusal(service.ListTemplateShifts(listing, principal=them.manager)) == "not_found"
    # What was refused made no state.
    changed = await bus.of_aggregate(facts.TemplateUpdated, made.id, 5)
    assert [event.message.template.version for event in changed] == [2, 3, 4, 5, 6]
    kept = await pattern.ListTemplateVersions(templates.ListTemplateVersionsRequest(id=made.id), principal=us.manager)
    assert [(one.version_number, len(orjson.loads(one.shifts))) for one in kept.results] == [
        (5, 2),
        (4, 2),
        (3, 2),
        (2, 1),
        (1, 0),
    ]


async def test_states_are_listed_and_compared(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling, size=0), team(scheduling)
    service, pattern = api.TemplateVersionService, api.ScheduleTemplateService
    monday = templates.TemplateShiftDraft(role="CHEF", day_of_week=0, start_time="09:00:00", required_staff=1)
    made = await pattern.CreateScheduleTemplate(
        templates.CreateScheduleTemplateRequest(name="Quiet", shifts=[monday]), principal=us.manager
    )

    async def states(principal: Principal = us.manager, **filters: Any) -> list[versions.TemplateState]:
        answer = await service.ListTemplateStates(versions.ListTemplateStatesRequest(**filters), principal=principal)
        return list(answer.results)

    (only,) = await states()
    assert (only.version_number, only.status, only.is_current, only.HasField("archived_at")) == (
        "1",
        "ACTIVE",
        True,
        False,
    )
    # A state keeps its id when the next one takes its place.
    change = templates.UpdateScheduleTemplateRequest(id=made.id, name="Busy")
    monday.required_staff = 4
    change.shifts.extend([monday, templates.TemplateShiftDraft(role="CHEF", day_of_week=1, start_time="09:00:00")])
    change.update_mask.paths.extend(["name", "shifts"])
    await pattern.UpdateScheduleTemplate(change, principal=us.manager)
    now, before = await states(template=made.id)
    assert (before.id, before.status, before.template_name) == (only.id, "ARCHIVED", "Busy")
    assert before.archived_at == now.activated_at
    assert (now.version_number, now.created_by, before.created_by) == ("2", *[str(us.manager.user_id)] * 2)
    assert [orjson.loads(one.template_data)["name"] for one in (before, now)] == ["Quiet", "Busy"]
    assert orjson.loads(before.shifts_data) == orjson.loads(only.shifts_data)
    assert [one.id for one in await states(is_current=False)] == [before.id]
    assert [one.id for one in await states(ordering="version_number")] == [before.id, now.id]

    wanted = versions.CompareTemplateStatesRequest(id=before.id, compare_with=now.id)
    compared = await service.CompareTemplateStates(wanted, principal=us.manager)
    assert (compared.version1, compared.version2, compared.differences.shifts_count) == (before, now, 1)
    assert [one["day_of_week"] for one in orjson.loads(compared.differences.added)] == [1]
    assert [one["required_staff"] for one in orjson.loads(compared.differences.changed)] == [4]

    other = await pattern.CreateScheduleTemplate(
        templates.CreateScheduleTemplateRequest(name="Other"), principal=us.manager
    )
    (foreign,) = await states(template=other.id)
    refusals = (
        (service.CompareTemplateStates, wanted, them.manager, "not_found"),
        (service.GetTemplateState, versions.GetTemplateStateRequest(id=now.id), them.manager, "not_found"),
        (
            service.ListTemplateStates,
            versions.ListTemplateStatesRequest(template=made.id),
            them.manager,
            "not_found",
        ),
        (
            service.CompareTemplateStates,
            versions.CompareTemplateStatesRequest(id=now.id, compare_with=foreign.id),
            us.manager,
            "two_templates",
        ),
    )
    for method, request, principal, code in refusals:
        with pytest.raises(RemoteRefusal) as refused:
            await method(request, principal=principal)
        assert refused.value.code == code
    with scheduling.statements() as for_one:
        assert len(await states(page=1, page_size=1)) == 1
    with scheduling.statements() as for_all:
        assert len(await states(page=1, page_size=3)) == 3
    assert len(for_one) == len(for_all)


@pytest.mark.parametrize("kind", ["TASKS", "CHECKLIST"])
async def test_a_copy_is_published_as_a_new_template(api: Api, bus: Bus, scheduling: RunningService, kind: str) -> None:
    us = team(scheduling)
    (create, draft), *_ = _methods(api, kind)
    made = await create(draft, principal=us.manager)
    if kind == "TASKS":
        request: Any = task_templates.DuplicateTaskTemplateRequest(id=made.id)
        copied = await api.TaskTemplateService.DuplicateTaskTemplate(request, principal=us.manager)
    else:
        request = checklists.DuplicateChecklistTemplateRequest(id=made.id)
        copied = await api.ChecklistTemplateService.DuplicateChecklistTemplate(request, principal=us.manager)
    (created,) = await bus.of_aggregate(facts.TemplateCreated, copied.id, 1)
    assert (created.message.template.kind, created.message.template.name) == (kind, copied.name)


async def test_a_choice_of_templates_is_remembered(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling), team(scheduling)
    service = api.TemplateSelectionService
    ids = []
    for name in ("Opening", "Closing"):
        draft = task_templates.CreateTaskTemplateRequest(name=name, template_type="OPENING")
        ids.append((await api.TaskTemplateService.CreateTaskTemplate(draft, principal=us.manager)).id)

    async def chosen(principal: Principal, staff_id: str | None = None) -> list[str]:
        request = selections.GetTemplateSelectionRequest(staff_id=staff_id)
        return list((await service.GetTemplateSelection(request, principal=principal)).template_ids)

    me, mine = us.principal(0), str(us.people[0])
    assert await chosen(me) == []
    for order in (ids, ids[::-1]):
        save = selections.SaveTemplateSelectionRequest(staff_id=mine, template_ids=order)
        await service.SaveTemplateSelection(save, principal=us.manager)
        assert await chosen(me) == await chosen(us.manager, mine) == order
    await api.TaskTemplateService.DeleteTaskTemplate(
        task_templates.DeleteTaskTemplateRequest(id=ids[0]), principal=us.manager
    )
    assert await chosen(me) == ids[1:]
    theirs = str(them.people[0])
    wrong = (
        (selections.SaveTemplateSelectionRequest(staff_id=theirs), us.manager, "not_found"),
        (selections.SaveTemplateSelectionRequest(template_ids=ids), them.manager, "not_found"),
        (selections.SaveTemplateSelectionRequest(staff_id=str(us.people[1])), me, "permission_denied"),
    )
    for request, principal, code in wrong:
        with pytest.raises(RemoteRefusal) as refused:
            await service.SaveTemplateSelection(request, principal=principal)
        assert refused.value.code == code
    await service.ClearTemplateSelection(selections.ClearTemplateSelectionRequest(), principal=me)
    assert await chosen(us.manager, mine) == []
