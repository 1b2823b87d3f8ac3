"""The till systems behind one face: whoever syncs asks a `Till` and need not know whose it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.pos.clients.clover import Clover
from services.pos.clients.square import Square
from services.pos.clients.toast import Toast
from services.pos.domain.provider import Account, ForeignOrder, MenuPage, OrderPage


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a restaurant is known by at its provider."""

    merchant_id: str
    location_id: str | None
    secret: str
    # The restaurant's; for providers that send amounts without one.
    currency: str


class Till(Protocol):
    """One restaurant's till system. Every method raises ProviderError."""

    async def account(self) -> Account:
        """Whom the credentials belong to."""
        ...

    async def menu(self, cursor: str | None) -> MenuPage:
        """A page of the menu."""
        ...

    async def orders(self, changed_from: datetime, changed_until: datetime, cursor: str | None) -> OrderPage:
        """A page of the orders that changed in a range of time."""
        ...

    async def order(self, order_id: str) -> ForeignOrder | None:
        """An order as it is now, or None when it is there no more."""
        ...

    async def order_of_payment(self, payment_id: str) -> str:
        """The order that a payment is of, or an empty text."""
        ...


class Tills:
    """The clients of all providers; a part of the service."""

    name = "tills"

    def __init__(self, square: Square, toast: Toast, clover: Clover) -> None:
        self.square = square
        self._toast = toast
        self._clover = clover

    async def start(self) -> None:
        """Connects to nothing: each request does."""

    async def stop(self) -> None:
        """Closes the connections that were kept."""
        for client in (self.square, self._toast, self._clover):
            await client.close()

    def of(self, provider: str, credentials: Credentials) -> Till:
        """The till system of a restaurant."""
        match provider:
            case "SQUARE":
                return self.square.merchant(credentials.secret, credentials.location_id)
            case "TOAST":
                return self._toast.restaurant(credentials.merchant_id, credentials.secret, credentials.currency)
            case _:
                return self._clover.merchant(credentials.merchant_id, credentials.secret, credentials.currency)
