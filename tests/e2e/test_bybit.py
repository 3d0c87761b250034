"""Bybit's deep books, merged tickers and refusals, which no recording holds: a generated market."""

import asyncio

import pytest

from client import Client
from processes import Broker
from recorder import StandIn, generate
from reference import build, read_capture
from replay import quote_of, trade_of


@pytest.mark.parametrize("market", ["spot", "linear"])
def test_a_symbol_that_there_is_not_keeps_nothing_from_the_others(market, tmp_path):
    asyncio.run(check(market, tmp_path))


async def check(market: str, directory) -> None:
    """What arrives is what the reference reads, though each request has a bad topic at first."""
    capture = await generate("bybit", directory / "a.capture")
    expected = build("bybit", read_capture(capture))
    assert len(expected) == 2 and all(m.failures == [] for m in expected.values())
    names = ",".join(["NOPEUSDT", *expected])
    async with await StandIn.start("bybit", capture) as stand_in:
        feed = f"bybit+ws://127.0.0.1:{stand_in.port}/v5/public/{market}?symbols={names}"
        async with (
            await Broker.start(feed) as broker,
            await Client.connect(broker.stream) as client,
        ):
            symbols = {f"bybit:{name}": m for name, m in expected.items()}
            await broker.knows("bybit:NOPEUSDT", *symbols)
            for channel in ("trades", "quotes", "book", "ticker"):
                await client.subscribe_from_the_start(channel, list(symbols))
            await client.until(
                lambda: all(is_complete(client, s, m) for s, m in symbols.items()),
                30,
                "the end of the capture",
            )
            for symbol, m in symbols.items():
                trades, quotes = client.topics["trades", symbol], client.topics["quotes", symbol]
                assert [trade_of(trade) for trade in trades.trades] == m.trades
                assert [quote_of(quote) for quote in quotes.quotes] == m.quotes
                ticker = client.topics["ticker", symbol].latest
                assert {"open", "high", "low", "volume", "change_pct"} <= ticker.keys()
            faults = {k: v for k, v in (await broker.metrics()).items() if "feed_faults" in k and v}
            assert [k for k in faults if "refused" not in k] == []
            assert sum(faults.values()) >= 4, "each topic of the symbol that there is not"


def is_complete(client: Client, symbol: str, market) -> bool:
    trades, quotes, book = (client.topics[c, symbol] for c in ("trades", "quotes", "book"))
    return (
        len(trades.trades) >= len(market.trades)
        and len(quotes.quotes) >= len(market.quotes)
        and book.book() == market.kept
        and client.topics["ticker", symbol].latest.get("last") == market.trades[-1].price
    )
