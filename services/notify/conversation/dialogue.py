"""What follows a message, by the state in which the conversation stands."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from servicekit.geo import distance_metres
from services.notify.clients.whatsapp import buttons, choices, location_request, template, text
from services.notify.conversation.desk import Desk, Finished, Person, Step
from services.notify.domain.talk import (
    AWAITING_FEEDBACK,
    AWAITING_LOCATION,
    AWAITING_PHOTO,
    COMPLETE,
    DELAY_ETA,
    FOLLOWUP,
    HELP_TEXT,
    IDLE,
    IN_CHECKLIST,
    INCIDENT_TEXT,
    INCIDENT_TYPE,
    INCIDENT_TYPES,
    REQUEST_TEXT,
    TAKES_ANY_TEXT,
    Said,
    command_of,
    incident_severity,
    incident_time,
    incident_type,
    number_in,
)
from services.notify.domain.whatsapp import INVITATION_ACCEPTED, LANGUAGE_CODES, body_of
from services.notify.texts import Time, language_of, say
from services.notify.texts.talk import talk

MOST_TASKS: Final = 10
TASK: Final = "task:"
FOLLOWUPS: Final = ("need_help", "delay", "skip")
ETAS: Final = ("eta_10m", "eta_30m", "eta_1h")

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the conversation stands afterwards, and what is answered."""

    state: str
    answers: tuple[Message, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """The restaurant: its zone, and where it is."""

    zone: ZoneInfo
    latitude: float | None = None
    longitude: float | None = None
    radius: float = 0.0


@dataclass(frozen=True)
class Scene:
    """One message with everything that its answer depends on."""

    phone: str
    message_id: str
    said: Said
    state: str
    context: Mapping[str, Any]
    person: Person
    place: Place
    now: datetime

    @property
    def language(self) -> str:
        """The person's."""
        return language_of(self.person.language)

    def key(self, what: str) -> str:
        """Names what is done because of this message."""
        return f"whatsapp {what} {self.message_id}"[:200]

    def say(self, phrase: str, **words: Any) -> Message:
        """A phrase as a text."""
        return text(talk(phrase, self.language, **words))

    def stay(self, *answers: Message) -> Turn:
        """Answers without going on."""
        return Turn(self.state, answers, self.context)


class Album(Protocol):
    """Keeps pictures that people send."""

    async def fetch(self, media_id: str) -> tuple[bytes, str]: ...

    async def keep(self, person: Person, media_id: str) -> str: ...


Handler = Callable[[Scene], Awaitable[Turn | None]]


class Dialogue:
    """Answers the messages of people who are known."""

    def __init__(self, desk: Desk, album: Album) -> None:
        self._desk = desk
        self._album = album
        self._states: dict[str, Handler] = {
            AWAITING_LOCATION: self._place,
            IN_CHECKLIST: self._step_answer,
            AWAITING_PHOTO: self._step_photo,
            FOLLOWUP: self._followup,
            HELP_TEXT: self._help_text,
            DELAY_ETA: self._eta,
            AWAITING_FEEDBACK: self._feedback,
            INCIDENT_TEXT: self._incident_text,
            INCIDENT_TYPE: self._incident_type,
            REQUEST_TEXT: self._request_text,
        }
        self._commands: dict[str, Handler] = {
            "help": self._help,
            "clock_in": self._clock_in,
            "clock_out": self._clock_out,
            "report": self._begin_report,
            "tasks": self._tasks,
            "checklist": self._checklist,
            "request": self._begin_request,
            "cancel": self._cancel,
        }

    async def answer(self, scene: Scene) -> Turn:
        """What follows a message. Raises what the desk and the album raise."""
        command = command_of(scene.said)
        if command and (scene.state not in TAKES_ANY_TEXT or command == "cancel"):
            turn = await self._commands[command](scene) if command in self._commands else None
            if turn is not None:
                return turn
        handler = self._states.get(scene.state)
        if handler is not None:
            turn = await handler(scene)
            if turn is not None:
                return turn
        return await self._at_any_time(scene)

    async def _at_any_time(self, scene: Scene) -> Turn:
        """What makes sense whatever was talked about."""
        said = scene.said
        if said.choice.startswith(TASK):
            return await self._complete_task(scene, said.choice.removeprefix(TASK))
        if found := COMPLETE.fullmatch(said.text.lower()):
            return await self._complete_number(scene, int(found[1]))
        if said.place is not None and not await self._desk.is_clocked_in(scene.person):
            return await self._clock_in_at(scene, said.place)
        if said.is_voice:
            return scene.stay(scene.say("voice_needs_words"))
        if said.text and incident_type(said.text):
            return await self._file(scene, said.text, said.picture)
        return scene.stay(scene.say("unrecognised"))

    async def _help(self, scene: Scene) -> Turn:
        return scene.stay(scene.say("help"))

    async def _cancel(self, scene: Scene) -> Turn:
        return Turn(IDLE, (scene.say("cancelled"),))

    # The time clock

    async def _clock_in(self, scene: Scene) -> Turn:
        if await self._desk.is_clocked_in(scene.person):
            return scene.stay(scene.say("already_in"))
        return Turn(AWAITING_LOCATION, (location_request(talk("ask_location", scene.language)),))

    async def _place(self, scene: Scene) -> Turn | None:
        if scene.said.place is None:
            return None
        if await self._desk.is_clocked_in(scene.person):
            return Turn(IDLE, (scene.say("already_in"),))
        return await self._clock_in_at(scene, scene.said.place)

    async def _clock_in_at(self, scene: Scene, where: tuple[float, float]) -> Turn:
        home = scene.place
        if home.latitude is not None and home.longitude is not None and home.radius:
            distance = distance_metres(where[0], where[1], home.latitude, home.longitude)
            if distance > home.radius:
                told = scene.say("too_far", distance=round(distance), radius=round(home.radius))
                return Turn(AWAITING_LOCATION, (told,))
        await self._desk.clock_in(scene.person, where, scene.key("clock in"))
        since = say(Time(scene.now), scene.language, scene.place.zone)
        first = scene.say("clocked_in", time=since, name=scene.person.name.partition(" ")[0])
        following = await self._ask_next(scene, "")
        if following is None:
            return Turn(IDLE, (first,))
        return Turn(following.state, (first, *following.answers), following.context)

    async def _clock_out(self, scene: Scene) -> Turn:
        if not await self._desk.is_clocked_in(scene.person):
            return scene.stay(scene.say("not_in"))
        session_id, hours = await self._desk.clock_out(scene.person, scene.key("clock out"))
        asked = scene.say("clocked_out", hours=f"{hours:.2f}")
        return Turn(AWAITING_FEEDBACK, (asked,), {"last_session_id": session_id})

    async def _feedback(self, scene: Scene) -> Turn | None:
        number = number_in(scene.said.text)
        if number is None:
            return None
        if number not in ("1", "2", "3", "4", "5"):
            return scene.stay(scene.say("ask_rating"))
        session_id = str(scene.context["last_session_id"])
        await self._desk.rate(scene.person, session_id, int(number), scene.key("rating"))
        return Turn(IDLE, (scene.say("thanks_rating"),))

    # Checklists

    async def _checklist(self, scene: Scene) -> Turn:
        following = await self._ask_next(scene, "")
        return following if following is not None else Turn(IDLE, (scene.say("no_checklist"),))

    async def _ask_next(self, scene: Scene, checklist_id: str) -> Turn | None:
        """Asks for the next step of a checklist, or of any; None where none is open."""
        step = await self._desk.next_step(scene.person, checklist_id)
        if step is None:
            return None
        if isinstance(step, Finished):
            await self._desk.finish(scene.person, step.checklist_id, scene.key("finish"))
            done = scene.say("checklist_done", checklist=step.checklist, done=step.done, total=step.total)
            return Turn(IDLE, (done,))
        return _asking(scene, step)

    async def _go_on(self, scene: Scene, *before: Message) -> Turn:
        following = await self._ask_next(scene, str(scene.context["checklist_id"]))
        if following is None:
            return Turn(IDLE, before)
        return Turn(following.state, (*before, *following.answers), following.context)

    async def _step_answer(self, scene: Scene) -> Turn | None:
        said, step_id = scene.said, str(scene.context["step_id"])
        match scene.context["kind"], said.choice or said.text.lower():
            case "CHECK", "yes" | "oui" | "نعم":
                await self._answer(scene, step_id, status="COMPLETED", is_completed=True, boolean_response=True)
            case _, "n_a":
                await self._answer(scene, step_id, status="SKIPPED")
            case "CHECK", "no" | "non" | "لا":
                offered = [(key, talk(key, scene.language)) for key in FOLLOWUPS]
                return Turn(FOLLOWUP, (buttons(talk("followup", scene.language), offered),), scene.context)
            case "MEASUREMENT", _:
                number = number_in(said.text)
                if number is None:
                    return None
                await self._answer(scene, step_id, status="COMPLETED", is_completed=True, measurement_value=number)
            case "NOTE", _ if said.text:
                await self._answer(scene, step_id, status="COMPLETED", is_completed=True, text_response=said.text)
            case _:
                return None
        return await self._go_on(scene)

    async def _step_photo(self, scene: Scene) -> Turn | None:
        step_id = str(scene.context["step_id"])
        if scene.said.choice == "n_a":
            await self._answer(scene, step_id, status="SKIPPED")
            return await self._go_on(scene)
        if not scene.said.picture:
            return None
        content, mime_type = await self._album.fetch(scene.said.picture)
        await self._desk.add_photo(scene.person, step_id, content, mime_type, scene.key("photo"))
        note = {"notes": scene.said.text} if scene.said.text else {}
        await self._answer(scene, step_id, status="COMPLETED", is_completed=True, **note)
        return await self._go_on(scene)

    async def _followup(self, scene: Scene) -> Turn | None:
        match scene.said.choice:
            case "need_help":
                return Turn(HELP_TEXT, (scene.say("ask_help"),), scene.context)
            case "delay":
                offered = [(key, talk(key, scene.language)) for key in ETAS]
                return Turn(DELAY_ETA, (buttons(talk("ask_eta", scene.language), offered),), scene.context)
            case "skip":
                await self._answer(scene, str(scene.context["step_id"]), status="SKIPPED", notes="Skipped")
                return await self._go_on(scene)
        return None

    async def _help_text(self, scene: Scene) -> Turn | None:
        """The step stays open; whoever helps finds what is needed with it, and the managers are told."""
        if not scene.said.text:
            return None
        await self._answer(scene, str(scene.context["step_id"]), notes=scene.said.text)
        await self._desk.request(scene.person, scene.said.text, scene.key("help"))
        return await self._go_on(scene, scene.say("noted"))

    async def _eta(self, scene: Scene) -> Turn | None:
        if scene.said.choice not in ETAS:
            return None
        await self._answer(
            scene, str(scene.context["step_id"]), status="FAILED", notes=talk(scene.said.choice, scene.language)
        )
        return await self._go_on(scene, scene.say("noted"))

    async def _answer(self, scene: Scene, step_id: str, **answer: Any) -> None:
        await self._desk.answer_step(scene.person, step_id, scene.key("step"), **answer)

    # Tasks

    async def _tasks(self, scene: Scene) -> Turn:
        found = await self._desk.tasks(scene.person, MOST_TASKS)
        if not found:
            return scene.stay(scene.say("no_tasks"))
        rows = [(f"{TASK}{task_id}", title) for task_id, title in found]
        listed = "\n".join(f"{number}. {title}" for number, (_, title) in enumerate(found, 1))
        body = f"{talk('tasks', scene.language)}\n{listed}"
        return scene.stay(choices(body, talk("open_list", scene.language), rows))

    async def _complete_number(self, scene: Scene, number: int) -> Turn:
        found = await self._desk.tasks(scene.person, MOST_TASKS)
        if not 0 < number <= len(found):
            return scene.stay(scene.say("no_tasks") if not found else scene.say("unrecognised"))
        return await self._complete_task(scene, found[number - 1][0])

    async def _complete_task(self, scene: Scene, task_id: str) -> Turn:
        title = await self._desk.complete_task(scene.person, task_id, scene.key("task"))
        return scene.stay(scene.say("task_done", task=title))

    # Incidents and requests

    async def _begin_report(self, scene: Scene) -> Turn:
        return Turn(INCIDENT_TEXT, (scene.say("ask_incident"),))

    async def _incident_text(self, scene: Scene) -> Turn | None:
        said, evidence = scene.said, list(scene.context.get("evidence", ()))
        if said.picture and not said.text:
            evidence.append(await self._album.keep(scene.person, said.picture))
            return Turn(INCIDENT_TEXT, (scene.say("ask_incident_words"),), {"evidence": evidence})
        if said.is_voice:
            return scene.stay(scene.say("voice_needs_words"))
        if not said.text:
            return None
        return await self._file(scene, said.text, said.picture, evidence)

    async def _file(
        self, scene: Scene, words: str, picture: str = "", evidence: list[str] | None = None, kind: str = ""
    ) -> Turn:
        """Files an incident, or asks first what kind it is where nothing says so."""
        kept = [*(evidence or ())]
        if picture:
            kept.append(await self._album.keep(scene.person, picture))
        kind = kind or incident_type(words)
        if not kind:
            rows = [(f"type:{one}", talk(one, scene.language)) for one in INCIDENT_TYPES]
            asked = choices(talk("ask_incident_type", scene.language), talk("choose", scene.language), rows)
            return Turn(INCIDENT_TYPE, (asked,), {"text": words, "evidence": kept})
        at = incident_time(words, scene.now, scene.place.zone)
        incident_id = await self._desk.report(
            scene.person,
            text=words,
            kind=kind,
            severity=incident_severity(words),
            at=at,
            evidence=kept,
            key=scene.key("incident"),
        )
        told = scene.say(
            "incident_filed",
            number=incident_id[:8],
            type=talk(kind, scene.language),
            time=say(Time(at), scene.language, scene.place.zone),
        )
        return Turn(IDLE, (told,))

    async def _incident_type(self, scene: Scene) -> Turn | None:
        said = scene.said
        words, evidence = str(scene.context["text"]), list(scene.context.get("evidence", ()))
        if said.picture:
            evidence.append(await self._album.keep(scene.person, said.picture))
        kind = said.choice.removeprefix("type:") if said.choice else _named_type(said.text, scene.language)
        if kind not in INCIDENT_TYPES:
            kind = incident_type(said.text)
        if kind:
            return await self._file(scene, words, evidence=evidence, kind=kind)
        if said.text:
            # More words, which may say what the first did not; in the end it is something else.
            return await self._file(scene, f"{words}\n{said.text}", evidence=evidence, kind="Other")
        return Turn(INCIDENT_TYPE, (scene.say("ask_incident_type"),), {"text": words, "evidence": evidence})

    async def _begin_request(self, scene: Scene) -> Turn:
        return Turn(REQUEST_TEXT, (scene.say("ask_request"),))

    async def _request_text(self, scene: Scene) -> Turn | None:
        if not scene.said.text:
            return None
        await self._desk.request(scene.person, scene.said.text, scene.key("request"))
        return Turn(IDLE, (scene.say("request_filed"),))


def _asking(scene: Scene, step: Step) -> Turn:
    """The question for a step."""
    language = scene.language
    context = {"checklist_id": step.checklist_id, "step_id": step.id, "kind": step.kind}
    body = talk("step", language, checklist=step.checklist, number=step.number, total=step.total, step=step.title)
    if step.needs_photo:
        asked = f"{body}\n{talk('ask_photo', language)}"
        return Turn(AWAITING_PHOTO, (buttons(asked, [("n_a", talk("n_a", language))]),), context)
    match step.kind:
        case "MEASUREMENT":
            unit = f" ({step.unit})" if step.unit else ""
            return Turn(IN_CHECKLIST, (text(f"{body}\n{talk('ask_number', language, unit=unit)}"),), context)
        case "NOTE":
            return Turn(IN_CHECKLIST, (text(f"{body}\n{talk('ask_note', language)}"),), context)
        case "SIGNATURE":
            return Turn(IDLE, (text(f"{body}\n{talk('ask_in_app', language)}"),))
    offered = [(key, talk(key, language)) for key in ("yes", "no", "n_a")]
    return Turn(IN_CHECKLIST, (buttons(body, offered),), {**context, "kind": "CHECK"})


def _named_type(words: str, language: str) -> str:
    """The kind of incident whose name somebody wrote instead of choosing it."""
    wanted = words.strip().lower()
    names = {talk(kind, language).lower(): kind for kind in INCIDENT_TYPES}
    return names.get(wanted, words.strip().title() if wanted else "")


def welcome(language: str, first_name: str, restaurant: str) -> tuple[Message, Message]:
    """What somebody is told whose invitation was accepted."""
    confirmed = template(INVITATION_ACCEPTED.name, LANGUAGE_CODES[language_of(language)], body_of([first_name]))
    return confirmed, text(talk("invitation_accepted", language, restaurant=restaurant, name=first_name))
