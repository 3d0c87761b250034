"""python-binance: trades and a depth cache of one symbol, over `/ws/<stream>` and REST."""

import asyncio
import sys

from binance import AsyncClient, BinanceSocketManager
from binance.ws.depthcache import DepthCacheManager
from told import asked_to_end, tell

address, symbol = sys.argv[1], sys.argv[2]
AsyncClient.API_URL = f"http://{address}/api"
BinanceSocketManager.STREAM_URL = f"ws://{address}/"


async def main() -> None:
    client = await AsyncClient.create()
    assert (await client.get_symbol_info(symbol))["symbol"] == symbol
    # All frames that a replay sends in a burst wait in its queue.
    sockets = BinanceSocketManager(client, max_queue_size=1_000_000)
    cache = DepthCacheManager(
        client, symbol, bm=sockets, limit=5000, ws_interval=100, conv_type=str
    )
    trades, books = [], {}

    async def watch_trades() -> None:
        async with sockets.trade_socket(symbol) as stream:
            while True:
                event = await stream.recv()
                side = "sell" if event["m"] else "buy"
                trades.append((str(event["t"]), event["p"], event["q"], side))

    async def watch_book() -> None:
        async with cache as stream:
            while True:
                book = await stream.recv()
                books[symbol] = (list(book._bids.items()), list(book._asks.items()))

    watching = [asyncio.create_task(watch_trades()), asyncio.create_task(watch_book())]
    await asyncio.wait(
        [*watching, asyncio.create_task(asked_to_end())], return_when=asyncio.FIRST_COMPLETED
    )
    tell({symbol: trades}, books)
    for task in watching:
        task.cancel()
    await client.close_connection()


asyncio.run(main())
