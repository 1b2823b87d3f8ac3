"""A local Toast: machine clients, restaurants, menus and orders."""

import json
import secrets
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.routing import Route

from tools.till_server.common import Object, Provider, Refused, signature


class Toast(Provider):
    """Toast, with restaurants that each have a machine client."""

    def __init__(self, *, webhook_secret: str) -> None:
        super().__init__()
        self._webhook_secret = webhook_secret
        self._clients: dict[tuple[str, str], str] = {}
        self._tokens: dict[str, str] = {}
        self.menus: dict[str, list[Object]] = {}
        self.orders: dict[str, dict[str, Object]] = {}

    @property
    def routes(self) -> list[Route]:
        """What it answers to."""
        return [
            Route("/authentication/v1/authentication/login", self.answering(self._login), methods=["POST"]),
            Route("/restaurants/v1/restaurants/{guid}", self.answering(self._restaurant), methods=["GET"]),
            Route("/menus/v2/menus", self.answering(self._menus), methods=["GET"]),
            Route("/orders/v2/ordersBulk", self.answering(self._bulk), methods=["GET"]),
            Route("/orders/v2/orders/{guid}", self.answering(self._order), methods=["GET"]),
        ]

    # What the world does

    def restaurant(self, guid: str) -> str:
        """A restaurant; its client id and secret."""
        client, secret = f"client-{guid}", secrets.token_hex(8)
        self._clients[client, secret] = guid
        self.menus[guid] = []
        self.orders[guid] = {}
        return f"{client}:{secret}"

    def end_tokens(self) -> None:
        """Every token ends before its time."""
        self._tokens.clear()

    def menu(self, guid: str, group: str, items: dict[str, float]) -> None:
        """Puts a group with items and their prices on the menu."""
        listed = [{"guid": f"{group}-{name}", "name": name, "price": price} for name, price in items.items()]
        self.menus[guid].append(
            {"name": "All day", "menuGroups": [{"guid": group, "name": group, "menuItems": listed, "menuGroups": []}]}
        )

    def order(
        self, guid: str, order_id: str, total: float, *, tip: float = 0, closed: bool = True, at: datetime
    ) -> None:
        """Puts an order there, or changes it."""
        self.orders[guid][order_id] = {
            "guid": order_id,
            "entityType": "Order",
            "openedDate": _text(at),
            "modifiedDate": _text(at),
            "closedDate": _text(at) if closed else None,
            "voided": False,
            "checks": [
                {
                    "guid": f"{order_id}-check",
                    "totalAmount": total,
                    "payments": [{"tipAmount": tip, "paymentStatus": "CAPTURED"}],
                    "selections": [{"displayName": "Couscous", "quantity": 2.0, "voided": False}],
                }
            ],
        }

    def event(self, guid: str, order_id: str) -> Object:
        """An event about an order."""
        return {
            "timestamp": datetime.now(UTC).isoformat(),
            "eventCategory": "order_updated",
            "eventType": "order_updated",
            "guid": secrets.token_hex(16),
            "details": {"restaurantGuid": guid, "order": {"guid": order_id}},
        }

    def signed(self, event: Object) -> tuple[bytes, dict[str, str]]:
        """An event as a webhook's body, and its headers."""
        body = json.dumps(event).encode()
        signed = signature(self._webhook_secret, body + str(event["timestamp"]).encode())
        return body, {"Toast-Signature": signed}

    # What it answers

    def _login(self, _request: Request, body: Object) -> Object:
        guid = self._clients.get((str(body.get("clientId")), str(body.get("clientSecret"))))
        if guid is None or body.get("userAccessType") != "TOAST_MACHINE_CLIENT":
            raise Refused(401, {"status": 401, "message": "Unauthorized"})
        token = secrets.token_hex(12)
        self._tokens[token] = guid
        return {"token": {"tokenType": "Bearer", "expiresIn": 86400, "accessToken": token}, "status": "SUCCESS"}

    def _restaurant(self, request: Request, _body: Object) -> Object:
        guid = self._guid(request)
        if request.path_params["guid"] != guid:
            raise Refused(404, {"status": 404})
        return {"guid": guid, "general": {"name": "Dar Toast", "currencyCode": "MAD"}}

    def _menus(self, request: Request, _body: Object) -> Object:
        return {"menus": self.menus[self._guid(request)]}

    def _bulk(self, request: Request, _body: Object) -> list[Object]:
        asked = request.query_params
        first, last = (datetime.fromisoformat(asked[name]) for name in ("startDate", "endDate"))
        size, page = int(asked["pageSize"]), int(asked["page"])
        if size > 100:
            raise Refused(400, {"status": 400})
        rows = [
            order
            for order in self.orders[self._guid(request)].values()
            if first <= datetime.fromisoformat(order["modifiedDate"]) <= last
        ]
        return rows[(page - 1) * size : page * size]

    def _order(self, request: Request, _body: Object) -> Object:
        order = self.orders[self._guid(request)].get(request.path_params["guid"])
        if order is None:
            raise Refused(404, {"status": 404})
        return order

    def _guid(self, request: Request) -> str:
        guid = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if guid is None:
            raise Refused(401, {"status": 401})
        if request.headers.get("toast-restaurant-external-id") != guid:
            raise Refused(403, {"status": 403})
        return guid


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03}+0000"
