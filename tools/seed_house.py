"""Fills the demo's house: menu, tables, shelf, a published week with the next one as a draft, and some orders."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import stamina

from tools import demo, demo_house
from tools.demo_api import Api, SeedFailed

# What a fact takes at most from one service over NATS into another's tables.
FACT_SECONDS = 60.0


def fill_house(owner: Api) -> None:
    """Fills what is missing. Raises SeedFailed."""
    dishes = _fill_menu(owner)
    _fill_tables(owner)
    _fill_recipes(owner, dishes, _fill_pantry(owner))
    _plan(owner)
    _sell(owner, dishes)


def _fill_menu(owner: Api) -> dict[str, str]:
    """The ids of the dishes by name."""
    if not owner.rows("/api/menu/tax-categories/"):
        owner.call("POST", "/api/menu/tax-categories/", demo_house.TAX)
    categories = _ids(owner.rows("/api/staff/categories/"))
    for name in dict.fromkeys(dish.category for dish in demo_house.MENU):
        if name not in categories:
            categories[name] = owner.call("POST", "/api/staff/categories/", {"name": name})["id"]
    dishes = _ids(owner.rows("/api/staff/products/"))
    for dish in demo_house.MENU:
        if dish.name not in dishes:
            body = {"name": dish.name, "base_price": dish.price, "category": categories[dish.category]}
            dishes[dish.name] = owner.call("POST", "/api/staff/products/", body)["id"]
    return dishes


def _fill_tables(owner: Api) -> None:
    known = {str(table["number"]) for table in owner.rows("/api/staff/tables/")}
    for number, capacity in demo_house.TABLES:
        if number not in known:
            owner.call("POST", "/api/staff/tables/", {"number": number, "capacity": capacity})


def _fill_pantry(owner: Api) -> dict[str, str]:
    """The ids of the items by name."""
    suppliers = _ids(_soon(lambda: owner.rows("/api/inventory/suppliers/")))
    for supplier in demo_house.SUPPLIERS:
        if supplier["name"] not in suppliers:
            suppliers[supplier["name"]] = owner.call("POST", "/api/inventory/suppliers/", supplier)["id"]
    items = _ids(owner.rows("/api/inventory/items/"))
    for item in demo_house.PANTRY:
        if item["name"] not in items:
            body = {**item, "supplier": suppliers[item["supplier"]]}
            items[item["name"]] = owner.call("POST", "/api/inventory/items/", body)["id"]
    return items


def _fill_recipes(owner: Api, dishes: dict[str, str], items: dict[str, str]) -> None:
    cooked = {recipe["name"] for recipe in owner.rows("/api/menu/recipes/")}
    for dish in demo_house.MENU:
        if not dish.takes or dish.name in cooked:
            continue
        body = {"menu_item": dishes[dish.name], "instructions": dish.recipe, "prep_time_minutes": 25}
        recipe = _soon(lambda body=body: owner.call("POST", "/api/menu/recipes/", body))
        for name, quantity, unit in dish.takes:
            taken = {"ingredient": items[name], "quantity": quantity, "unit": unit}
            owner.call("POST", f"/api/menu/recipes/{recipe['id']}/ingredients/", taken)


def _plan(owner: Api) -> None:
    today = datetime.now(ZoneInfo(demo.SIGN_UP["timezone"])).date()
    monday = today - timedelta(days=today.weekday())
    weeks = {week["week_start"]: week for week in owner.rows("/api/scheduling/weekly-schedules-v2/")}
    following = str(monday + timedelta(days=7))
    if following in weeks:
        return
    people = {row["email"]: row["id"] for row in owner.rows("/api/staff/")}
    planned = {
        (shift["shift_date"], str(person))
        for shift in owner.rows(f"/api/scheduling/assigned-shifts-v2/?date_from={monday}")
        for person in shift["staff_members"]
    }
    for person, (start, end), weekdays in demo_house.WEEK:
        for weekday in weekdays:
            day = str(monday + timedelta(days=weekday))
            if (day, people[person.email]) in planned:
                continue
            shift = {
                "staff_members": [people[person.email]],
                "shift_date": day,
                "start_time": start,
                "end_time": end,
                "role": person.role,
                "break_duration": "00:30:00",
            }
            _soon(lambda shift=shift: owner.call("POST", "/api/scheduling/assigned-shifts-v2/", shift))
    weeks = {week["week_start"]: week for week in owner.rows("/api/scheduling/weekly-schedules-v2/")}
    path = f"/api/scheduling/weekly-schedules-v2/{weeks[str(monday)]['id']}/"
    owner.call("POST", f"{path}publish/")
    owner.call("POST", f"{path}copy/", {"week_start": following})


def _sell(owner: Api, dishes: dict[str, str]) -> None:
    """Orders of this evening; all but the last are paid."""
    if owner.rows("/api/staff/restaurant-orders/"):
        return
    *paid, _ = demo_house.ORDERS
    for lines in demo_house.ORDERS:
        items = [{"product_id": dishes[name], "quantity": quantity} for name, quantity in lines]
        order = owner.call("POST", "/api/pos/orders/", {"order_type": "DINE_IN", "items": items})
        if lines in paid:
            cash = {"payment_method": "CASH", "amount": order["total_amount"]}
            owner.call("POST", f"/api/pos/orders/{order['id']}/process_payment/", cash)


def _ids(rows: list[Any]) -> dict[str, str]:
    return {row["name"]: row["id"] for row in rows}


def _soon(step: Any) -> Any:
    """What a step answers once the facts that it rests on have arrived. Raises SeedFailed when they do not."""
    for attempt in stamina.retry_context(on=SeedFailed, attempts=None, timeout=FACT_SECONDS, wait_max=0.5):
        with attempt:
            answer = step()
    return answer
