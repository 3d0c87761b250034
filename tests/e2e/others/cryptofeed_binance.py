"""cryptofeed: trades and books of Binance; it connects over TLS only.

`SSL_CERT_FILE` and `REQUESTS_CA_BUNDLE` name the certificate that it is to trust.
"""

import asyncio
import sys
from dataclasses import replace

from cryptofeed import FeedHandler
from cryptofeed.connection import WebsocketEndpoint
from cryptofeed.defines import L2_BOOK, TRADES
from cryptofeed.exchanges import Binance
from told import asked_to_end, tell

address = sys.argv[1]
Binance.websocket_endpoints = [WebsocketEndpoint(f"wss://{address}")]
Binance.rest_endpoints = [replace(Binance.rest_endpoints[0], address=f"https://{address}")]
trades, books = {}, {}


async def on_trade(trade, _received: float) -> None:
    row = (trade.id, trade.price, trade.amount, trade.side)
    trades.setdefault(trade.symbol.replace("-", ""), []).append(row)


async def on_book(book, _received: float) -> None:
    books[book.symbol.replace("-", "")] = book.book


async def main() -> None:
    handler = FeedHandler({"log": {"disabled": True}, "uvloop": False})
    feed = Binance(
        symbols=Binance.symbols(),
        channels=[TRADES, L2_BOOK],
        max_depth=5000,
        callbacks={TRADES: on_trade, L2_BOOK: on_book},
    )
    handler.add_feed(feed)
    handler.run(start_loop=False, install_signal_handlers=False)
    await asked_to_end()
    sides = {
        symbol: tuple([*side.to_dict().items()] for side in (book.bids, book.asks))
        for symbol, book in books.items()
    }
    tell(trades, sides)
    await handler.stop_async(loop=asyncio.get_running_loop())


asyncio.run(main())
