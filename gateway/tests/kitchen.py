"""A server of the odd operations, with just enough behaviour to see what arrived and to refuse as the contract does."""

import asyncio
import csv
import io
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict

from gateway.transcode.catalog import Catalog
from servicekit import context
from servicekit.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Unauthenticated

ANNA = "0190a000-0000-7000-8000-000000000001"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 24


class Kitchen:
    """Implements every operation under its own name; keeps the last request and metadata of each."""

    def __init__(self, catalog: Catalog) -> None:
        self.messages: dict[str, Any] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.behaviour: dict[str, Callable[[Any, Any], Any]] = {}
        self.delay_seconds = 0.0
        self._server = grpc.aio.server()
        services: dict[str, dict[str, Any]] = {}
        for operation in catalog.operations:
            services.setdefault(operation.service, {})[operation.rpc] = self._handler(operation)
        for name, handlers in services.items():
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    def last(self, rpc: str) -> dict[str, Any]:
        """The last request of an RPC, as plain data."""
        return MessageToDict(self.messages[rpc], preserving_proto_field_name=True)

    def _handler(self, operation: Any) -> Any:
        method = getattr(self, operation.rpc)
        codec = {
            "request_deserializer": operation.request_type.FromString,
            "response_serializer": operation.response_type.SerializeToString,
        }

        async def unary(request: Any, rpc: Any) -> Any:
            self.messages[operation.rpc] = request
            self.metadata[operation.rpc] = dict(rpc.invocation_metadata())
            await asyncio.sleep(self.delay_seconds)
            try:
                return self.behaviour.get(operation.rpc, method)(request, operation.response_type)
            except Refusal as refusal:
                await rpc.abort(refusal.grpc_code, refusal.message, (refusal.to_trailer(),))

        async def stream(request: Any, rpc: Any) -> Any:
            try:
                for part in method(request, operation.response_type):
                    yield part
            except Refusal as refusal:
                await rpc.abort(refusal.grpc_code, refusal.message, (refusal.to_trailer(),))

        if operation.streams:
            return grpc.unary_stream_rpc_method_handler(stream, **codec)
        return grpc.unary_unary_rpc_method_handler(unary, **codec)

    def ListUsers(self, request, answer):
        users = [{"id": f"u{n}", "email": f"u{n}@example.com", "role": 2, "hourly_rate": "12.5"} for n in range(25)]
        if request.page_size:
            first = (request.page - 1) * request.page_size
            if first >= len(users):
                raise NotFound("Invalid page.", code="invalid_page")
            return answer(count=len(users), users=users[first : first + request.page_size])
        return answer(count=len(users), users=users)

    def ListNotices(self, request, answer):
        notices = [{"id": "n1", "title": "Late", "data": '{"shift":7,"route":"/x"}'}, {"id": "n2", "title": "Note"}]
        return answer(count=45, notices=notices, unread_count=3)

    def GetUser(self, request, answer):
        if request.id != ANNA:
            raise NotFound("No User matches the given query.")
        user = answer(id=ANNA, email="anna@example.com", role=1, hourly_rate="9")
        user.profile.skills.append("grill")
        user.last_login.FromJsonString("2026-03-29T01:30:00.5Z")
        return user

    def ChangeUser(self, request, answer):
        if request.email == "taken@example.com":
            raise Invalid("", fields={"email": "A user with this email address already exists."})
        return answer(id=request.id, email=request.email, role=request.role, phone="1" if request.phone else None)

    def DeleteUser(self, request, answer):
        return answer()

    def ListInvitations(self, request, answer):
        return answer(invitations=[{"id": "i1", "email": "a@example.com", "status": "PENDING"}, {"id": "i2"}])

    def GetInvitationByToken(self, request, answer):
        if request.token == "old":
            raise Invalid(
                "Invitation has expired", code="invitation_expired", extra={"status": "EXPIRED", "is_expired": True}
            )
        return answer(id="i1", status="PENDING")

    def InviteMany(self, request, answer):
        rows = list(csv.DictReader(io.StringIO(request.csv_content))) if request.type == "csv" else request.invitations
        if not rows:
            report = {"success": 0, "failed": 1, "errors": ["Row 2: email is missing"], "invitations": []}
            raise Invalid("Processed 0 invitations", code="nothing_invited", extra=report)
        return answer(detail=f"Processed {len(rows)} invitations", success=len(rows))

    def PairDevice(self, request, answer):
        return answer(device_token="d3vice")

    def WhichDevice(self, request, answer):
        return answer(
            from_cookie=request.device_token, from_metadata=self.metadata["WhichDevice"].get(context.DEVICE, "")
        )

    def AddDocument(self, request, answer):
        file = request.file
        return answer(
            id="d1",
            title=request.title,
            content_type=file.content_type,
            size=len(file.content),
            filename=file.filename,
        )

    def GetFile(self, request, answer):
        if request.path != "documents/2026/contract.png":
            raise NotFound
        yield self._file(answer, "image/png", PNG, "Contrat été.png", inline=True)
        for _ in range(3):
            yield answer(data=b"\0" * 100_000)

    def GetReport(self, request, answer):
        return self._file(answer, "application/pdf", b"%PDF-1.7 report", "report.pdf")

    def Announce(self, request, answer):
        return answer(
            success=True,
            message="Announcement sent to 2 staff members",
            notification_count=2,
            attachment_types=[file.content_type for file in request.attachments],
        )

    def CreateProduct(self, request, answer):
        return answer(
            id="p1",
            name=request.name,
            base_price=request.base_price,
            is_active=request.is_active,
            image=request.image.content_type or None,
        )

    def ListStock(self, request, answer):
        return answer(items=[{"name": "Flour", "quantity": "12.3456", "reorder_level": "2"}, {"name": "Salt"}])

    def ReplaceStock(self, request, answer):
        return answer(items=request.items)

    def SetGeolocation(self, request, answer):
        if request.latitude == "0.000000":
            raise Forbidden(
                "The location was set before. Ask an administrator to change it.",
                code="location_locked",
                extra={"error": "Location locked"},
            )
        return request

    def SaveSettings(self, request, answer):
        if request.settings_schema_version != 7:
            raise Conflict("Settings version conflict", code="version_conflict", extra={"current_version": 7})
        return answer(settings_schema_version=8, phone=request.phone, operating_hours=request.operating_hours)

    def ClockIn(self, request, answer):
        if not request.HasField("latitude"):
            raise Invalid("Please enable location.", extra={"error": "Geolocation data required"})
        if request.latitude > 50:
            raise Invalid(
                "You are too far away.",
                extra={"error": "Location verification failed", "distance": 812.5, "within_range": False},
            )
        return answer(session_id="s1", distance_from_restaurant="12m")

    def FindStaffByPhone(self, request, answer):
        if request.phone != "+212600000000":
            raise NotFound("Staff not found", extra={"found": False})
        return answer(success=True, found=True, staff={"id": ANNA, "email": "anna@example.com"})

    def IngestRequest(self, request, answer):
        return answer(success=True, id="r1", status="PENDING")

    def GetSalesSummary(self, request, answer):
        if request.date == "2026-01-01":
            return answer(success=False, error="Provider not connected")
        return answer(success=True, total_revenue="1234.5")

    def ReceiveSquareEvent(self, request, answer):
        if request.signature != "good":
            raise Unauthenticated("Invalid signature", code="invalid_signature")
        return answer(status="received")

    def VerifyWhatsappWebhook(self, request, answer):
        if request.verify_token != "expected":
            raise Forbidden
        return answer(content_type="text/plain", data=request.challenge.encode())

    def ReceiveWhatsappEvent(self, request, answer):
        return answer(status=f"{len(request.payload.data)} bytes")

    def FinishSquareAuthorization(self, request, answer):
        tail = f"error&message={request.error_description}" if request.error else "connected"
        return answer(location=f"https://app.example.com/dashboard/settings?tab=integrations&square={tail}")

    def ExportTemplates(self, request, answer):
        return self._file(answer, "text/csv; charset=utf-8", b"ID,Name\r\n1,Week\r\n", "templates.csv")

    def ImportTemplates(self, request, answer):
        rows = list(csv.DictReader(io.StringIO(request.file.content.decode())))
        bad = [f"Row {n}: Name is required" for n, row in enumerate(rows, 2) if not row["Name"]]
        return answer(success=len(rows) - len(bad), failed=len(bad), errors=bad)

    def SyncExecution(self, request, answer):
        return answer(success=True, synced_items=len(request.step_responses), step_responses=request.step_responses)

    def CountToday(self, request, answer):
        return answer(count=2**53 + 1)

    def GetAnalytics(self, request, answer):
        totals = answer(by_status={"PAID": 3})
        totals.by_day["2026-01-01"].revenue = "10.50"
        return totals

    @staticmethod
    def _file(answer: Any, content_type: str, data: bytes, filename: str, *, inline: bool = False) -> Any:
        from mizan.options.v1 import files_pb2

        body = answer(content_type=content_type, data=data)
        body.extensions.add().Pack(files_pb2.Disposition(filename=filename, inline=inline))
        return body
