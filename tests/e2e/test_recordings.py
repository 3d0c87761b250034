"""Each recording, at its own speed, at 10x and as fast as it goes, against the reference."""

import asyncio
import traceback

import pytest

from processes import binary
from recordings import FEEDS, RECORDINGS
from replay import FULL, Outcome, quote_of, replay, trade_of

# The replays run in the set-up of the first test that asks for them.
pytestmark = pytest.mark.timeout(900 if FULL else 240)
SPEEDS = ("1", "10", "max")
# At `max` one after the other; with the clock, all at once.
TOGETHER = {"1": 8, "10": 4, "max": 1}


@pytest.fixture(scope="session", params=SPEEDS)
def speed(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def outcomes(speed, tmp_path_factory) -> dict[str, Outcome | BaseException]:
    """All recordings replayed at one speed; what went wrong with one is told by its own tests."""
    if not FEEDS.is_dir():
        pytest.skip(f"SKIPPED: no recordings in {FEEDS}")
    binary("broker")
    directory = tmp_path_factory.getbasetemp()

    async def all_of_them() -> list[Outcome | BaseException]:
        places = asyncio.Semaphore(TOGETHER[speed])

        async def one(recording) -> Outcome:
            async with places:
                return await replay(recording, speed, directory)

        tasks = [one(recording) for recording in RECORDINGS]
        return await asyncio.gather(*tasks, return_exceptions=True)

    names = [recording.name for recording in RECORDINGS]
    return dict(zip(names, asyncio.run(all_of_them()), strict=True))


@pytest.fixture(params=[recording.name for recording in RECORDINGS])
def outcome(outcomes, request) -> Outcome:
    result = outcomes[request.param]
    if isinstance(result, BaseException):
        pytest.fail("".join(traceback.format_exception(result)), pytrace=False)
    return result


def test_the_book_is_the_same_digit_by_digit(outcome):
    for symbol, market in outcome.expected.items():
        bids, asks = outcome.topic("book", symbol).book()
        assert outcome.has_right_book(market), f"{symbol}: {(bids, asks)} {market.kept}"
        book10 = outcome.topic("book10", symbol).latest
        tops = [[list(level) for level in side[:10]] for side in (bids, asks)]
        assert [book10.get("bids", []), book10.get("asks", [])] == tops, symbol


def test_every_state_of_the_book_on_the_way_was_right(outcome, speed):
    """The checksums in their order are the reference's; at `max` some may have been skipped.

    Kraken's are the venue's own, one for each of its messages.
    """
    for symbol, market in outcome.expected.items():
        got = outcome.topic("book", symbol).checksums
        if speed == "max":
            assert is_subsequence(without_repeats(got), without_repeats(market.checksums)), symbol
        elif outcome.recording.venue.startswith("binance"):
            # How far the stream had come when the book joined it is a matter of timing.
            got, expected = without_repeats(got), without_repeats(market.checksums)
            assert got == expected[-len(got) :], symbol
        else:
            assert got == market.checksums, symbol


def test_trades_are_equal_in_number_and_content(outcome, speed):
    for symbol, market in outcome.expected.items():
        topic = outcome.topic("trades", symbol)
        got = [trade_of(frame) for frame in topic.trades]
        if speed == "max":
            assert len(got) + topic.lost == len(market.trades), symbol
            assert is_subsequence(got, market.trades)
        else:
            assert got == market.trades, symbol
            assert (topic.lost, topic.conflated, topic.skipped) == (0, 0, 0)
        assert topic.venue_lost == market.lost_trades


def test_quotes_are_equal_in_number_and_content(outcome, speed):
    for symbol, market in outcome.expected.items():
        topic = outcome.topic("quotes", symbol)
        got = [quote_of(frame) for frame in topic.quotes]
        if speed == "max":
            assert len(got) + topic.conflated + topic.skipped == len(market.quotes), symbol
            assert is_subsequence(got, market.quotes)
            assert got[-1:] == market.quotes[-1:]
        else:
            assert got == market.quotes, symbol
            assert (topic.conflated, topic.skipped) == (0, 0)


def without_repeats(values: list[int]) -> list[int]:
    return [value for i, value in enumerate(values) if i == 0 or value != values[i - 1]]


def is_subsequence(part: list, whole: list) -> bool:
    """Whether `part` is `whole` with some left out."""
    rest = iter(whole)
    return all(value in rest for value in part)
