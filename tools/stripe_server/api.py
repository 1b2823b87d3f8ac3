"""Stripe's API over HTTP: what it checks before it does something, and how it answers."""

import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stripe_server.account import API_VERSION, Account, Object, public
from tools.stripe_server.refusals import Refused, missing, wrong

_KEY = re.compile(r"([^\[\]]+)|\[([^\[\]]*)\]")
PARAMETERS: dict[str, frozenset[str]] = {
    "customers": frozenset({"name", "email", "metadata"}),
    "prices": frozenset({"currency", "unit_amount", "recurring", "product_data", "lookup_key", "transfer_lookup_key"}),
    "checkout/sessions": frozenset(
        {
            "mode",
            "customer",
            "client_reference_id",
            "line_items",
            "payment_method_types",
            "success_url",
            "cancel_url",
            "metadata",
            "subscription_data",
        }
    ),
    "billing_portal/sessions": frozenset({"customer", "return_url"}),
    "subscriptions": frozenset({"items", "proration_behavior", "payment_behavior", "cancel_at_period_end"}),
    "invoices/create_preview": frozenset({"customer", "subscription", "subscription_details"}),
    "payment_intents": frozenset({"amount", "currency", "automatic_payment_methods", "metadata"}),
    "payment_intents/cancel": frozenset({"cancellation_reason"}),
    "refunds": frozenset({"payment_intent", "amount", "metadata"}),
}
REQUIRED = {
    "prices": ("currency", "unit_amount", "recurring"),
    "checkout/sessions": ("mode", "customer", "line_items", "success_url", "cancel_url"),
    "billing_portal/sessions": ("customer", "return_url"),
    "payment_intents": ("amount", "currency"),
    "refunds": ("payment_intent",),
}


class Api:
    """Checks requests, answers repeated ones as the first time, and hands the others to the account."""

    def __init__(self, account: Account, secret_key: str) -> None:
        self.account = account
        self.seen: list[Object] = []
        self._secret_key = secret_key
        self._answers: dict[str, tuple[str, int, Object]] = {}
        self.routes = [Route("/v1/{path:path}", self._answer, methods=["GET", "POST", "DELETE"])]

    async def _answer(self, request: Request) -> Response:
        body = (await request.body()).decode()
        sent = body if request.method == "POST" else request.url.query
        with self.account.lock:
            try:
                status, answer = self._checked(request, nested(sent), sent)
            except Refused as refused:
                status, answer = refused.status, refused.body
        return JSONResponse(answer, status, headers={"Request-Id": f"req_{len(self.seen)}"})

    def _checked(self, request: Request, params: Object, sent: str) -> tuple[int, Object]:
        if request.headers.get("authorization") != f"Bearer {self._secret_key}":
            raise Refused(401, "invalid_request_error", "Invalid API Key provided")
        if request.headers.get("stripe-version") != API_VERSION:
            raise wrong(f"Invalid Stripe API version: {request.headers.get('stripe-version')}")
        path, key = request.path_params["path"], request.headers.get("idempotency-key", "")
        self.seen.append({"method": request.method, "path": path, "params": params, "key": key})
        if request.method != "POST":
            return 200, self._read(path, params)
        if len(key) > 255:
            raise wrong("Idempotency-Key is too long")
        digest = hashlib.sha256(f"{path}?{sent}".encode()).hexdigest()
        if key in self._answers:
            kept, status, answer = self._answers[key]
            if kept != digest:
                raise Refused(
                    400,
                    "idempotency_error",
                    "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                )
            return status, answer
        base = f"{request.url.scheme}://{request.url.netloc}"
        try:
            outcome = 200, public(self._write(path, params, base))
        except Refused as refused:
            outcome = refused.status, refused.body
        if key:
            self._answers[key] = (digest, *outcome)
        return outcome

    def _write(self, path: str, params: Object, base: str) -> Object:
        kind, identifier = _target(path)
        if kind not in PARAMETERS:
            raise Refused(404, "invalid_request_error", f"Unrecognized request URL (POST: /v1/{path}).")
        for name in params:
            if name not in PARAMETERS[kind]:
                raise wrong(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        for name in REQUIRED.get(kind, ()):
            if not params.get(name):
                raise wrong(f"Missing required param: {name}.", code="parameter_missing", param=name)
        for name in ("success_url", "cancel_url", "return_url"):
            if name in params and urlsplit(params[name]).scheme not in {"http", "https"}:
                raise wrong("Not a valid URL", code="url_invalid", param=name)
        if kind == "payment_intents/cancel":
            return self.account.payments.cancel(identifier)
        if identifier:
            return self._update_subscription(self.account.subscription(identifier), params)
        handlers: dict[str, Callable[[], Object]] = {
            "customers": lambda: self.account.create_customer(params),
            "prices": lambda: self.account.create_price(params),
            "checkout/sessions": lambda: self.account.create_checkout(params, base),
            "billing_portal/sessions": lambda: self._portal(params, base),
            "invoices/create_preview": lambda: self._preview(params),
            "payment_intents": lambda: self.account.payments.create_intent(params),
            "refunds": lambda: self.account.payments.refund(params),
        }
        if kind not in handlers:
            raise Refused(404, "invalid_request_error", f"Unrecognized request URL (POST: /v1/{path}).")
        return handlers[kind]()

    def _update_subscription(self, one: Object, params: Object) -> Object:
        if one["status"] == "canceled":
            raise wrong("A canceled subscription can only update its cancellation_details and metadata.")
        if "items" in params:
            (item,) = params["items"]
            if item["id"] != one["items"]["data"][0]["id"]:
                raise missing("subscription_item", item["id"], param="items", status=400)
            self.account.change_price(
                one,
                item["price"],
                params.get("proration_behavior", "create_prorations"),
                or_fail=params.get("payment_behavior") == "error_if_incomplete",
            )
        if "cancel_at_period_end" in params:
            self.account.set_cancel(one, params["cancel_at_period_end"] == "true")
        return one

    def _portal(self, params: Object, base: str) -> Object:
        self.account.customer(params["customer"], param="customer")
        return {
            "id": f"bps_{params['customer']}",
            "object": "billing_portal.session",
            "customer": params["customer"],
            "return_url": params["return_url"],
            "url": f"{base}/portal/{params['customer']}",
        }

    def _preview(self, params: Object) -> Object:
        one = self.account.subscription(params["subscription"])
        (item,) = params["subscription_details"]["items"]
        price = self.account.price(item["price"], param="subscription_details[items][0][price]")
        lines = self.account.proration(one, price)
        total = sum(each["amount"] for each in lines)
        return {
            "object": "invoice",
            "currency": price["currency"],
            "total": total,
            "lines": {"object": "list", "data": lines, "has_more": False},
        }

    def _read(self, path: str, params: Object) -> Object:
        kind, _, identifier = path.partition("/")
        account = self.account
        kinds: dict[str, dict[str, Object]] = {
            "customers": account.customers,
            "prices": account.prices,
            "subscriptions": account.subscriptions,
            "invoices": account.invoices,
            "payment_intents": account.payments.intents,
            "refunds": account.payments.refunds,
        }
        if kind not in kinds:
            raise Refused(404, "invalid_request_error", f"Unrecognized request URL (GET: /v1/{path}).")
        if identifier:
            if identifier not in kinds[kind]:
                raise missing(kind.removesuffix("s"), identifier)
            return public(kinds[kind][identifier])
        return self._list(kind, list(kinds[kind].values()), params)

    def _list(self, kind: str, rows: list[Object], params: Object) -> Object:
        if "customer" in params:
            self.account.customer(params["customer"], param="customer")
            rows = [row for row in rows if row["customer"] == params["customer"]]
        if kind == "subscriptions" and params.get("status") != "all":
            rows = [row for row in rows if row["status"] != "canceled"]
        if "lookup_keys" in params:
            rows = [row for row in rows if row["lookup_key"] in params["lookup_keys"]]
        rows = rows[::-1]
        if "starting_after" in params:
            places = [row["id"] for row in rows]
            rows = rows[places.index(params["starting_after"]) + 1 :]
        limit = int(params.get("limit", 10))
        if not 1 <= limit <= 100:
            raise wrong("This value must be less than or equal to 100.", param="limit")
        found = [public(row) for row in rows[:limit]]
        return {"object": "list", "url": f"/v1/{kind}", "has_more": len(rows) > limit, "data": found}


def _target(path: str) -> tuple[str, str]:
    """What a path changes, and the id in it."""
    kind, _, rest = path.partition("/")
    if kind == "subscriptions" and rest:
        return kind, rest
    if kind == "payment_intents" and rest.endswith("/cancel"):
        return "payment_intents/cancel", rest.removesuffix("/cancel")
    return path, ""


def nested(sent: str) -> Object:
    """A form as Stripe reads it: `items[0][price]=x` is a list of objects."""
    tree: Object = {}
    for name, value in parse_qsl(sent, keep_blank_values=True):
        path = [outer or inner for outer, inner in _KEY.findall(name)]
        place = tree
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return {name: _lists(value) for name, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _lists(part) for name, part in value.items()}
