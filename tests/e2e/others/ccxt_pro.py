"""ccxt pro: trades and books of Binance, Coinbase Exchange or Kraken."""

import asyncio
import sys

import ccxt.pro
from told import asked_to_end, tell

venue, address, symbols = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
# Levels a side: what REST is asked for (Binance), or what the book has (Kraken).
LIMITS = {"binance": 5000, "kraken": 10, "coinbaseexchange": None}


def client() -> ccxt.pro.Exchange:
    if venue == "binance":
        # Of all its products only spot, and no information that needs a key.
        options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}
        exchange = ccxt.pro.binance({"options": options})
        exchange.urls["api"]["public"] = f"http://{address}/api/v3"
        exchange.urls["api"]["ws"]["spot"] = f"ws://{address}/ws"
    elif venue == "kraken":
        exchange = ccxt.pro.kraken()
        exchange.urls["api"]["public"] = f"http://{address}"
        exchange.urls["api"]["ws"]["publicV2"] = f"ws://{address}/v2"
    else:
        # It signs what it asks for; any key does.
        keys = {"apiKey": "any", "secret": "YW55", "password": "any"}
        exchange = ccxt.pro.coinbaseexchange(keys)
        exchange.urls["api"]["public"] = f"http://{address}"
        exchange.urls["api"]["ws"] = f"ws://{address}"
    exchange.newUpdates = True
    return exchange


async def main() -> None:
    exchange = client()
    await exchange.load_markets()
    names = {symbol: exchange.safe_market(symbol)["symbol"] for symbol in symbols}
    trades, books = {symbol: [] for symbol in symbols}, {}

    async def watch_trades(symbol: str) -> None:
        while True:
            for trade in await exchange.watch_trades(names[symbol]):
                row = (trade["id"], trade["price"], trade["amount"], trade["side"])
                trades[symbol].append(row)

    async def watch_book(symbol: str) -> None:
        while True:
            book = await exchange.watch_order_book(names[symbol], LIMITS[venue])
            books[symbol] = ([*book["bids"]], [*book["asks"]])

    watching = [
        asyncio.create_task(watch(symbol))
        for symbol in symbols
        for watch in (watch_trades, watch_book)
    ]
    await asyncio.wait(
        [*watching, asyncio.create_task(asked_to_end())], return_when=asyncio.FIRST_COMPLETED
    )
    tell(trades, books)
    for task in watching:
        task.cancel()
    await exchange.close()


asyncio.run(main())
