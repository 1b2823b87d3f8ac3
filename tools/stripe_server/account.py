"""What happens inside Stripe: customers, prices, subscriptions, invoices, and the events about them."""

import copy
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tools.stripe_server.payments import Payments
from tools.stripe_server.refusals import Refused, missing, wrong

Object = dict[str, Any]

API_VERSION = "2026-10-28.endive"
DAY = 86_400
ATTEMPTS = 4
RETRY_AFTER = 3 * DAY
SHORTEST_TRIAL = 2 * DAY


class Account:
    """One account of a platform, in test mode; `lock` is held by whoever looks at it or changes it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.customers: dict[str, Object] = {}
        self.prices: dict[str, Object] = {}
        self.subscriptions: dict[str, Object] = {}
        self.invoices: dict[str, Object] = {}
        self.sessions: dict[str, Object] = {}
        self.payments = Payments(self)
        self.events: list[Object] = []
        self.on_event: Callable[[Object], None] = lambda _event: None
        self._declined: set[str] = set()
        self._pending: dict[str, list[Object]] = {}
        self._ahead: dict[str, int] = {}
        self._numbers = itertools.count(1)

    # Time and cards

    def now(self, customer_id: str | None = None) -> int:
        """Seconds since the epoch; for a customer, as far as its clock was moved."""
        return int(time.time()) + self._ahead.get(customer_id or "", 0)

    def decline_cards(self, customer_id: str, *, declined: bool = True) -> None:
        """From now on the customer's card is refused, or good again."""
        with self.lock:
            (self._declined.add if declined else self._declined.discard)(customer_id)

    def advance(self, customer_id: str, days: float) -> None:
        """Moves a customer's clock, and does what falls due for it until then, in its order; others' time stays."""
        with self.lock:
            target = self.now(customer_id) + int(days * DAY)
            while (due := min(self._due(customer_id), default=None)) is not None and due[0] <= target:
                self._move(customer_id, max(due[0], self.now(customer_id)))
                due[2]()
            self._move(customer_id, target)

    def _move(self, customer_id: str, to: int) -> None:
        self._ahead[customer_id] = to - int(time.time())

    def _due(self, customer_id: str) -> Iterator[tuple[int, str, Callable[[], None]]]:
        for one in self.subscriptions.values():
            if one["customer"] == customer_id and one["status"] in {"active", "trialing", "past_due"}:
                yield self._item(one)["current_period_end"], one["id"], partial(self._renew, one)
        for invoice in self.invoices.values():
            if invoice["customer"] == customer_id and invoice["status"] == "open" and invoice["next_payment_attempt"]:
                yield invoice["next_payment_attempt"], invoice["id"], partial(self._charge, invoice)

    # Prices and customers

    def create_price(self, params: Object) -> Object:
        """A price with its product."""
        if params.get("transfer_lookup_key"):
            for price in self.prices.values():
                if price["lookup_key"] == params.get("lookup_key"):
                    price["lookup_key"] = None
        price = {
            "id": self.new_id("price"),
            "object": "price",
            "active": True,
            "currency": params["currency"],
            "unit_amount": int(params["unit_amount"]),
            "recurring": {"interval": params["recurring"]["interval"], "interval_count": 1},
            "lookup_key": params.get("lookup_key"),
            "product": self.new_id("prod"),
            "livemode": False,
            "type": "recurring",
        }
        self.prices[price["id"]] = price
        return price

    def create_customer(self, params: Object) -> Object:
        """A customer, whose card is good."""
        customer = {
            "id": self.new_id("cus"),
            "object": "customer",
            "created": self.now(),
            "livemode": False,
            "name": params.get("name"),
            "email": params.get("email"),
            "metadata": params.get("metadata", {}),
        }
        self.customers[customer["id"]] = customer
        self.emit("customer.created", customer)
        return customer

    # The pages that people see

    def create_checkout(self, params: Object, base: str) -> Object:
        """A page that sells one price."""
        self.customer(params["customer"], param="customer")
        (line,) = params["line_items"]
        price = self.price(line["price"], param="line_items[0][price]")
        trial_end = params.get("subscription_data", {}).get("trial_end")
        if trial_end is not None and int(trial_end) < self.now(params["customer"]) + SHORTEST_TRIAL:
            raise wrong("The `trial_end` date has to be at least 2 days in the future.", param="subscription_data")
        identifier = self.new_id("cs_test")
        session = {
            "id": identifier,
            "object": "checkout.session",
            "mode": params["mode"],
            "customer": params["customer"],
            "client_reference_id": params.get("client_reference_id"),
            "metadata": params.get("metadata", {}),
            "success_url": params["success_url"],
            "cancel_url": params["cancel_url"],
            "status": "open",
            "payment_status": "unpaid",
            "subscription": None,
            "livemode": False,
            "url": f"{base}/pay/{identifier}",
            "_price": price["id"],
            "_subscription": params.get("subscription_data", {}),
        }
        self.sessions[identifier] = session
        return session

    def complete_checkout(self, session_id: str) -> Object | None:
        """Pays as the person on the page would; None when the card is declined."""
        with self.lock:
            session = self.sessions[session_id]
            if session["status"] != "open":
                raise wrong("This Checkout Session is no longer open.")
            if session["customer"] in self._declined:
                return None
            made = self.create_subscription(session["customer"], session["_price"], session["_subscription"])
            session |= {"status": "complete", "payment_status": "paid", "subscription": made["id"]}
            self.emit("checkout.session.completed", session)
            return made

    # Subscriptions

    def create_subscription(self, customer_id: str, price_id: str, data: Object) -> Object:
        """A subscription that begins now, with a trial or with a paid invoice."""
        now = self.now(customer_id)
        price = self.prices[price_id]
        trial_end = int(data["trial_end"]) if data.get("trial_end") is not None else None
        one = {
            "id": self.new_id("sub"),
            "object": "subscription",
            "customer": customer_id,
            "created": now,
            "livemode": False,
            "status": "incomplete",
            "cancel_at_period_end": False,
            "canceled_at": None,
            "ended_at": None,
            "trial_end": trial_end,
            "metadata": data.get("metadata", {}),
            "items": {"object": "list", "data": [{"id": self.new_id("si"), "object": "subscription_item"}]},
        }
        self._item(one).update(price=price, quantity=1, current_period_start=now, current_period_end=trial_end)
        self.subscriptions[one["id"]] = one
        if trial_end is not None:
            one["status"] = "trialing"
            self.emit("customer.subscription.created", one)
            return one
        self._item(one)["current_period_end"] = later(now, price)
        self.emit("customer.subscription.created", one)
        self._bill(one, "subscription_create", [line(price["unit_amount"], "Subscription")])
        return one

    def change_price(self, one: Object, price_id: str, behavior: str, *, or_fail: bool) -> None:
        """Another price from now on, with the rest of the period settled."""
        item, price = self._item(one), self.price(price_id, param="items[0][price]")
        lines = self.proration(one, price)
        if behavior == "always_invoice" and or_fail and one["customer"] in self._declined:
            raise Refused(402, "card_error", "Your card was declined.", code="card_declined")
        if price["recurring"]["interval"] != item["price"]["recurring"]["interval"]:
            now = self.now(one["customer"])
            item |= {"current_period_start": now, "current_period_end": later(now, price)}
        item["price"] = price
        self.emit("customer.subscription.updated", one)
        if behavior == "always_invoice":
            self._bill(one, "subscription_update", lines)
        else:
            self._pending.setdefault(one["id"], []).extend(lines)

    def proration(self, one: Object, price: Object) -> list[Object]:
        """The lines that settle the rest of the period when a price follows another one now."""
        item = self._item(one)
        if one["status"] == "trialing":
            return []
        start, end, now = item["current_period_start"], item["current_period_end"], self.now(one["customer"])
        left, whole = end - now, end - start
        old = item["price"]["unit_amount"]
        same = price["recurring"]["interval"] == item["price"]["recurring"]["interval"]
        new = half_up(price["unit_amount"] * left, whole) if same else price["unit_amount"]
        return [line(-half_up(old * left, whole), "Unused time", True), line(new, "Remaining time", same)]

    def set_cancel(self, one: Object, cancel: bool) -> None:
        """Ends it with its period, or not."""
        one["cancel_at_period_end"] = cancel
        one["canceled_at"] = self.now(one["customer"]) if cancel else None
        self.emit("customer.subscription.updated", one)

    def cancel_now(self, one: Object) -> None:
        """Ends it at once."""
        now = self.now(one["customer"])
        one |= {"status": "canceled", "canceled_at": one["canceled_at"] or now, "ended_at": now}
        self.emit("customer.subscription.deleted", one)

    def _renew(self, one: Object) -> None:
        if one["cancel_at_period_end"]:
            self.cancel_now(one)
            return
        item = self._item(one)
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] = later(item["current_period_start"], item["price"])
        lines = [*self._pending.pop(one["id"], []), line(item["price"]["unit_amount"], "Subscription")]
        was = one["status"]
        one["status"] = "active" if was == "trialing" else was
        self.emit("customer.subscription.updated", one)
        self._bill(one, "subscription_cycle", lines)

    # Invoices

    def _bill(self, one: Object, reason: str, lines: list[Object]) -> None:
        now, item = self.now(one["customer"]), self._item(one)
        total = sum(each["amount"] for each in lines)
        number = next(self._numbers)
        invoice = {
            "id": f"in_{number:06d}",
            "object": "invoice",
            "customer": one["customer"],
            "created": now,
            "livemode": False,
            "number": f"MZN-{number:06d}",
            "status": "draft",
            "billing_reason": reason,
            "currency": item["price"]["currency"],
            "total": total,
            "amount_due": max(total, 0),
            "amount_paid": 0,
            "amount_remaining": max(total, 0),
            "attempt_count": 0,
            "next_payment_attempt": None,
            "due_date": None,
            "period_start": item["current_period_start"],
            "period_end": item["current_period_end"],
            "hosted_invoice_url": f"https://invoice.stripe.com/i/{number}",
            "invoice_pdf": f"https://pay.stripe.com/invoice/{number}/pdf",
            "status_transitions": {"finalized_at": None, "paid_at": None},
            "lines": {"object": "list", "data": lines, "has_more": False},
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": one["id"]}},
        }
        self.invoices[invoice["id"]] = invoice
        self.emit("invoice.created", invoice)
        invoice["status"] = "open"
        invoice["status_transitions"]["finalized_at"] = now
        self.emit("invoice.finalized", invoice)
        self._charge(invoice)

    def _charge(self, invoice: Object) -> None:
        one = self.subscriptions[invoice["parent"]["subscription_details"]["subscription"]]
        invoice["attempt_count"] += 1
        if invoice["customer"] not in self._declined:
            self._settle(invoice, one)
            return
        again = invoice["attempt_count"] < ATTEMPTS
        invoice["next_payment_attempt"] = self.now(one["customer"]) + RETRY_AFTER if again else None
        self.emit("invoice.payment_failed", invoice)
        status = "past_due" if again else "unpaid"
        if one["status"] in {"active", "past_due"} and one["status"] != status:
            one["status"] = status
            self.emit("customer.subscription.updated", one)

    def pay_invoice(self, invoice_id: str) -> None:
        """Pays an open invoice as a person would after changing the card."""
        with self.lock:
            invoice = self.invoices[invoice_id]
            self._charge(invoice)

    def _settle(self, invoice: Object, one: Object) -> None:
        invoice |= {
            "status": "paid",
            "amount_paid": invoice["amount_due"],
            "amount_remaining": 0,
            "next_payment_attempt": None,
        }
        invoice["status_transitions"]["paid_at"] = self.now(one["customer"])
        self.emit("invoice.paid", invoice)
        self.emit("invoice.payment_succeeded", invoice)
        owing = any(
            other["status"] == "open" and other["parent"] == invoice["parent"] for other in self.invoices.values()
        )
        if one["status"] in {"incomplete", "past_due", "unpaid"} and not owing:
            one["status"] = "active"
            self.emit("customer.subscription.updated", one)

    # Look-ups and events

    def customer(self, identifier: str, *, param: str = "id") -> Object:
        """A customer. Raises Refused for none."""
        return self._found(self.customers, "customer", identifier, param)

    def price(self, identifier: str, *, param: str = "id") -> Object:
        """A price that can be bought. Raises Refused for none."""
        price = self._found(self.prices, "price", identifier, param)
        if not price["active"]:
            raise wrong("The price specified is inactive.", param=param)
        return price

    def subscription(self, identifier: str) -> Object:
        """A subscription. Raises Refused for none."""
        return self._found(self.subscriptions, "subscription", identifier, "id")

    def _found(self, where: dict[str, Object], what: str, identifier: str, param: str) -> Object:
        if identifier not in where:
            raise missing(what, identifier, param=param, status=404 if param == "id" else 400)
        return where[identifier]

    def emit(self, kind: str, about: Object) -> None:
        """Records an event about a thing as it is now."""
        event = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(about.get("customer")),
            "livemode": False,
            "pending_webhooks": 1,
            "type": kind,
            "data": {"object": public(about)},
        }
        self.events.append(event)
        self.on_event(event)

    def new_id(self, prefix: str) -> str:
        """An id that nothing else has."""
        return f"{prefix}_{next(self._numbers):014d}"

    @staticmethod
    def _item(one: Object) -> Object:
        item: Object = one["items"]["data"][0]
        return item


def public(thing: Object) -> Object:
    """A thing as it is shown: without what the account keeps for itself."""
    return copy.deepcopy({name: value for name, value in thing.items() if not name.startswith("_")})


def line(amount: int, description: str, proration: bool = False) -> Object:
    """A line of an invoice."""
    parent = {"type": "subscription_item_details", "subscription_item_details": {"proration": proration}}
    return {"object": "line_item", "amount": amount, "description": description, "parent": parent}


def half_up(dividend: int, divisor: int) -> int:
    """A quotient of whole numbers, halves rounded up."""
    return (2 * dividend + divisor) // (2 * divisor)


def later(start: int, price: Object) -> int:
    """The end of a period of a price: the same day of the next month or year, or the last day of a shorter month."""
    begin = datetime.fromtimestamp(start, UTC)
    months = 12 if price["recurring"]["interval"] == "year" else 1
    year, month = divmod(begin.year * 12 + begin.month - 1 + months, 12)
    day = begin.day
    while True:
        try:
            return int(begin.replace(year=year, month=month + 1, day=day).timestamp())
        except ValueError:
            day -= 1
