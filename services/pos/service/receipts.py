"""What guests take home."""

import asyncio
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

from google.api import httpbody_pb2
from google.protobuf import any_pb2
from google.protobuf.empty_pb2 import Empty

from mizan.options.v1 import files_pb2
from mizan.pos.v1 import receipt_pb2
from servicekit.call import Call
from servicekit.db import Reading, SessionReader
from servicekit.errors import NotFound
from servicekit.paging import page_of
from servicekit.patch import changes_of
from services.pos import receipt
from services.pos.commands import receipts as commands
from services.pos.commands.pricing import terms_of
from services.pos.queries import menu_items, receipts
from services.pos.queries import orders as queries

PRINTS_AT_ONCE = 2
PRINT_TIMEOUT_SECONDS = 20
_SETTINGS = tuple(field.name for field in fields(receipt.Style))
_TEXTS = ("header_text", "footer_text")


class ReceiptService:
    """Implements mizan.pos.v1.ReceiptService."""

    def __init__(self) -> None:
        self._printers = asyncio.Semaphore(PRINTS_AT_ONCE)

    async def GetReceipt(self, request: receipt_pb2.GetReceiptRequest, call: Call) -> httpbody_pb2.HttpBody:
        reading, tenant = call.read(), call.principal.tenant
        whole = await queries.order(reading, tenant, UUID(request.id))
        terms = await terms_of(reading, tenant)
        language = request.language or call.principal.language
        style = _style(await receipts.settings(reading, tenant))
        shown = {line.menu_item_id for line in whole.lines} if style.describes_items else set()
        items = await menu_items.described(reading, tenant, shown) if shown else {}
        made = receipt.receipt_of(whole, terms.name, terms.zone, language, style, items)
        name = f"receipt-{made.number}"
        if request.kind != "pdf":
            return _body("text/html; charset=utf-8", receipt.html(made), f"{name}.html")
        async with asyncio.timeout(PRINT_TIMEOUT_SECONDS), self._printers:
            return _body("application/pdf", await asyncio.to_thread(receipt.pdf, made), f"{name}.pdf")

    async def GetReceiptSettings(self, _request: Empty, call: Call) -> receipt_pb2.ReceiptSettings:
        return await _settings(call.read(), call.principal.tenant)

    async def UpdateReceiptSettings(
        self, request: receipt_pb2.UpdateReceiptSettingsRequest, call: Call
    ) -> receipt_pb2.ReceiptSettings:
        session, tenant = await call.session(), call.principal.tenant
        await commands.change_settings(session, tenant, changes_of(request, _SETTINGS, nullable=_TEXTS))
        return await _settings(SessionReader(session), tenant)

    async def ListReceiptSettings(
        self, request: receipt_pb2.ListReceiptSettingsRequest, call: Call
    ) -> receipt_pb2.ListReceiptSettingsResponse:
        row = await receipts.settings(call.read(), call.principal.tenant)
        decided = [] if row is None else [_message(call.principal.tenant, row)]
        page = page_of(request)
        page.check(len(decided))
        return receipt_pb2.ListReceiptSettingsResponse(
            count=len(decided), results=decided[page.offset : page.offset + page.limit]
        )

    async def CreateReceiptSettings(
        self, request: receipt_pb2.UpdateReceiptSettingsRequest, call: Call
    ) -> receipt_pb2.ReceiptSettings:
        session, tenant = await call.session(), call.principal.tenant
        await commands.create_settings(session, tenant, changes_of(request, _SETTINGS, nullable=_TEXTS))
        return await _settings(SessionReader(session), tenant)

    async def GetReceiptSettingsById(
        self, request: receipt_pb2.ReceiptSettingsRequest, call: Call
    ) -> receipt_pb2.ReceiptSettings:
        return await _decided(call.read(), call.principal.tenant, request.id)

    async def ChangeReceiptSettings(
        self, request: receipt_pb2.ChangeReceiptSettingsRequest, call: Call
    ) -> receipt_pb2.ReceiptSettings:
        session, tenant = await call.session(), call.principal.tenant
        await _decided(SessionReader(session), tenant, request.id)
        await commands.change_settings(session, tenant, changes_of(request, _SETTINGS, nullable=_TEXTS))
        return await _settings(SessionReader(session), tenant)

    async def DeleteReceiptSettings(self, request: receipt_pb2.ReceiptSettingsRequest, call: Call) -> Empty:
        session, tenant = await call.session(), call.principal.tenant
        await _decided(SessionReader(session), tenant, request.id)
        await commands.delete_settings(session, tenant)
        return Empty()


async def _decided(reading: Reading, restaurant_id: UUID, wanted: str) -> receipt_pb2.ReceiptSettings:
    """The settings of this id. Raises NotFound for another restaurant's, and while nothing is decided."""
    row = await receipts.settings(reading, restaurant_id) if UUID(wanted) == restaurant_id else None
    if row is None:
        raise NotFound(receipts.NO_SETTINGS)
    return _message(restaurant_id, row)


async def _settings(reading: Reading, restaurant_id: UUID) -> receipt_pb2.ReceiptSettings:
    return _message(restaurant_id, await receipts.settings(reading, restaurant_id))


def _message(restaurant_id: UUID, row: Any | None) -> receipt_pb2.ReceiptSettings:
    message = receipt_pb2.ReceiptSettings(id=str(restaurant_id), **asdict(_style(row)))
    if row is not None:
        message.created_at.FromDatetime(row.created_at)
        message.updated_at.FromDatetime(row.updated_at)
    return message


def _style(row: Any | None) -> receipt.Style:
    return receipt.Style() if row is None else receipt.Style(**{name: getattr(row, name) for name in _SETTINGS})


def _body(content_type: str, data: bytes, filename: str) -> httpbody_pb2.HttpBody:
    packed = any_pb2.Any()
    packed.Pack(files_pb2.Disposition(filename=filename, inline=True))
    return httpbody_pb2.HttpBody(content_type=content_type, data=data, extensions=[packed])
