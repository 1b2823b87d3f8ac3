"""Money: taken once, split, changed, given back in parts, and always summing to the whole."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from mizan.pos.events.v1 import events_pb2 as facts
from mizan.pos.v1 import dining_table_pb2, modifier_pb2, order_pb2, payment_pb2, sales_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.events import Bus
from servicekit.testing.service import Api, RunningService
from services.pos.domain.money import ZERO
from services.pos.tests.conftest import manager, order, sell, waiter


async def read(api: Api, principal: Principal, order_id: str) -> order_pb2.Order:
    return await api.OrderService.GetOrder(order_pb2.OrderRequest(id=order_id), principal=principal)


async def pay(api: Api, principal: Principal, order_id: str, amount: str, **fields: Any) -> payment_pb2.Payment:
    request = payment_pb2.CreatePaymentRequest(order=order_id, amount=amount, **{"payment_method": "CASH", **fields})
    return await api.PaymentService.CreatePayment(request, principal=principal)


async def test_a_bill_is_split_tipped_and_completed_exactly_when_it_is_covered(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef, server = manager(restaurant_id), waiter(restaurant_id)
    item = await sell(api, chef, "Tagine", "33.33")
    table = await api.DiningTableService.CreateTable(
        dining_table_pb2.CreateTableRequest(table_number=3), principal=chef
    )
    taken = await order(api, server, (item, 3))
    await api.DiningTableService.AssignOrder(
        dining_table_pb2.AssignOrderRequest(id=table.id, order_id=taken.id), principal=server
    )
    card = await pay(api, server, taken.id, "50", payment_method="CARD", tip_amount="5", transaction_id="T1")
    assert (Decimal(card.amount), Decimal(card.tip_amount), card.status) == (Decimal(50), Decimal(5), "COMPLETED")
    open_still = await read(api, server, taken.id)
    assert (open_still.is_paid, Decimal(open_still.balance_due)) == (False, Decimal("49.99"))
    cash = await pay(api, server, taken.id, "60")
    assert (Decimal(cash.amount), Decimal(cash.change_given)) == (Decimal("49.99"), Decimal("10.01"))
    closed = await read(api, server, taken.id)
    assert (closed.status, closed.is_paid, Decimal(closed.balance_due)) == ("COMPLETED", True, ZERO)
    assert Decimal(closed.amount_paid) == Decimal(closed.total_amount)
    freed = await api.DiningTableService.GetTable(dining_table_pb2.TableRequest(id=table.id), principal=server)
    assert freed.status == "AVAILABLE"
    assert (await bus.first(facts.OrderCompleted, restaurant_id)).message.order.id == taken.id
    assert (await bus.first(facts.PaymentCaptured, restaurant_id)).message.payment.id == card.id
    with pytest.raises(RemoteRefusal) as refused:
        await pay(api, server, taken.id, "1")
    assert refused.value.code == "order_closed"


async def test_of_many_who_pay_at_once_one_does(api: Api) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    request = payment_pb2.ProcessPaymentRequest(id=taken.id, payment_method="CARD", amount="10")
    outcomes = await asyncio.gather(
        *(api.PaymentService.ProcessPayment(request, principal=chef) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(outcome, payment_pb2.Payment) for outcome in outcomes) == 1
    assert Decimal((await read(api, chef, taken.id)).amount_paid) == 10


async def test_amounts_that_make_no_sense_are_refused(api: Api) -> None:
    chef = manager(uuid4())
    item = await sell(api, chef, "Tea", "10")
    taken, other = await order(api, chef, (item, 1)), await order(api, chef, (item, 1))
    for amount, fields, code in (
        ("0", {}, "invalid_amount"),
        ("-5", {}, "invalid_amount"),
        ("5.005", {}, "invalid_amount"),
        ("11", {"payment_method": "CARD"}, "no_change"),
        ("5", {"tip_amount": "0.001"}, "too_precise"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await pay(api, chef, taken.id, amount, **fields)
        assert refused.value.code == code
    with pytest.raises(RemoteRefusal) as refused:
        await api.PaymentService.ProcessPayment(
            payment_pb2.ProcessPaymentRequest(id=taken.id, payment_method="CASH", amount="9.99"), principal=chef
        )
    assert refused.value.message == "Insufficient payment amount"
    await pay(api, chef, taken.id, "5", transaction_id="T9")
    with pytest.raises(RemoteRefusal) as refused:
        await pay(api, chef, other.id, "5", transaction_id="T9")
    assert refused.value.code == "transaction_taken"
    with pytest.raises(RemoteRefusal) as refused:
        await api.OrderService.DeleteOrder(order_pb2.OrderRequest(id=taken.id), principal=chef)
    assert refused.value.code == "order_paid"


async def test_parts_given_back_sum_to_the_payment_its_tax_and_its_tip(api: Api, bus: Bus) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    await api.ModifierService.CreateTaxCategory(
        modifier_pb2.CreateTaxCategoryRequest(name="VAT", rate="20", is_default=True), principal=chef
    )
    taken = await order(api, chef, (await sell(api, chef, "Tagine", "8.34"), 1))
    assert (Decimal(taken.tax_amount), Decimal(taken.total_amount)) == (Decimal("1.67"), Decimal("10.01"))
    paid = await pay(api, chef, taken.id, "10.01", payment_method="CARD", tip_amount="1")

    async def back(amount: str) -> payment_pb2.Payment:
        request = payment_pb2.RefundPaymentRequest(
            id=paid.id, refund_amount=amount, refund_reason="Cold", include_tip=True
        )
        return await api.PaymentService.RefundPayment(request, principal=chef)

    for amount in ("10.02", "0", "-1", "0.001"):
        with pytest.raises(RemoteRefusal) as refused:
            await back(amount)
        assert refused.value.code == "invalid_amount"
    assert (await back("3.33")).status == "PARTIALLY_REFUNDED"
    assert (await back("3.34")).status == "PARTIALLY_REFUNDED"
    whole = await back("3.34")
    assert whole.status == "REFUNDED"
    assert Decimal(whole.refund_amount) == Decimal(whole.amount)
    assert Decimal(whole.tip_refund_amount) == Decimal(whole.tip_amount)
    assert Decimal(whole.tax_refund_amount) == Decimal(taken.tax_amount)
    with pytest.raises(RemoteRefusal) as refused:
        await back("0.01")
    assert refused.value.code == "invalid_amount"
    after = await read(api, chef, taken.id)
    assert (after.status, after.refund_status, Decimal(after.refund_amount)) == (
        "COMPLETED",
        "COMPLETED",
        Decimal("10.01"),
    )
    told = [one.message for one in await bus.of_aggregate(facts.OrderRefunded, taken.id, 3)]
    assert [Decimal(one.amount) for one in told] == [Decimal("3.33"), Decimal("3.34"), Decimal("3.34")]
    assert [Decimal(one.order.refund_amount) for one in told] == [Decimal("3.33"), Decimal("6.67"), Decimal("10.01")]
    parts = [one.message for one in await bus.of_aggregate(facts.PaymentRefunded, paid.id, 3)]
    assert [Decimal(one.amount) for one in parts] == [Decimal("3.33"), Decimal("3.34"), Decimal("3.34")]
    assert sum(Decimal(one.tip_amount) for one in parts) == Decimal(whole.tip_amount)


async def test_what_goes_back_before_the_order_is_closed_is_due_again(api: Api) -> None:
    chef = manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    part = await pay(api, chef, taken.id, "6")
    await api.PaymentService.RefundPayment(
        payment_pb2.RefundPaymentRequest(id=part.id, refund_amount="6"), principal=chef
    )
    again = await read(api, chef, taken.id)
    assert (Decimal(again.balance_due), Decimal(again.refund_amount)) == (Decimal(10), ZERO)
    await pay(api, chef, taken.id, "10")
    assert (await read(api, chef, taken.id)).is_paid


async def test_a_whole_order_is_given_back_once(api: Api) -> None:
    restaurant_id = uuid4()
    chef, server = manager(restaurant_id), waiter(restaurant_id)
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    refund = payment_pb2.RefundOrderRequest(id=taken.id, refund_reason="Sorry")
    with pytest.raises(RemoteRefusal) as refused:
        await api.PaymentService.RefundOrder(refund, principal=chef)
    assert refused.value.message == "Cannot refund order with status PENDING"
    await pay(api, chef, taken.id, "4", payment_method="CARD", tip_amount="1")
    await pay(api, chef, taken.id, "6")
    with pytest.raises(RemoteRefusal) as refused:
        await api.PaymentService.RefundOrder(refund, principal=server)
    assert refused.value.code == "permission_denied"
    await api.PaymentService.RefundOrder(refund, principal=chef)
    after = await read(api, chef, taken.id)
    assert {payment.status for payment in after.payments} == {"REFUNDED"}
    assert (Decimal(after.refund_amount), Decimal(after.tip_amount)) == (Decimal(10), ZERO)
    with pytest.raises(RemoteRefusal) as refused:
        await api.PaymentService.RefundOrder(refund, principal=chef)
    assert refused.value.code == "nothing_left"


async def test_a_payment_is_a_fact(api: Api) -> None:
    chef, stranger = manager(uuid4()), manager(uuid4())
    taken = await order(api, chef, (await sell(api, chef, "Tea", "10"), 1))
    paid = await pay(api, chef, taken.id, "10")
    this = payment_pb2.PaymentRequest(id=paid.id)
    with pytest.raises(RemoteRefusal) as refused:
        await api.PaymentService.DeletePayment(this, principal=chef)
    assert refused.value.code == "payment_immutable"
    noted = payment_pb2.UpdatePaymentRequest(id=paid.id, notes="Exact")
    noted.update_mask.paths.append("notes")
    assert (await api.PaymentService.UpdatePayment(noted, principal=chef)).notes == "Exact"
    # A whole payment may be sent back; what it says is compared, not written.
    whole: dict[str, Any] = {"payment_method": "CASH", "amount": "10.00", "status": "COMPLETED", "notes": "Whole"}
    again = payment_pb2.UpdatePaymentRequest(id=paid.id, **whole)
    again.update_mask.paths.extend((*whole, "transaction_id"))
    assert (await api.PaymentService.UpdatePayment(again, principal=chef)).notes == "Whole"
    for name, value in (("amount", "9"), ("status", "REFUNDED"), ("transaction_id", "t-1")):
        other = payment_pb2.UpdatePaymentRequest(id=paid.id, notes="Less")
        setattr(other, name, value)
        other.update_mask.paths.extend(("notes", name))
        with pytest.raises(RemoteRefusal) as refused:
            await api.PaymentService.UpdatePayment(other, principal=chef)
        assert (refused.value.code, set(refused.value.fields)) == ("payment_immutable", {name})
    assert (await api.PaymentService.GetPayment(this, principal=chef)).notes == "Whole"
    for asked in (
        api.PaymentService.GetPayment(this, principal=stranger),
        api.PaymentService.DeletePayment(this, principal=stranger),
        api.PaymentService.UpdatePayment(noted, principal=stranger),
        api.PaymentService.RefundPayment(
            payment_pb2.RefundPaymentRequest(id=paid.id, refund_amount="1"), principal=stranger
        ),
        api.PaymentService.RefundOrder(payment_pb2.RefundOrderRequest(id=taken.id), principal=stranger),
        pay(api, stranger, taken.id, "1"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await asked
        assert refused.value.code == "not_found"


async def test_the_days_report_agrees_with_the_payments(pos: RunningService, api: Api) -> None:
    restaurant_id = uuid4()
    chef = manager(restaurant_id)
    tea, cake = await sell(api, chef, "Tea", "10"), await sell(api, chef, "=Cake", "25.50")
    for lines, method in ((((tea, 2), (cake, 1)), "CASH"), (((tea, 1),), "CARD")):
        taken = await order(api, chef, *lines)
        paid = await pay(api, chef, taken.id, taken.total_amount, payment_method=method, tip_amount="2")
    await order(api, chef, (tea, 5))
    await api.PaymentService.RefundPayment(
        payment_pb2.RefundPaymentRequest(id=paid.id, refund_amount="4"), principal=chef
    )
    report = await api.SalesService.GetSalesReport(sales_pb2.GetSalesReportRequest(), principal=chef)
    payments = await api.PaymentService.ListPayments(payment_pb2.ListPaymentsRequest(), principal=chef)
    kept = sum(Decimal(payment.amount) - Decimal(payment.refund_amount) for payment in payments.results)
    assert Decimal(report.net_sales) == kept == Decimal("51.5")
    assert sum(Decimal(row.amount) for row in report.by_payment) == kept
    assert (report.total_orders, Decimal(report.total_sales), Decimal(report.total_tips)) == (
        2,
        Decimal("55.5"),
        Decimal(4),
    )
    for rows in (report.by_day, report.by_hour, report.by_server):
        assert sum(Decimal(row.amount) for row in rows) == Decimal("55.5")
    assert [(row.name, row.count) for row in report.by_item] == [("Tea", 3), ("=Cake", 1)]
    assert sum(Decimal(row.amount) for row in report.by_category) == Decimal("55.5")
    export = await api.SalesService.ExportSalesReport(sales_pb2.ExportSalesReportRequest(by="item"), principal=chef)
    assert export.data.decode().splitlines()[0] == "item,name,count,amount"
    assert ",'=Cake,1,25.500" in export.data.decode()
    today = await api.SalesService.ListDailySales(sales_pb2.ListDailySalesRequest(), principal=chef)
    assert [(day.total_orders, Decimal(day.total_revenue)) for day in today.results] == [(2, Decimal("55.5"))]
    assert [item.name for item in today.results[0].top_selling_items] == ["Tea", "=Cake"]
    one = await api.SalesService.GetDailySales(sales_pb2.GetDailySalesRequest(id=today.results[0].id), principal=chef)
    assert one == today.results[0]
    elsewhere = await api.SalesService.GetSalesReport(sales_pb2.GetSalesReportRequest(), principal=manager(uuid4()))
    assert (elsewhere.total_orders, len(elsewhere.by_item)) == (0, 0)
