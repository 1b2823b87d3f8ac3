"""HTTP to till systems: bounded in time and number, patient with those that are busy, silent about secrets."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson
import stamina
import structlog

MOST_ATTEMPTS: Final = 4
LONGEST_WAIT_SECONDS: Final = 8.0
MOST_CONNECTIONS: Final = 20
MOST_BYTES: Final = 16 * 1024 * 1024

log = structlog.get_logger(__name__)


class ProviderError(Exception):
    """A till system did not do what it was asked; the text is for people and holds nothing of its answer."""

    text = "The provider refused the request."


class ProviderUnauthorized(ProviderError):
    """It does not accept the credentials."""

    text = "The provider does not accept the credentials."


class ProviderMissing(ProviderError):
    """It does not have the thing."""

    text = "The provider does not have this."


class ProviderAway(ProviderError):
    """It does not answer, or is too busy to."""

    text = "The provider does not answer. Please try again."

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__(self.text)
        self.retry_after = retry_after


class ProviderHttp:
    """Requests to one till system."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(
            timeout=timeout,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS),
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Closes the connections that were kept."""
        await self._client.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        params: list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
        repeats: bool = True,
    ) -> Any:
        """The answer's JSON; a busy or failing provider is asked again unless the request must not be repeated.

        Raises ProviderError, of the kind that says why.
        """
        attempts = MOST_ATTEMPTS if repeats else 1
        async for attempt in stamina.retry_context(
            on=_wait, attempts=attempts, timeout=None, wait_initial=0.3, wait_max=LONGEST_WAIT_SECONDS, wait_jitter=0.2
        ):
            with attempt:
                return await self._once(method, path, headers, params, body)
        raise ProviderAway  # not reached: the last attempt's error is let through

    async def _once(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        params: list[tuple[str, str]] | None,
        body: Mapping[str, Any] | None,
    ) -> Any:
        try:
            answer = await self._client.request(
                method, f"{self._url}{path}", headers=dict(headers), params=tuple(params or ()), json=body
            )
        except (TimeoutError, httpx.HTTPError) as error:
            log.warning("provider_away", path=path, error=type(error).__name__)
            raise ProviderAway from error
        if answer.is_success:
            return _json(answer)
        log.warning("provider_refused", path=path, status=answer.status_code)
        raise _error_of(answer)


def _wait(error: Exception) -> bool | float:
    """Whether to ask again, or after how many seconds."""
    if not isinstance(error, ProviderAway):
        return False
    return True if error.retry_after is None else min(error.retry_after, LONGEST_WAIT_SECONDS)


def _error_of(answer: httpx.Response) -> ProviderError:
    if answer.status_code in (401, 403):
        return ProviderUnauthorized()
    if answer.status_code == 404:
        return ProviderMissing()
    if answer.status_code == 429 or answer.status_code >= 500:
        asked = answer.headers.get("retry-after", "")
        return ProviderAway(float(asked) if asked.isdecimal() else None)
    return ProviderError()


def _json(answer: httpx.Response) -> Any:
    if len(answer.content) > MOST_BYTES:
        raise ProviderError
    try:
        return orjson.loads(answer.content) if answer.content else {}
    except orjson.JSONDecodeError as error:
        raise ProviderAway from error
