"""Toast's API: a machine client of the restaurant's own, menus and orders."""

import time
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from services.pos.clients.http import ProviderError, ProviderHttp, ProviderMissing, ProviderUnauthorized
from services.pos.domain import toast
from services.pos.domain.provider import Account, ForeignOrder, MenuPage, OrderPage

PAGE: Final = 100
RENEW_BEFORE_SECONDS: Final = 60.0
MOST_TOKENS: Final = 1000


class Toast:
    """Toast, with the tokens of the restaurants that were asked about lately."""

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http
        self._tokens: dict[str, tuple[float, str]] = {}

    async def close(self) -> None:
        """Closes the connections that were kept."""
        await self._http.close()

    def restaurant(self, guid: str, secret: str, currency: str) -> "ToastRestaurant":
        """One restaurant; its secret is `clientId:clientSecret`."""
        return ToastRestaurant(self._http, self, guid, secret, currency)

    async def token(self, secret: str, *, fresh: bool = False) -> str:
        """An access token, kept until shortly before it expires. Raises ProviderError."""
        known = self._tokens.get(secret)
        if known is not None and not fresh and known[0] > time.monotonic():
            return known[1]
        client_id, _, client_secret = secret.partition(":")
        body = {"clientId": client_id, "clientSecret": client_secret, "userAccessType": "TOAST_MACHINE_CLIENT"}
        answer = await self._http.ask("POST", "/authentication/v1/authentication/login", headers={}, body=body)
        try:
            found, lifetime = str(answer["token"]["accessToken"]), float(answer["token"]["expiresIn"])
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderError from error
        if len(self._tokens) >= MOST_TOKENS:
            self._tokens.clear()
        self._tokens[secret] = (time.monotonic() + lifetime - RENEW_BEFORE_SECONDS, found)
        return found


class ToastRestaurant:
    """One restaurant, as `Till` asks for."""

    def __init__(self, http: ProviderHttp, toast_api: Toast, guid: str, secret: str, currency: str) -> None:
        self._http = http
        self._toast = toast_api
        self._guid = guid
        self._secret = secret
        self._currency = currency

    async def account(self) -> Account:
        """The restaurant. Raises ProviderError."""
        answer = await self._ask(f"/restaurants/v1/restaurants/{quote(self._guid, safe='')}")
        general = answer.get("general") or {}
        return Account(self._guid, None, general.get("name") or "")

    async def menu(self, _cursor: str | None) -> MenuPage:
        """The whole menu, which Toast sends at once. Raises ProviderError."""
        return toast.menu_page(await self._ask("/menus/v2/menus"))

    async def orders(self, changed_from: datetime, changed_until: datetime, cursor: str | None) -> OrderPage:
        """A page of the orders. Raises ProviderError."""
        page = int(cursor or 1)
        params = [
            ("startDate", changed_from.isoformat(timespec="milliseconds")),
            ("endDate", changed_until.isoformat(timespec="milliseconds")),
            ("page", str(page)),
            ("pageSize", str(PAGE)),
        ]
        found = toast.orders_of(await self._ask("/orders/v2/ordersBulk", params), self._currency)
        return OrderPage(found, str(page + 1) if len(found) == PAGE else None)

    async def order(self, order_id: str) -> ForeignOrder | None:
        """An order. Raises ProviderError."""
        try:
            answer = await self._ask(f"/orders/v2/orders/{quote(order_id, safe='')}")
        except ProviderMissing:
            return None
        return toast.order_of(answer, self._currency)

    async def order_of_payment(self, payment_id: str) -> str:
        """Toast's events name the order itself."""
        return payment_id

    async def _ask(self, path: str, params: list[tuple[str, str]] | None = None) -> Any:
        try:
            return await self._with(await self._toast.token(self._secret), path, params)
        except ProviderUnauthorized:
            # A token may end before its time; one that is refused when it is new is not tried again.
            return await self._with(await self._toast.token(self._secret, fresh=True), path, params)

    async def _with(self, token: str, path: str, params: list[tuple[str, str]] | None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Toast-Restaurant-External-ID": self._guid}
        return await self._http.ask("GET", path, headers=headers, params=params)
