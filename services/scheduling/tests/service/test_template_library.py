"""Templates of weeks as a library: copied, liked, counted, and moved as a table."""

import csv
import io
from typing import Any
from uuid import uuid4

import pytest

from mizan.options.v1 import files_pb2
from mizan.scheduling.events.v1 import events_pb2 as facts
from mizan.scheduling.v1 import template_library_pb2 as library
from mizan.scheduling.v1 import template_pb2 as templates
from mizan.scheduling.v1 import template_version_pb2 as versions
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.scheduling.tests.team import Team, team

MONDAY = templates.TemplateShiftDraft(
    role="CHEF", day_of_week=0, start_time="09:00:00", end_time="17:00:00", required_staff=2
)


async def template(api: Api, us: Team, name: str = "Winter", **fields: Any) -> templates.ScheduleTemplate:
    request = templates.CreateScheduleTemplateRequest(name=name, shifts=[MONDAY], **fields)
    made: templates.ScheduleTemplate = await api.ScheduleTemplateService.CreateScheduleTemplate(
        request, principal=us.manager
    )
    return made


async def listed(api: Api, us: Team) -> list[templates.ScheduleTemplate]:
    answer = await api.ScheduleTemplateService.ListScheduleTemplates(
        templates.ListScheduleTemplatesRequest(), principal=us.manager
    )
    return list(answer.results)


async def refusal(attempt: Any) -> str:
    with pytest.raises(RemoteRefusal) as refused:
        await attempt
    return refused.value.code


async def test_a_copy_is_a_template_of_its_own_and_not_in_use(api: Api, bus: Bus, scheduling: RunningService) -> None:
    us, them = team(scheduling, size=0), team(scheduling, size=0)
    made = await template(api, us, category="Season", tags=["cold"])
    request = library.DuplicateScheduleTemplateRequest(id=made.id)
    copied = await api.TemplateLibraryService.DuplicateScheduleTemplate(request, principal=us.manager)
    assert (copied.name, copied.is_active, copied.version) == ("Winter (Copy)", False, 1)
    assert (copied.category, list(copied.tags), copied.created_by) == ("Season", ["cold"], str(us.manager.user_id))
    assert [(one.role, one.required_staff) for one in copied.shifts] == [("CHEF", 2)]
    (created,) = await bus.of_aggregate(facts.TemplateCreated, copied.id, 1)
    assert created.message.template.name == "Winter (Copy)"
    duplicate = api.TemplateLibraryService.DuplicateScheduleTemplate
    assert await refusal(duplicate(request, principal=them.manager)) == "not_found"


async def test_several_are_liked_shelved_and_removed_at_once(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling, size=0), team(scheduling, size=0)
    service = api.TemplateLibraryService
    ids = [(await template(api, us, name)).id for name in ("A", "B")]
    toggle = library.ToggleFavoriteTemplateRequest(id=ids[0])
    for marked in (True, False):
        answer = await service.ToggleFavoriteTemplate(toggle, principal=us.manager)
        assert answer.is_favorite is marked
    assert await refusal(service.ToggleFavoriteTemplate(toggle, principal=them.manager)) == "not_found"

    async def act(action: str, *wanted: str, us: Team = us) -> library.TemplatesDone:
        request = library.ActOnTemplatesRequest(template_ids=wanted, action=action)
        done: library.TemplatesDone = await service.ActOnTemplates(request, principal=us.manager)
        return done

    assert (await act("add_to_favorites", *ids)).success == 2
    stranger = str(uuid4())
    done = await act("deactivate", ids[1], stranger)
    assert (done.success, done.failed, stranger in done.errors[0]) == (1, 1, True)
    rows = {one.id: (one.is_favorite, one.is_active, one.version) for one in await listed(api, us)}
    # To like a template is no new state of it.
    assert rows == {ids[0]: (True, True, 1), ids[1]: (True, False, 2)}
    await act("remove_from_favorites", ids[0])
    await act("delete", ids[1])
    assert [(one.id, one.is_favorite) for one in await listed(api, us)] == [(ids[0], False)]
    assert await refusal(act("delete", ids[0], us=them)) == "not_found"


async def test_what_the_library_holds_is_counted(api: Api, scheduling: RunningService) -> None:
    us = team(scheduling, size=0)
    statistics = library.GetTemplateStatisticsRequest()
    empty = await api.TemplateLibraryService.GetTemplateStatistics(statistics, principal=us.manager)
    assert (empty.total_templates, empty.avg_labor_hours, empty.HasField("most_used")) == (0, 0, False)
    for place in range(7):
        await template(api, us, f"T{place}", category="Season" if place else "Feast", is_active=place > 2)
    with scheduling.statements() as ran:
        found = await api.TemplateLibraryService.GetTemplateStatistics(statistics, principal=us.manager)
    assert len(ran) == 2
    assert (found.total_templates, found.active_templates, list(found.categories)) == (7, 4, ["Feast", "Season"])
    # Two chefs for eight hours with half an hour's break; what they earn is not known here.
    assert (found.avg_labor_hours, found.HasField("avg_cost")) == (15.0, False)
    assert [one.name for one in found.recently_created] == ["T6", "T5", "T4", "T3", "T2"]


async def test_a_library_moves_as_a_table(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling, size=0), team(scheduling, size=0)
    service = api.TemplateLibraryService
    await template(api, us, '=SUM(1), "cold"', category="Season", tags=["cold", "quiet"], description="Snow\nand ice")
    file = await service.ExportTemplates(library.ExportTemplatesRequest(), principal=us.manager)
    disposition = files_pb2.Disposition()
    file.extensions[0].Unpack(disposition)
    assert (file.content_type, disposition.filename) == ("text/csv; charset=utf-8", "schedule_templates.csv")
    (row,) = csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"), newline=""))
    assert (row["Shifts Count"], row["Estimated Labor Hours"], row["Shifts"]) == (
        "1",
        "15.00",
        "MON CHEF 09:00-17:00 x2",
    )

    async def take(content: bytes) -> library.TemplatesDone:
        upload = files_pb2.Upload(filename="library.csv", content_type="text/plain", content=content)
        done: library.TemplatesDone = await service.ImportTemplates(
            library.ImportTemplatesRequest(file=upload), principal=them.manager
        )
        return done

    done = await take(file.data + b",,,,,,,,,,,,,,MON CHEF\r\n")
    assert (done.success, done.failed, list(done.errors)) == (1, 1, ["Row 3: Name is required."])
    (theirs,), (ours,) = await listed(api, them), await listed(api, us)
    assert theirs.id != ours.id
    for name in ("name", "description", "category", "tags", "is_active", "is_favorite"):
        assert getattr(theirs, name) == getattr(ours, name)
    assert [one.start_time for one in theirs.shifts] == ["09:00:00"]
    for wrong in (b"", b"Title\nWinter", b"\xff\xfe"):
        assert await refusal(take(wrong)) == "no_table"


async def test_templates_are_found_by_what_they_are(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling, size=0), team(scheduling, size=0)
    service = api.TemplateLibraryService
    winter = await template(api, us, "Winter", tags=["Cold"], is_active=False)
    summer = await template(api, us, "Summer", description="100% outside")
    await service.ToggleFavoriteTemplate(library.ToggleFavoriteTemplateRequest(id=winter.id), principal=us.manager)

    async def found(us: Team = us, **filters: Any) -> list[str]:
        answer = await service.SearchTemplates(library.SearchTemplatesRequest(**filters), principal=us.manager)
        assert answer.count == len(answer.results)
        assert all(len(one.shifts) == 1 for one in answer.results)
        return [one.name for one in answer.results]

    # To like one is the last that was done.
    assert await found() == ["Winter", "Summer"]
    for filters, names in (
        ({"ordering": "name"}, ["Summer", "Winter"]),
        ({"ordering": "-created_at"}, ["Summer", "Winter"]),
        ({"is_active": True}, ["Summer"]),
        ({"is_active": False}, ["Winter"]),
        ({"favorites": True}, ["Winter"]),
        ({"favorites": False, "ordering": "-name"}, ["Winter", "Summer"]),
        ({"name": "Summer"}, ["Summer"]),
        ({"name": "summer"}, []),
        ({"name_part": "INT"}, ["Winter"]),
        ({"search": "cold"}, ["Winter"]),
        ({"search": "0% OUT"}, ["Summer"]),
        ({"search": "%"}, ["Summer"]),
        ({"min_usage": 1}, []),
        ({"page": 1, "page_size": 50, "search": "er", "is_active": True}, ["Summer"]),
    ):
        assert await found(**filters) == names, filters
    assert await found(us=them) == []
    assert summer.usage_count == 0
    with scheduling.statements() as ran:
        await found(page=1, page_size=50)
    assert len(ran) == 3


async def test_a_template_is_shown_with_its_states_and_put_back_into_one(api: Api, scheduling: RunningService) -> None:
    us, them = team(scheduling, size=0), team(scheduling, size=0)
    service, states = api.TemplateLibraryService, api.TemplateVersionService
    made = await service.CreateLibraryTemplate(
        templates.CreateScheduleTemplateRequest(name="Winter", tags=["cold"], shifts=[MONDAY]), principal=us.manager
    )
    assert (made.name, list(made.tags), len(made.shifts), made.is_active) == ("Winter", ["cold"], 1, True)
    assert [(one.version_number, one.status) for one in made.versions] == [("1", "ACTIVE")]
    change = templates.UpdateScheduleTemplateRequest(id=made.id, name="Summer", tags=[])
    change.update_mask.paths.extend(["name", "tags", "shifts"])
    changed = await service.UpdateLibraryTemplate(change, principal=us.manager)
    assert (changed.name, list(changed.tags), len(changed.shifts)) == ("Summer", [], 0)
    assert [one.id for one in changed.versions[1:]] == [made.versions[0].id]

    back = versions.RestoreTemplateStateRequest(id=made.id, version_id=made.versions[0].id)
    restored = await states.RestoreTemplateState(back, principal=us.manager)
    assert (restored.message, restored.new_version) == ("Version 1 was restored.", "3")
    get = templates.GetScheduleTemplateRequest(id=made.id)
    now = await service.GetLibraryTemplate(get, principal=us.manager)
    assert (now.name, [one.role for one in now.shifts], now.version) == ("Winter", ["CHEF"], 3)
    listing = versions.ListStatesOfTemplateRequest(template=made.id)
    listed_states = await states.ListStatesOfTemplate(listing, principal=us.manager)
    assert list(listed_states.results) == list(now.versions)

    other = await template(api, us, "Other")
    present = versions.RestoreTemplateStateRequest(id=made.id, version_id=now.versions[0].id)
    foreign = versions.RestoreTemplateStateRequest(id=other.id, version_id=made.versions[0].id)
    for method, request, who, code in (
        (states.RestoreTemplateState, present, us, "present_state"),
        (states.RestoreTemplateState, foreign, us, "two_templates"),
        (states.RestoreTemplateState, back, them, "not_found"),
        (states.ListStatesOfTemplate, listing, them, "not_found"),
        (service.GetLibraryTemplate, get, them, "not_found"),
        (service.UpdateLibraryTemplate, change, them, "not_found"),
    ):
        assert await refusal(method(request, principal=who.manager)) == code
