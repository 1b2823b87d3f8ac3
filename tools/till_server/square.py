"""A local Square: OAuth, locations, the catalogue, orders and payments."""

import itertools
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.routing import Route

from tools.till_server.common import Object, Provider, Refused, signature

CATALOG_PAGE: Final = 2
LIFETIME: Final = timedelta(days=30)


class Square(Provider):
    """One application at Square and the merchants that may connect to it."""

    def __init__(self, *, application_id: str, application_secret: str, version: str, signature_key: str) -> None:
        super().__init__()
        self._application_id = application_id
        self._application_secret = application_secret
        self._version = version
        self._signature_key = signature_key
        self._numbers = itertools.count(1)
        self._codes: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._refresh: dict[str, str] = {}
        self.locations: dict[str, list[Object]] = {}
        self.catalog: dict[str, dict[str, Object]] = {}
        self.orders: dict[str, dict[str, Object]] = {}
        self.payments: dict[str, Object] = {}
        self.order_page = 500

    @property
    def routes(self) -> list[Route]:
        """What it answers to."""
        return [
            Route("/oauth2/token", self.answering(self._token), methods=["POST"]),
            Route("/oauth2/revoke", self.answering(self._revoke), methods=["POST"]),
            Route("/v2/locations", self.answering(self._locations), methods=["GET"]),
            Route("/v2/catalog/list", self.answering(self._catalog), methods=["GET"]),
            Route("/v2/orders/search", self.answering(self._search), methods=["POST"]),
            Route("/v2/orders/{id}", self.answering(self._order), methods=["GET"]),
            Route("/v2/payments/{id}", self.answering(self._payment), methods=["GET"]),
        ]

    # What the world does

    def merchant(self, merchant_id: str, *, currency: str = "MAD") -> str:
        """A merchant with one location; the location's id."""
        location = {
            "id": f"L{next(self._numbers)}",
            "name": "Dar Square",
            "status": "ACTIVE",
            "merchant_id": merchant_id,
            "currency": currency,
        }
        self.locations[merchant_id] = [location]
        self.catalog[merchant_id] = {}
        self.orders[merchant_id] = {}
        return str(location["id"])

    def code(self, merchant_id: str) -> str:
        """A code such as the consent page hands out."""
        code = f"sq0cgp-{secrets.token_hex(8)}"
        self._codes[code] = merchant_id
        return code

    def category(self, merchant_id: str, key: str, name: str) -> None:
        """Puts a category into the catalogue."""
        self.catalog[merchant_id][key] = {"type": "CATEGORY", "id": key, "category_data": {"name": name}}

    def item(self, merchant_id: str, key: str, name: str, variations: dict[str, int], category: str = "") -> None:
        """Puts an item into the catalogue; its variations have prices in cents."""
        self.catalog[merchant_id][key] = {
            "type": "ITEM",
            "id": key,
            "is_deleted": False,
            "item_data": {
                "name": name,
                "categories": [{"id": category}] if category else [],
                "variations": [
                    {
                        "type": "ITEM_VARIATION",
                        "id": f"{key}-{number}",
                        "item_variation_data": {"name": variation, "price_money": {"amount": price, "currency": "MAD"}},
                    }
                    for number, (variation, price) in enumerate(variations.items(), 1)
                ],
            },
        }

    def order(
        self, merchant_id: str, order_id: str, total: int, *, tip: int = 0, state: str = "COMPLETED", at: datetime
    ) -> Object:
        """Puts an order there, or changes it."""
        currency = "MAD"
        order = {
            "id": order_id,
            "location_id": self.locations[merchant_id][0]["id"],
            "state": state,
            "created_at": at.isoformat(),
            "updated_at": at.isoformat(),
            "version": next(self._numbers),
            "total_money": {"amount": total, "currency": currency},
            "total_tip_money": {"amount": tip, "currency": currency},
            "line_items": [{"name": "Tagine", "quantity": "2"}, {"name": "Tea", "quantity": "1"}],
        }
        self.orders[merchant_id][order_id] = order
        return order

    def revoke_all(self, merchant_id: str) -> None:
        """The merchant withdraws its consent."""
        self._tokens = {token: owner for token, owner in self._tokens.items() if owner != merchant_id}
        self._refresh = {token: owner for token, owner in self._refresh.items() if owner != merchant_id}

    def event(self, merchant_id: str, kind: str, key: str = "", wrapped: Object | None = None) -> Object:
        """An event about a merchant's thing."""
        return {
            "merchant_id": merchant_id,
            "type": kind,
            "event_id": f"evt-{next(self._numbers)}-{secrets.token_hex(4)}",
            "created_at": datetime.now(UTC).isoformat(),
            "data": {"type": kind.split(".", 1)[0], "id": key, "object": wrapped or {}},
        }

    def signed(self, event: Object, url: str) -> tuple[bytes, dict[str, str]]:
        """An event as a webhook's body, and its headers."""
        body = json.dumps(event).encode()
        return body, {"x-square-hmacsha256-signature": signature(self._signature_key, url.encode() + body)}

    # What it answers

    def _token(self, request: Request, body: Object) -> Object:
        self._check_version(request)
        if (body.get("client_id"), body.get("client_secret")) != (self._application_id, self._application_secret):
            raise _error(401, "UNAUTHORIZED")
        known = self._codes if body.get("grant_type") == "authorization_code" else self._refresh
        name = "code" if body.get("grant_type") == "authorization_code" else "refresh_token"
        merchant = known.get(str(body.get(name)))
        if merchant is None:
            raise _error(401, "UNAUTHORIZED")
        if name == "code":
            if not body.get("redirect_uri"):
                raise _error(400, "MISSING_REQUIRED_PARAMETER")
            del self._codes[str(body["code"])]
        access, refresh = f"EAAA{secrets.token_hex(12)}", body.get("refresh_token") or f"EQAA{secrets.token_hex(12)}"
        self._tokens[access], self._refresh[str(refresh)] = merchant, merchant
        expires = (datetime.now(UTC) + LIFETIME).isoformat()
        tokens = {"access_token": access, "refresh_token": refresh, "token_type": "bearer"}
        return {**tokens, "expires_at": expires, "merchant_id": merchant}

    def _revoke(self, request: Request, body: Object) -> Object:
        if request.headers.get("authorization") != f"Client {self._application_secret}":
            raise _error(401, "UNAUTHORIZED")
        merchant = self._tokens.get(str(body.get("access_token")))
        if merchant is None:
            raise _error(404, "NOT_FOUND")
        self.revoke_all(merchant)
        return {"success": True}

    def _locations(self, request: Request, _body: Object) -> Object:
        return {"locations": self.locations[self._merchant(request)]}

    def _catalog(self, request: Request, _body: Object) -> Object:
        objects = list(self.catalog[self._merchant(request)].values())
        start = _place(request.query_params.get("cursor"))
        page = {"objects": objects[start : start + CATALOG_PAGE]}
        return page if start + CATALOG_PAGE >= len(objects) else {**page, "cursor": f"c{start + CATALOG_PAGE}"}

    def _search(self, request: Request, body: Object) -> Object:
        merchant = self._merchant(request)
        if body.get("location_ids") != [self.locations[merchant][0]["id"]]:
            raise _error(400, "INVALID_VALUE")
        changed = body["query"]["filter"]["date_time_filter"]["updated_at"]
        if body["query"]["sort"]["sort_field"] != "UPDATED_AT":
            raise _error(400, "INVALID_VALUE")
        start_at, end_at = (datetime.fromisoformat(changed[name]) for name in ("start_at", "end_at"))
        rows = sorted(
            (one for one in self.orders[merchant].values() if start_at <= _changed(one) <= end_at), key=_changed
        )
        start, limit = _place(body.get("cursor")), min(int(body.get("limit", 500)), self.order_page)
        page = {"orders": rows[start : start + limit]}
        return page if start + limit >= len(rows) else {**page, "cursor": f"c{start + limit}"}

    def _order(self, request: Request, _body: Object) -> Object:
        order = self.orders[self._merchant(request)].get(request.path_params["id"])
        if order is None:
            raise _error(404, "NOT_FOUND")
        return {"order": order}

    def _payment(self, request: Request, _body: Object) -> Object:
        self._merchant(request)
        payment = self.payments.get(request.path_params["id"])
        if payment is None:
            raise _error(404, "NOT_FOUND")
        return {"payment": payment}

    def _merchant(self, request: Request) -> str:
        self._check_version(request)
        merchant = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if merchant is None:
            raise _error(401, "UNAUTHORIZED")
        return merchant

    def _check_version(self, request: Request) -> None:
        if request.headers.get("square-version") != self._version:
            raise _error(400, "INVALID_SQUARE_VERSION_FORMAT")


def _changed(order: Object) -> datetime:
    return datetime.fromisoformat(order["updated_at"])


def _place(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not cursor.startswith("c"):
        raise _error(400, "INVALID_CURSOR")
    return int(cursor[1:])


def _error(status: int, code: str) -> Refused:
    return Refused(status, {"errors": [{"category": "API_ERROR", "code": code}]})
