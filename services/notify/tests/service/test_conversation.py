"""Conversations: an explicit state for each phone, which survives restarts and is forgotten after a time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from servicekit.db import SYSTEM
from servicekit.errors import Invalid, Unavailable
from servicekit.identity import Principal
from servicekit.jobs import Job
from servicekit.testing.clock import MovableClock
from services.notify import tasks
from services.notify.commands.whatsapp import store
from services.notify.conversation.desk import Finished, Person, Step
from services.notify.conversation.dialogue import Dialogue
from services.notify.conversation.worker import Conversations
from services.notify.domain.whatsapp import read_webhook
from services.notify.models import WhatsAppMessage, WhatsAppSession
from services.notify.tests.town import Town
from services.notify.texts.talk import talk

RUN = Job(id=0, task=tasks.CONVERSE.name, attempt=1, last_attempt=False)
LAST = Job(id=0, task=tasks.CONVERSE.name, attempt=8, last_attempt=True)
STEPS = (("CHECK", False), ("CHECK", False), ("MEASUREMENT", False), ("CHECK", True), ("NOTE", False))


class FakeDesk:
    """What the other services would do; each key acts once."""

    def __init__(self, person: Person | None) -> None:
        self.person = person
        self.is_in = False
        self.is_away = False
        self.done: dict[str, tuple[Any, ...]] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.has_checklist = False
        self.open_tasks: list[tuple[str, str]] = []
        self.invitation: tuple[str, str] | None = None

    def _do(self, key: str, *what: Any) -> None:
        if self.is_away:
            raise Unavailable("away")
        self.done.setdefault(key, what)

    def acts(self, name: str) -> list[tuple[Any, ...]]:
        return [what[1:] for what in self.done.values() if what[0] == name]

    async def who(self, _phone: str) -> Person | None:
        if self.is_away:
            raise Unavailable("away")
        return self.person

    async def accept_invitation(self, _phone: str, token: str, key: str) -> tuple[str, str] | None:
        if self.invitation is not None:
            self._do(key, "accept", token)
        return self.invitation

    async def is_clocked_in(self, _person: Person) -> bool:
        return self.is_in

    async def clock_in(self, _person: Person, place: tuple[float, float], key: str) -> datetime:
        if place[0] > 80:
            raise Invalid("You are on an iceberg.", code="iceberg")
        self._do(key, "in", place)
        self.is_in = True
        return datetime.now(UTC)

    async def clock_out(self, _person: Person, key: str) -> tuple[str, float]:
        self._do(key, "out")
        self.is_in = False
        return "session", 7.5

    async def rate(self, _person: Person, session_id: str, rating: int, key: str) -> None:
        self._do(key, "rate", session_id, rating)

    async def next_step(self, _person: Person, checklist_id: str = "") -> Step | Finished | None:
        if not self.has_checklist:
            return None
        for number, (kind, photo) in enumerate(STEPS, 1):
            if str(number) not in self.answers or "status" not in self.answers[str(number)]:
                return Step("list", "Opening", str(number), f"Step {number}", kind, photo, "°C", number, len(STEPS))
        assert checklist_id in ("", "list")
        done = sum(one["status"] == "COMPLETED" for one in self.answers.values())
        return Finished("list", "Opening", done, len(STEPS))

    async def answer_step(self, _person: Person, step_id: str, _key: str, **answer: Any) -> None:
        self.answers.setdefault(step_id, {}).update(answer)

    async def add_photo(self, _person: Person, step_id: str, content: bytes, mime_type: str, key: str) -> None:
        self._do(key, "photo", step_id, content, mime_type)

    async def finish(self, _person: Person, checklist_id: str, key: str) -> None:
        self._do(key, "finish", checklist_id)
        self.has_checklist = False

    async def tasks(self, _person: Person, limit: int) -> Sequence[tuple[str, str]]:
        return self.open_tasks[:limit]

    async def complete_task(self, _person: Person, task_id: str, key: str) -> str:
        self._do(key, "task", task_id)
        return dict(self.open_tasks)[task_id]

    async def report(self, _person: Person, *, key: str, **about: Any) -> str:
        self._do(key, "report", about)
        return "12345678-aaaa"

    async def request(self, _person: Person, text: str, key: str) -> None:
        self._do(key, "request", text)


class FakeAlbum:
    async def fetch(self, media_id: str) -> tuple[bytes, str]:
        return media_id.encode(), "image/jpeg"

    async def keep(self, _person: Person, media_id: str) -> str:
        return f"https://files/{media_id}"


class Talker:
    """Somebody with a phone."""

    def __init__(self, town: Town, clock: MovableClock, place: UUID, language: str = "en") -> None:
        self.town = town
        self.clock = clock
        self.phone = f"2126{uuid4().int % 10**8:08d}"
        self.language = language
        principal = Principal(kind="USER", subject=str(uuid4()), restaurant_id=place)
        self.desk = FakeDesk(Person(principal.user_id, place, "Amina Idrissi", language, principal))
        self._number = 0

    @property
    def worker(self) -> Conversations:
        """A worker that has just started and remembers nothing itself."""
        desk: Any = self.desk
        dialogue = Dialogue(desk, FakeAlbum())
        return Conversations(self.town.notify.database, desk, dialogue, self.clock, timedelta(hours=1))

    def writes(self, kind: str, content: Any, message_id: str = "") -> list[Any]:
        """Writes something; what is answered, as WhatsApp would be given it."""
        self.send(kind, content, message_id)
        before = len(self.heard())
        self.town.notify.run(self.worker.converse(RUN, phone=self.phone))
        return self.heard()[before:]

    def send(self, kind: str, content: Any, message_id: str = "") -> None:
        """Writes something and does not wait for an answer."""
        webhook = self.town.world.whatsapp.inbound(self.phone, {"type": kind, kind: content}, message_id=message_id)

        async def receive() -> None:
            async with self.town.notify.database.write(SYSTEM) as session:
                now = self.clock.now()
                inbound, reports = read_webhook(webhook, "", now)
                await store(session, inbound, reports, now)
                await session.execute(
                    sa.text("DELETE FROM procrastinate.procrastinate_jobs WHERE task_name = 'notify.converse'")
                )

        self.town.notify.run(receive())

    def says(self, words: str) -> str:
        """Writes a text; the answers, one under the other."""
        return self._words(self.writes("text", {"body": words}))

    def taps(self, choice: str) -> str:
        """Taps a button; the answers."""
        reply = {"type": "button_reply", "button_reply": {"id": choice, "title": "x"}}
        return self._words(self.writes("interactive", reply))

    def is_at(self, latitude: float, longitude: float) -> str:
        """Sends a place; the answers."""
        return self._words(self.writes("location", {"latitude": latitude, "longitude": longitude}))

    def shows(self, media_id: str, caption: str = "") -> str:
        """Sends a picture; the answers."""
        return self._words(self.writes("image", {"id": media_id, "mime_type": "image/jpeg", "caption": caption}))

    def heard(self) -> list[Any]:
        """Every answer, in the order in which they are sent."""

        async def work() -> list[Any]:
            async with self.town.notify.database.write(SYSTEM) as session:
                rows = await session.execute(
                    sa.text(
                        "SELECT payload->'message' AS message FROM deliveries WHERE addressee = :addressee"
                        " ORDER BY created_at, key"
                    ),
                    {"addressee": f"phone {self.phone}"},
                )
                return [row.message for row in rows]

        return self.town.notify.run(work())

    @property
    def state(self) -> str:
        """Where the conversation stands."""

        async def work() -> str:
            async with self.town.notify.database.write(SYSTEM) as session:
                found = await session.get(WhatsAppSession, self.phone)
                return found.state if found is not None else ""

        return self.town.notify.run(work())

    @staticmethod
    def _words(messages: list[Any]) -> str:
        return "\n".join(
            one["text"]["body"] if one["type"] == "text" else one["interactive"]["body"]["text"] for one in messages
        )


@pytest.fixture
async def amina(town: Town, clock: MovableClock) -> Talker:
    place = await town.restaurant(latitude="33.5731", longitude="-7.5898", geofence_enabled=True, radius="60.00")
    return Talker(town, clock, place)


def test_clocking_in_and_out(amina: Talker) -> None:
    assert "location" in amina.says("Clock in!")
    assert amina.state == "awaiting_clock_in_location"
    assert "1112 m" in amina.is_at(33.5831, -7.5898)
    assert amina.state == "awaiting_clock_in_location"
    assert "clocked in" in amina.is_at(33.5731, -7.5898)
    assert (amina.state, amina.desk.acts("in")) == ("idle", [((33.5731, -7.5898),)])
    assert amina.says("clock in") == talk("already_in", "en")
    assert "7.50 h" in amina.taps("clock_out_now")
    assert amina.says("9") == talk("ask_rating", "en")
    assert amina.says("4") == talk("thanks_rating", "en")
    assert amina.desk.acts("rate") == [("session", 4)]
    assert amina.says("clock out") == talk("not_in", "en")


def test_a_place_clocks_in_without_being_asked_for(amina: Talker) -> None:
    assert "clocked in" in amina.is_at(33.5731, -7.5898)
    assert amina.is_at(33.5731, -7.5898) == talk("unrecognised", "en")


def test_a_checklist_step_by_step(amina: Talker) -> None:
    amina.desk.has_checklist = True
    assert "1/5" in amina.is_at(33.5731, -7.5898)
    assert amina.state == "in_checklist"
    assert "2/5" in amina.taps("yes")
    assert amina.taps("no") == talk("followup", "en")
    assert amina.taps("need_help") == talk("ask_help", "en")
    assert "2/5" in amina.says("menu of the supplier is missing")
    assert amina.desk.acts("request") == [("menu of the supplier is missing",)]
    amina.taps("no")
    assert amina.taps("delay") == talk("ask_eta", "en")
    assert "3/5" in amina.taps("eta_1h")
    assert amina.says("warm") == talk("unrecognised", "en")
    assert "photo" in amina.says("٤,٥ °C")
    assert amina.state == "awaiting_task_photo"
    assert "5/5" in amina.shows("p1", "clean")
    assert "3 of 5" not in amina.heard()[-1].get("text", {}).get("body", "")
    assert "is done: 4 of 5" in amina.says("all good")
    assert amina.desk.answers["2"]["status"] == "FAILED"
    assert amina.desk.answers["3"]["measurement_value"] == "4.5"
    assert amina.desk.acts("photo") == [("4", b"p1", "image/jpeg")]
    assert amina.desk.acts("finish") == [("list",)]
    assert (amina.state, amina.says("checklist")) == ("idle", talk("no_checklist", "en"))


def test_incidents(amina: Talker) -> None:
    assert amina.says("report") == talk("ask_incident", "en")
    assert amina.shows("p1") == talk("ask_incident_words", "en")
    assert amina.says("help, something odd yesterday at 21:30") == talk("ask_incident_type", "en")
    assert amina.state == "awaiting_incident_clarification"
    reply = {"type": "list_reply", "list_reply": {"id": "type:Service", "title": "x"}}
    (filed,) = amina.writes("interactive", reply)
    assert "12345678" in filed["text"]["body"]
    ((about,),) = amina.desk.acts("report")
    assert (about["kind"], about["severity"], about["evidence"]) == ("Service", "MEDIUM", ["https://files/p1"])
    assert about["at"] < amina.clock.now() - timedelta(hours=2)
    assert "was filed" in amina.says("There is a gas leak in the kitchen")
    assert amina.desk.acts("report")[1][0]["severity"] == "CRITICAL"
    assert amina.says("broken") != talk("unrecognised", "en")
    assert amina.writes("audio", {"id": "v1"})[0]["text"]["body"] == talk("voice_needs_words", "en")


def test_tasks_and_requests(amina: Talker) -> None:
    assert amina.says("tasks") == talk("no_tasks", "en")
    amina.desk.open_tasks = [("t1", "Lay tables"), ("t2", "Fold napkins")]
    assert "2. Fold napkins" in amina.says("my tasks")
    assert amina.taps("task:t2") == "Done: Fold napkins"
    assert amina.says("complete 1") == "Done: Lay tables"
    assert amina.desk.acts("task") == [("t2",), ("t1",)]
    assert amina.says("request") == talk("ask_request", "en")
    assert amina.says("A new apron, please") == talk("request_filed", "en")
    assert amina.says("request") == talk("ask_request", "en")
    assert amina.says("cancel") == talk("cancelled", "en")
    assert amina.state == "idle"


@pytest.mark.parametrize(("language", "words"), [("fr", "aide"), ("ar", "مساعدة")])
async def test_in_the_persons_language(town: Town, clock: MovableClock, language: str, words: str) -> None:
    talker = Talker(town, clock, await town.restaurant(), language)
    assert talker.says(words) == talk("help", language)
    assert talker.says("blah") == talk("unrecognised", language)


def test_what_is_talked_about_survives_a_restart_and_is_forgotten_after_a_time(amina: Talker) -> None:
    amina.says("report")
    assert amina.state == "awaiting_incident_text"
    amina.clock.advance(timedelta(hours=2))
    assert amina.says("hello again, nothing") == talk("unrecognised", "en")
    assert amina.desk.acts("report") == []


def test_a_message_that_is_worked_on_twice_acts_and_answers_once(amina: Talker) -> None:
    amina.says("clock in")
    amina.writes("location", {"latitude": 33.5731, "longitude": -7.5898}, "wamid.same")

    async def forget_that_it_was_answered() -> None:
        async with amina.town.notify.database.write(SYSTEM) as session:
            await session.execute(
                sa.update(WhatsAppMessage).where(WhatsAppMessage.id == "wamid.same").values(processed_at=None)
            )

    before = amina.heard()
    amina.town.notify.run(forget_that_it_was_answered())
    amina.town.notify.run(amina.worker.converse(RUN, phone=amina.phone))
    assert amina.heard() == before
    assert len(amina.desk.acts("in")) == 1


def test_while_a_neighbour_is_away_messages_wait_and_in_the_end_are_answered(amina: Talker) -> None:
    amina.desk.is_away = True
    amina.send("text", {"body": "help"})
    with pytest.raises(Unavailable):
        amina.town.notify.run(amina.worker.converse(RUN, phone=amina.phone))
    assert amina.heard() == []
    amina.town.notify.run(amina.worker.converse(LAST, phone=amina.phone))
    assert amina.heard()[0]["text"]["body"] == talk("later", "en")
    amina.desk.is_away = False
    assert amina.says("help") == talk("help", "en")


def test_a_refusal_is_passed_on_in_its_words(town: Town, clock: MovableClock, amina: Talker) -> None:
    iceberg = Talker(town, clock, uuid4())
    assert iceberg.is_at(89.0, 0.0) == talk("refused", "en", reason="You are on an iceberg.")
    assert amina.state == ""


def test_whoever_is_unknown_is_asked_to_link_their_phone(amina: Talker) -> None:
    amina.desk.person = None
    for said in ("clock in", "report", "The oven is broken"):
        assert amina.says(said) == talk("link_phone", "en")
    assert amina.says("accept") == talk("no_invitation", "en")
    amina.desk.invitation = ("Amina", "Dar Atlas")
    flow = {"type": "nfm_reply", "nfm_reply": {"response_json": '{"invite_accepted": "yes", "flow_token": "tok"}'}}
    confirmed, welcomed = amina.writes("interactive", flow)
    assert confirmed["template"]["name"] == "accepted_invite_confirmation"
    assert "Dar Atlas" in welcomed["text"]["body"]
    assert amina.desk.acts("accept") == [("tok",)]
    assert len(amina.writes("button", {"payload": "accept", "text": "Accept"})) == 2


def test_an_old_message_is_kept_and_not_answered(amina: Talker) -> None:
    amina.send("text", {"body": "help"})
    amina.clock.advance(timedelta(hours=13))
    amina.town.notify.run(amina.worker.converse(RUN, phone=amina.phone))
    assert amina.heard() == []
