"""A venue that announces its shutdown: another connection takes over, and nobody sees a break."""

import asyncio
from pathlib import Path

import pytest

from client import Client
from gate import Gate
from processes import Broker, Process, run
from recorder import announce_shutdown
from reference import build, read_capture
from replay import quote_of, trade_of

SHUTDOWN_S = 2
# Connections that a broker has to the venue: USD-M has two entry points.
CONNECTIONS = {"binance": 1, "binance-usdm": 2, "binance-coinm": 1, "okx": 1}


@pytest.mark.parametrize("venue", CONNECTIONS)
def test_subscribers_see_no_break_when_a_venue_closes_connections(venue, tmp_path):
    asyncio.run(check(venue, tmp_path / "announced.capture"))


async def check(venue: str, path: Path) -> None:
    generate = ["generate", "--venue", venue, "--symbols", 2, "--rate", 200, "--duration", "9s"]
    status, output = await run("feed-replay", *generate, "--seed", 5, "--out", path)
    assert status == 0, output
    announce_shutdown(venue, path, SHUTDOWN_S)
    markets = build(venue, read_capture(path))
    symbols = [f"{venue}:{symbol}" for symbol in markets]
    serve = ["serve", path, "--venue", venue, "--listen", "127.0.0.1:0"]
    async with Gate() as gate:
        place = f"127.0.0.1:{gate.port}"
        feed = f"{venue}+ws://{place}?symbols={','.join(markets)}&rest=http://{place}"
        async with (
            await Broker.start(feed) as broker,
            await Client.connect(broker.stream, max_queue=None) as client,
        ):
            for channel in ("trades", "quotes", "book", "status"):
                await client.subscribe(channel, symbols)
            async with await Process.start("feed-replay", *serve) as stand_in:
                port = (await stand_in.line(r"serving .* on ws://127\.0\.0\.1:(\d+)"))[1]
                gate.open(int(port))
                topics = {
                    market.symbol: [
                        client.topics[channel, f"{venue}:{market.symbol}"]
                        for channel in ("trades", "quotes", "book", "status")
                    ]
                    for market in markets.values()
                }
                await client.until(
                    lambda: all(arrived(market, topics) for market in markets.values()),
                    60,
                    "the end of the capture",
                )
                await seen_no_break(broker, client, topics, CONNECTIONS[venue])
                for market in markets.values():
                    trades, quotes, book, _ = topics[market.symbol]
                    assert [trade_of(trade) for trade in trades.trades] == market.trades
                    assert [quote_of(quote) for quote in quotes.quotes] == market.quotes
                    assert book.book() == market.kept


def arrived(market, topics: dict) -> bool:
    trades, quotes, book, _ = topics[market.symbol]
    counts = len(trades.trades), len(quotes.quotes)
    return counts >= (len(market.trades), len(market.quotes)) and book.book() == market.kept


async def seen_no_break(broker: Broker, client: Client, topics: dict, connections: int) -> None:
    """Each topic came to life once; the broker connected twice and lost nothing."""
    client.raise_failure()
    for of_symbol in topics.values():
        trades, quotes, book, status = of_symbol
        assert [state for state, _ in trades.states + quotes.states + book.states] == ["live"] * 3
        assert (status.last, status.latest["state"]) == (1, "live")
        assert book.frames["snapshot"] == 1
        assert all(topic.lost == topic.venue_lost == topic.conflated == 0 for topic in of_symbol)
    metrics = await broker.metrics()

    def total(name: str) -> float:
        return sum(value for key, value in metrics.items() if key.startswith(f"{name}_total"))

    assert total("tickcast_feed_connects") == 2 * connections
    assert total("tickcast_feed_disconnects") == 0
    assert total("tickcast_feed_resyncs") == 0
