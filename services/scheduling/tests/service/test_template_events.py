"""What is published of templates of shifts, of tasks and of checklists."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import checklist_template_pb2 as checklists
from mizan.scheduling.v1 import task_template_pb2 as task_templates
from mizan.scheduling.v1 import template_pb2 as templates
from mizan.scheduling.v1 import template_shift_pb2 as shifts
from servicekit.grpc_client import RemoteRefusal
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
    versions = await pattern.ListTemplateVersions(
        templates.ListTemplateVersionsRequest(id=made.id), principal=us.manager
    )
    assert [(one.version_number, len(orjson.loads(one.shifts))) for one in versions.results] == [
        (5, 2),
        (4, 2),
        (3, 2),
        (2, 1),
        (1, 0),
    ]


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
