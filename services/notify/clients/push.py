"""Firebase Cloud Messaging: Google's own library, asked without its retries, at an address that can be set."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import firebase_admin
import httpx
import structlog
from firebase_admin import _http_client as library_http
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request

from services.notify.domain.deliveries import Outcome, Postponed, Refused, Sent, Skipped, Unknown

MOST_TOKENS: Final = 20
SHORT: Final = 200
LONG: Final = 1000

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LATER = (exceptions.UnavailableError, exceptions.InternalError, messaging.QuotaExceededError)
_GONE = (messaging.UnregisteredError, messaging.SenderIdMismatchError)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a message to somebody's devices; the tokens in `gone` will never work again."""

    outcome: Outcome
    gone: tuple[str, ...] = ()


class _Messaging(messaging._MessagingService):  # type: ignore[misc] # the library has no types
    """The library's own service with another address, and without its retries.

    It would repeat a request of which nobody knows whether it was carried out, and the queue repeats what was not.
    """

    def __init__(self, app: firebase_admin.App, url: str, timeout: float) -> None:
        super().__init__(app)
        self._fcm_url = f"{url.rstrip('/')}/v1/projects/{app.project_id}/messages:send"
        self._async_client = library_http.HttpxAsyncClient(
            credential=self._credential,
            retry_config=library_http.HttpxRetry(max_retries=0),
            timeout=timeout,
        )

    async def authorize(self) -> None:
        """Renews the access token beside the event loop where it has run out. Raises GoogleAuthError."""
        if not self._credential.valid:
            await asyncio.to_thread(self._credential.refresh, Request())

    async def aclose(self) -> None:
        """Closes the connections that were kept."""
        await self._async_client.aclose()


class Push:
    """Push messages to people's devices; a part of the service. Nothing is sent without a service account."""

    name = "push"

    def __init__(self, service_account: str, *, url: str, timeout: float) -> None:
        account = _account(service_account)
        self.is_configured = account is not None
        self._account = account
        self._url = url
        self._timeout = timeout
        self._messaging: _Messaging | None = None
        self._app: firebase_admin.App | None = None

    async def start(self) -> None:
        """Reads the service account; connects to nothing."""
        if self._account is not None:
            # Several may live in one process, and the library knows its applications by name.
            self._app = firebase_admin.initialize_app(
                credentials.Certificate(self._account), {"httpTimeout": self._timeout}, name=f"notify-{id(self)}"
            )
            self._messaging = _Messaging(self._app, self._url, self._timeout)

    async def stop(self) -> None:
        """Closes the connections that were kept."""
        if self._messaging is not None:
            await self._messaging.aclose()
            self._messaging = None
        if self._app is not None:
            firebase_admin.delete_app(self._app)
            self._app = None

    async def send(
        self, tokens: Sequence[str], *, title: str, message: str, data: dict[str, str], tag: str, urgent: bool
    ) -> Pushed:
        """Sends one message to each of the tokens; it is sent when one of them took it."""
        if self._messaging is None:
            return Pushed(Skipped("push is not configured"))
        if not tokens:
            return Pushed(Skipped("no device"))
        try:
            await self._messaging.authorize()
        except GoogleAuthError as error:
            return Pushed(Postponed(type(error).__name__))
        messages = [_message(token, title, message, data, tag, urgent=urgent) for token in tokens[:MOST_TOKENS]]
        try:
            batch = await self._messaging.send_each_async(messages, dry_run=False)
        except exceptions.FirebaseError as error:
            return Pushed(Unknown(_in_short(error)))
        return _verdict(tokens, batch.responses)


def _message(
    token: str, title: str, message: str, data: dict[str, str], tag: str, *, urgent: bool
) -> messaging.Message:
    title, message = title[:SHORT], message[:LONG]
    return messaging.Message(
        token=token,
        notification=messaging.Notification(title=title, body=message),
        data=data,
        android=messaging.AndroidConfig(
            priority="high" if urgent else "normal", notification=messaging.AndroidNotification(tag=tag)
        ),
        webpush=messaging.WebpushConfig(
            headers={"Urgency": "high" if urgent else "normal"},
            notification=messaging.WebpushNotification(title=title, body=message, tag=tag),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-collapse-id": tag, "apns-priority": "10" if urgent else "5"},
            payload=messaging.APNSPayload(aps=messaging.Aps(sound="default")),
        ),
    )


def _verdict(tokens: Sequence[str], responses: Sequence[Any]) -> Pushed:
    """One outcome of several devices: sent before unknown before later before refused."""
    sent = [response.message_id for response in responses if response.success]
    failures = [response.exception for response in responses if not response.success]
    gone = tuple(
        token
        for token, response in zip(tokens, responses, strict=False)
        if not response.success and _is_gone(response.exception)
    )
    outcome: Outcome
    if sent:
        outcome = Sent(str(sent[0]).rpartition("/")[2] or str(sent[0]))
    elif unknown := next((one for one in failures if _is_unknown(one)), None):
        outcome = Unknown(_in_short(unknown))
    elif later := next((one for one in failures if not isinstance(one, _GONE) and _is_for_later(one)), None):
        outcome = Postponed(_in_short(later))
    else:
        outcome = Refused(_in_short(failures[0]) if failures else "no device")
    return Pushed(outcome, gone)


def _is_gone(error: Any) -> bool:
    if isinstance(error, _GONE):
        return True
    # A malformed token is refused as an invalid argument, as a malformed message would be.
    return isinstance(error, exceptions.InvalidArgumentError) and "registration token" in str(error)


def _is_for_later(error: Any) -> bool:
    return isinstance(error, _LATER) or isinstance(getattr(error, "cause", None), _NEVER_SENT)


def _is_unknown(error: Any) -> bool:
    """Whether the answer was lost: none came back, or that of a gateway, and the request may have gone out."""
    response = getattr(error, "http_response", None)
    if response is None:
        return not isinstance(getattr(error, "cause", None), _NEVER_SENT)
    return response.status_code >= 500 and not isinstance(error, _LATER)


def _in_short(error: Any) -> str:
    return f"FCM {getattr(error, 'code', type(error).__name__)}"


def _account(text: str) -> dict[str, Any] | None:
    """The service account in a JSON text; None for `{}` or nothing. Raises ValueError for what is none."""
    content = json.loads(text) if text.strip() else {}
    if not content:
        return None
    if not isinstance(content, dict) or content.get("type") != "service_account":
        raise ValueError("FIREBASE_SERVICE_ACCOUNT_KEY is no service account's key")
    return content
