"""Checklists from their steps to a manager's approval, also by clients that were offline."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import orjson
import pytest

from mizan.options.v1 import files_pb2
from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import checklist_pb2 as checklists
from mizan.scheduling.v1 import checklist_template_pb2 as templates
from mizan.scheduling.v1 import shift_pb2 as shifts
from mizan.scheduling.v1 import shift_task_pb2 as tasks
from mizan.scheduling.v1 import task_template_pb2 as task_templates
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.service.test_shifts import plan
from services.scheduling.tests.team import Team, team

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PHOTO_URL = "data:image/png;base64," + base64.b64encode(PIXEL).decode()


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def template(api: Api, us: Team, **fields: Any) -> templates.ChecklistTemplate:
    """A checklist with a box to tick, a temperature, a picture and a signature that is not required."""
    steps = [
        templates.ChecklistStepDraft(title="Doors unlocked"),
        templates.ChecklistStepDraft(
            title="Cooler", step_type="MEASUREMENT", measurement_type="TEMPERATURE", min_value="0", max_value="5"
        ),
        templates.ChecklistStepDraft(title="Counter", step_type="PHOTO", requires_photo=True),
        templates.ChecklistStepDraft(title="Extra", is_required=False, requires_signature=True),
    ]
    request = templates.CreateChecklistTemplateRequest(
        **{"name": "Opening", "category": "OPENING", "estimated_duration": "20", "steps": steps, **fields}
    )
    made: templates.ChecklistTemplate = await api.ChecklistTemplateService.CreateChecklistTemplate(
        request, principal=us.manager
    )
    return made


async def begun(api: Api, us: Team, **fields: Any) -> checklists.ChecklistExecution:
    """A checklist that the first person has started."""
    made = await template(api, us, **fields)
    service, person = api.ChecklistService, us.principal(0)
    created = await service.CreateExecution(checklists.CreateExecutionRequest(template_id=made.id), principal=person)
    started: checklists.ChecklistExecution = await service.StartExecution(
        checklists.StartExecutionRequest(id=created.id), principal=person
    )
    return started


def answers(execution: checklists.ChecklistExecution) -> list[checklists.StepAnswer]:
    """Everything that the checklist asks for."""
    doors, cooler, counter, extra = (step.id for step in execution.template.steps)
    return [
        checklists.StepAnswer(step_id=doors, response="YES", status="COMPLETED"),
        checklists.StepAnswer(step_id=cooler, measurement_value="3.5", status="COMPLETED"),
        checklists.StepAnswer(
            step_id=counter,
            response="YES",
            evidence=[checklists.EvidenceDraft(evidence_type="PHOTO", file_path=PHOTO_URL, note="Clean")],
        ),
        checklists.StepAnswer(step_id=extra, response="NA", status="COMPLETED"),
    ]


async def test_from_the_first_answer_to_approval(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us = team(scheduling)
    service, person = api.ChecklistService, us.principal(0)
    execution = await begun(api, us, requires_supervisor_approval=True)
    assert (execution.status, len(execution.step_responses)) == ("IN_PROGRESS", 4)
    again = await service.StartExecution(checklists.StartExecutionRequest(id=execution.id), principal=person)
    assert again.started_at == execution.started_at

    complete = checklists.CompleteExecutionRequest(id=execution.id, completion_notes="All good")
    early = await refusal(service.CompleteExecution(complete, principal=person))
    assert early.code == "checklist_incomplete"
    sync = checklists.SyncExecutionRequest(id=execution.id, step_responses=answers(execution))
    first = await service.SyncExecution(sync, principal=person)
    assert not first.conflicts
    assert {item.action for item in first.synced_items} == {"updated", "created"}
    second = await service.SyncExecution(sync, principal=person)
    assert {item.action for item in second.synced_items} == {"unchanged"}
    assert second.sync_version == first.sync_version

    done = await service.CompleteExecution(complete, principal=person)
    assert (done.status, done.progress_percentage, done.completion_notes) == ("COMPLETED", 100, "All good")
    assert (done.compiled_summary.completed_steps, done.compiled_summary.evidence_items) == (4, 1)
    assert [answer.status for answer in done.step_responses] == ["COMPLETED", "COMPLETED", "COMPLETED", "SKIPPED"]
    assert done.step_responses[2].notes == "Clean"
    assert orjson.loads(done.analysis_results)["anomalies"] == []
    assert not done.HasField("review_status")
    event = await bus.first(facts.ChecklistCompleted, us.restaurant_id)
    assert (event.message.checklist.assigned_to, event.message.completed_steps) == (str(us.people[0]), 4)

    review = checklists.ReviewExecutionRequest(id=done.id, decision="REJECTED", reason="Photo is dark")
    assert (await refusal(service.ReviewExecution(review, principal=person))).code == "permission_denied"
    rejected = await service.ReviewExecution(review, principal=us.manager)
    assert (rejected.review_status, rejected.supervisor_approved) == ("REJECTED", False)
    assert [(one.title, one.description, one.assigned_to.id) for one in rejected.actions] == [
        ("Checklist Rejected", "Photo is dark", str(us.people[0]))
    ]
    await service.StartExecution(checklists.StartExecutionRequest(id=done.id), principal=person)
    await service.CompleteExecution(complete, principal=person)
    review.decision = "APPROVED"
    approved = await service.ReviewExecution(review, principal=us.manager)
    assert (approved.review_status, approved.supervisor_approved) == ("APPROVED", True)
    listed = await service.ListSubmissions(checklists.ListSubmissionsRequest(type="OPENING"), principal=us.manager)
    assert [(row.review_status, row.submitted_by.name) for row in listed.results] == [("APPROVED", "Person0 Idrissi")]


async def test_a_measurement_out_of_range_and_a_missing_photo_are_named(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service, person = api.ChecklistService, us.principal(0)
    execution = await begun(api, us)
    given = answers(execution)
    given[1].measurement_value = "7.25"
    del given[2].evidence[:]
    await service.SyncExecution(
        checklists.SyncExecutionRequest(id=execution.id, step_responses=given), principal=person
    )
    refused = await refusal(
        service.CompleteExecution(checklists.CompleteExecutionRequest(id=execution.id), principal=person)
    )
    assert refused.code == "checklist_incomplete"
    read = await service.GetExecution(checklists.GetExecutionRequest(id=execution.id), principal=us.manager)
    assert read.compiled_summary.out_of_range_measurements == 1


async def test_late_and_unknown_answers_are_told_and_harm_nothing(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service, person = api.ChecklistService, us.principal(0)
    execution = await begun(api, us)
    step = execution.template.steps[0].id
    newer = checklists.StepAnswer(step_id=step, response="NO")
    newer.responded_at.FromJsonString("2026-11-22T10:00:00Z")
    older = checklists.StepAnswer(step_id=step, response="YES")
    older.responded_at.FromJsonString("2026-11-22T09:00:00Z")
    unknown = checklists.StepAnswer(step_id=str(uuid4()), response="YES")
    broken = checklists.EvidenceDraft(step_response_id=step, file_path="data:text/html;base64,PGI+aGk8L2I+")
    result = await service.SyncExecution(
        checklists.SyncExecutionRequest(id=execution.id, step_responses=[newer, older, unknown], evidence=[broken]),
        principal=person,
    )
    assert [conflict.type for conflict in result.conflicts] == [
        "execution_conflict",
        "step_not_found",
        "execution_conflict",
    ]
    read = await service.GetExecution(checklists.GetExecutionRequest(id=execution.id), principal=person)
    assert read.step_responses[0].boolean_response is False
    nowhere = checklists.EvidenceDraft(step_response_id=str(uuid4()), file_path="https://example.com/a.jpg")
    by_step = checklists.EvidenceDraft(step_response_id=step, file_path="https://example.com/a.jpg")
    sync = checklists.SyncExecutionRequest(id=execution.id, evidence=[nowhere, by_step])
    result = await service.SyncExecution(sync, principal=person)
    assert [conflict.type for conflict in result.conflicts] == ["step_response_not_found"]
    read = await service.GetExecution(checklists.GetExecutionRequest(id=execution.id), principal=person)
    assert [item.file_path for item in read.step_responses[0].evidence] == ["https://example.com/a.jpg"]


async def test_follow_ups_that_are_sent_twice_are_there_once(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service, person = api.ChecklistService, us.principal(0)
    execution = await begun(api, us)
    draft = checklists.ActionDraft(title="Repair door", description="Hinge", assigned_to_id=str(us.people[1]))
    sync = checklists.SyncExecutionRequest(id=execution.id, actions=[draft])
    for _ in range(2):
        await service.SyncExecution(sync, principal=person)
    mine = await service.ListMyActions(checklists.ListMyActionsRequest(), principal=us.principal(1))
    assert [(action.title, action.status) for action in mine.results] == [("Repair door", "OPEN")]
    resolve = checklists.ResolveActionRequest(id=mine.results[0].id, resolution_notes="Done")
    resolved = await service.ResolveAction(resolve, principal=us.principal(1))
    assert (resolved.status, resolved.resolved_by.id) == ("RESOLVED", str(us.people[1]))
    assert (await refusal(service.ResolveAction(resolve, principal=us.manager))).code == "already_resolved"
    get = checklists.GetActionRequest(id=resolved.id)
    assert (await refusal(service.GetAction(get, principal=us.principal(2)))).code == "not_found"


async def test_a_photo_is_stored_once_and_opened_by_its_link_alone(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service, person = api.ChecklistService, us.principal(0)
    execution = await begun(api, us)
    request = checklists.AddEvidenceRequest(
        id=execution.step_responses[2].id, file=files_pb2.Upload(filename="counter.png", content=PIXEL)
    )
    made = await service.AddEvidence(request, principal=person)
    assert (made.mime_type, made.file_size, made.filename) == ("image/png", len(PIXEL), "counter.png")
    assert (await service.AddEvidence(request, principal=person)).id == made.id
    link = parse_qs(urlsplit(made.file_path).query)
    get = checklists.DownloadEvidenceRequest(
        id=made.id, expires=int(link["expires"][0]), signature=link["signature"][0]
    )
    assert (await service.DownloadEvidence(get, principal=ANONYMOUS)).data == PIXEL
    get.expires += 1
    assert (await refusal(service.DownloadEvidence(get, principal=ANONYMOUS))).code == "link_expired"
    plain = checklists.DownloadEvidenceRequest(id=made.id)
    assert (await refusal(service.DownloadEvidence(plain, principal=ANONYMOUS))).code == "not_authenticated"
    assert (await service.DownloadEvidence(plain, principal=us.manager)).data == PIXEL
    for other in (us.principal(1), manager(uuid4())):
        assert (await refusal(service.DownloadEvidence(plain, principal=other))).code == "not_found"
    request.file.content = b"<script>alert(1)</script>"
    assert (await refusal(service.AddEvidence(request, principal=person))).code == "file_type_not_accepted"


async def test_the_checklist_of_a_task_is_made_once(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await template(api, us, category="CHECKLIST")
    task = await api.ShiftTaskService.CreateShiftTask(
        tasks.CreateShiftTaskRequest(title="Open", category="CHECKLIST", assigned_to=str(us.people[0])),
        principal=us.manager,
    )
    request = checklists.EnsureForTaskRequest(task_id=task.id)
    made = await api.ChecklistService.EnsureForTask(request, principal=us.principal(0))
    assert (made.assigned_to.id, made.task) == (str(us.people[0]), task.id)
    assert (await api.ChecklistService.EnsureForTask(request, principal=us.manager)).id == made.id
    refused = await refusal(api.ChecklistService.EnsureForTask(request, principal=us.principal(1)))
    assert refused.code == "permission_denied"
    bare = await api.ShiftTaskService.CreateShiftTask(tasks.CreateShiftTaskRequest(title="x"), principal=us.manager)
    refused = await refusal(
        api.ChecklistService.EnsureForTask(checklists.EnsureForTaskRequest(task_id=bare.id), principal=us.manager)
    )
    assert refused.message.startswith("No active checklist template linked")


async def test_a_list_costs_the_same_for_one_and_for_many(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await template(api, us)
    service, person = api.ChecklistService, us.principal(0)
    create = checklists.CreateExecutionRequest(template_id=made.id)
    costs = []
    for count in (1, 30):
        for _ in range(count):
            await service.CreateExecution(create, principal=person)
        with scheduling.statements() as ran:
            await service.ListMyExecutions(checklists.ListMyExecutionsRequest(page_size=100), principal=person)
        costs.append(len(ran))
    assert costs == [9, 9]
    statistics = await service.GetChecklistStatistics(checklists.GetChecklistStatisticsRequest(), principal=us.manager)
    assert (statistics.total_executions, statistics.average_completion_rate) == (31, 0)


async def test_others_see_and_change_nothing(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service, stranger = api.ChecklistService, manager(uuid4())
    execution = await begun(api, us)
    for other in (stranger, us.principal(1)):
        get = checklists.GetExecutionRequest(id=execution.id)
        assert (await refusal(service.GetExecution(get, principal=other))).code == "not_found"
        sync = checklists.SyncExecutionRequest(id=execution.id, step_responses=answers(execution))
        assert (await refusal(service.SyncExecution(sync, principal=other))).code == "not_found"
        answer = checklists.GetStepResponseRequest(id=execution.step_responses[0].id)
        assert (await refusal(service.GetStepResponse(answer, principal=other))).code == "not_found"
    start = checklists.StartExecutionRequest(id=execution.id)
    assert (await refusal(service.StartExecution(start, principal=us.manager))).code == "permission_denied"
    create = checklists.CreateExecutionRequest(template_id=execution.template.id)
    assert (await refusal(service.CreateExecution(create, principal=stranger))).code == "not_found"
    update = templates.UpdateChecklistTemplateRequest(id=execution.template.id, name="Mine")
    update.update_mask.paths.append("name")
    refused = await refusal(api.ChecklistTemplateService.UpdateChecklistTemplate(update, principal=stranger))
    assert refused.code == "not_found"
    delete = templates.DeleteChecklistTemplateRequest(id=execution.template.id)
    refused = await refusal(api.ChecklistTemplateService.DeleteChecklistTemplate(delete, principal=us.manager))
    assert refused.code == "checklist_used"


async def test_a_template_is_copied_with_its_steps(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await template(api, us)
    copied = await api.ChecklistTemplateService.DuplicateChecklistTemplate(
        templates.DuplicateChecklistTemplateRequest(id=made.id), principal=us.manager
    )
    assert (copied.name, [step.title for step in copied.steps]) == (
        "Opening (Copy)",
        [step.title for step in made.steps],
    )
    assert {step.id for step in copied.steps}.isdisjoint(step.id for step in made.steps)
    steps = [templates.ChecklistStepDraft(title="a", order=1), templates.ChecklistStepDraft(title="b", order=1)]
    assert (await refusal(template(api, us, steps=steps))).code == "duplicate_order"


async def test_checklists_are_found_by_what_they_are_for(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service = api.ChecklistTemplateService
    costs = []
    for number in range(3):
        await template(api, us, name=f"Round {number}", category="CLOSING" if number else None)
        with scheduling.statements() as ran:
            await service.ListChecklistTemplates(templates.ListChecklistTemplatesRequest(), principal=us.principal(0))
        costs.append(len(ran))
    assert costs == [4, 4, 4]
    for fields, names in (
        ({"category": "CLOSING", "ordering": "name"}, ["Round 1", "Round 2"]),
        ({"search": "round 0"}, ["Round 0"]),
        ({"is_active": False}, []),
        ({"is_active": True, "ordering": "-name", "page": 1, "page_size": 1}, ["Round 2"]),
    ):
        found = await service.ListChecklistTemplates(
            templates.ListChecklistTemplatesRequest(**fields), principal=us.principal(0)
        )
        assert [one.name for one in found.results] == names
    usage = await service.GetChecklistUsage(
        templates.GetChecklistUsageRequest(id=found.results[0].id), principal=us.manager
    )
    assert (usage.total_executions, usage.success_rate) == (0, 0)
    nobody = await service.ListChecklistTemplates(templates.ListChecklistTemplatesRequest(), principal=manager(uuid4()))
    assert nobody.count == 0


async def test_the_work_of_ones_shifts_names_its_checklists(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    work = await api.TaskTemplateService.CreateTaskTemplate(
        task_templates.CreateTaskTemplateRequest(name="Open", template_type="OPENING"), principal=us.manager
    )
    made = await template(api, us, task_template=work.id)
    mine, theirs = [await plan(api, us, place, shift_date="2031-03-03", task_templates=[work.id]) for place in (0, 1)]
    service, person = api.ShiftService, us.principal(0)
    request = shifts.ListMyShiftTemplatesRequest()
    (before,) = (await service.ListMyShiftTemplates(request, principal=person)).results
    assert (before.shift_id, before.checklist_template_id) == (mine.id, made.id)
    assert not before.HasField("execution_id")
    create = checklists.CreateExecutionRequest(template_id=made.id, assigned_shift=mine.id)
    execution = await api.ChecklistService.CreateExecution(create, principal=person)
    (after,) = (await service.ListMyShiftTemplates(request, principal=person)).results
    assert (after.execution_id, after.execution_status, after.execution_progress) == (execution.id, "NOT_STARTED", 0)
    # Asked for twice, it is the same one; and nobody begins the checklist of a shift that they are not on.
    assert (await api.ChecklistService.CreateExecution(create, principal=person)).id == execution.id
    create.assigned_shift = theirs.id
    assert (await refusal(api.ChecklistService.CreateExecution(create, principal=person))).code == "not_found"


async def test_a_step_is_answered_by_itself_and_its_answer_taken_back(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service, person = api.ChecklistService, us.principal(0)
    execution = await begun(api, us)
    empty = execution.step_responses[0]
    answer = checklists.CreateStepResponseRequest(
        execution=execution.id, step=empty.step.id, status="COMPLETED", notes="Clean"
    )
    given = await service.CreateStepResponse(answer, principal=person)
    assert (given.id, given.is_completed, given.notes) == (empty.id, True, "Clean")
    for stranger in (us.principal(1), manager(uuid4())):
        assert (await refusal(service.CreateStepResponse(answer, principal=stranger))).code == "not_found"
    other = checklists.CreateStepResponseRequest(execution=execution.id, step=str(uuid4()))
    assert (await refusal(service.CreateStepResponse(other, principal=person))).code == "not_found"
    photo = checklists.AddEvidenceRequest(id=given.id, file=files_pb2.Upload(filename="a.png", content=PIXEL))
    evidence = await service.AddEvidence(photo, principal=person)
    taken = checklists.DeleteStepResponseRequest(id=given.id)
    assert (await refusal(service.DeleteStepResponse(taken, principal=us.principal(1)))).code == "not_found"
    await service.DeleteStepResponse(taken, principal=person)
    after = await service.GetExecution(checklists.GetExecutionRequest(id=execution.id), principal=person)
    again = next(one for one in after.step_responses if one.id == given.id)
    assert (again.status, again.is_completed, again.notes, len(again.evidence)) == ("PENDING", False, "", 0)
    assert after.progress_percentage == execution.progress_percentage
    gone = checklists.DownloadEvidenceRequest(id=evidence.id)
    assert (await refusal(service.DownloadEvidence(gone, principal=person))).code == "not_found"
