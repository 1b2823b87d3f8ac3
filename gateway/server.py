"""The gateway as a web server."""

from typing import Any

import uvicorn

from gateway.main import build
from gateway.settings import GatewaySettings
from servicekit import log

SERVER: dict[str, Any] = {
    "loop": "uvloop",
    "http": "httptools",
    "ws": "websockets-sansio",
    "lifespan": "on",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "date_header": False,
    "proxy_headers": False,
    "timeout_keep_alive": 75,
    "backlog": 2048,
}
"""How uvicorn serves; the benchmark's controls are served the same way."""


def main() -> None:
    """Runs uvicorn; SIGTERM and SIGINT let requests under way end first."""
    settings = GatewaySettings()
    log.configure("gateway", level=settings.log_level)
    uvicorn.run(
        build(settings),
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        **SERVER,
    )
