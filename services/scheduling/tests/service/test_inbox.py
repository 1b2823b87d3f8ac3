"""Checklists as things to decide: what comes in, how it is told apart, and what deciding does."""

from typing import Any

import grpc

from mizan.scheduling.v1 import checklist_pb2 as checklists
from mizan.scheduling.v1 import inbox_pb2 as inbox
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.service.test_checklists import answers, begun, refusal
from services.scheduling.tests.team import Team, team


async def handed_in(api: Api, us: Team, **fields: Any) -> str:
    execution = await begun(api, us, **fields)
    person, service = us.principal(0), api.ChecklistService
    sync = checklists.SyncExecutionRequest(id=execution.id, step_responses=answers(execution))
    await service.SyncExecution(sync, principal=person)
    await service.CompleteExecution(checklists.CompleteExecutionRequest(id=execution.id), principal=person)
    return str(execution.id)


async def listed(api: Api, us: Team, **chosen: Any) -> dict[str, inbox.InboxItem]:
    found = await api.InboxService.ListInbox(inbox.ListInboxRequest(**chosen), principal=us.manager)
    return {item.id: item for item in found.results}


async def test_what_waits_what_is_done_and_what_is_worked_on_are_told_apart(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling)
    waiting = await handed_in(api, us, requires_supervisor_approval=True)
    done = await handed_in(api, us)
    working = (await begun(api, us)).id

    found = await listed(api, us)
    assert {key: (item.status, item.priority) for key, item in found.items()} == {
        waiting: ("PENDING", "HIGH"),
        done: ("COMPLETED", "MEDIUM"),
        working: ("IN_PROGRESS", "MEDIUM"),
    }
    assert (found[waiting].title, found[waiting].progress_pct) == ("Opening", 100)
    assert (found[waiting].staff.id, found[waiting].staff.name) == (str(us.people[0]), "Person0 Idrissi")
    assert list(await listed(api, us, status="PENDING")) == [waiting]
    assert list(await listed(api, us, priority="HIGH")) == [waiting]
    assert await listed(api, us, first_day="2020-01-01", last_day="2020-02-01") == {}


async def test_a_decision_is_made_once_and_only_about_what_was_handed_in(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    service = api.InboxService
    decide = inbox.DecideInboxItemRequest(id=await handed_in(api, us, requires_supervisor_approval=True))
    rejected = await service.RejectInboxItem(decide, principal=us.manager)
    assert (rejected.status, rejected.priority) == ("REJECTED", "HIGH")
    for _ in range(2):
        assert (await service.ApproveInboxItem(decide, principal=us.manager)).status == "APPROVED"
    early = inbox.DecideInboxItemRequest(id=(await begun(api, us)).id)
    refused = await refusal(service.ApproveInboxItem(early, principal=us.manager))
    assert refused.code == "checklist_not_completed"


async def test_others_neither_see_nor_decide(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling), team(scheduling)
    decide = inbox.DecideInboxItemRequest(id=await handed_in(api, us))
    assert await listed(api, them) == {}
    foreign = await refusal(api.InboxService.ApproveInboxItem(decide, principal=them.manager))
    assert foreign.grpc_code is grpc.StatusCode.NOT_FOUND
    own = await refusal(api.InboxService.ApproveInboxItem(decide, principal=us.principal(0)))
    assert own.grpc_code is grpc.StatusCode.PERMISSION_DENIED


async def test_a_list_costs_the_same_for_one_and_for_many(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    await begun(api, us)
    with scheduling.statements() as for_one:
        await listed(api, us)
    for _ in range(4):
        await begun(api, us)
    with scheduling.statements() as for_many:
        assert len(await listed(api, us)) == 5
    assert for_one == for_many
