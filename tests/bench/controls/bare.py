"""The first control: FastAPI with an endpoint that does nothing. `python -m tests.bench.controls.bare PORT`"""

import sys

import uvicorn
from fastapi import FastAPI

from gateway.server import SERVER


def build() -> FastAPI:
    """The application."""
    app = FastAPI(openapi_url=None)

    @app.get("/")
    async def nothing() -> dict[str, bool]:
        return {"ok": True}

    return app


if __name__ == "__main__":
    uvicorn.run(build(), host="127.0.0.1", port=int(sys.argv[1]), **SERVER)
