"""WebSocket servers that accept and hold, made with the usual libraries: `python -m tests.bench.controls.sockets KIND`.

They welcome a client as notify does and do nothing else. The port is the first line of the output.
"""

import resource
import socket
import sys
from typing import Any

import uvicorn
import uvloop
from websockets.asyncio.server import ServerConnection, serve

WELCOME = '{"type":"ready"}'


def say_port(listening: socket.socket) -> None:
    """Tells the bench where to connect."""
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()


async def with_websockets() -> None:
    """The server of `websockets`, whose connections have tasks and queues of their own."""

    async def hold(connection: ServerConnection) -> None:
        await connection.send(WELCOME)
        async for _ in connection:
            pass

    async with serve(hold, "127.0.0.1", 0, compression=None, max_queue=4, ping_interval=25) as server:
        say_port(next(iter(server.sockets)))
        await server.serve_forever()


async def with_uvicorn() -> None:
    """An ASGI application under uvicorn."""

    async def hold(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": WELCOME})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    config = uvicorn.Config(hold, lifespan="off", log_config=None, ws="websockets-sansio", ws_per_message_deflate=False)
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    say_port(listening)
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    uvloop.run({"websockets": with_websockets, "uvicorn": with_uvicorn}[sys.argv[1]]())
