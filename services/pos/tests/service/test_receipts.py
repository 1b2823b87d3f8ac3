"""Receipts: every amount of the bill, in the restaurant's currency, and no markup from names."""

from uuid import uuid4

import pytest

from mizan.pos.v1 import payment_pb2, receipt_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.testing.service import Api
from services.pos.tests.conftest import manager, order, sell


async def test_a_receipt_shows_the_bill_in_each_language_and_form(api: Api) -> None:
    chef = manager(uuid4())
    tea = await sell(api, chef, "<b>Thé</b> à la menthe", "12.50")
    taken = await order(api, chef, (tea, 3))
    await api.PaymentService.ProcessPayment(
        payment_pb2.ProcessPaymentRequest(id=taken.id, payment_method="CASH", amount="40", tip_amount="2"),
        principal=chef,
    )

    async def receipt(kind: str, language: str) -> tuple[str, bytes]:
        request = receipt_pb2.GetReceiptRequest(id=taken.id, kind=kind, language=language)
        body = await api.ReceiptService.GetReceipt(request, principal=chef, timeout=30)
        return body.content_type, body.data

    content_type, page = await receipt("html", "fr")
    text = page.decode()
    assert content_type == "text/html; charset=utf-8"
    assert "&lt;b&gt;Thé&lt;/b&gt;" in text
    assert "<b>" not in text
    for shown in ("37.50", "40.00", "2.50", "Espèces", "Monnaie rendue", "Pourboire", taken.order_number):
        assert shown in text
    assert 'dir="rtl"' in (await receipt("html", "ar"))[1].decode()
    for language in ("en", "fr", "ar"):
        content_type, paper = await receipt("pdf", language)
        assert (content_type, paper[:5]) == ("application/pdf", b"%PDF-")


async def test_another_restaurants_receipt_is_not_found(api: Api) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    with pytest.raises(RemoteRefusal) as refused:
        await api.ReceiptService.GetReceipt(receipt_pb2.GetReceiptRequest(id=taken.id), principal=manager(uuid4()))
    assert refused.value.code == "not_found"
