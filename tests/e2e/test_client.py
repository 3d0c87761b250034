"""The client that judges the broker must itself notice each kind of broken promise."""

import asyncio
import json
import zlib

import pytest

from client import Client, RequestError
from mock_broker import mock_broker
from topic import Topic, Violation

EPOCH = "e-1"


def frame(kind: str, channel: str, first: int, last: int, **fields) -> dict:
    head = {"type": kind, "channel": channel, "symbol": "v:X", "seq": [first, last]}
    return head | ({"epoch": EPOCH, "state": "live"} if kind == "snapshot" else {}) | fields


def take(topic: Topic, *frames: dict) -> Topic:
    for each in frames:
        topic.take(each, json.dumps(each))
    return topic


def quote(first: int, last: int) -> dict:
    return frame("update", "quotes", first, last, bid="1.10", ask="1.20")


def quotes() -> Topic:
    return Topic("quotes", "v:X", granted=0, epoch=EPOCH)


def book_snapshot(seq: int) -> dict:
    levels = [["2", "1"], ["1", "1"]]
    checksum = zlib.crc32(b"2111")
    return frame("snapshot", "book", seq, seq, bids=levels, asks=[], checksum=checksum)


def book() -> Topic:
    return take(Topic("book", "v:X", granted=5, epoch=EPOCH), book_snapshot(5))


def test_ranges_that_tile_are_added_up():
    gap = frame("gap", "quotes", 8, 8, lost=3, reason="venue")
    slow = frame("gap", "quotes", 9, 12, lost=4, reason="slow_consumer")
    topic = take(quotes(), quote(1, 1), frame("conflated", "quotes", 2, 6), quote(7, 7), gap, slow)
    assert (topic.last, topic.conflated, topic.venue_lost, topic.lost) == (12, 5, 3, 4)
    assert [each["seq"] for each in topic.quotes] == [[1, 1], [7, 7]]


@pytest.mark.parametrize("second", [quote(1, 1), quote(3, 3), quote(2, 1)], ids=str)
def test_a_range_that_does_not_tile_is_a_violation(second):
    with pytest.raises(Violation, match="covers"):
        take(quotes(), quote(1, 1), second)


def test_a_snapshot_may_jump_ahead_but_not_back():
    topic = take(quotes(), quote(1, 1), frame("snapshot", "quotes", 9, 9, bid="1"), quote(10, 10))
    assert (topic.last, topic.skipped) == (10, 7)
    with pytest.raises(Violation, match="snapshot at 3 after 10"):
        take(topic, frame("snapshot", "quotes", 3, 3))


def test_the_first_snapshot_is_the_one_that_was_granted():
    with pytest.raises(Violation, match="5 was granted"):
        take(Topic("book", "v:X", granted=5, epoch=EPOCH), book_snapshot(6))
    with pytest.raises(Violation, match="epoch"):
        take(Topic("book", "v:X", granted=5, epoch="other"), book_snapshot(5))


def test_a_book_is_kept_and_its_checksum_verified():
    update = frame("update", "book", 6, 7, bids=[["2", "0"], ["3", "2"]], asks=[])
    topic = take(book(), update | {"checksum": zlib.crc32(b"3211")})
    assert topic.book() == ([("3", "2"), ("1", "1")], [])
    with pytest.raises(Violation, match="checksum"):
        take(book(), update | {"checksum": 1})


def test_a_level_that_was_never_there_cannot_be_deleted():
    update = frame("update", "book", 6, 6, bids=[["7", "0"]], asks=[], checksum=zlib.crc32(b"2111"))
    with pytest.raises(Violation, match="never there"):
        take(book(), update)


def test_book10_is_checked_for_order_count_and_checksum():
    whole = frame("update", "book10", 1, 1, bids=[["2", "1"], ["1", "1"]], asks=[])
    good = whole | {"checksum": zlib.crc32(b"2111")}
    take(Topic("book10", "v:X", 0), good)
    for broken in (good | {"checksum": 7}, good | {"bids": good["bids"][::-1]}):
        with pytest.raises(Violation):
            take(Topic("book10", "v:X", 0), broken)


def test_a_trades_update_is_as_wide_as_its_trades():
    trades = [{"id": "1", "price": "1", "size": "1", "side": "buy"}]
    take(Topic("trades", "v:X", 0), frame("update", "trades", 1, 1, trades=trades))
    with pytest.raises(Violation, match=r"1 trades in \[1,2\]"):
        take(Topic("trades", "v:X", 0), frame("update", "trades", 1, 2, trades=trades))


def test_subscribing_requests_and_errors_over_a_socket():
    async def run() -> None:
        grant = {"channel": "quotes", "symbol": "v:X", "epoch": EPOCH, "seq": 0}
        pattern = {"channel": "book", "pattern": "v:*", "matched": 1}
        error = {"code": "unknown_method", "message": "no", "retryable": False}
        answers = {
            "subscribe": [
                {"result": {"subscribed": [grant, pattern]}},
                quote(1, 1),
                book_snapshot(5),
            ],
            "unsubscribe": [{"result": {"unsubscribed": 1}}, quote(2, 2)],
            "dance": [{"error": error}],
        }
        async with mock_broker(answers) as url, await Client.connect(url) as client:
            with pytest.raises(RequestError, match="unknown_method: no"):
                await client.request("dance")
            await client.subscribe("quotes", ["v:X"])
            await client.until(lambda: ("book", "v:X") in client.topics, 5, "a book by pattern")
            assert client.topics["book", "v:X"].last == 5
            await client.unsubscribe("quotes", ["v:X"])
            with pytest.raises(Violation, match="not subscribed"):
                await client.until(lambda: False, 5, "the violation")

    asyncio.run(run())
