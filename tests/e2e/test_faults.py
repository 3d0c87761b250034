"""With each fault, for each venue: breaks are noticed, told and mended, and the feed never ends.

What no rule of a venue can notice stands in the table of faults in feed-replay/README.md, and here:
a change of Coinbase's books has neither number nor checksum, and Bybit's trades have no numbers.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from faulty import BOOKS, SUFFERERS, TRADES, Outcome, play


@dataclass(frozen=True)
class Case:
    """A fault, and what is to be seen of it beside right books and told trades."""

    faults: list[str]
    check: Callable[[Outcome], None]
    seconds: float = 16
    patience_s: float = 25
    # Venues whose books no rule can keep right.
    blind: tuple[str, ...] = ()
    # What the feed is told besides.
    options: str = ""


def every_symbol_is_hit(outcome: Outcome) -> None:
    assert outcome.symbols_hit() >= set(outcome.expected), outcome.faults


def each_break_is_noticed(outcome: Outcome) -> None:
    """A break of a book for each message of a book that was hit, and no other.

    But Kraken's checksum is of the book: a change that the next one undoes is not missed.
    """
    every_symbol_is_hit(outcome)
    hit, noticed = outcome.injected(BOOKS[outcome.venue]), outcome.book_breaks()
    if outcome.venue == "coinbase":
        assert noticed == 0
    elif outcome.venue == "kraken":
        assert 0 < noticed <= hit, outcome.faults
    else:
        assert noticed == hit > 0, outcome.faults
    assert outcome.counted("trades_lost") >= numbered_trades_hit(outcome)


def numbered_trades_hit(outcome: Outcome) -> int:
    return 0 if outcome.venue == "bybit" else outcome.injected(TRADES[outcome.venue])


def repeats_are_dropped(outcome: Outcome) -> None:
    """OKX numbers its messages: one that comes again does not go on from the one before."""
    every_symbol_is_hit(outcome)
    of_books = outcome.injected(BOOKS[outcome.venue])
    assert outcome.book_breaks() == (of_books if outcome.venue == "okx" else 0), outcome.faults
    assert outcome.counted("trades_repeated") >= numbered_trades_hit(outcome)
    assert outcome.counted("trades_lost") == 0


def garbage_is_a_fault_and_a_resync(outcome: Outcome) -> None:
    every_symbol_is_hit(outcome)
    assert outcome.counted("faults") == outcome.injected(), outcome.faults
    assert outcome.counted("resyncs") >= outcome.injected(BOOKS[outcome.venue]) > 0, outcome.faults


def wrong_sums_are_noticed(outcome: Outcome) -> None:
    """Where books carry some."""
    assert outcome.counted("checksum_failures") == outcome.injected(), outcome.faults
    assert (outcome.injected() > 0) == (outcome.venue in ("kraken", "okx"))
    assert outcome.counted("gaps") == 0


def nothing_breaks(outcome: Outcome) -> None:
    assert outcome.injected() > 0, outcome.faults
    assert outcome.book_breaks() == outcome.counted("trades_lost") == 0


def silence_is_told(outcome: Outcome) -> None:
    """All but Coinbase go on to answer, which counts as a sign of life: a quiet market looks like that."""
    nothing_breaks(outcome)
    states = {state for topic in outcome.topics.values() for state, _ in topic.states}
    if outcome.venue == "coinbase":
        assert outcome.counted("silences") == 1 and "stale" in states
    else:
        assert outcome.counted("silences") == 0


def connections(outcome: Outcome) -> int:
    """USD-M has its tickers at an entry point of their own."""
    return 2 if outcome.venue == "binance-usdm" else 1


def each_disconnect_is_noticed(outcome: Outcome) -> None:
    ended = 2 * connections(outcome)
    assert outcome.counted("disconnects") == outcome.injected() == ended, outcome.faults
    assert outcome.counted("connects") == 3 * connections(outcome)


def a_dead_connection_is_given_up(outcome: Outcome) -> None:
    dead = connections(outcome)
    assert outcome.counted("disconnects") == outcome.injected() == dead, outcome.faults
    assert outcome.counted("silences") >= 1


def data_that_stops_is_noticed(outcome: Outcome) -> None:
    """The connection is alive, by its answers; where that can be it is replaced without a break."""
    muted = connections(outcome)
    assert outcome.injected() == muted, outcome.faults
    assert outcome.counted("data_silences") >= muted and outcome.counted("silences") == 0
    assert outcome.counted("connects") >= 2 * muted
    assert (outcome.counted("disconnects") == 0) == outcome.venue.startswith(("binance", "okx"))


CASES = {
    "drop": Case(["drop:20%@1s"], each_break_is_noticed, blind=("coinbase",)),
    "dup": Case(["dup:20%@1s"], repeats_are_dropped),
    "reorder": Case(["reorder:20%@1s"], each_break_is_noticed, blind=("coinbase",)),
    "badsum": Case(["badsum:20%@1s"], wrong_sums_are_noticed),
    "garbage": Case(["garbage:20%@1s"], garbage_is_a_fault_and_a_resync),
    "delay": Case(["delay:50ms..1s"], nothing_breaks),
    "stall": Case(["stall:7s@2s"], silence_is_told),
    "slow-snapshot": Case(["slow-snapshot:1s..3s"], nothing_breaks),
    "disconnect": Case(["disconnect@3s", "disconnect@8s"], each_disconnect_is_noticed),
    "half-open": Case(["half-open@2s"], a_dead_connection_is_given_up, seconds=45, patience_s=40),
    "mute": Case(["mute@2s"], data_that_stops_is_noticed, seconds=7, options="&data_silence_ms=2000"),
}


@pytest.mark.parametrize("name", CASES)
def test_faults_are_noticed_told_and_mended(name, tmp_path):
    case = CASES[name]

    async def check(venue: str) -> None:
        whole = venue not in case.blind
        outcome = await play(
            venue, tmp_path, case.faults, case.seconds, case.patience_s, whole, case.options
        )
        case.check(outcome)
        if whole:
            assert outcome.wrong_books() == set(), venue

    async def check_all() -> None:
        await asyncio.gather(*map(check, SUFFERERS))

    asyncio.run(check_all())


def test_one_symbol_may_be_hit_alone(tmp_path):
    async def check() -> None:
        faults = ["drop:20%@1s:ACME/USD"]
        outcome = await play("kraken", tmp_path, faults, seconds=8, patience_s=20, whole=True)
        assert outcome.symbols_hit() == {"ACME/USD"}
        states = {s: [n for n, _ in outcome.topic("book", s).states] for s in outcome.expected}
        assert "resyncing" in states["ACME/USD"] and "resyncing" not in states["BABA/USD"]

    asyncio.run(check())
