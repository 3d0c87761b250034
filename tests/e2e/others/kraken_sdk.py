"""python-kraken-sdk: trades, and books whose checksums it verifies, over version 2."""

import asyncio
import sys

from kraken.base_api import SpotClient
from kraken.spot import SpotOrderBookClient, SpotWSClient
from told import asked_to_end, tell

address, symbols = sys.argv[1], sys.argv[2].split(",")
SpotClient.URL = f"http://{address}"
SpotWSClient.WS_URL = SpotOrderBookClient.WS_URL = f"ws://{address}"
trades, books = {symbol: [] for symbol in symbols}, {}


async def on_message(message: dict) -> None:
    for trade in message["data"] if message.get("channel") == "trade" else []:
        row = (str(trade["trade_id"]), trade["price"], trade["qty"], trade["side"])
        trades[trade["symbol"]].append(row)


class Books(SpotOrderBookClient):
    async def on_book_update(self, pair: str, message: dict) -> None:
        # It says so when a checksum does not fit its book.
        assert "error" not in message, message
        book = self.get(pair)
        books[pair] = tuple(
            [(price, size) for price, (size, _) in book[side].items()] for side in ("bid", "ask")
        )


async def main() -> None:
    stream, order_books = SpotWSClient(callback=on_message), Books(depth=10)
    await stream.start()
    await order_books.start()
    await stream.subscribe(params={"channel": "trade", "symbol": symbols, "snapshot": False})
    await order_books.add_book(pairs=symbols)
    await asked_to_end()
    assert not order_books.exception_occur
    tell(trades, books)
    await stream.close()
    await order_books.close()


asyncio.run(main())
