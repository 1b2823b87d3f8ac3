"""What billing and inventory say, told to those whom it concerns and to nobody twice."""

from uuid import uuid4

from mizan.billing.events.v1 import events_pb2 as billing
from mizan.inventory.events.v1 import events_pb2 as inventory
from services.notify.tests.town import Town


async def test_a_failed_payment_is_told_to_the_owner_at_each_attempt(town: Town) -> None:
    place = await town.restaurant()
    owner = await town.person(place, role="OWNER")
    waiter = await town.person(place, "Bahia")
    about = billing.InvoiceFacts(
        id=str(uuid4()), restaurant_id=str(place), status="open", total="49.00", amount_remaining="49.00",
        currency="USD", attempt_count=1,
    )  # fmt: skip
    for attempt in (1, 1, 2):
        about.attempt_count = attempt
        await town.happens(billing.InvoicePaymentFailed(invoice=about), place)
    assert [one.kind for one in town.notifications(owner)] == ["BILLING_ALERT", "BILLING_ALERT"]
    assert "49" in town.notifications(owner)[0].message
    assert town.notifications(waiter) == []


async def test_an_item_that_ran_low_and_out_is_told_once_although_recipes_change(town: Town) -> None:
    place = await town.restaurant()
    chef = await town.person(place, role="CHEF")
    stock = inventory.StockFacts(
        item_id=str(uuid4()), restaurant_id=str(place), name="Flour", unit="kg", quantity="2", version=1
    )
    await town.happens(inventory.StockLow(stock=stock), place)
    stock.quantity, stock.version = "0", 2
    await town.happens(inventory.StockOut(stock=stock, menu_item_ids=[str(uuid4())]), place)
    stock.version = 3
    await town.happens(inventory.StockOut(stock=stock, is_repeated=True), place)
    told = town.notifications(chef)
    assert [one.kind for one in told] == ["STOCK_ALERT", "STOCK_ALERT"]
    assert all("Flour" in f"{one.title} {one.message}" for one in told)
