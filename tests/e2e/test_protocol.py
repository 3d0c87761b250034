"""The protocol as a subscriber sees it, with a publisher whose every tick is known."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from client import Client, RequestError
from processes import Broker
from publisher import Publisher
from rawsocket import FIN, TEXT, raw_socket
from topic import Topic

X = "acme:X"
SIM = "sim:?symbols=20&rate=2000&seed=1"


@asynccontextmanager
async def ticks(*arguments: str, symbols: str = ""):
    """A broker, a publisher and a subscriber; `symbols` exist from the start."""
    feed = Publisher.FEED + (f"&symbols={symbols}" if symbols else "")
    async with (
        await Broker.start(feed, arguments=arguments) as broker,
        await Publisher.connect(broker) as publisher,
        await Client.connect(broker.stream) as client,
    ):
        yield broker, publisher, client


async def until_at(client: Client, topic: Topic, count: int, kind: str = "update") -> None:
    await client.until(lambda: topic.frames[kind] >= count, 10, f"{count} {kind} of {topic.symbol}")


def test_what_is_published_arrives_digit_by_digit():
    async def check() -> None:
        async with ticks(symbols="X") as (_, publisher, client):
            for channel in ("quotes", "trades", "book", "book10"):
                await client.subscribe(channel, [X])
            await publisher.book(
                "X", "snapshot", [["10.00", "1.0"], ["9.50", "2"]], [["10.10", "3.000"]]
            )
            await publisher.book("X", "update", [["9.50", "0.00"], ["9.90", "0.010"]], [])
            await publisher.quote("X", "10.00", "10.10")
            await publisher.trade("X", 7)
            topics = {channel: topic for (channel, _), topic in client.topics.items()}
            await client.until(
                lambda: topics["trades"].trades and topics["quotes"].quotes, 10, "all"
            )
            bids, asks = topics["book"].book()
            assert bids == [("10.00", "1.0"), ("9.90", "0.010")] and asks == [("10.10", "3.000")]
            assert topics["book10"].latest["bids"] == [["10.00", "1.0"], ["9.90", "0.010"]]
            quote = topics["quotes"].quotes[-1]
            assert (quote["bid"], quote["bid_size"], quote["ask_size"]) == ("10.00", "1.00", "2.50")
            trade = {"id": "7", "ts": 1_700_000_000_000_007, "price": "10.10", "size": "0.500"}
            assert topics["trades"].trades == [trade | {"side": "buy"}]

    asyncio.run(check())


def test_a_wildcard_covers_symbols_that_appear_later():
    async def check() -> None:
        async with ticks() as (_, publisher, client):
            grant = (await client.subscribe("quotes", ["acme:*"]))["subscribed"][0]
            assert (grant["pattern"], grant["matched"]) == ("acme:*", 0)
            for name in ("A", "B"):
                await publisher.quote(name, "1", "2")
                key = "quotes", f"acme:{name}"
                await client.until(lambda key=key: key in client.topics, 10, name)
                assert client.topics[key].last >= 1

    asyncio.run(check())


def test_a_tier_merges_and_every_range_tiles():
    """Forty quotes at once are two or three frames in a tier, forty without one."""

    async def check() -> None:
        async with ticks() as (broker, publisher, tiered):
            await publisher.quote("X", "1", "2")
            await broker.knows(X)
            await tiered.subscribe("quotes", [X], interval_ms=250)
            await tiered.subscribe("trades", [X], interval_ms=250)
            async with await Client.connect(broker.stream) as every:
                await every.subscribe("quotes", [X])
                for number in range(40):
                    await publisher.quote("X", f"1.{number:02}", "2")
                    await publisher.trade("X", number + 1)
                await until_at(every, every.topics["quotes", X], 40)
            merged, trades = tiered.topics["quotes", X], tiered.topics["trades", X]
            await tiered.until(lambda: merged.latest.get("bid") == "1.39", 10, "the last quote")
            await tiered.until(lambda: len(trades.trades) == 40, 10, "all trades")
            assert merged.frames["update"] <= 4 and trades.frames["update"] <= 4
            assert [trade["id"] for trade in trades.trades] == [str(n + 1) for n in range(40)]

    asyncio.run(check())


@pytest.mark.parametrize("interval_ms", [0, 50, 250])
def test_merged_books_and_trades_verify(interval_ms):
    """Each frame's range and checksum is checked as it comes."""

    async def check() -> None:
        async with await Broker.start(SIM) as broker, await Client.connect(broker.stream) as client:
            await broker.ready()
            for channel in ("book", "book10", "trades", "quotes"):
                await client.subscribe(channel, ["sim:*"], interval_ms=interval_ms)
            books = [symbol["symbol"] for symbol in await broker.symbols()]
            await client.until(
                lambda: all(updates(client, symbol) >= 5 for symbol in books),
                20,
                f"updates of all books in the tier of {interval_ms} ms",
            )

    def updates(client: Client, symbol: str) -> int:
        topic = client.topics.get(("book", symbol))
        return topic.frames["update"] if topic else 0

    asyncio.run(check())


def test_a_resumed_subscription_goes_on_without_a_snapshot():
    async def check() -> None:
        async with ticks() as (broker, publisher, first):
            await publisher.trade("X", 1)
            await broker.knows(X)
            await first.subscribe("trades", [X])
            topic = first.topics["trades", X]
            await publisher.trade("X", 2)
            await until_at(first, topic, 1)
            for number in (3, 4):
                await publisher.trade("X", number)
            await until_at(first, topic, 3)
            before = topic.last - 2
            async with await Client.connect(broker.stream) as second:
                start = {"symbol": X, "epoch": topic.epoch, "after": before}
                (grant,) = (await second.subscribe("trades", [start]))["subscribed"]
                assert (grant["resumed"], grant["seq"]) == (True, before)
                resumed = second.topics["trades", X]
                await second.until(lambda: len(resumed.trades) == 2, 10, "what was missed")
                assert [trade["id"] for trade in resumed.trades] == ["3", "4"]
                assert resumed.frames["snapshot"] == 0

    asyncio.run(check())


def test_a_resume_that_comes_too_late_says_what_is_lost():
    """A log of 64 trades and 200 published: the rest is a gap, and then every trade still there."""

    async def check() -> None:
        async with ticks("--trades-log-entries-max", "64") as (broker, publisher, client):
            await publisher.trade("X", 1)
            await broker.knows(X)
            (first,) = (await client.subscribe("trades", [X]))["subscribed"]
            topic = client.topics["trades", X]
            await until_at(client, topic, 1, "snapshot")
            for number in range(2, 201):
                await publisher.trade("X", number)
            await client.until(lambda: len(topic.trades) + topic.lost == 199, 10, "all")
            async with await Client.connect(broker.stream) as late:
                start = {"symbol": X, "epoch": first["epoch"], "after": first["seq"]}
                (grant,) = (await late.subscribe("trades", [start]))["subscribed"]
                assert grant["resumed"] is False
                resumed = late.topics["trades", X]
                await late.until(lambda: resumed.last >= topic.last, 10, "the head")
                assert resumed.lost > 0 and len(resumed.trades) >= 64
                assert resumed.lost + len(resumed.trades) == 199

    asyncio.run(check())


def test_another_epoch_is_answered_with_a_snapshot():
    async def check() -> None:
        async with ticks() as (broker, publisher, client):
            await publisher.quote("X", "1", "2")
            await broker.knows(X)
            start = {"symbol": X, "epoch": "another-life", "after": 1}
            (grant,) = (await client.subscribe("quotes", [start]))["subscribed"]
            assert grant["resumed"] is False and grant["epoch"] != "another-life"
            await until_at(client, client.topics["quotes", X], 1, "snapshot")

    asyncio.run(check())


def test_subscribing_again_changes_options_and_sends_a_snapshot_on_request():
    async def check() -> None:
        async with ticks() as (broker, publisher, client):
            await publisher.quote("X", "1", "2")
            await broker.knows(X)
            await client.subscribe("quotes", [X])
            topic = client.topics["quotes", X]
            await until_at(client, topic, 1, "snapshot")
            await client.subscribe("quotes", [X], interval_ms=500, snapshot=True)
            await until_at(client, topic, 2, "snapshot")
            held = (await client.request("subscriptions"))["subscriptions"]
            assert [(h["symbol"], h["interval_ms"]) for h in held] == [(X, 500)]
            await client.unsubscribe("quotes", [X])
            assert (await client.request("subscriptions"))["subscriptions"] == []
            await publisher.quote("X", "3", "4")
            assert (await client.request("ping"))["ts"] > 1_700_000_000_000_000
            client.raise_failure()

    asyncio.run(check())


def test_a_silent_connection_gets_heartbeats():
    async def check() -> None:
        async with ticks() as (_, _publisher, client):
            await client.until(lambda: client.heartbeats > 0, 8, "a heartbeat")

    asyncio.run(check())


def test_limits_are_told_and_enforced():
    async def check() -> None:
        async with ticks("--subscriptions-max", "2") as (broker, publisher, client):
            assert client.hello["limits"]["subscriptions"] == 2
            for name in ("A", "B", "C"):
                await publisher.quote(name, "1", "2")
            await broker.knows("acme:A", "acme:B", "acme:C")
            try:
                result = await client.subscribe("quotes", ["acme:A", "acme:B", "acme:C"])
                codes = [each["code"] for each in result["rejected"]]
                assert len(result["subscribed"]) == 2
            except RequestError as error:
                codes = [error.code]
            assert codes == ["limit_exceeded"]

    asyncio.run(check())


def test_a_book_that_is_damaged_by_its_publisher_is_named_and_comes_back():
    """An update skips a number: the book is not live until its publisher sends it anew."""

    async def check() -> None:
        async with ticks() as (broker, publisher, client):
            await publisher.send("book", "X", type="snapshot", seq=1, bids=[["1", "1"]], asks=[])
            await broker.knows(X)
            await client.subscribe("book", [X])
            topic = client.topics["book", X]
            await until_at(client, topic, 1, "snapshot")
            await publisher.send("book", "X", type="update", seq=5, bids=[["2", "1"]], asks=[])
            await client.until(
                lambda: topic.states[-1:] and topic.states[-1][0] != "live", 10, "notice"
            )
            await publisher.send("book", "X", type="snapshot", seq=6, bids=[["3", "1"]], asks=[])
            await client.until(lambda: topic.book() == ([("3", "1")], []), 10, "the new book")
            await client.until(lambda: is_live(topic), 10, "live again")

    def is_live(topic: Topic) -> bool:
        return topic.latest.get("state") == "live" or topic.states[-1][0] == "live"

    asyncio.run(check())


def test_a_subscriber_that_asked_to_be_disconnected_when_slow_is():
    """Close code 4008, which means: reconnect."""

    def stall(port: int) -> int:
        with raw_socket(port, receive_buffer_bytes=4096) as raw:
            request = (
                '{"id":1,"method":"subscribe","params":'
                '{"channel":"book","symbols":["sim:*"],"on_slow":"disconnect"}}'
            )
            raw.send(FIN | TEXT, request.encode())
            time.sleep(3)
            return raw.read_close()[0]

    async def check() -> None:
        async with await Broker.start("sim:?symbols=100&rate=20000&seed=1") as broker:
            await broker.ready()
            assert await asyncio.to_thread(stall, broker.port) == 4008

    asyncio.run(check())
