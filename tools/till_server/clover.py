"""A local Clover: merchants with their categories, items, orders and payments."""

import json
import secrets
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.routing import Route

from tools.till_server.common import Object, Provider, Refused


class Clover(Provider):
    """Clover, with merchants that each have a token."""

    def __init__(self, *, webhook_code: str) -> None:
        super().__init__()
        self._webhook_code = webhook_code
        self._tokens: dict[str, str] = {}
        self.categories: dict[str, list[Object]] = {}
        self.items: dict[str, list[Object]] = {}
        self.orders: dict[str, dict[str, Object]] = {}
        self.payments: dict[str, Object] = {}

    @property
    def routes(self) -> list[Route]:
        """What it answers to."""
        return [
            Route("/v3/merchants/{merchant}", self.answering(self._merchant), methods=["GET"]),
            Route("/v3/merchants/{merchant}/categories", self.answering(self._categories), methods=["GET"]),
            Route("/v3/merchants/{merchant}/items", self.answering(self._items), methods=["GET"]),
            Route("/v3/merchants/{merchant}/orders", self.answering(self._orders), methods=["GET"]),
            Route("/v3/merchants/{merchant}/orders/{id}", self.answering(self._order), methods=["GET"]),
            Route("/v3/merchants/{merchant}/payments/{id}", self.answering(self._payment), methods=["GET"]),
        ]

    # What the world does

    def merchant(self, merchant_id: str) -> str:
        """A merchant; its token."""
        token = secrets.token_hex(12)
        self._tokens[token] = merchant_id
        self.categories[merchant_id], self.items[merchant_id], self.orders[merchant_id] = [], [], {}
        return token

    def menu(self, merchant_id: str, category: str, items: dict[str, int]) -> None:
        """Puts a category with items and their prices in cents on the menu."""
        about = {"id": f"C-{category}", "name": category}
        self.categories[merchant_id].append(about)
        self.items[merchant_id] += [
            {"id": f"I-{name}", "name": name, "price": price, "hidden": False, "categories": {"elements": [about]}}
            for name, price in items.items()
        ]

    def order(
        self, merchant_id: str, order_id: str, total: int, *, tip: int = 0, paid: bool = True, at: datetime
    ) -> None:
        """Puts an order there, or changes it."""
        when = int(at.timestamp() * 1000)
        self.orders[merchant_id][order_id] = {
            "id": order_id,
            "currency": "MAD",
            "total": total,
            "state": "locked" if paid else "open",
            "paymentState": "PAID" if paid else "OPEN",
            "createdTime": when,
            "modifiedTime": when,
            "lineItems": {"elements": [{"name": "Harira"}, {"name": "Harira"}]},
            "payments": {"elements": [{"id": f"P-{order_id}", "tipAmount": tip, "result": "SUCCESS"}] if paid else []},
        }
        self.payments[f"P-{order_id}"] = {"id": f"P-{order_id}", "order": {"id": order_id}}

    def events(self, merchant_id: str, *changes: tuple[str, str]) -> Object:
        """A body with events about a merchant's things: `O:<id>` and CREATE, UPDATE or DELETE."""
        now = int(datetime.now(UTC).timestamp() * 1000)
        listed = [{"objectId": thing, "type": kind, "ts": now + n} for n, (thing, kind) in enumerate(changes)]
        return {"appId": "APP", "merchants": {merchant_id: listed}}

    def signed(self, events: Object) -> tuple[bytes, dict[str, str]]:
        """Events as a webhook's body, and its headers."""
        return json.dumps(events).encode(), {"X-Clover-Auth": self._webhook_code}

    # What it answers

    def _merchant(self, request: Request, _body: Object) -> Object:
        return {"id": self._checked(request), "name": "Dar Clover"}

    def _categories(self, request: Request, _body: Object) -> Object:
        return _page(request, self.categories[self._checked(request)])

    def _items(self, request: Request, _body: Object) -> Object:
        return _page(request, self.items[self._checked(request)])

    def _orders(self, request: Request, _body: Object) -> Object:
        merchant = self._checked(request)
        filters = request.query_params.getlist("filter")
        (first,) = [int(text.partition(">=")[2]) for text in filters if ">=" in text]
        (last,) = [int(text.partition("<=")[2]) for text in filters if "<=" in text]
        rows = [order for order in self.orders[merchant].values() if first <= order["modifiedTime"] <= last]
        return _page(request, sorted(rows, key=lambda order: int(order["modifiedTime"])))

    def _order(self, request: Request, _body: Object) -> Object:
        order = self.orders[self._checked(request)].get(request.path_params["id"])
        if order is None:
            raise Refused(404, {"message": "Not Found"})
        return order

    def _payment(self, request: Request, _body: Object) -> Object:
        self._checked(request)
        payment = self.payments.get(request.path_params["id"])
        if payment is None:
            raise Refused(404, {"message": "Not Found"})
        return payment

    def _checked(self, request: Request) -> str:
        merchant = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if merchant is None or merchant != request.path_params["merchant"]:
            raise Refused(401, {"message": "401 Unauthorized"})
        return merchant


def _page(request: Request, rows: list[Object]) -> Object:
    limit, offset = int(request.query_params["limit"]), int(request.query_params["offset"])
    if limit > 1000:
        raise Refused(400, {"message": "limit"})
    return {"elements": rows[offset : offset + limit], "href": str(request.url)}
