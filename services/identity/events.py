"""What identity publishes and how each fact is made from its rows, and what it listens to."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.identity.events.v1 import events_pb2 as facts
from servicekit import events
from services.identity.models import ApiKey, Invitation, Restaurant, Session, StaffRequest, StaffRequestComment, User


def restaurant_facts(restaurant: Restaurant) -> facts.RestaurantFacts:
    """What others need to know of a restaurant."""
    made = facts.RestaurantFacts(
        id=str(restaurant.id),
        name=restaurant.name,
        timezone=restaurant.timezone,
        currency=restaurant.currency,
        language=restaurant.language,
        radius=str(restaurant.radius),
        geofence_enabled=restaurant.geofence_enabled,
        automatic_clock_out=restaurant.automatic_clock_out,
        break_duration=restaurant.break_duration,
        max_weekly_hours=str(restaurant.max_weekly_hours),
        min_rest_hours=str(restaurant.min_rest_hours),
        restaurant_type=restaurant.restaurant_type,
        operating_hours_json=json.dumps(restaurant.operating_hours),
        geofence_polygon_json=json.dumps(restaurant.geofence_polygon),
        version=restaurant.settings_version,
    )
    if restaurant.latitude is not None and restaurant.longitude is not None:
        made.latitude = str(restaurant.latitude)
        made.longitude = str(restaurant.longitude)
    return made


def staff_facts(
    user: User, *, language: str, department: str | None, position: str | None, skills: Sequence[Any] | None = None
) -> facts.StaffFacts:
    """What others need to know of a person."""
    made = facts.StaffFacts(
        user_id=str(user.id),
        restaurant_id=str(user.restaurant_id),
        first_name=user.first_name,
        last_name=user.last_name,
        email=user.email,
        role=user.role,
        is_active=user.is_active,
        language=user.preferred_language or language,
        skills=_names_of(skills or ()),
        version=user.version,
    )
    if user.phone:
        made.phone = user.phone
    if department:
        made.department = department
    if position:
        made.position = position
    return made


def _names_of(skills: Sequence[Any]) -> list[str]:
    """Skills by name; a profile may hold each as a text or as an object with more about it."""
    names = [skill.get("name") if isinstance(skill, dict) else skill for skill in skills]
    return [name for name in names if isinstance(name, str) and name]


def restaurant_created(session: AsyncSession, restaurant: Restaurant) -> None:
    """A restaurant signed up."""
    _about_restaurant(session, restaurant, facts.RestaurantCreated(restaurant=restaurant_facts(restaurant)))


def restaurant_updated(session: AsyncSession, restaurant: Restaurant, changed: list[str]) -> None:
    """A restaurant's settings are different now."""
    message = facts.RestaurantUpdated(restaurant=restaurant_facts(restaurant), changed_fields=changed)
    _about_restaurant(session, restaurant, message)


def _about_restaurant(
    session: AsyncSession, restaurant: Restaurant, message: facts.RestaurantCreated | facts.RestaurantUpdated
) -> None:
    events.emit(
        session,
        message,
        restaurant_id=restaurant.id,
        aggregate_id=restaurant.id,
        version=restaurant.settings_version,
    )


def staff_changed(
    session: AsyncSession,
    kind: type[facts.StaffJoined | facts.StaffUpdated | facts.StaffDeactivated],
    about: facts.StaffFacts,
) -> None:
    """A person joined, changed or left."""
    events.emit(
        session,
        kind(staff=about),
        restaurant_id=UUID(about.restaurant_id),
        aggregate_id=about.user_id,
        version=about.version,
    )


def staff_invited(session: AsyncSession, invitation: Invitation, restaurant: Restaurant, *, by_whatsapp: bool) -> None:
    """Somebody was offered a role."""
    message = facts.StaffInvited(
        invitation_id=str(invitation.id),
        restaurant_id=str(restaurant.id),
        restaurant_name=restaurant.name,
        email=invitation.email,
        phone=invitation.phone,
        first_name=invitation.first_name or "",
        last_name=invitation.last_name or "",
        role=invitation.role,
        language=restaurant.language,
        by_whatsapp=by_whatsapp,
    )
    message.expires_at.FromDatetime(invitation.expires_at)
    events.emit(session, message, restaurant_id=restaurant.id, aggregate_id=invitation.id)


def invitation_accepted(session: AsyncSession, invitation: Invitation, user: User) -> None:
    """Somebody took the role that they were offered."""
    message = facts.InvitationAccepted(
        invitation_id=str(invitation.id), restaurant_id=str(invitation.restaurant_id), user_id=str(user.id)
    )
    events.emit(session, message, restaurant_id=invitation.restaurant_id, aggregate_id=invitation.id)


def role_changed(
    session: AsyncSession, restaurant_id: UUID, role: str, *, user_id: UUID | None = None, previous: str | None = None
) -> None:
    """Somebody's role, or what a role may do, changed: resolved copies must be dropped."""
    message = facts.RoleChanged(restaurant_id=str(restaurant_id), role=role)
    if user_id is not None:
        message.user_id = str(user_id)
    if previous is not None:
        message.previous_role = previous
    events.emit(session, message, restaurant_id=restaurant_id, aggregate_id=user_id or restaurant_id)


def session_opened(session: AsyncSession, opened: Session) -> None:
    """Somebody is logged in."""
    message = facts.SessionOpened(session_id=str(opened.id), user_id=str(opened.user_id), origin=opened.origin)
    if opened.restaurant_id is not None:
        message.restaurant_id = str(opened.restaurant_id)
    events.emit(session, message, restaurant_id=opened.restaurant_id, aggregate_id=opened.user_id)


def session_revoked(session: AsyncSession, revoked: Session, reason: str) -> None:
    """One session is over."""
    message = facts.SessionRevoked(session_id=str(revoked.id), user_id=str(revoked.user_id), reason=reason)
    _revocation(session, message, revoked.restaurant_id)


def all_sessions_revoked(session: AsyncSession, user: User, reason: str) -> None:
    """Every session of a person is over."""
    _revocation(session, facts.SessionRevoked(user_id=str(user.id), reason=reason), user.restaurant_id)


def _revocation(session: AsyncSession, message: facts.SessionRevoked, restaurant_id: UUID | None) -> None:
    if restaurant_id is not None:
        message.restaurant_id = str(restaurant_id)
    events.emit(session, message, restaurant_id=restaurant_id, aggregate_id=message.user_id)


def api_key_revoked(session: AsyncSession, key: ApiKey) -> None:
    """A key stopped working; resolved copies must be dropped."""
    message = facts.ApiKeyRevoked(api_key_id=str(key.id), restaurant_id=str(key.restaurant_id))
    events.emit(session, message, restaurant_id=key.restaurant_id, aggregate_id=key.id)


def request_facts(request: StaffRequest) -> facts.StaffRequestFacts:
    """What others need to know of a staff request."""
    return facts.StaffRequestFacts(
        id=str(request.id),
        restaurant_id=str(request.restaurant_id),
        staff_id=str(request.staff_id) if request.staff_id else None,
        staff_name=request.staff_name,
        category=request.category,
        priority=request.priority,
        status=request.status,
        subject=request.subject,
        assigned_to=str(request.assigned_to) if request.assigned_to else None,
        version=request.version,
    )


def staff_request_created(session: AsyncSession, request: StaffRequest) -> None:
    """Somebody asked something of the managers."""
    _about_request(session, request, facts.StaffRequestCreated(request=request_facts(request)))


def staff_request_updated(session: AsyncSession, request: StaffRequest, previous_status: str, actor_id: UUID) -> None:
    """A request was decided, assigned or reworded."""
    message = facts.StaffRequestUpdated(
        request=request_facts(request), previous_status=previous_status, actor_id=str(actor_id)
    )
    _about_request(session, request, message)


def staff_request_commented(session: AsyncSession, request: StaffRequest, comment: StaffRequestComment) -> None:
    """The timeline of a request has a new remark."""
    message = facts.StaffRequestCommented(
        request=request_facts(request),
        comment_id=str(comment.id),
        author_id=str(comment.author_id) if comment.author_id else None,
        body=comment.body,
    )
    _about_request(session, request, message)


def _about_request(
    session: AsyncSession,
    request: StaffRequest,
    message: facts.StaffRequestCreated | facts.StaffRequestUpdated | facts.StaffRequestCommented,
) -> None:
    events.emit(session, message, restaurant_id=request.restaurant_id, aggregate_id=request.id, version=request.version)


def document_expiring(
    session: AsyncSession, *, restaurant_id: UUID, document_id: UUID, staff_id: UUID, title: str, expires_on: date
) -> None:
    """A person's document runs out soon."""
    message = facts.DocumentExpiring(
        document_id=str(document_id),
        restaurant_id=str(restaurant_id),
        staff_id=str(staff_id),
        title=title,
        expires_on=expires_on.isoformat(),
    )
    events.emit(session, message, restaurant_id=restaurant_id, aggregate_id=document_id)
