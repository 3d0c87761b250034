"""A stand-in that makes faults, a broker that has to live with them, and a subscriber of all it publishes."""

import json
from dataclasses import dataclass
from pathlib import Path

from client import Client
from gate import Gate
from processes import Broker, fetch
from recorder import VENUES, StandIn, feed_url, generate
from reference import Market, build, read_capture
from topic import Topic

CHANNELS = ("book", "trades")
# Whose feeds are made to suffer.
SUFFERERS = (*VENUES, "binance-usdm", "binance-coinm")
# What the venues call them.
BOOKS = {
    "binance": "depth@100ms",
    "binance-usdm": "depth@100ms",
    "binance-coinm": "depth@100ms",
    "bybit": "orderbook.200",
    "coinbase": "level2",
    "kraken": "book",
    "okx": "books",
}
TRADES = {
    "binance": "trade",
    "binance-usdm": "trade",
    "binance-coinm": "trade",
    "bybit": "publicTrade",
    "coinbase": "matches",
    "kraken": "trade",
    "okx": "trades",
}


@dataclass
class Outcome:
    """What was done to the feed of a venue, and what became of it."""

    venue: str
    expected: dict[str, Market]
    topics: dict[tuple[str, str], Topic]
    faults: list[dict]
    metrics: dict[str, float]

    def topic(self, channel: str, symbol: str) -> Topic:
        return self.topics[channel, f"{self.venue}:{symbol}"]

    def injected(self, channel: str | None = None) -> int:
        """How often the faults hit a channel, or anything."""
        if channel is None:
            return sum(fault["injected"] for fault in self.faults)
        streams = [stream for fault in self.faults for stream in fault["streams"]]
        return sum(s["injected"] for s in streams if s["channel"] == channel)

    def symbols_hit(self) -> set[str]:
        return {stream["symbol"] for fault in self.faults for stream in fault["streams"]}

    def counted(self, name: str) -> int:
        """A metric of the feed."""
        return int(sum(v for key, v in self.metrics.items() if key.startswith(f"tickcast_feed_{name}")))

    def book_breaks(self) -> int:
        return self.counted("gaps") + self.counted("checksum_failures")

    def books_are_right(self) -> bool:
        return all(self.topic("book", s).book() == m.kept for s, m in self.expected.items())

    def trades_are_told(self) -> bool:
        """Each trade has come, or its loss was told; Bybit's have names, not numbers."""
        if self.venue == "bybit":
            return True
        told = ((self.topic("trades", s), m) for s, m in self.expected.items())
        return all(len(t.trades) + t.venue_lost >= len(m.trades) for t, m in told)

    def wrong_books(self) -> set[int]:
        """Checksums of books that were published and that the venue never had."""
        return {
            checksum
            for symbol, market in self.expected.items()
            for checksum in set(self.topic("book", symbol).checksums) - set(market.checksums)
        }


async def play(
    venue: str,
    directory: Path,
    faults: list[str],
    seconds: float,
    patience_s: float,
    whole: bool,
    options: str = "",
) -> Outcome:
    """Replays a generated capture with faults until all is there again that should be.

    `whole` says whether the books are expected to be right at the end; `options` go behind the feed's URL.
    """
    capture = await generate(venue, directory / f"{venue}.capture", seconds, rate=100, seed=5)
    expected = build(venue, read_capture(capture))
    symbols = [f"{venue}:{symbol}" for symbol in expected]
    arguments = [part for fault in faults for part in ("--fault", fault)]
    arguments += ["--fault-spacing", "5s", "--fault-seed", "11"]
    async with (
        Gate() as gate,
        await Broker.start(await feed_url(venue, gate.port, capture) + options) as broker,
        await Client.connect(broker.stream, max_queue=None) as client,
    ):
        for channel in CHANNELS:
            await client.subscribe(channel, symbols)
        async with await StandIn.start(venue, capture, arguments=arguments) as stand_in:
            gate.open(stand_in.port)
            await stand_in.finished(seconds + 30)
            outcome = Outcome(venue, expected, client.topics, [], {})
            await client.until(
                lambda: outcome.trades_are_told() and (not whole or outcome.books_are_right()),
                patience_s,
                f"the end of {venue}",
            )
            told = fetch(f"http://127.0.0.1:{stand_in.port}/-/faults").text
            outcome.faults = json.loads(told)["faults"]
            outcome.metrics = await broker.metrics()
        # What is printed at the end is what was told all along.
        printed = next(line for line in stand_in.lines if line.startswith("{"))
        assert json.loads(printed)["faults"] == outcome.faults
        client.raise_failure()
    return outcome
