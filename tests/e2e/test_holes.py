"""Messages left out of one symbol: those who watch it hear of it, and nobody else does.

Each recording is served without one message of each channel of a symbol. What a recorder makes of that has the hole, and the
venue's answer to what the recorder asked for then: through `file:` it tells the same.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from client import Client
from gate import Gate
from processes import PATIENT, Broker
from recorder import Recorder, StandIn, feed_url, generate
from recordings import BY_NAME
from reference import Market, build, read_capture
from replay import cut, prepare
from replay import feed_url as recording_url
from witness import CHANNELS, Witness

# How much of a recording is played, how fast, and when the messages go missing, in the time of the replay.
SPAN_S, SPEED, SINCE_S = 24, 6, 1.5
# A book of futures that is fetched anew has what REST tells of it: far down, levels may be missing.
COMPARED = 100
# How much of the capture's time lies between two holes of a channel: as a rule there is one. Where checksums tell, a change that
# is undone by the next one is not missed; so there are several.
SPACING = {"number": "1000s", "checksum": "3s", None: "1000s"}


@dataclass(frozen=True)
class Case:
    """A recording, or the venue whose market is generated, and the symbol that messages are left out of; none: the first."""

    name: str
    symbol: str = ""
    # What tells that a change of a book is missing: its number, a checksum that the next change may make good, or nothing.
    book_rule: str | None = "number"
    # Whether anything tells that a trade is.
    trades_tell: bool = True


CASES = [
    Case("binance-2021", "ZILUSDT"),
    Case("binance-coinm-2021", "ETCUSD_PERP"),
    Case("kraken-2026", "ETH/USD", book_rule="checksum"),
    Case("okx-2022", "ZEN-USDT", book_rule="checksum"),
    Case("coinbase-2026", "ETH-USD", book_rule=None),
    Case("binance"),
    Case("binance-usdm"),
    Case("bybit", trades_tell=False),
    Case("okx"),
]


@dataclass
class Tape:
    """What is played of a case."""

    venue: str
    capture: Path
    markets: dict[str, Market]
    hit: str
    # The feed's URL for a stand-in at a port.
    url: Callable[[int], str]
    query: str
    arguments: list

    def name(self, symbol: str) -> str:
        return f"{self.venue}:{symbol}"

    @property
    def names(self) -> list[str]:
        return [self.name(symbol) for symbol in self.markets]


async def tape_of(case: Case, directory: Path) -> Tape:
    if case.name in BY_NAME:
        recording = BY_NAME[case.name]
        capture = await prepare(recording, directory)
        records, end_ns = cut(list(read_capture(capture)), SPAN_S)
        markets = build(recording.venue, records)
        query = "".join(f"&{key}={value}" for key, value in recording.query.items())
        arguments = ["--to", end_ns] if end_ns else []
        return Tape(
            recording.venue, capture, markets, case.symbol,
            lambda port: recording_url(recording, port), query, arguments,
        )  # fmt: skip
    capture = await generate(case.name, directory / f"{case.name}.capture", SPAN_S, rate=60, seed=5)
    markets = build(case.name, read_capture(capture))
    url = await feed_url(case.name, 0, capture)
    return Tape(
        case.name, capture, markets, next(iter(markets)),
        lambda port: url.replace("127.0.0.1:0", f"127.0.0.1:{port}"), "", [],
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_who_watches_a_symbol_with_a_hole_hears_it_and_nobody_else_does(case, tmp_path):
    async def check() -> None:
        tape = await tape_of(case, tmp_path)
        recorded = tmp_path / "recorded.zst"
        tells(case, tape, await served(case, tape, recorded))
        tells(case, tape, await read_from(tape, recorded))

    asyncio.run(check())


async def served(case: Case, tape: Tape, recorded: Path) -> Witness:
    """What a subscriber of everything hears; a recorder beside the broker hears the same."""
    hole = ["--speed", SPEED, "--fault", f"drop:100%@{SINCE_S}s:{tape.hit}", *tape.arguments]
    hole += ["--fault-spacing", SPACING[case.book_rule]]
    async with (
        Gate() as gate,
        await StandIn.start(tape.venue, tape.capture, arguments=hole) as stand_in,
        await Broker.start(tape.url(gate.port), arguments=PATIENT) as broker,
        await Witness.connect(broker.stream, max_queue=None) as witness,
        await Recorder.start(recorded, "--feed", tape.url(gate.port)),
    ):
        await witness.watch(*tape.names)
        gate.open(stand_in.port)
        await stand_in.finished()
        # Twice, since a book may be right for a moment before the last hole is noticed.
        for _ in range(2):
            await witness.until(lambda: is_over(case, tape, witness), 20, "the end of the capture")
            await asyncio.sleep(0.2)
            await witness.request("ping")
        assert is_over(case, tape, witness)
        # How the feed ends is no part of it.
        witness.reader.cancel()
    return witness


async def read_from(tape: Tape, recorded: Path) -> Witness:
    """What a subscriber of everything hears of a recording."""
    feed = f"file:{recorded}?venue={tape.venue}&speed=max{tape.query}"
    async with (
        await Broker.start(feed, arguments=PATIENT) as broker,
        await Client.connect(broker.stream, max_queue=None) as other,
        await Witness.connect(broker.stream, max_queue=None) as witness,
    ):
        await broker.line("the capture has ended")
        for channel in CHANNELS:
            grants = (await other.subscribe(channel, tape.names))["subscribed"]
            starts = [{"symbol": g["symbol"], "epoch": g["epoch"], "after": 0} for g in grants]
            again = (await witness.subscribe(channel, starts))["subscribed"]
            assert all(grant["resumed"] for grant in again), again
            ends = {(channel, grant["symbol"]): grant["seq"] for grant in grants}
            await witness.until(
                lambda ends=ends: all(witness.topics[key].last >= seq for key, seq in ends.items()), 20, channel
            )
    return witness


def is_over(case: Case, tape: Tape, witness: Witness) -> bool:
    """Each book is the venue's again, but for the one that cannot be known to be wrong, and nobody waits for anything."""
    others = (symbol for symbol in tape.markets if symbol != tape.hit or case.book_rule)
    stories = (witness.story(channel, tape.name(tape.hit)) for channel in CHANNELS)
    return all(is_right(witness, tape.name(symbol), tape.markets[symbol]) for symbol in others) and all(
        states(story)[-1:] == ["live"] for story in stories
    )


def is_right(witness: Witness, symbol: str, market: Market) -> bool:
    """So far down as REST tells."""
    got, kept = witness.topics["book", symbol].book(), market.kept or ([], [])
    return all(mine[:COMPARED] == best[:COMPARED] for mine, best in zip(got, kept, strict=True))


def tells(case: Case, tape: Tape, witness: Witness) -> None:
    """The symbol with the holes says so in their places, and has the right book again; all others never say a word."""
    for symbol, market in tape.markets.items():
        name = tape.name(symbol)
        stories = {channel: witness.story(channel, name) for channel in CHANNELS}
        if symbol == tape.hit:
            the_holes_are_told(case, stories)
            count = missing(witness, name, market) if case.trades_tell else 0
            assert lost(witness, name) == count and ("gap" in stories["trades"]) == (count > 0), stories
            # Of those whose checksums tell the symbols have few trades.
            assert count > 0 or not case.trades_tell or case.book_rule == "checksum"
        else:
            assert all(states(story) in ([], ["live"]) for story in stories.values()), (name, stories)
            assert lost(witness, name) == 0
        if symbol != tape.hit or case.book_rule:
            assert is_right(witness, name, market), name
            assert set(witness.topics["book", name].checksums) <= set(market.checksums), name


def the_holes_are_told(case: Case, stories: dict[str, list[str]]) -> None:
    """Each break of the book, with a new image after it, and the trades that are missing."""
    assert states(stories["trades"]) == ["live"]
    breaks = stories["book"].count("resyncing")
    assert breaks >= 1 if case.book_rule == "checksum" else breaks == (case.book_rule is not None), stories
    broken = ["live"] + ["resyncing", "live"] * breaks
    assert states(stories["status"]) == states(stories["book"]) == states(stories["book10"]) == broken, stories
    assert states(stories["quotes"]) in (["live"], broken), stories
    assert anew(stories["book"], 3) == ["resyncing", "snapshot", "live"] * breaks, stories
    assert anew(stories["book10"], 3) == ["resyncing", "update", "live"] * breaks, stories


def anew(story: list[str], count: int) -> list[str]:
    """So many words from each break on."""
    places = (i for i, word in enumerate(story) if word == "resyncing")
    return [word for i in places for word in story[i : i + count]]


def states(story: list[str]) -> list[str]:
    return [word for word in story if word in ("live", "stale", "resyncing", "halted")]


def lost(witness: Witness, symbol: str) -> int:
    topic = witness.topics["trades", symbol]
    assert topic.lost == topic.conflated == topic.skipped == 0
    return topic.venue_lost


def missing(witness: Witness, symbol: str, market: Market) -> int:
    """How many trades the venue has made before the last one that came, and that did not come."""
    came = {trade["id"] for trade in witness.topics["trades", symbol].trades}
    last = max(i for i, trade in enumerate(market.trades) if trade.id in came)
    return sum(trade.id not in came for trade in market.trades[:last])


# What changes of books look like in the generated captures of venues whose numbers or checksums tell.
CHANGES = {
    "binance": '"e":"depthUpdate"',
    "bybit": '"topic":"orderbook.200.',
    "kraken": '"channel":"book","type":"update"',
    "okx": '"channel":"books"',
}


@pytest.mark.parametrize("venue", CHANGES)
def test_what_nothing_mends_is_not_called_live(venue, tmp_path):
    """A capture without some of its lines, and without any later snapshot: the book stays as it was, and says so."""

    async def check() -> None:
        tape = await tape_of(Case(venue), tmp_path)
        lines = tape.capture.read_text().splitlines()
        of_books = [i for i, line in enumerate(lines) if CHANGES[venue] in line]
        changes = [i for i in of_books if f'"{tape.hit}"' in lines[i].replace(".", '"')]
        left_out = set(changes[len(changes) // 2 :][:3])
        tape.capture.write_text("".join(f"{line}\n" for i, line in enumerate(lines) if i not in left_out))
        witness = await read_from(tape, tape.capture)
        for symbol, market in tape.markets.items():
            name = tape.name(symbol)
            if symbol == tape.hit:
                assert witness.story("book", name)[-2:] == ["update", "resyncing"]
                assert witness.story("status", name) == ["live", "resyncing"]
                assert set(witness.topics["book", name].checksums) <= set(market.checksums)
            else:
                assert all(states(witness.story(channel, name)) == ["live"] for channel in CHANNELS)
                assert is_right(witness, name, market)

    asyncio.run(check())
