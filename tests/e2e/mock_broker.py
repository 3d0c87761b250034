"""A broker of a few lines that says what a test tells it to, so that the client can be tested."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import websockets

HELLO = {
    "type": "hello",
    "protocol": 1,
    "node": "mock",
    "ping_ms": 20000,
    "tiers_ms": [0],
    "limits": {"subscriptions": 10, "requests_per_s": 50, "message_bytes": 262144},
}


@asynccontextmanager
async def mock_broker(answers: dict[str, list[dict]]) -> AsyncIterator[str]:
    """Serves on a free port and yields the URL.

    To a request it sends the frames that `answers` has for its method; the first of them is the
    reply and gets the request's id.
    """

    async def serve(socket: websockets.ServerConnection) -> None:
        await socket.send(json.dumps(HELLO))
        async for text in socket:
            request = json.loads(text)
            reply, *frames = answers[request["method"]]
            for frame in ({"id": request["id"]} | reply, *frames):
                await socket.send(json.dumps(frame))

    async with websockets.serve(serve, "127.0.0.1", 0, subprotocols=["tickcast.v1.json"]) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/stream"
