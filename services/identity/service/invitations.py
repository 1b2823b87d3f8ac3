"""Invitations, as managers make and follow them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from google.protobuf.empty_pb2 import Empty

from mizan.identity.v1 import invitation_pb2
from servicekit.call import Call
from servicekit.clock import Clock
from servicekit.db import SessionReader
from servicekit.errors import Invalid
from servicekit.identity import Principal
from servicekit.paging import page_of
from servicekit.patch import changes_of
from services.identity.commands import invitations as commands
from services.identity.commands.invitations import Problem
from services.identity.commands.people import valid_role
from services.identity.domain import roles
from services.identity.domain.invitations import (
    EMAIL,
    MAX_ROWS,
    WHATSAPP,
    BadList,
    BadRow,
    Offer,
    offer_of,
    read_csv,
    read_row,
    standing,
)
from services.identity.models import Invitation
from services.identity.queries import invitations as queries
from services.identity.queries.roles import Definitions, definitions
from services.identity.vault import Vault

FIELDS = ("email", "role", "first_name", "last_name", "department", "extra_data")
MAX_EXTRA_DATA_BYTES = 10_000
CHANNEL_NAMES = {EMAIL: "email", WHATSAPP: "WhatsApp"}
FIRST_CSV_ROW = 2
"""As a spreadsheet counts: the header is the first."""


class InvitationService:
    """Implements mizan.identity.v1.InvitationService."""

    def __init__(self, vault: Vault, clock: Clock, lifetime: timedelta) -> None:
        self._vault = vault
        self._clock = clock
        self._lifetime = lifetime

    async def ListInvitations(
        self, request: invitation_pb2.ListInvitationsRequest, call: Call
    ) -> invitation_pb2.ListInvitationsResponse:
        is_accepted = request.is_accepted if request.HasField("is_accepted") else None
        return await self._list(request, call, is_accepted=is_accepted, show_expired=request.show_expired)

    async def ListAllInvitations(
        self, request: invitation_pb2.ListAllInvitationsRequest, call: Call
    ) -> invitation_pb2.ListInvitationsResponse:
        return await self._list(request, call, is_accepted=None, show_expired=True)

    async def _list(
        self, request: Any, call: Call, *, is_accepted: bool | None, show_expired: bool
    ) -> invitation_pb2.ListInvitationsResponse:
        count, rows, defined = await queries.page_of_invitations(
            call.read(),
            call.principal.tenant,
            page_of(request),
            self._clock.now(),
            is_accepted=is_accepted,
            show_expired=show_expired,
        )
        return invitation_pb2.ListInvitationsResponse(count=count, results=self._messages(rows, defined, call))

    async def GetInvitation(self, request: invitation_pb2.InvitationRequest, call: Call) -> invitation_pb2.Invitation:
        reader, tenant = call.read(), call.principal.tenant
        row = await queries.invitation(reader, tenant, UUID(request.id))
        return self._messages([row], await definitions(reader, tenant), call)[0]

    async def CreateInvitation(
        self, request: invitation_pb2.CreateInvitationRequest, call: Call
    ) -> invitation_pb2.Invitation:
        offer = _offer(request, _text(request, "email"))
        if not offer.email and not offer.digits:
            raise Invalid("Either email or phone number must be provided", code="unreachable")
        channels = (WHATSAPP,) if request.send_whatsapp and offer.digits else (EMAIL, WHATSAPP)
        days = request.expires_in_days if request.HasField("expires_in_days") else None
        extra = _extra_data(request.extra_data) if request.HasField("extra_data") else None
        (result,) = await commands.invite(
            await call.session(),
            call.principal,
            [offer],
            channels,
            self._clock.now(),
            lifetime=timedelta(days=days) if days is not None else self._lifetime,
            extra_data=extra,
        )
        if result is Problem.EMAIL_PENDING:
            raise Invalid(f"Invitation already pending for {offer.email}", code="invitation_pending")
        return (await self._made(call, [_made_or_refused(result)]))[0]

    async def UpdateInvitation(
        self, request: invitation_pb2.UpdateInvitationRequest, call: Call
    ) -> invitation_pb2.Invitation:
        session = await call.session()
        invitation = await commands.locked(session, call.principal, UUID(request.id))
        changes = changes_of(request, FIELDS, nullable=("first_name", "last_name", "department"))
        if "extra_data" in changes:
            changes["extra_data"] = _extra_data(request.extra_data)
        call.notes.old_values = {name: getattr(invitation, name) for name in changes}
        await commands.change(session, call.principal, invitation, changes, self._clock.now())
        return (await self._made(call, [invitation]))[0]

    async def DeleteInvitation(self, request: invitation_pb2.InvitationRequest, call: Call) -> Empty:
        cancelled = await commands.cancel(await call.session(), call.principal, UUID(request.id))
        call.notes.old_values = {"email": cancelled.email, "phone": cancelled.phone, "role": cancelled.role}
        return Empty()

    async def ResendInvitation(
        self, request: invitation_pb2.InvitationRequest, call: Call
    ) -> invitation_pb2.InvitationResent:
        session = await call.session()
        channels = await commands.resend(session, call.principal, UUID(request.id), self._clock.now())
        names = ", ".join(CHANNEL_NAMES[channel] for channel in channels)
        call.notes.description = f"Invitation sent again via {names}"
        return invitation_pb2.InvitationResent(detail=f"Invitation sent via {names}")

    async def GetInvitationStats(self, _request: Empty, call: Call) -> invitation_pb2.InvitationStats:
        row = await queries.stats(call.read(), call.principal.tenant)
        return invitation_pb2.InvitationStats(**row._asdict())

    async def InviteStaff(
        self, request: invitation_pb2.InviteStaffRequest, call: Call
    ) -> invitation_pb2.InviteStaffResponse:
        if not request.role:
            raise Invalid("Role is required.", code="required")
        by_whatsapp = request.send_whatsapp and request.HasField("phone_number")
        if not request.HasField("email") and not by_whatsapp:
            raise Invalid("Email is required unless sending via WhatsApp with a phone number.", code="required")
        (result,) = await commands.invite(
            await call.session(),
            call.principal,
            [_offer(request, _text(request, "email"))],
            (WHATSAPP,) if by_whatsapp else (EMAIL,),
            self._clock.now(),
            lifetime=self._lifetime,
        )
        made = _made_or_refused(result)
        call.notes.entity_id = str(made.id)
        return invitation_pb2.InviteStaffResponse(
            message="Invitation processed successfully",
            token=self._token(made),
            invitation_id=str(made.id),
        )

    async def InviteInBulk(
        self, request: invitation_pb2.InviteInBulkRequest, call: Call
    ) -> invitation_pb2.InviteInBulkResponse:
        if request.type == "csv":
            if not request.csv_content.strip():
                raise Invalid.field("csv_content", "This field is required for type csv.", code="required")
            rows = _csv_rows(request.csv_content)
            label, first = "Row", FIRST_CSV_ROW
        else:
            if not request.invitations:
                raise Invalid.field("invitations", "This field is required for type json.", code="required")
            rows, label, first = [_cells(row) for row in request.invitations], "Item", 1
        made, errors, _ = await self._invite_rows(call, rows, None, label, first)
        detail = f"Processed {len(made)} invitations"
        if not made:
            counts = {"success": 0, "failed": len(errors), "errors": errors, "invitations": []}
            raise Invalid(detail, code="nobody_invited", extra=counts)
        return invitation_pb2.InviteInBulkResponse(
            detail=detail,
            success=len(made),
            failed=len(errors),
            errors=errors,
            invitations=await self._made(call, made),
        )

    async def InviteStaffInBulk(
        self, request: invitation_pb2.InviteStaffInBulkRequest, call: Call
    ) -> invitation_pb2.InviteStaffInBulkResponse:
        if not request.staff_list:
            raise Invalid("staff_list is required and must be a non-empty list.", code="required")
        channel = request.invitation_method if request.HasField("invitation_method") else WHATSAPP
        if channel not in CHANNEL_NAMES:
            raise Invalid("invitation_method must be 'whatsapp' or 'email'.", code="channel_not_valid")
        rows = [_cells(row) for row in request.staff_list]
        made, errors, batch_id = await self._invite_rows(call, rows, channel, "Row", FIRST_CSV_ROW)
        ids = [str(one.id) for one in made]
        if not made:
            counts = {"batch_id": batch_id, "created": 0, "failed": len(errors), "errors": errors, "invitation_ids": []}
            raise Invalid("Nobody was invited.", code="nobody_invited", extra=counts)
        return invitation_pb2.InviteStaffInBulkResponse(
            batch_id=batch_id, created=len(made), failed=len(errors), errors=errors, invitation_ids=ids
        )

    async def _invite_rows(
        self, call: Call, rows: Sequence[dict[str, str]], channel: str | None, label: str, first: int
    ) -> tuple[list[Invitation], list[str], str]:
        """Invites the people of a list; who was, what was wrong with the other rows, and the batch's id."""
        if len(rows) > MAX_ROWS:
            raise Invalid(f"A list has at most {MAX_ROWS} rows.", code="too_many_rows")
        session = await call.session()
        known = await commands.known_roles(SessionReader(session), call.principal)
        errors: dict[int, str] = {}
        offers: list[tuple[int, Offer]] = []
        for index, row in enumerate(rows):
            try:
                offers.append((index, read_row(row, known, channel)))
            except BadRow as problem:
                errors[index] = str(problem)
        batch_id = commands.new_batch_id()
        results = await commands.invite(
            session,
            call.principal,
            [offer for _, offer in offers],
            (channel,) if channel else (EMAIL, WHATSAPP),
            self._clock.now(),
            lifetime=self._lifetime,
            batch_id=batch_id,
        )
        made: list[Invitation] = []
        for (index, _), result in zip(offers, results, strict=True):
            if isinstance(result, Problem):
                errors[index] = result.value
            else:
                made.append(result)
        call.notes.entity_id = batch_id
        call.notes.description = f"Invited {len(made)} of {len(rows)} people"
        call.notes.new_values = {"batch_id": batch_id, "created": len(made), "failed": len(errors)}
        return made, [f"{label} {index + first}: {errors[index]}" for index in sorted(errors)], batch_id

    def _token(self, row: Any) -> str:
        return self._vault.reference(commands.REFERENCE, row.id, row.token_generation)

    async def _made(self, call: Call, made: Sequence[Invitation]) -> list[invitation_pb2.Invitation]:
        """Invitations of this call's transaction as it leaves them."""
        reading, tenant = SessionReader(await call.session()), call.principal.tenant
        if len(made) == 1:
            call.notes.entity_id = str(made[0].id)
        rows = {row.id: row for row in await queries.by_ids(reading, tenant, [one.id for one in made])}
        return self._messages([rows[one.id] for one in made], await definitions(reading, tenant), call)

    def _messages(self, rows: Iterable[Any], defined: Definitions, call: Call) -> list[invitation_pb2.Invitation]:
        now = self._clock.now()
        shows_token = _token_viewer(call.principal, defined)
        messages = []
        for row in rows:
            status = standing(row.status, row.expires_at, now)
            shown = status == "PENDING" and shows_token(row.role)
            token = self._token(row) if shown else None
            messages.append(_message(row, status, token))
        return messages


def _token_viewer(principal: Principal, defined: Definitions) -> Callable[[str], bool]:
    """Whether the caller may see the token of an invitation to a role, which lets its holder have that role."""
    known: dict[str, bool] = {}

    def shows(role: str) -> bool:
        if role not in known:
            held = defined.permissions(role)
            known[role] = roles.may_grant(principal.role, principal.permissions, role, held)
        return known[role]

    return shows


def _message(row: Any, status: str, token: str | None) -> invitation_pb2.Invitation:
    message = invitation_pb2.Invitation(
        id=str(row.id),
        email=row.email,
        role=row.role,
        restaurant=str(row.restaurant_id),
        invited_by=str(row.invited_by) if row.invited_by is not None else None,
        invitation_token=token,
        token=token,
        status=status,
        is_accepted=status == "ACCEPTED",
        is_expired=status == "EXPIRED",
        first_name=row.first_name,
        last_name=row.last_name,
        extra_data=row.extra_data,
        phone_number=row.phone,
        department=row.department,
        is_bulk_invite=row.bulk_batch_id is not None,
        bulk_batch_id=row.bulk_batch_id,
    )
    message.sent_at.FromDatetime(row.sent_at)
    message.created_at.FromDatetime(row.sent_at)
    message.expires_at.FromDatetime(row.expires_at)
    if row.accepted_at is not None:
        message.accepted_at.FromDatetime(row.accepted_at)
    return message


def _text(request: Any, field: str) -> str | None:
    return getattr(request, field) if request.HasField(field) else None


def _offer(request: Any, email: str | None) -> Offer:
    """The offer of a single request. Raises Invalid."""
    try:
        return offer_of(
            valid_role(request.role),
            email=email,
            phone=_text(request, "phone_number"),
            first_name=request.first_name,
            last_name=request.last_name,
            department=_text(request, "department"),
        )
    except BadRow as problem:
        raise Invalid.field(problem.field, str(problem)) from problem


def _made_or_refused(result: Invitation | Problem) -> Invitation:
    if isinstance(result, Problem):
        raise commands.refusal(result)
    return result


def _extra_data(text: str) -> dict[str, Any]:
    value = orjson.loads(text)
    if not isinstance(value, dict) or len(text) > MAX_EXTRA_DATA_BYTES:
        raise Invalid.field("extra_data", f"Expected an object of at most {MAX_EXTRA_DATA_BYTES} bytes.")
    return value


def _csv_rows(text: str) -> list[dict[str, str]]:
    try:
        return read_csv(text)
    except BadList as problem:
        raise Invalid.field("csv_content", str(problem), code="csv_not_valid") from problem


def _cells(row: invitation_pb2.InvitedRow) -> dict[str, str]:
    return {field.name: value for field, value in row.ListFields()}
