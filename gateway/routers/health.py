"""Whether the gateway runs, and whether it and what it stands before can serve."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response

CHECK_TIMEOUT_SECONDS = 2.0

Check = Callable[[], Awaitable[None]]


class Health:
    """Named checks; the essential ones decide whether the gateway takes traffic."""

    def __init__(self, essential: Mapping[str, Check], others: Mapping[str, Check]) -> None:
        self._essential = dict(essential)
        self._others = dict(others)
        self.stopping = False

    async def failing(self) -> dict[str, str]:
        """What does not work, with the reason."""
        checks = self._essential | self._others
        outcomes = await asyncio.gather(*(_outcome(check) for check in checks.values()))
        return {name: reason for name, reason in zip(checks, outcomes, strict=True) if reason}

    def is_ready(self, failing: Mapping[str, str]) -> bool:
        """Whether requests can be served although some checks fail."""
        return not self.stopping and not any(name in self._essential for name in failing)


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its result
        return str(error) or type(error).__name__
    return ""


def router(health: Health) -> APIRouter:
    """`/healthz`, `/readyz` and `/api/health/`."""
    routes = APIRouter(tags=["Health"])

    @routes.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return PlainTextResponse("ok")

    @routes.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        failing = await health.failing()
        is_ready = health.is_ready(failing)
        body = {"status": "ready" if is_ready else "not ready", "failing": failing}
        return JSONResponse(body, 200 if is_ready else 503)

    @routes.get("/api/health/", summary="Whether the API works", responses={503: {"description": "A part is away."}})
    async def state() -> Response:
        failing = await health.failing()
        status = "ok" if not failing else ("degraded" if health.is_ready(failing) else "down")
        return JSONResponse({"status": status, "failing": sorted(failing)}, 503 if status == "down" else 200)

    return routes
