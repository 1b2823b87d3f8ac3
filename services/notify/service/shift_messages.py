"""What people are told about a shift, one by one."""

from typing import Any
from uuid import UUID, uuid4

from google.protobuf.empty_pb2 import Empty

from mizan.notify.v1 import shift_message_pb2 as pb
from servicekit.call import Call
from servicekit.clock import Clock, timestamp_of
from servicekit.db import SessionReader
from servicekit.errors import Invalid, NotFound
from servicekit.patch import changes_of
from services.notify.commands import notifications as commands
from services.notify.commands.telling import News, tell
from services.notify.domain.announcements import Targeting
from services.notify.queries import notifications as queries
from services.notify.queries.announcements import unknown

KIND = "SHIFT_ASSIGNED"
CHANNELS = ("app", "push")
AS_TOLD = ("schedule", "recipient", "message")


class ShiftMessageService:
    """Implements mizan.notify.v1.ShiftMessageService."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def SendShiftMessage(self, request: pb.SendShiftMessageRequest, call: Call) -> pb.ShiftMessage:
        session, tenant = await call.session(), call.principal.tenant
        reading = SessionReader(session)
        shift, recipient = UUID(request.schedule), UUID(request.recipient)
        missing = await unknown(reading, tenant, Targeting(staff_ids=(recipient,), shift_ids=(shift,)))
        if missing is not None:
            raise NotFound(f"No {missing} matches the given query.")
        if not request.message.strip():
            raise Invalid.field("message", "This field may not be blank.", code="blank")
        news = News(
            key=f"shift message {uuid4()}",
            kind=KIND,
            text="shift_message",
            words={"message": request.message.strip()},
            channels=CHANNELS,
            sender_id=call.principal.user_id,
            data={"shift_id": str(shift)},
            related_shift_id=shift,
        )
        if not await tell(session, tenant, [recipient], news, self._clock.now()):
            raise Invalid.field(
                "recipient", "They have switched off hearing of shifts, or do not work here any more.", code="not_sent"
            )
        row = await queries.by_key(reading, tenant, recipient, news.key)
        call.notes.entity_id = str(row.id)
        return _message(row)

    async def GetShiftMessage(self, request: pb.GetShiftMessageRequest, call: Call) -> pb.ShiftMessage:
        principal = call.principal
        return _message(await queries.own(call.read(), principal.tenant, principal.user_id, UUID(request.id), KIND))

    async def UpdateShiftMessage(self, request: pb.UpdateShiftMessageRequest, call: Call) -> pb.ShiftMessage:
        session, tenant, user_id = await call.session(), call.principal.tenant, call.principal.user_id
        reading, message_id = SessionReader(session), UUID(request.id)
        message = _message(await queries.own(reading, tenant, user_id, message_id, KIND))
        changes = changes_of(request, ("is_read", *AS_TOLD))
        for name in AS_TOLD:
            if name in changes and str(changes[name]) != getattr(message, name):
                raise Invalid.field(name, "What was told cannot be changed.", code="told")
        if "is_read" in changes:
            now = self._clock.now() if changes["is_read"] else None
            await commands.set_read(session, tenant, user_id, message_id, now)
        return _message(await queries.own(reading, tenant, user_id, message_id, KIND))

    async def DeleteShiftMessage(self, request: pb.DeleteShiftMessageRequest, call: Call) -> Empty:
        session, tenant, user_id = await call.session(), call.principal.tenant, call.principal.user_id
        row = await queries.own(SessionReader(session), tenant, user_id, UUID(request.id), KIND)
        await commands.delete(session, tenant, user_id, [row.id], self._clock.now())
        return Empty()


def _message(row: Any) -> pb.ShiftMessage:
    return pb.ShiftMessage(
        id=str(row.id),
        message=row.message,
        is_read=row.read_at is not None,
        created_at=timestamp_of(row.created_at),
        schedule=str(row.related_shift_id) if row.related_shift_id is not None else None,
        recipient=str(row.recipient_id),
    )
