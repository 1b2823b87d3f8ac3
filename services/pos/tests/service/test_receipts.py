"""Receipts: every amount of the bill, in the restaurant's currency, and no markup from names."""

from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import modifier_pb2, order_pb2, payment_pb2, receipt_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
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


async def test_a_restaurant_decides_how_its_receipts_look(api: Api) -> None:
    chef, stranger = manager(uuid4()), manager(uuid4())
    await api.ModifierService.CreateTaxCategory(
        modifier_pb2.CreateTaxCategoryRequest(name="VAT", rate="10", is_inclusive=True, is_default=True), principal=chef
    )
    taken = await order(api, chef, (await sell(api, chef, "Tea", "12.50"), 3))
    less = order_pb2.ApplyDiscountRequest(id=taken.id, discount_amount="2", discount_reason="A long wait")
    await api.OrderService.ApplyDiscount(less, principal=chef)

    async def receipt(kind: str = "html") -> bytes:
        request = receipt_pb2.GetReceiptRequest(id=taken.id, kind=kind, language="en")
        body = await api.ReceiptService.GetReceipt(request, principal=chef, timeout=30)
        return bytes(body.data)

    async def settings(principal: Principal) -> receipt_pb2.ReceiptSettings:
        return await api.ReceiptService.GetReceiptSettings(Empty(), principal=principal)

    before = await settings(chef)
    assert (before.paper_width, before.show_tax_breakdown, before.HasField("created_at")) == (80, True, False)
    plain = (await receipt()).decode()
    assert "of which tax" in plain
    assert "Discount (A long wait)" in plain
    assert "3 × 12.50" not in plain
    change = receipt_pb2.UpdateReceiptSettingsRequest(
        header_text="1, rue <b>Verte</b>\nICE 001",
        footer_text="Merci !\n" * 20,
        show_unit_prices=True,
        show_discount_details=False,
        show_tax_breakdown=False,
        paper_width=58,
        font_size_items=10,
        font_size_total=20,
    )
    change.update_mask.paths.extend(field.name for field, _ in change.ListFields() if field.name != "update_mask")
    after = await api.ReceiptService.UpdateReceiptSettings(change, principal=chef)
    assert after == await settings(chef)
    styled = (await receipt()).decode()
    for shown in ("1, rue &lt;b&gt;Verte&lt;/b&gt;\nICE 001", "Merci !", "3 × 12.50", "58mm", "10px", "20px"):
        assert shown in styled
    assert "of which tax" not in styled
    assert "A long wait" not in styled
    # 58 mm are 164.4 points.
    assert b"/MediaBox [0 0 164.41" in await receipt("pdf")
    gone = receipt_pb2.UpdateReceiptSettingsRequest()
    gone.update_mask.paths.append("footer_text")
    left = await api.ReceiptService.UpdateReceiptSettings(gone, principal=chef)
    assert (left.HasField("footer_text"), left.header_text) == (False, after.header_text)
    assert (await settings(stranger)).paper_width == 80


async def test_receipts_say_what_an_item_is_and_by_which_code_it_is_known(api: Api) -> None:
    chef = manager(uuid4())
    words = "<Mint>, much sugar\nnever cold"
    tea = await sell(api, chef, "Tea", "10", description=words, external_provider="TOAST", external_id="T-7")
    taken = await order(api, chef, (tea, 1))

    async def page() -> str:
        request = receipt_pb2.GetReceiptRequest(id=taken.id, kind="html", language="en")
        return (await api.ReceiptService.GetReceipt(request, principal=chef, timeout=30)).data.decode()

    plain = await page()
    assert "<small>&lt;Mint&gt;, much sugar</small>" in plain
    assert "never cold" not in plain
    assert "T-7" not in plain
    other = receipt_pb2.UpdateReceiptSettingsRequest(show_item_codes=True, show_item_descriptions=False)
    other.update_mask.paths.extend(("show_item_codes", "show_item_descriptions"))
    settings = await api.ReceiptService.UpdateReceiptSettings(other, principal=chef)
    assert (settings.show_item_codes, settings.show_item_descriptions) == (True, False)
    coded = await page()
    assert "1 × T-7 Tea" in coded
    assert "Mint" not in coded


async def test_a_restaurant_has_one_setting_of_receipts(api: Api) -> None:
    chef, stranger, receipts = manager(uuid4()), manager(uuid4()), api.ReceiptService
    this = receipt_pb2.ReceiptSettingsRequest(id=str(chef.tenant))

    def of(request: Any, **fields: object) -> Any:
        wanted = request(**fields)
        wanted.update_mask.paths.extend(name for name in fields if name != "id")
        return wanted

    async def listed(principal: Principal) -> list[receipt_pb2.ReceiptSettings]:
        page = await receipts.ListReceiptSettings(receipt_pb2.ListReceiptSettingsRequest(), principal=principal)
        assert page.count == len(page.results)
        return list(page.results)

    changing = of(receipt_pb2.ChangeReceiptSettingsRequest, id=this.id, paper_width=58)
    for asked in (
        receipts.GetReceiptSettingsById(this, principal=chef),
        receipts.ChangeReceiptSettings(changing, principal=chef),
        receipts.DeleteReceiptSettings(this, principal=chef),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await asked
        assert refused.value.code == "not_found"
    first = of(receipt_pb2.UpdateReceiptSettingsRequest, header_text="Dar", font_size_total=20)
    made = await receipts.CreateReceiptSettings(first, principal=chef)
    assert (made.id, made.header_text, made.font_size_total, made.paper_width) == (this.id, "Dar", 20, 80)
    with pytest.raises(RemoteRefusal) as refused:
        await receipts.CreateReceiptSettings(first, principal=chef)
    assert refused.value.code == "already_exists"
    changed = await receipts.ChangeReceiptSettings(changing, principal=chef)
    assert (changed.header_text, changed.paper_width) == ("Dar", 58)
    assert await listed(chef) == [await receipts.GetReceiptSettingsById(this, principal=chef)] == [changed]
    for asked in (
        receipts.GetReceiptSettingsById(this, principal=stranger),
        receipts.ChangeReceiptSettings(changing, principal=stranger),
        receipts.DeleteReceiptSettings(this, principal=stranger),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await asked
        assert refused.value.code == "not_found"
    await receipts.DeleteReceiptSettings(this, principal=chef)
    assert await listed(chef) == await listed(stranger) == []


async def test_another_restaurants_receipt_is_not_found(api: Api) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    with pytest.raises(RemoteRefusal) as refused:
        await api.ReceiptService.GetReceipt(receipt_pb2.GetReceiptRequest(id=taken.id), principal=manager(uuid4()))
    assert refused.value.code == "not_found"
