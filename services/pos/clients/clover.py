"""Clover's API: a merchant's token, categories, items and orders."""

from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from servicekit.clock import Clock
from services.pos.clients.http import ProviderHttp, ProviderMissing
from services.pos.domain import clover
from services.pos.domain.provider import Account, ForeignOrder, MenuPage, OrderPage

PAGE: Final = 100
_CATEGORIES: Final = "categories"
_ITEMS: Final = "items"


class Clover:
    """Clover."""

    def __init__(self, http: ProviderHttp, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def close(self) -> None:
        """Closes the connections that were kept."""
        await self._http.close()

    def merchant(self, merchant_id: str, token: str, currency: str) -> "CloverMerchant":
        """One merchant."""
        return CloverMerchant(self._http, self._clock, merchant_id, token, currency)


class CloverMerchant:
    """One merchant, as `Till` asks for."""

    def __init__(self, http: ProviderHttp, clock: Clock, merchant_id: str, token: str, currency: str) -> None:
        self._http = http
        self._clock = clock
        self._merchant_id = merchant_id
        self._headers = {"Authorization": f"Bearer {token}"}
        self._currency = currency

    async def account(self) -> Account:
        """The merchant. Raises ProviderError."""
        answer = await self._ask("")
        return Account(str(answer.get("id") or self._merchant_id), None, answer.get("name") or "")

    async def menu(self, cursor: str | None) -> MenuPage:
        """A page of the categories, and after the last of them one of the items. Raises ProviderError."""
        kind, _, place = (cursor or f"{_CATEGORIES}:0").partition(":")
        offset = int(place)
        params = [("limit", str(PAGE)), ("offset", str(offset))]
        if kind == _CATEGORIES:
            elements = await self._elements(f"/{_CATEGORIES}", params)
            following = f"{kind}:{offset + PAGE}" if len(elements) == PAGE else f"{_ITEMS}:0"
            return MenuPage(clover.categories_of(elements), (), following)
        elements = await self._elements(f"/{_ITEMS}", [*params, ("expand", _CATEGORIES)])
        following_items = f"{kind}:{offset + PAGE}" if len(elements) == PAGE else None
        return MenuPage((), clover.items_of(elements, self._currency), following_items)

    async def orders(self, changed_from: datetime, changed_until: datetime, cursor: str | None) -> OrderPage:
        """A page of the orders. Raises ProviderError."""
        offset = int(cursor or 0)
        params = [
            ("filter", f"modifiedTime>={_milliseconds(changed_from)}"),
            ("filter", f"modifiedTime<={_milliseconds(changed_until)}"),
            ("expand", "lineItems,payments"),
            ("orderBy", "modifiedTime ASC"),
            ("limit", str(PAGE)),
            ("offset", str(offset)),
        ]
        elements = await self._elements("/orders", params)
        found = tuple(clover.order_of(one, self._currency) for one in elements)
        return OrderPage(found, str(offset + PAGE) if len(elements) == PAGE else None)

    async def order(self, order_id: str) -> ForeignOrder | None:
        """An order; one that was deleted counts as cancelled. Raises ProviderError."""
        try:
            answer = await self._ask(f"/orders/{quote(order_id, safe='')}", [("expand", "lineItems,payments")])
        except ProviderMissing:
            return clover.deleted(order_id, self._clock.now(), self._currency)
        return clover.order_of(answer, self._currency)

    async def order_of_payment(self, payment_id: str) -> str:
        """The order of a payment. Raises ProviderError."""
        try:
            answer = await self._ask(f"/payments/{quote(payment_id, safe='')}")
        except ProviderMissing:
            return ""
        return str((answer.get("order") or {}).get("id") or "")

    async def _elements(self, path: str, params: list[tuple[str, str]]) -> list[dict[str, Any]]:
        answer = await self._ask(path, params)
        return list(answer.get("elements") or [])

    async def _ask(self, path: str, params: list[tuple[str, str]] | None = None) -> Any:
        merchant = quote(self._merchant_id, safe="")
        return await self._http.ask("GET", f"/v3/merchants/{merchant}{path}", headers=self._headers, params=params)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
