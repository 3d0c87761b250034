"""A subscriber made of the `websockets` package and the protocol's text, and nothing else.

It never looks at how the broker works: it sends requests, hands each frame to the `Topic` it
belongs to, and stops at the first promise that is broken.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Self

import websockets

from topic import Topic, Violation

DEADLINE_S = 20


class RequestError(Exception):
    """The broker answered a request with an error."""

    def __init__(self, error: dict) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.message, self.retryable = (
            error["code"],
            error["message"],
            error["retryable"],
        )


class Client:
    """One connection. `topics` is keyed by channel and symbol.

    `failure` is the first violation or the unexpected end of the connection.
    """

    def __init__(self, socket: websockets.ClientConnection, hello: dict) -> None:
        self.socket, self.hello = socket, hello
        self.topics: dict[tuple[str, str], Topic] = {}
        self.patterns: set[tuple[str, str]] = set()
        self.named: set[tuple[str, str]] = set()
        self.replies: dict[int, tuple[asyncio.Future, dict]] = {}
        self.heartbeats = 0
        self.goaway: dict | None = None
        self.failure: Exception | None = None
        self.requests = 0
        self.news = asyncio.Event()
        self.reader = asyncio.create_task(self.read())

    @classmethod
    async def connect(cls, url: str, **options) -> Self:
        """Opens the connection and reads the hello."""
        options = {
            "max_size": None,
            "compression": None,
            "subprotocols": ["tickcast.v1.json"],
        } | options
        socket = await websockets.connect(url, **options)
        hello = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_S))
        if hello["type"] != "hello" or hello["protocol"] != 1:
            raise Violation(f"the first frame is no hello of version 1: {hello}")
        return cls(socket, hello)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_) -> None:
        self.reader.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)
        await self.socket.close()

    async def request(self, method: str, **params) -> dict:
        """Sends a request and waits for its reply; an error in it raises `RequestError`."""
        self.requests += 1
        reply = asyncio.get_running_loop().create_future()
        request = {"id": self.requests, "method": method, "params": params}
        self.replies[self.requests] = reply, request
        await self.socket.send(json.dumps(request))
        return await asyncio.wait_for(reply, DEADLINE_S)

    async def subscribe(self, channel: str, symbols: Iterable[str | dict], **params) -> dict:
        """Subscribes; the topics are there as soon as the reply is read."""
        return await self.request("subscribe", channel=channel, symbols=list(symbols), **params)

    async def subscribe_from_the_start(self, channel: str, symbols: list[str]) -> None:
        """Learns the epochs, then resumes from before the first entry, so that nothing is missed.

        Works as long as the topics' logs still hold all.
        """
        grants = (await self.subscribe(channel, symbols))["subscribed"]
        await self.unsubscribe(channel, symbols)
        starts = [{"symbol": g["symbol"], "epoch": g["epoch"], "after": 0} for g in grants]
        again = (await self.subscribe(channel, starts))["subscribed"]
        assert len(again) == len(symbols) and all(grant["resumed"] for grant in again), again

    async def unsubscribe(self, channel: str, symbols: Iterable[str]) -> dict:
        """Ends subscriptions; a frame of theirs that follows the reply is a violation."""
        return await self.request("unsubscribe", channel=channel, symbols=list(symbols))

    async def until(self, holds: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Reads on until `holds()`; ends at once when the connection failed."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    self.raise_failure()
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise TimeoutError(f"after {timeout_s} s still waiting for {what}") from None
        if isinstance(self.failure, Violation):
            raise self.failure

    async def read(self) -> None:
        """Takes every frame until the connection ends."""
        try:
            async for text in self.socket:
                self.take(text)
                self.news.set()
            raise ConnectionError(
                f"closed with {self.socket.close_code} {self.socket.close_reason}"
            )
        except Exception as failure:
            self.failure = failure
            for reply, _ in self.replies.values():
                reply.done() or reply.set_exception(failure)
        finally:
            self.news.set()

    def take(self, text: str) -> None:
        frame = json.loads(text)
        if "id" in frame:
            self.take_reply(frame)
        elif "symbol" in frame:
            topic = self.topic(frame["channel"], frame["symbol"])
            topic.take_tier(frame) if frame["type"] == "tier" else topic.take(frame, text)
        elif frame["type"] == "heartbeat":
            self.heartbeats += 1
        elif frame["type"] == "goaway":
            self.goaway = frame

    def take_reply(self, frame: dict) -> None:
        """Notes what a reply grants before any data that follows it is read."""
        reply, request = self.replies.pop(frame["id"])
        if "error" in frame:
            reply.set_exception(RequestError(frame["error"]))
            return
        for grant in frame["result"].get("subscribed", []):
            self.grant(grant)
        if request["method"] == "unsubscribe":
            self.end(request["params"])
        reply.set_result(frame["result"])

    def grant(self, grant: dict) -> None:
        channel = grant["channel"]
        if "pattern" in grant:
            self.patterns.add((channel, grant["pattern"]))
            return
        self.named.add((channel, grant["symbol"]))
        if (channel, grant["symbol"]) not in self.topics:
            topic = Topic(channel, grant["symbol"], grant["seq"], grant["epoch"])
            self.topics[channel, grant["symbol"]] = topic

    def end(self, params: dict) -> None:
        """Forgets what was unsubscribed, so that a further frame of it is noticed."""
        for name in params["symbols"]:
            key = params["channel"], name
            if key in self.patterns:
                self.patterns.discard(key)
                self.topics = {k: topic for k, topic in self.topics.items() if self.is_held(*k)}
            elif not name.endswith("*"):
                self.named.discard(key)
                self.topics.pop(key, None)

    def is_held(self, channel: str, symbol: str) -> bool:
        """By its name, or by a pattern."""
        covering = (matches(name, symbol) for c, name in self.patterns if c == channel)
        return (channel, symbol) in self.named or any(covering)

    def topic(self, channel: str, symbol: str) -> Topic:
        """The topic of a frame: subscribed by name, or announced now under a pattern."""
        key = channel, symbol
        if key not in self.topics:
            if not self.is_held(channel, symbol):
                raise Violation(f"a frame of {channel} {symbol}, which is not subscribed")
            self.topics[key] = Topic(channel, symbol)
        return self.topics[key]

    def raise_failure(self) -> None:
        if self.failure:
            raise self.failure


def matches(pattern: str, symbol: str) -> bool:
    """A pattern is a name, or a prefix with a star behind it."""
    return symbol.startswith(pattern[:-1]) if pattern.endswith("*") else symbol == pattern
