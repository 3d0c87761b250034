"""One recording's way: stand-in venue, broker, client; and beside it what the reference expects."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from client import Client
from gate import Gate
from processes import PATIENT, Broker, Process, run
from recordings import Recording
from reference import Market, Quote, Record, Trade, build, read_capture
from topic import Topic

CHANNELS = ("trades", "quotes", "book", "book10", "ticker", "status")
# What REST tells of a futures' book at most is 1,000 levels a side. A side that has about as many at the end may have had
# more when it was told; it is compared so far down then.
FUTURES_BODY, FUTURES_COMPARED = 900, 500
# How long a replay may take at its own speed and at 10x, unless TICKCAST_FULL asks for all of it.
WALL_S_MAX = {"1": 10, "10": 12}
FULL = bool(os.environ.get("TICKCAST_FULL"))


@dataclass
class Outcome:
    """What arrived, and what should have; both by the venue's own symbol."""

    recording: Recording
    speed: str
    expected: dict[str, Market]
    topics: dict[tuple[str, str], Topic]

    def topic(self, channel: str, symbol: str) -> Topic:
        return self.topics[channel, f"{self.recording.venue}:{symbol}"]

    def complete(self) -> bool:
        """Whether all is there, so that there is no use in waiting longer."""
        return all(self.symbol_complete(market) for market in self.expected.values())

    def symbol_complete(self, market: Market) -> bool:
        trades = self.topic("trades", market.symbol)
        quotes = self.topic("quotes", market.symbol)
        return (
            len(trades.trades) + trades.lost >= len(market.trades)
            and len(quotes.quotes) + quotes.conflated >= len(market.quotes)
            and (market.book is None or self.has_right_book(market))
        )

    def has_right_book(self, market: Market) -> bool:
        """Whether the book that arrived is the reference's.

        At `max`, and at 10x on a machine that is busy, the body over REST comes when the stream has gone on. That of
        futures is cut then, and what lies beyond its end is unknown until it changes: far down, levels may be missing.
        """
        got, kept = self.topic("book", market.symbol).book(), market.kept or ([], [])
        is_cut = self.speed != "1" and self.recording.venue in ("binance-usdm", "binance-coinm")
        if not is_cut or market.book is None:
            return got == kept
        whole = market.book.top(len(market.book.bids) + len(market.book.asks))
        return all(
            set(mine) <= set(all_levels)
            and (mine == best or len(all_levels) > FUTURES_BODY)
            and mine[:FUTURES_COMPARED] == best[:FUTURES_COMPARED]
            for mine, best, all_levels in zip(got, kept, whole, strict=True)
        )


async def prepare(recording: Recording, directory: Path) -> Path:
    """The recording as a capture that replays: imported, unless it replays as it is."""
    if recording.importer is None:
        return recording.path
    out = directory / f"{recording.name}.capture"
    if not out.exists():
        arguments = ["import", "--from", recording.importer, *recording.paths]
        arguments += ["--venue", recording.venue, "--out", out]
        for symbol, body in recording.depth_paths.items():
            arguments += ["--rest", f"https://api.binance.com/api/v3/depth?symbol={symbol}={body}"]
        status, output = await run("feed-replay", *arguments)
        assert status == 0, output
    return out


def cut(records: list[Record], span_s: float) -> tuple[list[Record], int | None]:
    """The records of the first seconds, and the time in ns that ends them without doubt.

    It lies in the middle of a pause, so that it does not matter to which side its end belongs. What
    REST answers is not cut, since it is no part of the stream.
    """
    start = records[0].time_ns
    for i in range(1, len(records)):
        before, after = records[i - 1].time_ns, records[i].time_ns
        if before - start >= span_s * 1e9 and after - before > 4e6:
            bodies = [record for record in records[i:] if record.kind == "depth"]
            return records[:i] + bodies, (before + after) // 2
    return records, None


async def replay(recording: Recording, speed: str, directory: Path) -> Outcome:
    """Serves the recording at `speed` and gives what a subscriber of everything ends with."""
    capture = await prepare(recording, directory)
    records, end_ns = list(recording.records()), None
    if speed in WALL_S_MAX and not FULL:
        records, end_ns = cut(list(read_capture(capture)), WALL_S_MAX[speed] * float(speed))
    expected = build(recording.venue, records)
    serve = ["serve", capture, "--venue", recording.venue, "--listen", "127.0.0.1:0"]
    serve += ["--speed", speed] + (["--to", end_ns] if end_ns else [])
    async with (
        Gate() as gate,
        await Broker.start(
            feed_url(recording, gate.port), arguments=PATIENT if speed in WALL_S_MAX else ()
        ) as broker,
        await Client.connect(broker.stream, max_queue=None) as client,
    ):
        symbols = [f"{recording.venue}:{symbol}" for symbol in recording.symbols]
        for channel in CHANNELS:
            await client.subscribe(channel, symbols)
        async with await Process.start("feed-replay", *serve) as venue:
            gate.open(int((await venue.line(r"serving .* on ws://127\.0\.0\.1:(\d+)"))[1]))
            outcome = Outcome(recording, speed, expected, client.topics)
            await arrive(client, outcome, 60 + duration_s(records, speed))
    return outcome


async def arrive(client: Client, outcome: Outcome, timeout_s: float) -> None:
    """Waits until all is there, and then for a moment for what should not be there.

    What is still missing at the end is for the tests to say.
    """
    try:
        await client.until(outcome.complete, timeout_s, "the end of the recording")
    except TimeoutError:
        return
    await asyncio.sleep(0.3)
    client.raise_failure()


def feed_url(recording: Recording, port: int) -> str:
    """The URL that makes the broker dial the stand-in."""
    query = {"symbols": ",".join(recording.symbols)} | recording.query
    if recording.venue.startswith("binance"):
        query["rest"] = f"http://127.0.0.1:{port}"
    place = f"127.0.0.1:{port}{recording.url_path}"
    return f"{recording.venue}+ws://{place}?{urlencode(query, safe=':/,')}"


def duration_s(records: list[Record], speed: str) -> float:
    """How long the records take at this speed; a bound where they carry no times."""
    if speed == "max":
        return 0
    if records[0].time_ns is None:
        return 120 / float(speed)
    return (records[-1].time_ns - records[0].time_ns) / 1e9 / float(speed)


def trade_of(frame: dict) -> Trade:
    """A trade of a frame as the reference writes it."""
    return Trade(**{name: frame[name] for name in ("id", "price", "size", "side", "ts")})


def quote_of(frame: dict) -> Quote:
    """A quotes frame as the reference writes it."""
    return Quote(*(frame.get(name) for name in ("bid", "bid_size", "ask", "ask_size")))
