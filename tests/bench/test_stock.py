"""The stock's bench asks what it says, of a stock that adds up."""

from uuid import uuid4

from servicekit import migrate
from servicekit.testing.stack import FreshDatabase
from tests.bench import stock


async def test_every_question_is_answered_with_what_was_filled(fresh_database: FreshDatabase) -> None:
    database, restaurant_id = fresh_database("inventory", migrate.upgrade), uuid4()
    stock.fill(database.owner_dsn, restaurant_id, count=10, movements=3_650)
    measured = await stock.measure(database.app_dsn, restaurant_id)
    rows = {name: count for name, (_, count) in measured.items()}
    assert rows == {
        stock.CONTROL: 20,
        "list of all items": 10,
        "balance of one item": 1,
        "usage of this week": 10,
        "usage of a week half a year ago": 10,
        "reports of 31 days": 31,
    }
