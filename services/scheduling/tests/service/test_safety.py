"""Procedures, safety checklists, incidents and recognitions."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import orjson
import pytest

from mizan.options.v1 import files_pb2
from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import safety_pb2 as safety
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.conftest import manager
from services.scheduling.tests.service.test_checklists import PIXEL
from services.scheduling.tests.team import team


async def refusal(attempt: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value


async def test_a_procedure_is_kept_and_found(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    request = safety.CreateProcedureRequest(
        title=" Knives ",
        description="How to",
        category="KITCHEN",
        steps='["Wash"]',
        safety_level="HIGH",
        priority="URGENT",
    )
    made = await api.SafetyService.CreateProcedure(request, principal=us.manager)
    assert (made.title, orjson.loads(made.steps), orjson.loads(made.required_ppe)) == ("Knives", ["Wash"], [])
    assert made.priority == "URGENT"
    listing = safety.ListProceduresRequest(search="kniv", safety_level="HIGH")
    assert (await api.SafetyService.ListProcedures(listing, principal=us.principal(0))).count == 1
    nothing = safety.ListProceduresRequest(search="100%")
    assert (await api.SafetyService.ListProcedures(nothing, principal=us.principal(0))).count == 0
    wrong = safety.CreateProcedureRequest(title="x", description="x", category="x", steps="{}")
    assert list((await refusal(api.SafetyService.CreateProcedure(wrong, principal=us.manager))).fields) == ["steps"]
    get = safety.GetProcedureRequest(id=made.id)
    assert (await refusal(api.SafetyService.GetProcedure(get, principal=manager(uuid4())))).code == "not_found"


async def test_a_safety_checklist_is_ticked_off(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    request = safety.CreateSafetyChecklistRequest(title="Exits", category="FIRE", frequency="DAILY", items='["Door"]')
    made = await api.SafetyService.CreateSafetyChecklist(request, principal=us.principal(0))
    change = safety.UpdateSafetyChecklistRequest(id=made.id, is_completed=True)
    change.update_mask.paths.append("is_completed")
    changed = await api.SafetyService.UpdateSafetyChecklist(change, principal=us.principal(1))
    assert (changed.is_completed, changed.items) == (True, made.items)
    assert changed.completed_at.ToDatetime() > made.created_at.ToDatetime()
    assert changed.completed_by == changed.completed_by_details.id == str(us.people[1])
    again = await api.SafetyService.UpdateSafetyChecklist(change, principal=us.principal(0))
    assert (again.completed_at, again.completed_by) == (changed.completed_at, changed.completed_by)
    change.is_completed = False
    opened = await api.SafetyService.UpdateSafetyChecklist(change, principal=us.principal(0))
    assert not opened.HasField("completed_at")
    assert not opened.HasField("completed_by_details")


async def test_an_anonymous_report_names_nobody_and_others_see_it(
    api: Api, scheduling: RunningService, bus: Bus
) -> None:
    us = team(scheduling)
    named = await api.SafetyService.CreateIncident(
        safety.CreateIncidentRequest(title="Slipped", description="Wet floor", severity="HIGH"),
        principal=us.principal(0),
    )
    hidden = await api.SafetyService.CreateIncident(
        safety.CreateIncidentRequest(title="Shouting", description="Again", is_anonymous=True),
        principal=us.principal(0),
    )
    assert (named.reporter, named.reporter_details.first_name) == (str(us.people[0]), "Person0")
    assert not hidden.HasField("reporter")
    event = (await bus.of_aggregate(facts.IncidentReported, hidden.id, 1))[0].message
    assert event.incident.reporter_id == ""
    seen = await api.SafetyService.ListIncidents(safety.ListIncidentsRequest(), principal=us.principal(1))
    assert [incident.id for incident in seen.results] == [hidden.id]
    everything = await api.SafetyService.ListIncidents(
        safety.ListIncidentsRequest(severity="high"), principal=us.manager
    )
    assert [incident.id for incident in everything.results] == [named.id]
    get = safety.GetIncidentRequest(id=named.id)
    assert (await refusal(api.SafetyService.GetIncident(get, principal=us.principal(1)))).code == "not_found"


async def test_a_report_is_closed_and_opened_again(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    made = await api.SafetyService.CreateIncident(
        safety.CreateIncidentRequest(title="Slipped", description="Wet floor"), principal=us.principal(0)
    )
    request = safety.UpdateIncidentStatusRequest(id=made.id, status="RESOLVED", resolution_notes="Mats")
    refused = await refusal(api.SafetyService.UpdateIncidentStatus(request, principal=us.principal(0)))
    assert refused.code == "permission_denied"
    chief = us.principal(1, "schedule.manage")
    answer = await api.SafetyService.UpdateIncidentStatus(request, principal=chief)
    assert (answer.report_id, answer.new_status) == (made.id, "RESOLVED")
    get = safety.GetIncidentRequest(id=made.id)
    closed = await api.SafetyService.GetIncident(get, principal=us.principal(0))
    assert (closed.status, closed.resolved_by, closed.resolution_notes) == ("RESOLVED", chief.subject, "Mats")
    assert (closed.resolved_by_details.id, closed.resolved_by_details.first_name) == (chief.subject, "Person1")
    change = safety.UpdateIncidentRequest(id=made.id, title="Fell")
    change.update_mask.paths.append("title")
    assert (await refusal(api.SafetyService.UpdateIncident(change, principal=us.principal(0)))).code == "not_found"
    again = safety.UpdateIncidentStatusRequest(id=made.id, status="UNDER_REVIEW")
    await api.SafetyService.UpdateIncidentStatus(again, principal=us.manager)
    opened = await api.SafetyService.GetIncident(get, principal=us.manager)
    assert not opened.HasField("resolved_by")
    assert not opened.HasField("resolved_by_details")


async def test_an_award_names_who_gave_it_and_who_got_it(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    request = safety.CreateRecognitionRequest(staff=str(us.people[0]), title="Safe", description="Well done", points=5)
    made = await api.SafetyService.CreateRecognition(request, principal=us.principal(1, "schedule.manage"))
    assert (made.awarded_to.id, made.awarded_to.first_name) == (str(us.people[0]), "Person0")
    assert (made.giver.id, made.giver.first_name) == (made.awarded_by, "Person1")
    assert made.created_at == made.awarded_at


async def test_the_leaderboard_sums_points(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling)
    for place, points in ((0, 5), (1, 20), (0, 10)):
        request = safety.CreateRecognitionRequest(
            staff=str(us.people[place]), title="Safe", description="Well done", points=points
        )
        await api.SafetyService.CreateRecognition(request, principal=us.manager)
    board = await api.SafetyService.GetLeaderboard(safety.GetLeaderboardRequest(), principal=us.principal(2))
    assert [(row.staff.first_name, row.total_points, row.recognition_count) for row in board.results] == [
        ("Person1", 20, 1),
        ("Person0", 15, 2),
    ]
    own = await api.SafetyService.ListRecognitions(safety.ListRecognitionsRequest(), principal=us.principal(1))
    assert [award.points for award in own.results] == [20]
    stranger = safety.CreateRecognitionRequest(staff=str(uuid4()), title="Safe", description="x")
    assert (await refusal(api.SafetyService.CreateRecognition(stranger, principal=us.manager))).code == "not_found"


async def test_a_report_has_a_picture_and_other_words_on_the_reporting_pages(
    api: Api, scheduling: RunningService
) -> None:
    us = team(scheduling)
    service = api.SafetyService
    made = await service.CreateIncident(
        safety.CreateIncidentRequest(
            title="Wet floor", description="By the bar", photo=files_pb2.Upload(filename="floor.png", content=PIXEL)
        ),
        principal=us.principal(0),
    )
    link = parse_qs(urlsplit(made.photo).query)
    get = safety.DownloadIncidentPhotoRequest(
        id=made.id, expires=int(link["expires"][0]), signature=link["signature"][0]
    )
    shown = await service.DownloadIncidentPhoto(get, principal=ANONYMOUS)
    assert (shown.content_type, shown.data) == ("image/png", PIXEL)
    plain = safety.DownloadIncidentPhotoRequest(id=made.id)
    assert (await refusal(service.DownloadIncidentPhoto(plain, principal=us.principal(1)))).code == "not_found"
    assert (await refusal(service.DownloadIncidentPhoto(plain, principal=manager(uuid4())))).code == "not_found"
    listed = await service.ListReportedIncidents(safety.ListReportedIncidentsRequest(), principal=us.principal(0))
    assert [(one.category, one.priority, one.status, len(one.photo_evidence)) for one in listed.results] == [
        ("General", "MEDIUM", "OPEN", 1)
    ]
    change = safety.UpdateIncidentRequest(id=made.id)
    change.update_mask.paths.append("photo")
    assert not (await service.UpdateIncident(change, principal=us.manager)).HasField("photo")
    assert (await refusal(service.DownloadIncidentPhoto(get, principal=ANONYMOUS))).code == "link_expired"
    reported = await service.ReportIncident(
        safety.ReportIncidentRequest(title="Smoke", description="Oven", category="Safety", priority="HIGH"),
        principal=us.principal(1),
    )
    assert (reported.category, reported.priority, reported.reporter) == ("Safety", "HIGH", str(us.people[1]))


async def test_every_state_of_a_procedure_is_published(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us, service = team(scheduling), api.SafetyService
    request = safety.CreateProcedureRequest(title="Knives", description="How to", category="KITCHEN")
    made = await service.CreateProcedure(request, principal=us.manager)
    about = facts.ProcedureFacts(
        id=made.id,
        restaurant_id=str(us.restaurant_id),
        title="Knives",
        category="KITCHEN",
        safety_level="MEDIUM",
        version=1,
    )
    (created,) = await bus.of_aggregate(facts.ProcedureCreated, made.id, 1)
    assert created.message.procedure == about
    change = safety.UpdateProcedureRequest(id=made.id, safety_level="HIGH")
    change.update_mask.paths.append("safety_level")
    await service.UpdateProcedure(change, principal=us.manager)
    (changed,) = await bus.of_aggregate(facts.ProcedureUpdated, made.id, 1)
    about.safety_level, about.version = "HIGH", 2
    assert changed.message.procedure == about
    await service.DeleteProcedure(safety.DeleteProcedureRequest(id=made.id), principal=us.manager)
    (removed,) = await bus.of_aggregate(facts.ProcedureDeleted, made.id, 1)
    about.version = 3
    assert removed.message.procedure == about


async def test_every_state_of_a_safety_checklist_is_published(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us, service = team(scheduling), api.SafetyService
    request = safety.CreateSafetyChecklistRequest(title="Exits", category="FIRE", frequency="DAILY")
    made = await service.CreateSafetyChecklist(request, principal=us.manager)
    about = facts.SafetyChecklistFacts(
        id=made.id,
        restaurant_id=str(us.restaurant_id),
        title="Exits",
        category="FIRE",
        frequency="DAILY",
        version=1,
    )
    (created,) = await bus.of_aggregate(facts.SafetyChecklistCreated, made.id, 1)
    assert created.message.checklist == about
    change = safety.UpdateSafetyChecklistRequest(id=made.id, is_completed=True)
    change.update_mask.paths.append("is_completed")
    await service.UpdateSafetyChecklist(change, principal=us.principal(0))
    (ticked,) = await bus.of_aggregate(facts.SafetyChecklistUpdated, made.id, 1)
    about.is_completed, about.version = True, 2
    assert ticked.message.checklist == about
    await service.DeleteSafetyChecklist(safety.DeleteSafetyChecklistRequest(id=made.id), principal=us.manager)
    (removed,) = await bus.of_aggregate(facts.SafetyChecklistDeleted, made.id, 1)
    about.version = 3
    assert removed.message.checklist == about


async def test_every_state_of_a_report_is_published(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us, service = team(scheduling), api.SafetyService
    request = safety.CreateIncidentRequest(title="Slipped", description="Wet floor")
    made = await service.CreateIncident(request, principal=us.principal(0))
    about = facts.IncidentFacts(
        id=made.id,
        restaurant_id=str(us.restaurant_id),
        incident_type="General",
        title="Slipped",
        severity="MEDIUM",
        status="REPORTED",
        reporter_id=str(us.people[0]),
        version=1,
    )
    (reported,) = await bus.of_aggregate(facts.IncidentReported, made.id, 1)
    assert reported.message.incident == about
    change = safety.UpdateIncidentRequest(id=made.id, severity="HIGH", assigned_to=str(us.people[1]))
    change.update_mask.paths.extend(("severity", "assigned_to"))
    await service.UpdateIncident(change, principal=us.manager)
    moved = safety.UpdateIncidentStatusRequest(id=made.id, status="ADDRESSED")
    await service.UpdateIncidentStatus(moved, principal=us.manager)
    edited, updated = await bus.of_aggregate(facts.IncidentUpdated, made.id, 2)
    about.severity, about.assigned_to, about.version = "HIGH", str(us.people[1]), 2
    assert (edited.message.incident, edited.message.is_edit) == (about, True)
    about.status, about.version = "ADDRESSED", 3
    assert (updated.message.incident, updated.message.is_edit) == (about, False)
    await service.DeleteIncident(safety.DeleteIncidentRequest(id=made.id), principal=us.manager)
    (removed,) = await bus.of_aggregate(facts.IncidentDeleted, made.id, 1)
    about.version = 4
    assert removed.message.incident == about


async def test_every_state_of_an_award_is_published(api: Api, scheduling: RunningService, bus: Bus) -> None:
    us, service = team(scheduling), api.SafetyService
    request = safety.CreateRecognitionRequest(staff=str(us.people[0]), title="Safe", description="Well done", points=5)
    made = await service.CreateRecognition(request, principal=us.manager)
    about = facts.RecognitionFacts(
        id=made.id,
        restaurant_id=str(us.restaurant_id),
        staff_id=str(us.people[0]),
        title="Safe",
        recognition_type="SAFETY",
        points=5,
        awarded_by=us.manager.subject,
        version=1,
    )
    (created,) = await bus.of_aggregate(facts.RecognitionCreated, made.id, 1)
    assert created.message.recognition == about
    change = safety.UpdateRecognitionRequest(id=made.id, points=8)
    change.update_mask.paths.append("points")
    await service.UpdateRecognition(change, principal=us.manager)
    (changed,) = await bus.of_aggregate(facts.RecognitionUpdated, made.id, 1)
    about.points, about.version = 8, 2
    assert changed.message.recognition == about
    await service.DeleteRecognition(safety.DeleteRecognitionRequest(id=made.id), principal=us.manager)
    (removed,) = await bus.of_aggregate(facts.RecognitionDeleted, made.id, 1)
    about.version = 3
    assert removed.message.recognition == about
