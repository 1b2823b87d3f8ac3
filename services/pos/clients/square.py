"""Square's API: OAuth, locations, the catalogue and orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from services.pos.clients.http import ProviderError, ProviderHttp, ProviderMissing
from services.pos.domain import square
from services.pos.domain.provider import Account, ForeignOrder, MenuPage, OrderPage

PAGE: Final = 200
HOSTS: Final = {"production": "https://connect.squareup.com", "sandbox": "https://connect.squareupsandbox.com"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What Square gives for a code or a refresh token."""

    access_token: str
    refresh_token: str
    merchant_id: str
    expires_at: datetime


class Square:
    """The application at Square."""

    def __init__(
        self,
        http: ProviderHttp,
        *,
        url: str,
        version: str,
        application_id: str,
        application_secret: str,
        redirect_uri: str,
        scopes: Sequence[str],
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._version = version
        self._application_id = application_id
        self._application_secret = application_secret
        self._redirect_uri = redirect_uri
        self._scopes = scopes

    @property
    def is_configured(self) -> bool:
        """Whether there is an application that merchants can connect to."""
        return bool(self._application_id and self._application_secret and self._redirect_uri)

    async def close(self) -> None:
        """Closes the connections that were kept."""
        await self._http.close()

    def authorization_url(self, state: str) -> str:
        """The page on which a merchant is asked for consent."""
        query = {
            "client_id": self._application_id,
            "scope": " ".join(self._scopes),
            "session": "false",
            "state": state,
            "redirect_uri": self._redirect_uri,
        }
        return f"{self._url}/oauth2/authorize?{urlencode(query)}"

    async def exchange(self, code: str) -> Tokens:
        """The tokens for a code. Raises ProviderError."""
        return await self._tokens(grant_type="authorization_code", code=code, redirect_uri=self._redirect_uri)

    async def refresh(self, refresh_token: str) -> Tokens:
        """New tokens. Raises ProviderError."""
        return await self._tokens(grant_type="refresh_token", refresh_token=refresh_token)

    async def revoke(self, access_token: str) -> None:
        """Ends a token and its refresh token. Raises ProviderError."""
        await self._http.ask(
            "POST",
            "/oauth2/revoke",
            headers={"Authorization": f"Client {self._application_secret}", "Square-Version": self._version},
            body={"client_id": self._application_id, "access_token": access_token},
        )

    def merchant(self, access_token: str, location_id: str | None) -> "SquareMerchant":
        """A merchant that connected."""
        return SquareMerchant(self._http, self._version, access_token, location_id)

    async def _tokens(self, **grant: str) -> Tokens:
        body = {"client_id": self._application_id, "client_secret": self._application_secret, **grant}
        # A code works once: when the answer is lost, asking again is refused and the person starts anew.
        answer = await self._http.ask(
            "POST", "/oauth2/token", headers={"Square-Version": self._version}, body=body, repeats="code" not in grant
        )
        try:
            return Tokens(
                answer["access_token"],
                answer.get("refresh_token") or grant.get("refresh_token", ""),
                answer["merchant_id"],
                datetime.fromisoformat(answer["expires_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderError from error


class SquareMerchant:
    """One merchant, as `Till` asks for."""

    def __init__(self, http: ProviderHttp, version: str, access_token: str, location_id: str | None) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {access_token}", "Square-Version": version}
        self._location_id = location_id

    async def account(self) -> Account:
        """The merchant's first location that is in use, unless one is chosen. Raises ProviderError."""
        answer = await self._ask("GET", "/v2/locations")
        active = [one for one in answer.get("locations") or [] if one.get("status", "ACTIVE") == "ACTIVE"]
        chosen = next((one for one in active if one["id"] == self._location_id), active[0] if active else None)
        if chosen is None:
            raise ProviderMissing
        return Account(chosen.get("merchant_id", ""), chosen["id"], chosen.get("name", ""))

    async def menu(self, cursor: str | None) -> MenuPage:
        """A page of the catalogue. Raises ProviderError."""
        params = [("types", "ITEM,CATEGORY"), *([("cursor", cursor)] if cursor else [])]
        return square.menu_page(await self._ask("GET", "/v2/catalog/list", params=params))

    async def orders(self, changed_from: datetime, changed_until: datetime, cursor: str | None) -> OrderPage:
        """A page of the location's orders. Raises ProviderError."""
        changed = {"start_at": changed_from.isoformat(), "end_at": changed_until.isoformat()}
        body: dict[str, Any] = {
            "location_ids": [self._location_id],
            "limit": PAGE,
            "query": {
                "filter": {"date_time_filter": {"updated_at": changed}},
                "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
            },
        }
        if cursor:
            body["cursor"] = cursor
        return square.order_page(await self._ask("POST", "/v2/orders/search", body=body))

    async def order(self, order_id: str) -> ForeignOrder | None:
        """An order. Raises ProviderError."""
        try:
            answer = await self._ask("GET", f"/v2/orders/{quote(order_id, safe='')}")
        except ProviderMissing:
            return None
        return square.order_of(answer["order"])

    async def order_of_payment(self, payment_id: str) -> str:
        """The order of a payment. Raises ProviderError."""
        answer = await self._ask("GET", f"/v2/payments/{quote(payment_id, safe='')}")
        return str(answer["payment"].get("order_id") or "")

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        return await self._http.ask(method, path, headers=self._headers, **request)
