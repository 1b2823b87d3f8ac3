"""Card payments inside the local Stripe: intents, their confirmation, and refunds."""

import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tools.stripe_server.account import Account, Object

from tools.stripe_server.refusals import Refused, missing, wrong

MOST: Final = 99_999_999
_CANCELABLE: Final = frozenset({"requires_payment_method", "requires_confirmation", "requires_action", "processing"})
EVENTS: Final = ("payment_intent.", "charge.", "refund.")


class Payments:
    """The intents and refunds of an account, whose lock is held by whoever looks at them."""

    def __init__(self, account: "Account") -> None:
        self._account = account
        self.intents: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.refuse_refunds = False

    def create_intent(self, params: "Object") -> "Object":
        """An intent that waits for a card."""
        amount, currency = _amount(params["amount"]), params["currency"]
        if currency != currency.lower() or len(currency) != 3:
            raise wrong(f"Invalid currency: {currency}.", param="currency")
        identifier = self._account.new_id("pi")
        intent: Object = {
            "id": identifier,
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "currency": currency,
            "status": "requires_payment_method",
            "client_secret": f"{identifier}_secret_{secrets.token_hex(8)}",
            "last_payment_error": None,
            "metadata": params.get("metadata", {}),
            "created": self._account.now(),
            "livemode": False,
            "_refunded": 0,
        }
        self.intents[identifier] = intent
        self._account.emit("payment_intent.created", intent)
        return intent

    def confirm(self, identifier: str, *, declined: bool = False) -> "Object":
        """What the guest's page does with the client secret: the card is charged, or declined."""
        with self._account.lock:
            intent = self.intent(identifier)
            if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
                raise wrong(
                    f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
                    code="payment_intent_unexpected_state",
                )
            if declined:
                error = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
                intent["last_payment_error"] = error
                self._account.emit("payment_intent.payment_failed", intent)
                return intent
            intent |= {"status": "succeeded", "amount_received": intent["amount"], "last_payment_error": None}
            self._account.emit("payment_intent.succeeded", intent)
            return intent

    def cancel(self, identifier: str) -> "Object":
        """Gives an intent up. Raises Refused once it has succeeded or is cancelled."""
        intent = self.intent(identifier)
        if intent["status"] not in _CANCELABLE:
            raise wrong(
                f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
                code="payment_intent_unexpected_state",
            )
        intent["status"] = "canceled"
        self._account.emit("payment_intent.canceled", intent)
        return intent

    def refund(self, params: "Object") -> "Object":
        """Gives back a part of an intent. Raises Refused for more than is left of what was received."""
        intent = self.intent(params["payment_intent"], param="payment_intent", status=404)
        if intent["status"] != "succeeded":
            raise wrong("This PaymentIntent does not have a successful charge to refund.", param="payment_intent")
        left = intent["amount_received"] - intent["_refunded"]
        if left == 0:
            raise wrong("Charge has already been refunded.", code="charge_already_refunded")
        amount = _amount(params.get("amount", left))
        if amount > left:
            raise wrong(
                f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount"
            )
        if self.refuse_refunds:
            raise wrong("Your account cannot make refunds at this time.", code="refund_disputed_payment")
        intent["_refunded"] += amount
        refund: Object = {
            "id": self._account.new_id("re"),
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "metadata": params.get("metadata", {}),
            "status": "succeeded",
            "created": self._account.now(),
        }
        self.refunds[refund["id"]] = refund
        self._account.emit("refund.created", refund)
        return refund

    def fail_refund(self, identifier: str) -> "Object":
        """The bank does not take a refund that was made."""
        with self._account.lock:
            refund = self.refunds[identifier]
            refund["status"] = "failed"
            self.intents[refund["payment_intent"]]["_refunded"] -= refund["amount"]
            self._account.emit("refund.failed", refund)
            return refund

    def intent(self, identifier: str, *, param: str = "intent", status: int = 404) -> "Object":
        """An intent. Raises Refused for none."""
        if identifier not in self.intents:
            raise missing("payment_intent", identifier, param=param, status=status)
        return self.intents[identifier]


def _amount(text: object) -> int:
    try:
        amount = int(str(text))
    except ValueError as error:
        raise wrong(f"Invalid integer: {text}", param="amount", code="parameter_invalid_integer") from error
    if not 1 <= amount <= MOST:
        raise Refused(400, "invalid_request_error", "Invalid positive integer", param="amount")
    return amount
