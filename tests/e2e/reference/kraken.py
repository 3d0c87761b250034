"""Kraken v2: checked books, trades, and quotes from the ticker or from the book's top."""

import json

from .captures import Record
from .model import Market, Quote, Trade
from .times import unix_us


class Kraken:
    """Reads the frames of a recording of Kraken v2, whose books have the depth subscribed."""

    def __init__(self, records: list[Record], depth: int) -> None:
        # Numbers are bare in this feed: they stay text, since their zeros count in the checksum.
        self.frames = [
            json.loads(record.text, parse_float=str, parse_int=str) for record in records
        ]
        subscribed = next((int(d) for d in map(subscribed_depth, self.frames) if d), 10)
        self.depth = min(depth, subscribed)
        self.has_quotes = {
            item["symbol"]
            for frame in self.frames
            if frame.get("channel") == "ticker"
            for item in frame["data"]
        }
        self.markets: dict[str, Market] = {}

    def build(self) -> dict[str, Market]:
        readers = {"book": self.book, "trade": self.trade, "ticker": self.ticker}
        for frame in self.frames:
            if reader := readers.get(frame.get("channel")):
                for item in frame["data"]:
                    symbol = item["symbol"]
                    market = self.markets.setdefault(symbol, Market(symbol, self.depth))
                    reader(market, frame["type"], item)
        return self.markets

    def book(self, market: Market, kind: str, item: dict) -> None:
        book = market.new_book() if kind == "snapshot" else market.book
        for side, levels in ((book.bids, item["bids"]), (book.asks, item["asks"])):
            for level in levels:
                side.set(level["price"], level["qty"])
            # The venue never deletes what drops out of the subscribed depth.
            side.truncate(self.depth)
        self.check(market, item)
        market.book_changed(quote=market.symbol not in self.has_quotes)

    def check(self, market: Market, item: dict) -> None:
        computed = market.book.checksum()
        if computed != int(item["checksum"]):
            market.failures.append(f"checksum {computed}, the venue says {item['checksum']}")

    def trade(self, market: Market, kind: str, item: dict) -> None:
        market.trade(
            Trade(
                id=item["trade_id"],
                price=item["price"],
                size=item["qty"],
                side=item["side"],
                ts=unix_us(item["timestamp"]),
            )
        )

    def ticker(self, market: Market, kind: str, item: dict) -> None:
        market.quotes.append(Quote(item["bid"], item["bid_qty"], item["ask"], item["ask_qty"]))


def subscribed_depth(frame: dict) -> str | None:
    """The depth that a book's subscription was granted."""
    result = frame.get("result") or {}
    return result.get("depth") if result.get("channel") == "book" else None
