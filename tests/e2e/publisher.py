"""A publisher of tick lines: an in-house feed of a page of code."""

import asyncio
import json
from typing import Self

from processes import Broker


class Publisher:
    """A connection to a broker that listens for tick lines of the venue `acme`."""

    FEED = "ticks+listen://127.0.0.1:0?venue=acme"

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    @classmethod
    async def connect(cls, broker: Broker) -> Self:
        """Connects to the port that the broker prints."""
        port = (await broker.line(r"ticks\+listen://127\.0\.0\.1:([1-9]\d*)"))[1]
        _, writer = await asyncio.open_connection("127.0.0.1", int(port))
        return cls(writer)

    async def send(self, channel: str, symbol: str, **fields) -> None:
        """Sends one line."""
        line = {"channel": channel, "symbol": symbol} | fields
        self.writer.write(json.dumps(line).encode() + b"\n")
        await self.writer.drain()

    async def quote(self, symbol: str, bid: str, ask: str) -> None:
        await self.send("quotes", symbol, bid=bid, bid_size="1.00", ask=ask, ask_size="2.50")

    async def trade(self, symbol: str, number: int) -> None:
        fields = {"price": "10.10", "size": "0.500", "side": "buy", "id": str(number)}
        await self.send("trades", symbol, ts=1_700_000_000_000_000 + number, **fields)

    async def book(self, symbol: str, kind: str, bids: list, asks: list) -> None:
        await self.send("book", symbol, type=kind, bids=bids, asks=asks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_) -> None:
        self.writer.close()
