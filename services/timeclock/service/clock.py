"""Clocking in and out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

import refdata
from mizan.timeclock.v1 import clock_pb2
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SYSTEM, Scope, SessionReader
from servicekit.errors import NON_FIELD, Forbidden, Invalid, NotFound, Refusal, Unauthenticated, Unavailable
from servicekit.files import StoredFile
from servicekit.links import FileLinks
from services.timeclock.clients import Identity
from services.timeclock.commands import clocking, log
from services.timeclock.commands.clocking import Taken, refused
from services.timeclock.commands.log import Draft
from services.timeclock.domain import places
from services.timeclock.domain.punches import BREAK_END, BREAK_START, IN, OUT, Moment, Place, moment_of
from services.timeclock.models import PunchPhoto
from services.timeclock.photos import NOT_KEPT, Photos, content_of
from services.timeclock.queries import clock as queries
from services.timeclock.queries.rows import session_of
from services.timeclock.queries.situations import Situation, site_of, situation
from services.timeclock.service.convert import (
    current_session,
    event_fields,
    hours,
    photo_path,
    point,
    session_event,
)

UNKNOWN: Final = "Unknown"
TOO_VAGUE: Final = "GPS accuracy too weak"
WHATSAPP: Final = "whatsapp"
"""What the conversation over WhatsApp calls itself, which clocks people in as themselves."""
SEES_ATTENDANCE: Final = "attendance.view"
SEES_SETTINGS: Final = "settings.view"


class ClockService:
    """Implements mizan.timeclock.v1.ClockService."""

    def __init__(self, identity: Identity, photos: Photos, links: FileLinks, clock: Clock) -> None:
        self._identity = identity
        self._photos = photos
        self._clock = clock
        self._links = links

    # The web

    async def WebClockIn(self, request: clock_pb2.WebClockInRequest, call: Call) -> clock_pb2.WebClockInResponse:
        draft, known = await self._web_draft(IN, request, call, f"Web clock-in{_accuracy_note(request)}")
        place, distance = _on_site(request, known, places.WEAKEST_ON_THE_WEB)
        draft = clocking.prepared_to_clock_in(replace(draft, place=place, distance=distance), known)
        photo = None
        if request.photo:
            photo = await self._photos.store(draft.restaurant_id, await content_of(request.photo))
            if photo is None:
                draft = replace(draft, notes=f"{draft.notes}. {NOT_KEPT}")
        session = await call.session()
        taken = await self._take(session, draft, known, call)
        key = photo.key if photo is not None else None
        if taken.is_new:
            self._keep_photo(session, taken, photo, known)
        else:
            before = await queries.linked_photo(SessionReader(session), taken.punch_id, self._clock.now())
            key = before.file_key if before is not None else None
        return clock_pb2.WebClockInResponse(
            session_id=str(taken.session.id if taken.session is not None else taken.punch_id),
            clock_in_time=timestamp_of(taken.draft.at),
            location_verified=place.verified or known.site is None,
            distance_from_restaurant=places.in_words(distance) if distance is not None else UNKNOWN,
            message=f"Clocked in at {taken.draft.at.astimezone(known.zone):%H:%M}.",
            photo_url=self._photo_link(taken, key),
            event=self._event(taken),
            flags=taken.draft.flags,
        )

    async def WebClockOut(self, request: clock_pb2.WebClockOutRequest, call: Call) -> clock_pb2.WebClockOutResponse:
        _refuse_vague(request, places.WEAKEST_ON_THE_WEB)
        draft, known = await self._web_draft(OUT, request, call, f"Web clock-out{_accuracy_note(request)}")
        draft = replace(draft, place=_sent_place(request))
        taken = await self._take(await call.session(), draft, known, call)
        worked = taken.session.worked_seconds if taken.session is not None else 0
        return clock_pb2.WebClockOutResponse(
            session_id=str(taken.session.id if taken.session is not None else taken.punch_id),
            clock_out_time=timestamp_of(taken.draft.at),
            total_hours=hours(worked),
            location_verified=places.is_given(draft.place.latitude, draft.place.longitude),
            message=f"Clocked out at {taken.draft.at.astimezone(known.zone):%H:%M}.",
            event=self._event(taken),
            flags=taken.draft.flags,
        )

    async def StartBreak(self, request: clock_pb2.StartBreakRequest, call: Call) -> clock_pb2.BreakResponse:
        return await self._break(BREAK_START, request, call, "Break started.", paid=request.paid)

    async def EndBreak(self, request: clock_pb2.EndBreakRequest, call: Call) -> clock_pb2.BreakResponse:
        return await self._break(BREAK_END, request, call, "Break ended.", paid=False)

    async def _break(self, kind: str, request: Any, call: Call, message: str, *, paid: bool) -> clock_pb2.BreakResponse:
        draft, known = await self._web_draft(kind, request, call, "")
        taken = await self._take(await call.session(), replace(draft, paid_break=paid), known, call)
        return clock_pb2.BreakResponse(**event_fields(taken, None), message=message, event=self._event(taken))

    async def _web_draft(self, kind: str, request: Any, call: Call, notes: str) -> tuple[Draft, Situation]:
        now = self._clock.now()
        moment = _moment(request, now)
        known = await _situation(request, call, call.principal.tenant, call.principal.user_id, moment.at)
        if not known.is_active:
            raise Forbidden("You no longer work here.")
        names_device = "device_id" in request.DESCRIPTOR.fields_by_name and bool(request.device_id)
        device = request.device_id if names_device else call.context.user_agent
        draft = Draft(
            restaurant_id=known.restaurant_id,
            staff_id=known.staff_id,
            kind=kind,
            at=moment.at,
            business_date=known.business_date(moment.at),
            recorded_at=now,
            source="WHATSAPP" if device == WHATSAPP else "WEB",
            flags=moment.flags,
            accuracy=getattr(request, "accuracy", None) or None,
            device_id=device,
            client_key=request.client_key or None,
            notes=notes,
        )
        return draft, known

    # The kiosk

    async def KioskClockIn(self, request: clock_pb2.KioskClockInRequest, call: Call) -> clock_pb2.KioskClockInResponse:
        draft, known, paired = await self._kiosk_draft(IN, request, call)
        if paired and not places.is_given(*_coordinates(request)):
            place, distance = Place(verified=True), None
        else:
            place, distance = _at_the_kiosk(request, known)
        draft = clocking.prepared_to_clock_in(
            replace(draft, place=place, distance=distance, accuracy=request.accuracy or None), known
        )
        photo = None
        if request.HasField("photo"):
            photo = await self._photos.store(draft.restaurant_id, request.photo.content)
            if photo is None:
                draft = replace(draft, notes=f"{draft.notes}. {NOT_KEPT}")
        session = await call.session(Scope(draft.restaurant_id))
        taken = await self._take(session, draft, known, call)
        self._keep_photo(session, taken, photo, known)
        kept = self._photo_link(taken, photo.key if photo is not None else None)
        return clock_pb2.KioskClockInResponse(
            **event_fields(taken, kept),
            distance_from_restaurant=places.in_words(distance) if distance is not None else UNKNOWN,
            location_verified=place.verified,
            staff_name=known.staff_name,
        )

    async def KioskClockOut(self, request: clock_pb2.KioskClockOutRequest, call: Call) -> clock_pb2.ClockEvent:
        draft, known, _ = await self._kiosk_draft(OUT, request, call)
        taken = await self._take(await call.session(Scope(draft.restaurant_id)), draft, known, call)
        return clock_pb2.ClockEvent(**event_fields(taken, None))

    async def _kiosk_draft(self, kind: str, request: Any, call: Call) -> tuple[Draft, Situation, bool]:
        principal = call.principal
        lent = principal.restaurant_id if principal.kind == "USER" else None
        try:
            found = await self._identity.check_pin(request.pin_code, lent)
        except Refusal as refusal:
            if refusal.code == "invalid_pin" and kind == IN:
                refusal.fields = {NON_FIELD: [refusal.message]}
            raise
        now = self._clock.now()
        restaurant_id, staff_id = UUID(found.restaurant_id), UUID(found.user_id)
        known = await _situation(request, call, restaurant_id, staff_id, now)
        call.notes.actor = found.name
        call.notes.user_id = staff_id
        call.notes.restaurant_id = restaurant_id
        device = f"device:{found.device_id}" if found.device_id else call.context.user_agent
        draft = Draft(
            restaurant_id=restaurant_id,
            staff_id=staff_id,
            kind=kind,
            at=now,
            business_date=known.business_date(now),
            recorded_at=now,
            source="KIOSK",
            device_id=device,
            notes="PIN clock-in" if kind == IN else "PIN clock-out",
        )
        return draft, known, bool(found.device_id)

    # Both

    async def _take(self, session: AsyncSession, draft: Draft, known: Situation, call: Call) -> Taken:
        taken = await self._taken(session, draft, known)
        call.notes.entity_id = str(taken.punch_id)
        call.notes.description = f"{known.staff_name or 'Somebody'}: {draft.notes or draft.kind.lower()}"
        call.notes.new_values = {
            "event_type": draft.kind,
            "timestamp": taken.draft.at,
            "flags": list(taken.draft.flags),
        }
        return taken

    async def _taken(self, session: AsyncSession, draft: Draft, known: Situation) -> Taken:
        if draft.client_key is not None:
            before = await log.known_under(session, draft.restaurant_id, draft.staff_id, draft.client_key)
            if before is not None:
                return await clocking.repeated(session, draft, before)
        if "OFFLINE" in draft.flags:
            return await clocking.take_late(session, draft)
        if draft.kind == IN:
            return await clocking.clock_in(session, draft, known)
        return await clocking.punch_open_session(session, draft, known)

    def _keep_photo(self, session: AsyncSession, taken: Taken, photo: StoredFile | None, known: Situation) -> None:
        if photo is None:
            return
        session.add(
            PunchPhoto(
                punch_id=taken.punch_id,
                restaurant_id=known.restaurant_id,
                staff_id=known.staff_id,
                file_key=photo.key,
                content_type=photo.content_type,
                expires_at=taken.draft.recorded_at + timedelta(days=known.photo_days),
            )
        )

    def _photo_link(self, taken: Taken, key: str | None) -> str | None:
        """Where a browser finds the picture that came with a punch, or None where there is none."""
        return self._links.link(photo_path(taken.punch_id), key) if key is not None else None

    def _event(self, taken: Taken) -> clock_pb2.SessionEvent | None:
        if taken.session is None:
            return None
        now = taken.draft.recorded_at
        created = taken.session.started_at if taken.draft.kind != IN else now
        return session_event(taken.draft.staff_id, taken.session, created, now)

    # Reading

    async def GetCurrentSession(self, _request: Empty, call: Call) -> clock_pb2.GetCurrentSessionResponse:
        row = await queries.open_session(call.read(), call.principal.tenant, call.principal.user_id)
        if row is None:
            return clock_pb2.GetCurrentSessionResponse(is_clocked_in=False)
        session = current_session(session_of(row), self._clock.now())
        return clock_pb2.GetCurrentSessionResponse(current_session=session, is_clocked_in=True)

    async def GetRestaurantLocation(self, _request: Empty, call: Call) -> clock_pb2.GetRestaurantLocationResponse:
        row = await refdata.restaurant(call.read(), call.principal.tenant)
        site = site_of(row) if row is not None else None
        if row is None or site is None:
            raise refused(
                "Restaurant location not set",
                "The restaurant's location is not set yet. Ask a manager to set it.",
                "location_not_set",
            )
        place = clock_pb2.RestaurantPlace(
            name=row.name,
            latitude=site.latitude,
            longitude=site.longitude,
            geofence_radius=site.reach,
            radius=site.reach,
            language=row.language,
            timezone=row.timezone,
        )
        await self._add_contact(place, call)
        return clock_pb2.GetRestaurantLocationResponse(restaurant=place)

    async def _add_contact(self, place: clock_pb2.RestaurantPlace, call: Call) -> None:
        """What identity alone knows; the clock page does without it while identity is away."""
        try:
            found = await self._identity.restaurant(call.principal)
        except Refusal as refusal:
            if isinstance(refusal, Unavailable) or refusal.code == "permission_denied":
                return
            raise
        if found.HasField("address"):
            place.address = found.address
        if not call.principal.may(SEES_SETTINGS):
            return
        if found.HasField("phone"):
            place.phone = found.phone
        place.email = found.email
        place.currency = found.currency
        place.operating_hours = found.operating_hours
        place.automatic_clock_out = found.automatic_clock_out
        place.break_duration = found.break_duration
        place.email_notifications = found.email_notifications
        place.push_notifications = found.push_notifications

    async def VerifyLocation(
        self, request: clock_pb2.VerifyLocationRequest, call: Call
    ) -> clock_pb2.VerifyLocationResponse:
        latitude, longitude = _coordinates(request)
        if latitude is None or longitude is None or not places.is_given(latitude, longitude):
            raise refused(
                "Location data required",
                "Your device has not sent where you are.",
                "location_required",
                within_range=False,
            )
        _refuse_vague(request, places.WEAKEST_ON_THE_WEB, within_range=False)
        row = await refdata.restaurant(call.read(), call.principal.tenant)
        site = site_of(row) if row is not None else None
        if site is None:
            raise refused(
                "Restaurant location not configured",
                "The restaurant's location is not set yet. Ask a manager to set it.",
                "location_not_set",
                within_range=False,
            )
        distance = site.distance_to(latitude, longitude)
        inside = site.contains(latitude, longitude)
        return clock_pb2.VerifyLocationResponse(
            within_range=inside,
            distance=round(distance, 2),
            restaurant_location=point(site.latitude, site.longitude),
            current_location=point(latitude, longitude),
            message="You are at the restaurant." if inside else _too_far(site, distance),
        )

    async def GetPunchPhoto(self, request: clock_pb2.GetPunchPhotoRequest, call: Call) -> httpbody_pb2.HttpBody:
        punch_id, now = UUID(request.id), self._clock.now()
        if request.HasField("signature"):
            photo = await queries.linked_photo(call.read(SYSTEM), punch_id, now)
            key = photo.file_key if photo is not None else None
            self._links.check(photo_path(punch_id), key, request.expires, request.signature)
        else:
            if call.principal.kind != "USER":
                raise Unauthenticated("Authentication credentials were not provided.")
            own = None if call.principal.may(SEES_ATTENDANCE) else call.principal.user_id
            photo = await queries.photo(call.read(), call.principal.tenant, punch_id, own, now)
        if photo is None:
            raise NotFound
        return await self._photos.body(photo.file_key, photo.content_type)


def _moment(request: Any, now: datetime) -> Moment:
    occurred = request.occurred_at.ToDatetime(tzinfo=UTC) if request.HasField("occurred_at") else None
    sent = request.sent_at.ToDatetime(tzinfo=UTC) if request.HasField("sent_at") else None
    try:
        return moment_of(now, occurred, sent)
    except ValueError as error:
        raise Invalid.field("occurred_at", str(error)) from error


def _coordinates(request: Any) -> tuple[float | None, float | None]:
    return (
        request.latitude if request.HasField("latitude") else None,
        request.longitude if request.HasField("longitude") else None,
    )


def _sent_place(request: Any) -> Place:
    latitude, longitude = _coordinates(request)
    return Place(latitude, longitude) if places.is_given(latitude, longitude) else Place()


def _accuracy_note(request: Any) -> str:
    return f" (GPS accuracy {request.accuracy:.0f}m)" if request.HasField("accuracy") else ""


def _refuse_vague(request: Any, weakest: float, **extra: Any) -> None:
    accuracy = request.accuracy if request.HasField("accuracy") else None
    if places.is_too_vague(accuracy, weakest):
        raise refused(TOO_VAGUE, _vague(accuracy or 0, weakest), "accuracy_too_weak", **extra)


def _vague(accuracy: float, weakest: float) -> str:
    return (
        f"{TOO_VAGUE}: your position is known to {places.in_words(accuracy)}, "
        f"and {places.in_words(weakest)} is needed. Move into the open and try again."
    )


def _too_far(site: places.Site, distance: float) -> str:
    if len(site.corners) >= 3:
        return f"You are outside the restaurant's area, {places.in_words(distance)} from its centre."
    return (
        f"You are {places.in_words(distance)} from the restaurant; "
        f"you must be within {places.in_words(site.reach)} of it."
    )


async def _situation(request: Message, call: Call, restaurant_id: UUID, staff_id: UUID, at: datetime) -> Situation:
    """What decides about a punch, read in its own transaction; but none is kept open while a picture is stored."""
    scope = Scope(restaurant_id)
    has_picture = any(field.name == "photo" for field, _ in request.ListFields())
    reading = call.read(scope) if has_picture else SessionReader(await call.session(scope))
    return await situation(reading, restaurant_id, staff_id, at)


def _on_site(request: Any, known: Situation, weakest: float) -> tuple[Place, float | None]:
    """Where somebody clocks in by the web, and how far away. Raises Invalid unless that is on site."""
    latitude, longitude = _coordinates(request)
    given = places.is_given(latitude, longitude)
    if not known.fence_is_on and not given:
        return Place(), None
    if latitude is None or longitude is None or not given:
        raise refused(
            "Geolocation data required",
            "Your device has not sent where you are. Allow it to, and try again.",
            "location_required",
        )
    _refuse_vague(request, weakest)
    if known.site is None:
        return Place(latitude, longitude), None
    distance = known.site.distance_to(latitude, longitude)
    inside = known.site.contains(latitude, longitude)
    if not inside and known.fence_is_on:
        raise refused(
            "Location verification failed",
            _too_far(known.site, distance),
            "outside_geofence",
            distance=round(distance, 2),
            within_range=False,
        )
    return Place(latitude, longitude, inside), distance


def _at_the_kiosk(request: Any, known: Situation) -> tuple[Place, float | None]:
    """Where a kiosk is that is not paired. Raises Invalid unless that is on site."""
    latitude, longitude = _coordinates(request)
    missing = [name for name, value in (("latitude", latitude), ("longitude", longitude)) if value is None]
    if latitude is None or longitude is None:
        text = "This field is required."
        raise Invalid(text, code="required", fields=dict.fromkeys(missing, text))
    accuracy = request.accuracy if request.HasField("accuracy") else None
    if accuracy is not None and places.is_too_vague(accuracy, places.WEAKEST_AT_THE_KIOSK):
        text = _vague(accuracy, places.WEAKEST_AT_THE_KIOSK)
        raise Invalid(text, code="accuracy_too_weak", fields={NON_FIELD: text})
    if known.site is None:
        return Place(latitude, longitude), None
    distance = known.site.distance_to(latitude, longitude)
    if known.fence_is_on and not known.site.contains(latitude, longitude):
        text = _too_far(known.site, distance)
        raise Invalid(text, code="outside_geofence", fields={NON_FIELD: text})
    return Place(latitude, longitude, distance <= places.LARGEST_RADIUS), distance
