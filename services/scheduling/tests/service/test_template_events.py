"""What is published of templates of shifts, of tasks and of checklists."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import checklist_template_pb2 as checklists
from mizan.scheduling.v1 import task_template_pb2 as task_templates
from mizan.scheduling.v1 import template_pb2 as templates
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
