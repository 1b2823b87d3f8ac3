"""The public API as the demo's people use it when the demo is filled."""

from typing import Any

import httpx
import stamina

from tools.operations.journey import rows_of

TIMEOUT_SECONDS = 20.0
MAX_ATTEMPTS = 5
PATIENCE_SECONDS = 150.0


class SeedFailed(Exception):
    """The API refused something that the demo needs."""


class Busy(Exception):
    """The API asks to come back later: somebody at this address has logged in often just now."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.request.method} {answer.request.url}: {answer.status_code}")
        self.seconds = float(answer.headers.get("retry-after", 1))


def _pause_of(error: Exception) -> bool | float:
    """How long to wait before trying again, or that it makes no sense."""
    return error.seconds if isinstance(error, Busy) else False


class Api:
    """The gateway, called as one person."""

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to one request. Raises SeedFailed when it is refused."""
        answer = self._request(method, path, body)
        if not answer.is_success:
            raise SeedFailed(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def rows(self, path: str) -> list[Any]:
        """The rows of a list. Raises SeedFailed when it is refused."""
        return rows_of(self.call("GET", path))

    def session_of(self, path: str, body: Any) -> "Api | None":
        """The API as the person who logs in with the body; None when the credentials are refused."""
        answer = self._request("POST", path, body)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            return None
        if not answer.is_success:
            raise SeedFailed(f"POST {path}: {answer.status_code} {answer.text}")
        return Api(str(self._client.base_url), answer.json()["tokens"]["access"])

    def _request(self, method: str, path: str, body: Any) -> httpx.Response:
        for attempt in stamina.retry_context(on=_pause_of, attempts=MAX_ATTEMPTS, timeout=PATIENCE_SECONDS):
            with attempt:
                answer = self._client.request(method, path, json=body)
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise Busy(answer)
        return answer
