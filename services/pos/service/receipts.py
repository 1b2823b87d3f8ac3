"""What guests take home."""

import asyncio
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2

from mizan.options.v1 import files_pb2
from mizan.pos.v1 import receipt_pb2
from servicekit.call import Call
from services.pos import receipt
from services.pos.commands.pricing import terms_of
from services.pos.queries import orders as queries

PRINTS_AT_ONCE = 2
PRINT_TIMEOUT_SECONDS = 20


class ReceiptService:
    """Implements mizan.pos.v1.ReceiptService."""

    def __init__(self) -> None:
        self._printers = asyncio.Semaphore(PRINTS_AT_ONCE)

    async def GetReceipt(self, request: receipt_pb2.GetReceiptRequest, call: Call) -> httpbody_pb2.HttpBody:
        reading, tenant = call.read(), call.principal.tenant
        whole = await queries.order(reading, tenant, UUID(request.id))
        terms = await terms_of(reading, tenant)
        language = request.language or call.principal.language
        made = receipt.receipt_of(whole, terms.name, terms.zone, language)
        name = f"receipt-{made.number}"
        if request.kind != "pdf":
            return _body("text/html; charset=utf-8", receipt.html(made), f"{name}.html")
        async with asyncio.timeout(PRINT_TIMEOUT_SECONDS), self._printers:
            return _body("application/pdf", await asyncio.to_thread(receipt.pdf, made), f"{name}.pdf")


def _body(content_type: str, data: bytes, filename: str) -> httpbody_pb2.HttpBody:
    packed = any_pb2.Any()
    packed.Pack(files_pb2.Disposition(filename=filename, inline=True))
    return httpbody_pb2.HttpBody(content_type=content_type, data=data, extensions=[packed])
