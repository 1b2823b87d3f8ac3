"""Staff profiles: who sees and changes which, pictures, and the printed record."""

import io
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from pypdf import PdfReader

from mizan.audit.events.v1 import events_pb2 as audit
from mizan.identity.events.v1 import events_pb2 as facts
from mizan.identity.v1 import document_pb2, performance_pb2, profile_pb2, staff_request_pb2
from mizan.options.v1 import files_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.service import Api, RunningService
from services.identity.tests.conftest import Owner, register
from services.identity.tests.published import published
from services.identity.tests.team import hire, hire_many

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"p{uuid4().hex[:10]}")


async def listed(api: Api, caller: Principal, **request: int) -> profile_pb2.ListProfilesResponse:
    answer: profile_pb2.ListProfilesResponse = await api.ProfileService.ListProfiles(
        profile_pb2.ListProfilesRequest(**request), principal=caller
    )
    return answer


async def fetch(api: Api, caller: Principal, key: str) -> profile_pb2.StaffProfile:
    answer: profile_pb2.StaffProfile = await api.ProfileService.GetProfile(
        profile_pb2.GetProfileRequest(id=key), principal=caller
    )
    return answer


async def update(api: Api, caller: Principal, key: str, *nulls: str, **values: Any) -> profile_pb2.StaffProfile:
    request = profile_pb2.UpdateProfileRequest(id=key, update_mask=FieldMask(paths=[*values, *nulls]), **values)
    answer: profile_pb2.StaffProfile = await api.ProfileService.UpdateProfile(request, principal=caller)
    return answer


def picture(content: bytes = PNG) -> files_pb2.Upload:
    return files_pb2.Upload(filename="me.png", content=content)


async def test_managers_see_every_active_person_and_others_themselves(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    manager = hire(identity, owner, "MANAGER", first_name="Basma")
    waiter = hire(identity, owner, first_name="Chafik")
    hire(identity, owner, first_name="Dounia", is_active=False)
    for caller in (owner.principal, manager):
        everybody = await listed(api, caller)
        assert [row.user_details.first_name for row in everybody.results] == ["Amina", "Basma", "Chafik"]
        assert everybody.count == 3
    (own,) = (await listed(api, waiter)).results
    assert (own.user, own.user_details.id, own.user_details.role) == (waiter.subject, waiter.subject, "WAITER")
    assert own.id > 0
    assert own.user_details.restaurant_name == owner.restaurant.name
    assert (own.hourly_rate, own.salary_type, own.skills, own.promotion_history) == ("0", "HOURLY", "[]", "[]")


async def test_a_profile_is_found_by_its_number_and_by_the_person(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner)
    by_person = await fetch(api, owner.principal, waiter.subject)
    assert await fetch(api, owner.principal, str(by_person.id)) == by_person
    assert await fetch(api, waiter, waiter.subject.replace("-", "")) == by_person
    for key in ("999999999999", str(uuid4())):
        with pytest.raises(RemoteRefusal) as refused:
            await fetch(api, owner.principal, key)
        assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND


async def test_what_managers_record_is_merged_and_published(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    values = {
        "position": "Head waiter",
        "department": "Floor",
        "hourly_rate": "35.50",
        "salary_type": "MONTHLY",
        "hire_date": "2024-02-29",
        "date_of_birth": "1990-05-06",
        "skills": '["Wine", {"name": "HACCP"}]',
        "notes": "Punctual",
    }
    changed = await update(api, owner.principal, waiter.subject, **values)
    assert {name: getattr(changed, name) for name in values if name != "skills"} == {
        name: value for name, value in values.items() if name != "skills"
    }
    assert changed.skills == '["Wine", {"name": "HACCP"}]'
    assert changed.user_details.profile.hourly_rate == "35.50"
    assert changed.user_details.profile.join_date == "2024-02-29"
    assert await fetch(api, waiter, str(changed.id)) == changed
    (event,) = await published(identity, facts.StaffUpdated, owner.restaurant_id, 1)
    assert (event.staff.user_id, event.staff.department, event.staff.position) == (
        waiter.subject,
        "Floor",
        "Head waiter",
    )
    assert list(event.staff.skills) == ["Wine", "HACCP"]
    cleared = await update(api, owner.principal, waiter.subject, "department", "hire_date")
    assert not cleared.HasField("department")
    assert not cleared.HasField("hire_date")
    assert cleared.position == "Head waiter"


async def test_people_keep_their_contacts_and_not_their_pay(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    await update(api, owner.principal, waiter.subject, hourly_rate="30.00", department="Floor")
    changed = await update(
        api, waiter, waiter.subject, emergency_contact_name="Fatima", emergency_contact_phone="0612345678"
    )
    assert (changed.emergency_contact_name, changed.emergency_contact_phone) == ("Fatima", "0612345678")
    with pytest.raises(RemoteRefusal) as refused:
        await update(api, waiter, waiter.subject, hourly_rate="300.00", notes="Good", skills="[]")
    assert refused.value.grpc_code == grpc.StatusCode.PERMISSION_DENIED
    assert refused.value.message == "You may not change: hourly_rate, notes."
    # A whole profile may be sent back as long as what is not one's own is as it was.
    same = await update(api, waiter, waiter.subject, hourly_rate="30.00", department="Floor", skills='["Wine"]')
    assert (same.hourly_rate, same.skills) == ("30.00", '["Wine"]')


async def test_nobody_changes_the_record_of_somebody_above_them_or_of_a_colleague(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    manager, chief, waiter = (hire(identity, owner, role) for role in ("MANAGER", "OWNER", "WAITER"))
    with pytest.raises(RemoteRefusal) as refused:
        await update(api, manager, chief.subject, notes="x")
    assert refused.value.grpc_code == grpc.StatusCode.PERMISSION_DENIED
    for target in (manager, chief):
        with pytest.raises(RemoteRefusal) as refused:
            await update(api, waiter, target.subject, skills="[]")
        assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("value", ['{"a": 1}', '"Wine"', "[1]", f"[{','.join(['0'] * 3)}]"])
async def test_lists_must_be_lists_of_texts_or_objects(api: Api, owner: Owner, value: str) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await update(api, owner.principal, owner.user.id, skills=value)
    assert list(refused.value.fields) == ["skills"]


async def test_a_profile_is_created_once_and_deleted_by_whoever_keeps_the_records(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner)
    created = await api.ProfileService.CreateProfile(
        profile_pb2.CreateProfileRequest(user=waiter.subject, position="Runner", hourly_rate="20"),
        principal=owner.principal,
    )
    assert (created.user, created.position, created.hourly_rate) == (waiter.subject, "Runner", "20.00")
    with pytest.raises(RemoteRefusal) as refused:
        await api.ProfileService.CreateProfile(profile_pb2.CreateProfileRequest(skills="[]"), principal=waiter)
    assert list(refused.value.fields) == ["user"]
    deletion = profile_pb2.DeleteProfileRequest(id=str(created.id))
    with pytest.raises(RemoteRefusal) as refused:
        await api.ProfileService.DeleteProfile(deletion, principal=waiter)
    assert refused.value.grpc_code == grpc.StatusCode.PERMISSION_DENIED
    await api.ProfileService.DeleteProfile(deletion, principal=owner.principal)
    left = await fetch(api, owner.principal, waiter.subject)
    assert left.id == created.id
    assert not left.HasField("position")
    with pytest.raises(RemoteRefusal) as refused:
        await api.ProfileService.DeleteProfile(deletion, principal=owner.principal)
    assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND


async def test_a_picture_is_shown_by_a_link_and_removed_by_null(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    waiter = hire(identity, owner)
    changed = await update(api, waiter, waiter.subject, profile_image=picture())
    link = urlsplit(changed.profile_image)
    query = parse_qs(link.query)
    assert link.path == f"/api/staff/profiles/{waiter.subject}/image/"
    by_link = profile_pb2.DownloadProfileImageRequest(
        id=waiter.subject, expires=int(query["expires"][0]), signature=query["signature"][0]
    )
    body = await api.ProfileService.DownloadProfileImage(by_link, principal=ANONYMOUS)
    assert (body.content_type, body.data) == ("image/png", PNG)
    plain = profile_pb2.DownloadProfileImageRequest(id=waiter.subject)
    assert (await api.ProfileService.DownloadProfileImage(plain, principal=owner.principal)).data == PNG
    with pytest.raises(RemoteRefusal) as refused:
        await api.ProfileService.DownloadProfileImage(plain, principal=ANONYMOUS)
    assert refused.value.grpc_code == grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(RemoteRefusal) as refused:
        await api.ProfileService.DownloadProfileImage(plain, principal=hire(identity, owner))
    assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND
    cleared = await update(api, waiter, waiter.subject, "profile_image")
    assert not cleared.HasField("profile_image")
    with pytest.raises(RemoteRefusal) as refused:
        await api.ProfileService.DownloadProfileImage(by_link, principal=ANONYMOUS)
    assert refused.value.code == "link_expired"


async def test_a_picture_is_a_picture(api: Api, owner: Owner) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await update(api, owner.principal, owner.user.id, profile_image=picture(b"%PDF-1.7\n%%EOF"))
    assert refused.value.fields == {"profile_image": ["This type of file is not accepted."]}


async def report(api: Api, caller: Principal, key: str) -> Any:
    return await api.ProfileService.GetProfileReport(profile_pb2.GetProfileReportRequest(id=key), principal=caller)


def words_of(body: Any) -> str:
    reader = PdfReader(io.BytesIO(body.data))
    return " ".join(page.extract_text() for page in reader.pages)


async def test_a_report_holds_what_is_known_of_a_person(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner, first_name="محمد", last_name="العلوي", phone="0612345678")
    await update(api, owner.principal, waiter.subject, position="Chef de rang", hourly_rate="35.50", skills='["Vin"]')
    await api.DocumentService.CreateDocument(
        document_pb2.CreateDocumentRequest(
            title="Health card", staff=waiter.subject, file=picture(), expires_on=date(2020, 1, 31).isoformat()
        ),
        principal=owner.principal,
    )
    for value in (8, 9):
        await api.PerformanceService.CreateMetric(
            performance_pb2.CreateMetricRequest(
                staff=waiter.subject, metric_type="punctuality", value=value, date=f"2026-01-0{value}"
            ),
            principal=owner.principal,
        )
    await api.StaffRequestService.CreateStaffRequest(
        staff_request_pb2.CreateStaffRequestRequest(subject="Leave"), principal=waiter
    )
    body = await report(api, owner.principal, waiter.subject)
    assert body.content_type == "application/pdf"
    text = words_of(body)
    for word in ("محمد", "العلوي", "Chef de rang", "35.50", "Vin", "Health card", "2020-01-31", "punctuality", "8.50"):
        assert word in text
    disposition = files_pb2.Disposition()
    assert body.extensions[0].Unpack(disposition)
    assert disposition.filename == "محمد العلوي - report.pdf"


@pytest.mark.parametrize(("language", "title"), [("en", "Staff report"), ("fr", "Fiche du personnel")])
async def test_a_report_speaks_its_readers_language(api: Api, owner: Owner, language: str, title: str) -> None:
    reader = Principal(
        kind="USER",
        subject=owner.principal.subject,
        restaurant_id=owner.restaurant_id,
        role=owner.principal.role,
        permissions=owner.principal.permissions,
        session_id=str(uuid4()),
        language=language,
    )
    assert title in words_of(await report(api, reader, owner.user.id))


async def test_people_print_their_own_report_and_nobody_elses(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    assert (await report(api, waiter, waiter.subject)).data.startswith(b"%PDF-")
    with pytest.raises(RemoteRefusal) as refused:
        await report(api, waiter, owner.user.id)
    assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND


async def test_another_restaurant_sees_and_changes_nothing(api: Api, identity: RunningService, owner: Owner) -> None:
    stranger = (await register(api, f"p{uuid4().hex[:10]}")).principal
    waiter = hire(identity, owner)
    known = await update(api, owner.principal, waiter.subject, notes="Secret")
    for key in (waiter.subject, str(known.id)):
        calls = [
            fetch(api, stranger, key),
            update(api, stranger, key, notes="Mine now"),
            report(api, stranger, key),
            api.ProfileService.DeleteProfile(profile_pb2.DeleteProfileRequest(id=key), principal=stranger),
        ]
        for call in calls:
            with pytest.raises(RemoteRefusal) as refused:
                await call
            assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND
    with pytest.raises(RemoteRefusal) as refused:
        await api.ProfileService.CreateProfile(
            profile_pb2.CreateProfileRequest(user=waiter.subject, notes="Mine"), principal=stranger
        )
    assert refused.value.grpc_code == grpc.StatusCode.NOT_FOUND
    assert (await fetch(api, owner.principal, waiter.subject)).notes == "Secret"
    assert [row.user for row in (await listed(api, stranger)).results] == [stranger.subject]


async def test_a_list_costs_the_same_for_one_person_and_for_a_hundred(
    api: Api, identity: RunningService, owner: Owner
) -> None:
    costs = []
    for more in (0, 99):
        hire_many(identity, owner, more)
        with identity.statements() as statements:
            answer = await listed(api, owner.principal, page=1, page_size=500)
        costs.append(len(statements))
    assert answer.count == len(answer.results) == 100
    assert costs == [2, 2]
    second = await listed(api, owner.principal, page=2, page_size=60)
    assert (second.count, len(second.results)) == (100, 40)
    with pytest.raises(RemoteRefusal, match="Invalid page"):
        await listed(api, owner.principal, page=3, page_size=60)


async def test_a_change_is_audited_with_what_it_replaced(api: Api, identity: RunningService, owner: Owner) -> None:
    waiter = hire(identity, owner)
    await update(api, owner.principal, waiter.subject, hourly_rate="30.00")
    await update(api, owner.principal, waiter.subject, hourly_rate="40.00")
    entries = await published(identity, audit.EntryRecorded, UUID(owner.restaurant.id), 3)
    last = entries[-1]
    assert (last.action, last.entity_type, last.entity_id) == ("UPDATE", "StaffProfile", waiter.subject)
    assert (last.old_values["hourly_rate"], last.new_values["hourly_rate"]) == ("30.00", "40.00")
