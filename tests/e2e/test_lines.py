"""Two lines of one feed: the first to bring a message wins, either may die, and nobody sees a break or a repeat."""

import asyncio
import re
from pathlib import Path

import pytest

from client import Client
from gate import Gate
from processes import Broker, run
from recorder import VENUES, StandIn, feed_url, generate
from recordings import BY_NAME
from reference import build, read_capture
from replay import feed_url as recording_url
from replay import prepare, quote_of, trade_of

CHANNELS = ("trades", "quotes", "ticker", "book", "status")
# Coinbase's books have no numbers, so that one line leads; so have Kraken's tickers here, without the times that they have today.
# Around the leader's death the other one is found by its last messages, unless they are too far apart.
UNPLACED_BOOKS, UNPLACED_QUOTES = ("coinbase",), ("kraken",)


class Lines:
    """Stand-ins, each behind a gate of its own, and a broker that has a line to each."""

    def __init__(self, gates: list[Gate], stand_ins: list[StandIn], broker: Broker, client: Client):
        self.gates, self.stand_ins = gates, stand_ins
        self.broker, self.client = broker, client

    def topic(self, channel: str, symbol: str):
        return self.client.topics[channel, symbol]

    async def kill(self, line: int) -> None:
        """The venue's machine is gone, as if its power had been cut."""
        self.stand_ins[line].process.kill()
        await self.stand_ins[line].process.wait()

    async def of_line(self, line: int, name: str) -> float:
        """A metric of one line."""
        metrics = await self.broker.metrics()
        label = re.compile(rf"tickcast_feed_{name}(_total)?\{{.*\(line {line + 1}[,)].*\}}")
        return sum(value for key, value in metrics.items() if label.fullmatch(key))

    async def joined(self, line: int) -> None:
        """Waits until all symbols of a line are live."""
        async with asyncio.timeout(20):
            while await self.of_line(line, "live") == 0:
                await asyncio.sleep(0.05)

    def seen_no_break(self, symbols: list[str]) -> None:
        """Each topic came to life once, with one image, and nothing was lost."""
        self.client.raise_failure()
        for symbol in symbols:
            topics = {channel: self.topic(channel, symbol) for channel in CHANNELS}
            for channel, topic in topics.items():
                assert topic.lost == topic.venue_lost == topic.conflated == 0, (channel, symbol)
                assert [state for state, _ in topic.states] in ([], ["live"]), (channel, symbol)
            assert topics["book"].frames["snapshot"] == 1, symbol
            assert (topics["status"].last, topics["status"].latest["state"]) == (1, "live"), symbol


@pytest.mark.parametrize("killed", [0, 1], ids=["the-first-dies", "the-second-dies"])
def test_either_of_two_lines_may_die(killed, tmp_path):
    async def check_all() -> None:
        venues = [*VENUES, "binance-usdm", "binance-coinm"]
        await asyncio.gather(*(check(venue, killed, tmp_path) for venue in venues))

    asyncio.run(check_all())


async def check(venue: str, killed: int, directory: Path) -> None:
    """The second line is late all the time, by another time for each message."""
    capture = await generate(venue, directory / f"{venue}.capture", 5, rate=100, seed=5)
    expected = build(venue, read_capture(capture))
    symbols = [f"{venue}:{symbol}" for symbol in expected]
    late = ("--fault", "delay:20ms..400ms")
    async with (
        Gate() as first,
        Gate() as second,
        await Broker.start(
            *[f"{await feed_url(venue, gate.port, capture)}&name=x" for gate in (first, second)]
        ) as broker,
        await Client.connect(broker.stream, max_queue=None) as client,
    ):
        for channel in CHANNELS:
            await client.subscribe(channel, symbols)
        stand_ins = [
            await StandIn.start(venue, capture),
            await StandIn.start(venue, capture, arguments=late),
        ]
        lines = Lines([first, second], stand_ins, broker, client)
        first.open(stand_ins[0].port)
        second.open(stand_ins[1].port)
        try:
            markets = [(f"{venue}:{symbol}", market) for symbol, market in expected.items()]
            await client.until(lambda: all(has_half(lines, *m) for m in markets), 30, "the middle")
            # The machine may be so busy that the other line has only begun to connect.
            await lines.joined(1 - killed)
            await lines.kill(killed)
            await client.until(
                lambda: all(has_all(lines, venue, *m) for m in markets), 40, f"the end of {venue}"
            )
            await asyncio.sleep(0.5)
            for symbol, market in markets:
                assert [trade_of(t) for t in lines.topic("trades", symbol).trades] == market.trades, symbol
                if venue not in UNPLACED_QUOTES:
                    assert quotes(lines, symbol) == market.quotes, symbol
                assert lines.topic("book", symbol).book() == market.kept, symbol
                if venue not in UNPLACED_BOOKS:
                    wrong = set(lines.topic("book", symbol).checksums) - set(market.checksums)
                    assert not wrong, symbol
            lines.seen_no_break(symbols)
            assert await lines.of_line(0, "line_first") > 0
            assert await lines.of_line(1, "line_again") > 0
            assert await lines.of_line(1 - killed, "live") > 0
            assert await lines.of_line(killed, "live") == 0
        finally:
            await lines.stand_ins[1 - killed].stop()


def has_half(lines: Lines, symbol: str, market) -> bool:
    return len(lines.topic("trades", symbol).trades) >= len(market.trades) / 2


def quotes(lines: Lines, symbol: str) -> list:
    return [quote_of(quote) for quote in lines.topic("quotes", symbol).quotes]


def has_all(lines: Lines, venue: str, symbol: str, market) -> bool:
    """The last quote is there, and all of them where they can be told apart; all trades, and the book."""
    enough = 1 if venue in UNPLACED_QUOTES else len(market.quotes)
    got = quotes(lines, symbol)
    has_quotes = len(got) >= enough and got[-1] == market.quotes[-1]
    has_trades = len(lines.topic("trades", symbol).trades) >= len(market.trades)
    return has_quotes and has_trades and lines.topic("book", symbol).book() == market.kept


def test_three_recorded_lines_make_one(tmp_path):
    """What was recorded on three connections at once: one is late, two die, one of them after it was cut off for a moment."""

    async def check() -> None:
        recordings = [BY_NAME[f"okx-2021-line{line}"] for line in (1, 2, 3)]
        captures = [await prepare(recording, tmp_path) for recording in recordings]
        markets = [build("okx", list(recording.records())) for recording in recordings]
        symbols = [f"okx:{symbol}" for symbol in recordings[0].symbols]
        faults = [[], ["delay:50ms..500ms"], ["disconnect@1s"]]
        async with Gate() as one, Gate() as two, Gate() as three:
            gates = [one, two, three]
            urls = [
                f"{recording_url(recording, gate.port)}&name=okx"
                for recording, gate in zip(recordings, gates, strict=True)
            ]
            async with (
                await Broker.start(*urls) as broker,
                await Client.connect(broker.stream, max_queue=None) as client,
            ):
                for channel in CHANNELS:
                    await client.subscribe(channel, symbols)
                arguments = [
                    ["--speed", "5", *(part for spec in f for part in ("--fault", spec))] for f in faults
                ]
                stand_ins = [
                    await StandIn.start("okx", capture, arguments=more)
                    for capture, more in zip(captures, arguments, strict=True)
                ]
                lines = Lines(gates, stand_ins, broker, client)
                for gate, stand_in in zip(gates, stand_ins, strict=True):
                    gate.open(stand_in.port)
                try:
                    await asyncio.sleep(3)
                    await lines.kill(0)
                    await asyncio.sleep(1)
                    assert await lines.of_line(2, "connects") == 2
                    await lines.kill(2)
                    await stand_ins[1].finished()
                    await client.until(
                        lambda: all(
                            lines.topic("book", f"okx:{symbol}").book() == market.kept
                            for symbol, market in markets[1].items()
                        ),
                        20,
                        "the end of the recording",
                    )
                    await asyncio.sleep(0.6)
                    check_trades(lines, markets)
                    lines.seen_no_break(symbols)
                    assert all([await lines.of_line(line, "line_first") > 0 for line in range(3)])
                finally:
                    await stand_ins[1].stop()

    asyncio.run(check())


def check_trades(lines: Lines, markets: list[dict]) -> None:
    """Each trade that any line has recorded, once and in the order of their numbers."""
    total = 0
    for symbol in markets[0]:
        known = {trade.id: trade for market in markets for trade in market[symbol].trades}
        got = [trade_of(trade) for trade in lines.topic("trades", f"okx:{symbol}").trades]
        assert got == sorted(known.values(), key=lambda trade: int(trade.id)), symbol
        total += len(got)
    assert total > 0


def test_lines_that_are_not_the_same_are_refused():
    async def check() -> None:
        feeds = ["binance+ws://127.0.0.1:1?symbols=A&name=x", "kraken+ws://127.0.0.1:1?symbols=A&name=x"]
        status, output = await run("broker", *(part for feed in feeds for part in ("--feed", feed)))
        assert status == 2
        assert "`x` is a feed of binance, not of kraken" in output

    asyncio.run(check())
