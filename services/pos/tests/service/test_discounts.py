"""Discount codes and bill settings: limited, counted once per order, and each restaurant's own."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty

from mizan.pos.v1 import discount_pb2, order_pb2
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import Principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.service import Api, RunningService, person
from services.pos.tests.conftest import MANAGES, manager, order, sell


async def code(api: Api, principal: Principal, text: str, **fields) -> discount_pb2.Discount:
    request = discount_pb2.CreateDiscountRequest(
        discount_code=text, **{"discount_type": "PERCENTAGE", "discount_value": "10", **fields}
    )
    return await api.DiscountService.CreateDiscount(request, principal=principal)


async def apply(api: Api, principal: Principal, order_id: str, text: str) -> order_pb2.Order:
    request = order_pb2.ApplyDiscountCodeRequest(id=order_id, discount_code=text)
    return await api.OrderService.ApplyDiscountCode(request, principal=principal)


async def uses(api: Api, principal: Principal, discount: discount_pb2.Discount) -> int:
    found = await api.DiscountService.GetDiscount(discount_pb2.DiscountRequest(id=discount.id), principal=principal)
    return found.usage_count


async def test_a_code_discounts_follows_the_lines_and_counts_once(api: Api) -> None:
    chef = manager(uuid4())
    item = await sell(api, chef, "Tea", "10")
    ten, capped = (
        await code(api, chef, "TEN"),
        await code(api, chef, "HALF", discount_value="50", max_discount_amount="3"),
    )
    taken = await order(api, chef, (item, 2))
    assert Decimal((await apply(api, chef, taken.id, "ten")).total_amount) == 18
    assert Decimal((await apply(api, chef, taken.id, "TEN")).total_amount) == 18
    assert await uses(api, chef, ten) == 1
    await api.OrderService.AddItem(order_pb2.AddItemRequest(id=taken.id, menu_item_id=item.id), principal=chef)
    grown = await api.OrderService.GetOrder(order_pb2.OrderRequest(id=taken.id), principal=chef)
    assert (Decimal(grown.discount_amount), Decimal(grown.total_amount)) == (Decimal(3), Decimal(27))
    assert Decimal((await apply(api, chef, taken.id, "HALF")).discount_amount) == 3
    assert (await uses(api, chef, ten), await uses(api, chef, capped)) == (0, 1)
    await api.OrderService.DeleteOrder(order_pb2.OrderRequest(id=taken.id), principal=chef)
    assert await uses(api, chef, capped) == 0


async def test_a_code_is_refused_with_its_reason(api: Api, clock: MovableClock) -> None:
    chef = manager(uuid4())
    item = await sell(api, chef, "Tea", "10")
    taken = await order(api, chef, (item, 1))
    await code(api, chef, "BIG", min_order_amount="50")
    await code(api, chef, "OFF", is_active=False)
    await code(api, manager(uuid4()), "THEIRS")
    for text, message in (
        ("", "Discount code is required"),
        ("NONE", "This discount code does not exist."),
        ("THEIRS", "This discount code does not exist."),
        ("BIG", "The order is below the minimum of this discount code."),
        ("OFF", "This discount code is not active."),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await apply(api, chef, taken.id, text)
        assert refused.value.message == message
    short = discount_pb2.CreateDiscountRequest(discount_code="SHORT", discount_type="FIXED_AMOUNT", discount_value="2")
    short.valid_until.FromDatetime(clock.now() + timedelta(minutes=5))
    await api.DiscountService.CreateDiscount(short, principal=chef)
    valid = await api.DiscountService.ListValidCodes(Empty(), principal=chef)
    assert [one.discount_code for one in valid.results] == ["BIG", "SHORT"]
    clock.advance(timedelta(minutes=10))
    with pytest.raises(RemoteRefusal) as refused:
        await apply(api, chef, taken.id, "SHORT")
    assert refused.value.message == "This discount code has expired."


async def test_a_code_is_used_no_more_often_than_it_may(api: Api) -> None:
    chef = manager(uuid4())
    item = await sell(api, chef, "Tea", "10")
    once = await code(api, chef, "ONCE", max_usage=1)
    taken = [await order(api, chef, (item, 1)) for _ in range(4)]
    outcomes = await asyncio.gather(*(apply(api, chef, one.id, "ONCE") for one in taken), return_exceptions=True)
    assert sum(isinstance(outcome, order_pb2.Order) for outcome in outcomes) == 1
    assert await uses(api, chef, once) == 1


async def test_codes_are_each_restaurants_own_and_make_sense(pos: RunningService, api: Api) -> None:
    ours, theirs = manager(uuid4()), manager(uuid4())
    made = await code(api, ours, "TEN")
    await code(api, theirs, "TEN")
    for text, fields in (
        ("TEN", {}),
        ("MUCH", {"discount_value": "101"}),
        ("NIL", {"discount_value": "0"}),
        ("FINE", {"min_order_amount": "0.001"}),
    ):
        with pytest.raises(RemoteRefusal):
            await code(api, ours, text, **fields)
    change = discount_pb2.UpdateDiscountRequest(id=made.id, is_active=False)
    change.update_mask.paths.append("is_active")
    this = discount_pb2.DiscountRequest(id=made.id)
    for asked in (
        api.DiscountService.GetDiscount(this, principal=theirs),
        api.DiscountService.UpdateDiscount(change, principal=theirs),
        api.DiscountService.DeleteDiscount(this, principal=theirs),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await asked
        assert refused.value.code == "not_found"
    assert not (await api.DiscountService.UpdateDiscount(change, principal=ours)).is_valid_now
    with pos.statements() as ran:
        listed = await api.DiscountService.ListDiscounts(discount_pb2.ListDiscountsRequest(), principal=ours)
    assert (listed.count, len(ran)) == (1, 2)
    await api.DiscountService.DeleteDiscount(this, principal=ours)
    listed = await api.DiscountService.ListDiscounts(discount_pb2.ListDiscountsRequest(search="t"), principal=ours)
    assert listed.count == 0


async def test_service_is_charged_and_the_night_belongs_to_the_evening(api: Api, clock: MovableClock) -> None:
    owner = person(MANAGES | {"settings.manage"}, restaurant_id=uuid4(), role="OWNER")
    change = discount_pb2.UpdateBillSettingsRequest(day_starts_at="05:00", service_charge_rate="12.5")
    change.update_mask.paths.extend(["day_starts_at", "service_charge_rate"])
    await api.DiscountService.UpdateBillSettings(change, principal=owner)
    settings = await api.DiscountService.GetBillSettings(Empty(), principal=owner)
    assert (settings.day_starts_at, Decimal(settings.service_charge_rate)) == ("05:00:00", Decimal("12.5"))
    taken = await order(api, owner, (await sell(api, owner, "Tea", "10"), 1))
    assert (Decimal(taken.service_charge), Decimal(taken.total_amount)) == (Decimal("1.25"), Decimal("11.25"))
    change.day_starts_at = "13:00"
    with pytest.raises(RemoteRefusal) as refused:
        await api.DiscountService.UpdateBillSettings(change, principal=owner)
    assert list(refused.value.fields) == ["day_starts_at"]
