"""The local till systems behind one port, each under its own name."""

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tools.till_server.clover import Clover
from tools.till_server.square import Square
from tools.till_server.toast import Toast


@dataclass(frozen=True)
class Secrets:
    """What the till systems and the platform both know."""

    square_application_id: str
    square_application_secret: str = field(repr=False)
    square_signature_key: str = field(repr=False)
    toast_webhook_secret: str = field(repr=False)
    clover_webhook_code: str = field(repr=False)
    square_version: str = "2024-01-18"


class TillServer:
    """Square under /square, Toast under /toast, Clover under /clover."""

    def __init__(self, secrets: Secrets) -> None:
        self.square = Square(
            application_id=secrets.square_application_id,
            application_secret=secrets.square_application_secret,
            version=secrets.square_version,
            signature_key=secrets.square_signature_key,
        )
        self.toast = Toast(webhook_secret=secrets.toast_webhook_secret)
        self.clover = Clover(webhook_code=secrets.clover_webhook_code)
        self.application = Starlette(
            routes=[
                Mount("/square", routes=self.square.routes),
                Mount("/toast", routes=self.toast.routes),
                Mount("/clover", routes=self.clover.routes),
                Route("/readyz", self._ready, methods=["GET"]),
            ]
        )

    async def _ready(self, _request: Request) -> Response:
        return JSONResponse({"ready": True})
