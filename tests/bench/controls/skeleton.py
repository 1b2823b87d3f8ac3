"""The second control: the least that a request across the platform can cost.

`python -m tests.bench.controls.skeleton gateway PORT TARGET` finds the caller of a known token in a dictionary and
makes one gRPC call; `... service PORT DATABASE_URL` answers it with one row read through a pool. Neither checks,
measures or logs anything.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import grpc
import psycopg
import uvicorn
import uvloop
from fastapi import FastAPI, Header, HTTPException
from google.protobuf.wrappers_pb2 import StringValue
from psycopg_pool import AsyncConnectionPool

from gateway.server import SERVER

TOKEN = "control"
METHOD = "/control.People/Get"
TABLE = "CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL)"
ROWS = "INSERT INTO people SELECT n, 'Person ' || n FROM generate_series(1, 100) AS n"
SELECT = "SELECT id, name FROM people WHERE id = %s"


def build_gateway(target: str) -> FastAPI:
    """The HTTP side."""
    callers = {f"Bearer {TOKEN}": "7"}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with grpc.aio.insecure_channel(target) as channel:
            app.state.get = channel.unary_unary(
                METHOD, request_serializer=StringValue.SerializeToString, response_deserializer=StringValue.FromString
            )
            yield

    app = FastAPI(openapi_url=None, lifespan=lifespan)

    @app.get("/me")
    async def me(authorization: Annotated[str, Header()]) -> dict[str, str]:
        caller = callers.get(authorization)
        if caller is None:
            raise HTTPException(401)
        answer = await app.state.get(StringValue(value=caller), timeout=5)
        return {"id": caller, "name": answer.value}

    return app


async def serve(port: int, database_url: str) -> None:
    """The gRPC side, until it is killed."""
    async with AsyncConnectionPool(
        database_url, min_size=1, max_size=8, kwargs={"autocommit": True, "prepare_threshold": 0}
    ) as pool:

        async def get(request: StringValue, _context: Any) -> StringValue:
            async with pool.connection() as connection:
                row = await (await connection.execute(SELECT, (int(request.value),), binary=True)).fetchone()
            return StringValue(value=row[1] if row else "")

        handler = grpc.unary_unary_rpc_method_handler(
            get, request_deserializer=StringValue.FromString, response_serializer=StringValue.SerializeToString
        )
        server = grpc.aio.server()
        service, method = METHOD[1:].split("/")
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await server.wait_for_termination()


def prepare(database_url: str) -> None:
    """Makes the one table, as the owner of its database."""
    with psycopg.connect(database_url) as connection:
        connection.execute(TABLE)
        connection.execute(ROWS)


def main(part: str, port: int, peer: str) -> None:
    """Runs one of the two sides."""
    if part == "gateway":
        uvicorn.run(build_gateway(peer), host="127.0.0.1", port=port, **SERVER)
    else:
        uvloop.run(serve(port, peer))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
