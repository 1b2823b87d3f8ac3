"""People are told what concerns them on the channels they chose, and talk to the platform over WhatsApp."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support import browser
from tests.support.people import PASSWORD, Person, Restaurant, join, register
from tests.support.screens import screen
from tests.support.waiting import eventually
from tools.installation import Site

pytestmark = [pytest.mark.e2e]

SCREEN = "/ws/notifications/"
HOME = (33.5731, -7.5898)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Phones:
    """Everybody's phones, at the local providers."""

    def __init__(self, site: Site) -> None:
        self._http = httpx.Client(base_url=site.environment["NOTIFY_WHATSAPP_URL"], timeout=30)

    def control(self, action: str, **about: Any) -> Any:
        """Has something happen, or looks."""
        answer = self._http.post(f"/control/{action}", json=about)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, phone: str, message: dict[str, Any], message_id: str = "") -> None:
        """Somebody writes; the webhook must be acknowledged."""
        written = self.control("write", **{"from": phone, "message": message, "id": message_id})
        assert written == {"status": 200}

    def say(self, phone: str, words: str) -> None:
        """Somebody writes a text."""
        self.write(phone, {"type": "text", "text": {"body": words}})

    def whatsapp(self, phone: str) -> list[Any]:
        """What arrived on a phone."""
        return list(self.control("look", phone=phone, token="")["whatsapp"])

    def push(self, token: str) -> list[Any]:
        """What arrived on a device."""
        return list(self.control("look", phone="", token=token)["push"])

    def agent(self, event: str, of: str) -> list[Any]:
        """What the agent's server was told of one kind, about whom or what is named."""
        told = self.control("look", phone="", token="")["agent"]
        return [one["body"] for one in told if one["event"] == event and of in str(one["body"])]

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def phones(installation: Site) -> Iterator[Phones]:
    phones = Phones(installation)
    yield phones
    phones.close()


@pytest.fixture(scope="module")
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


@pytest.fixture(scope="module")
def restaurant(client: httpx.Client) -> Restaurant:
    made = register(client, "Riad")
    join(made, "MANAGER", "4400")
    return made


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def with_phone(restaurant: Restaurant, pin: str) -> tuple[Person, str]:
    """A waiter, and the phone that they gave to their manager."""
    person = join(restaurant, "WAITER", pin)
    phone = f"2126{uuid4().int % 10**8:08d}"
    ok(restaurant.owner.request("PUT", f"/api/staff/{person.id}/", json={"user": {"phone": f"+{phone}"}}))
    return person, phone


def mails(site: Site, email: str) -> list[Any]:
    found = httpx.get(f"{site.mailbox_url}/messages", params={"to": email}, timeout=30).json()
    return [mail for mail in found if "schedule" in mail["subject"].lower()]


def listed(person: Person, kind: str = "") -> list[Any]:
    return list(ok(person.get("/api/notifications/", params={"type": kind}))["results"])


def missed_once(site: Site, person: Person, cursor: str) -> str:
    """Comes back to the application and finds the published week there, once; how far that went."""
    with screen(site, SCREEN, person, cursor=cursor) as back:
        assert back.until("ready")["resumed"] is True
        missed = [back.next(), *back.rest()]
        assert [one["notification"]["notification_type"] for one in missed] == ["SCHEDULE_PUBLISHED"]
        return back.cursor


def test_a_published_week_reaches_three_people_as_they_chose(
    installation: Site, restaurant: Restaurant, phones: Phones
) -> None:
    manager = restaurant.people["MANAGER"]
    (by_whatsapp, phone), (by_push, _), (by_mail, _) = (with_phone(restaurant, f"45{n}0") for n in range(10, 13))
    token = f"token-{uuid4()}"
    ok(by_push.post("/api/notifications/device-tokens/register/", {"token": token}))
    assert [one["token"] for one in ok(by_push.get("/api/notifications/device-tokens/"))["tokens"]] == [token]
    for person, channel in ((by_whatsapp, "whatsapp"), (by_push, "push"), (by_mail, "email")):
        wishes = {f"{name}_enabled": name == channel for name in ("whatsapp", "push", "email")}
        chosen = ok(person.request("PATCH", "/api/notifications/preferences/", json=wishes))
        assert chosen[f"{channel}_enabled"] is True
    today = datetime.now(UTC).date()
    monday = today + timedelta(days=28 - today.weekday())
    week = ok(
        manager.post("/api/scheduling/weekly-schedules/", {"week_start": str(monday)}),
        201,
    )
    for number, person in enumerate((by_whatsapp, by_push, by_mail)):
        shift = {
            "staff_members": [person.id],
            "shift_date": str(monday + timedelta(days=number)),
            "start_time": "09:00",
            "end_time": "15:00",
            "role": "WAITER",
        }
        path = f"/api/scheduling/weekly-schedules/{week['id']}/assigned-shifts/"
        eventually(partial(manager.post, path, shift), lambda answer: answer.status_code == 201)
    publish = f"/api/scheduling/weekly-schedules-v2/{week['id']}/publish/"

    # Two have the application open while it happens, and one comes back to it later.
    with screen(installation, SCREEN, by_mail) as leaving:
        leaving.until("ready")
        cursor = leaving.cursor
    with screen(installation, SCREEN, by_whatsapp) as first, screen(installation, SCREEN, by_push) as second:
        for open_screen in (first, second):
            open_screen.until("ready")
        ok(manager.post(publish))
        for open_screen in (first, second):
            shown = open_screen.until("notification_message")["notification"]
            assert shown["notification_type"] == "SCHEDULE_PUBLISHED"
        for person in (by_whatsapp, by_push, by_mail):
            (notification,) = eventually(partial(listed, person, "SCHEDULE_PUBLISHED"))
            assert notification["is_read"] is False
        eventually(lambda: phones.whatsapp(phone))
        eventually(lambda: phones.push(token))
        eventually(lambda: mails(installation, by_mail.user["email"]))
        assert [open_screen.rest() for open_screen in (first, second)] == [[], []]
    cursor = missed_once(installation, by_mail, cursor)

    (notification,) = eventually(
        lambda: listed(by_whatsapp, "SCHEDULE_PUBLISHED"), lambda rows: "whatsapp" in rows[0]["channels_sent"]
    )
    assert notification["delivery_status"]["whatsapp"]["status"] == "SENT"
    assert notification["delivery_status"]["email"]["status"] == "SKIPPED"

    # Published again without a change: nobody hears of it. Each message came once, and on one channel.
    ok(manager.post(publish))
    (message,) = phones.whatsapp(phone)
    assert message["template"]["name"] == "mizan_notice"
    assert len(phones.push(token)) == 1
    assert len(mails(installation, by_mail.user["email"])) == 1
    assert mails(installation, by_whatsapp.user["email"]) == []
    with screen(installation, SCREEN, by_mail, cursor=cursor) as back:
        assert back.until("ready")["resumed"] is True
        assert back.rest() == []

    # The status that WhatsApp reports marks it read, and so does the person.
    phones.control("report", id=message["id"], state="read")
    eventually(lambda: listed(by_whatsapp, "SCHEDULE_PUBLISHED"), lambda rows: rows[0]["is_read"])
    read = ok(by_mail.post(f"/api/notifications/{listed(by_mail)[0]['id']}/read/"))
    assert read["success"] is True
    foreign = by_push.post(f"/api/notifications/{notification['id']}/read/")
    assert (foreign.status_code, foreign.json()["success"]) == (404, False)


def test_an_announcement_with_a_file_is_acknowledged(restaurant: Restaurant, client: httpx.Client) -> None:
    manager = restaurant.people["MANAGER"]
    person, _ = with_phone(restaurant, "4520")
    sent = eventually(
        lambda: manager.request(
            "POST",
            "/api/notifications/announcements/create/",
            data={"title": "Party", "message": "On <b>Sunday</b>", "recipients_staff_ids": [person.id]},
            files={"attachments": ("party.png", PNG, "image/png")},
        ),
        lambda answer: answer.status_code != 404,
    )
    made = ok(sent, 201)
    assert (made["message"], made["notification_count"], made["targeted"]) == (
        "Announcement sent to 1 targeted recipients",
        1,
        True,
    )
    (notification,) = eventually(lambda: listed(person, "ANNOUNCEMENT"))
    assert notification["message"] == "On Sunday"
    (attachment,) = notification["attachments"]
    assert attachment["name"] == attachment["original_name"] == "party.png"
    file = client.get(attachment["url"])
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, PNG, "image/png")
    assert client.get(attachment["url"] + "x").status_code == 403
    acknowledged = ok(person.post(f"/api/notifications/announcements/{notification['id']}/ack/"))
    assert acknowledged["success"] is True
    (report,) = ok(manager.get("/api/notifications/announcements/"))["results"]
    assert (report["read_count"], report["acknowledged_count"], report["recipient_count"]) == (1, 1, 1)
    assert person.post("/api/notifications/announcements/create/", {"title": "x", "message": "y"}).status_code == 403
    issue = ok(person.post("/api/notifications/announcements/report-issue/", {"description": "It came late"}))
    assert issue["issue_id"] > 0
    health = ok(manager.get("/api/notifications/health-check/"))["checks"]
    assert (health["whatsapp_configured"], health["firebase_initialized"], health["email_configured"]) == (True,) * 3


def test_a_conversation_clocks_somebody_in_and_files_an_incident_with_a_photo(
    restaurant: Restaurant, phones: Phones
) -> None:
    manager = restaurant.people["MANAGER"]
    place = {"latitude": HOME[0], "longitude": HOME[1], "radius": 80, "geofence_enabled": True}
    ok(restaurant.owner.post("/api/settings/geolocation/", place))
    person, phone = with_phone(restaurant, "4530")
    phones.say(phone, "Clock in")
    (asked,) = eventually(lambda: phones.whatsapp(phone))
    assert asked.get("interactive", asked)["type"] == "location_request_message", asked

    far = {"type": "location", "location": {"latitude": HOME[0] + 0.01, "longitude": HOME[1]}}
    phones.write(phone, far)
    refused = eventually(lambda: phones.whatsapp(phone)[1:])[0]
    assert "1112 m" in refused["text"]["body"]
    near = {"type": "location", "location": {"latitude": HOME[0], "longitude": HOME[1]}}
    phones.write(phone, near, "wamid.near")
    phones.write(phone, near, "wamid.near")
    told = eventually(lambda: phones.whatsapp(phone)[2:])
    assert "clocked in" in told[0]["text"]["body"]
    assert ok(person.get("/api/timeclock/current-session/"))["is_clocked_in"] is True

    phones.say(phone, "report")
    eventually(lambda: phones.whatsapp(phone)[3:])
    photo = phones.control("attach", content=base64.b64encode(PNG).decode(), mime_type="image/png")["id"]
    phones.write(
        phone, {"type": "image", "image": {"id": photo, "mime_type": "image/png", "caption": "The oven is broken"}}
    )
    filed = eventually(lambda: phones.whatsapp(phone)[4:])[0]
    assert "was filed" in filed["text"]["body"]
    incidents = ok(manager.get("/api/staff/safety-concerns/"))
    rows = incidents["results"] if isinstance(incidents, dict) else incidents
    (incident,) = [row for row in rows if row["title"] == "The oven is broken"]
    assert incident["incident_type"] == "Maintenance"
    link = incident["description"].rpartition("Photo: ")[2]
    assert manager.get(link).content == PNG
    assert person.get(link).status_code == 403
    (alert,) = eventually(lambda: listed(manager, "COMPLIANCE_ALERT"))
    assert "oven" in alert["message"]
    (told,) = eventually(lambda: phones.agent("incident_reported", incident["id"]))
    assert (told["staffId"], told["details"]["incidentDescription"]) == (person.id, "The oven is broken")

    phones.say(phone, "clock out")
    eventually(lambda: phones.whatsapp(phone)[5:])
    phones.say(phone, "5")
    thanks = eventually(lambda: phones.whatsapp(phone)[6:])[0]
    assert "Thank you" in thanks["text"]["body"]
    assert ok(person.get("/api/timeclock/current-session/"))["is_clocked_in"] is False
    assert len(phones.whatsapp(phone)) == 7


def test_somebody_is_invited_and_accepts_over_whatsapp(restaurant: Restaurant, phones: Phones) -> None:
    manager = restaurant.people["MANAGER"]
    phone = f"2126{uuid4().int % 10**8:08d}"
    invited = ok(
        manager.post(
            "/api/staff/invite/",
            {"role": "WAITER", "first_name": "Dounia", "phone_number": f"+{phone}", "send_whatsapp": True},
        ),
        201,
    )
    (message,) = eventually(lambda: phones.whatsapp(phone))
    assert message["template"]["name"] == "onboarding_invite_v1"
    words = [word["text"] for word in message["template"]["components"][0]["parameters"]]
    assert words[1] == "Dounia"
    assert invited["token"] in words[2]
    (told,) = eventually(lambda: phones.agent("staff_invite", phone))
    assert (told["staffName"], told["details"]["invitationToken"]) == ("Dounia", invited["token"])
    assert told["details"]["inviteLink"] == words[2]
    phones.say(phone, "Accept")
    answers = eventually(lambda: phones.whatsapp(phone)[1:], lambda found: len(found) == 2)
    assert [answer["type"] for answer in answers] == ["template", "text"]
    assert "Dounia" in answers[1]["text"]["body"]
    people = ok(manager.get("/api/staff/"))
    (dounia,) = [person for person in people if person["first_name"] == "Dounia"]
    (told,) = eventually(lambda: phones.agent("staff_invitation_accepted", phone))
    assert (told["staffId"], told["details"]["invitationToken"]) == (dounia["id"], invited["token"])


def test_the_agent_hears_who_logs_in_once_although_it_was_away(
    client: httpx.Client, restaurant: Restaurant, phones: Phones
) -> None:
    owner = restaurant.owner
    before = len(eventually(lambda: phones.agent("user_authenticated", owner.id)))
    phones.control("fail", provider="agent", fault={"status": 503}, times=2)
    answer = client.post("/api/auth/login/", json={"email": owner.user["email"], "password": PASSWORD})
    tokens = ok(answer)["tokens"]
    told = eventually(
        lambda: phones.agent("user_authenticated", owner.id)[before:],
    )
    assert [one["emailAddress"] for one in told] == [owner.user["email"]]
    assert (told[0]["role"], told[0]["restaurantId"]) == (owner.user["role"].lower(), restaurant.data["id"])
    assert tokens["access"] not in str(told)


def test_webhooks_are_verified_and_refused(installation: Site, client: httpx.Client) -> None:
    token = installation.environment["WHATSAPP_VERIFY_TOKEN"]
    for path in ("/api/notifications/whatsapp/webhook/", "/api/notifications/whatsapp-webhook/"):
        query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}
        answer = client.get(path, params=query)
        assert (answer.status_code, answer.text) == (200, "1158201444")
        assert client.get(path, params={**query, "hub.verify_token": "no"}).status_code == 403
        forged = client.post(path, content=b"{}", headers={"X-Hub-Signature-256": "sha256=" + "0" * 64})
        assert forged.status_code == 401
