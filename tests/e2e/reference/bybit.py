"""Bybit v5: books of numbered changes, or whole ones of one level, which are quotes; and trades."""

import json

from .captures import Record
from .model import Market, Quote, Trade


class Bybit:
    """Reads the frames of a recording of Bybit's public topics, spot or linear."""

    def __init__(self, records: list[Record], depth: int) -> None:
        frames = (json.loads(record.text) for record in records)
        self.frames = [frame for frame in frames if "topic" in frame]
        topics = {frame["topic"] for frame in self.frames}
        depths = [int(topic.split(".")[1]) for topic in topics if topic.startswith("orderbook.")]
        self.book_depth = max(depths, default=0)
        self.depth = min(depth, self.book_depth)
        self.has_quotes = any(topic.startswith("orderbook.1.") for topic in topics)
        self.markets: dict[str, Market] = {}
        self.book_numbers: dict[str, int] = {}
        self.quote_numbers: dict[str, int] = {}

    def build(self) -> dict[str, Market]:
        for frame in self.frames:
            kind, _, symbol = frame["topic"].rpartition(".")
            market = self.markets.setdefault(symbol, Market(symbol, self.depth))
            if kind == "publicTrade":
                self.trades(market, frame["data"])
            if kind == "orderbook.1":
                self.quote(market, frame["data"])
            if kind == f"orderbook.{self.book_depth}":
                self.book(market, frame["type"], frame["data"])
        return self.markets

    def trades(self, market: Market, data: list[dict]) -> None:
        for item in data:
            market.trade(
                Trade(
                    id=item["i"],
                    price=item["p"],
                    size=item["v"],
                    side=item["S"].lower(),
                    ts=item["T"] * 1000,
                ),
                is_numbered=False,
            )

    def quote(self, market: Market, data: dict) -> None:
        """The same comes again under the same number after some seconds without a change."""
        (bid, bid_size), (ask, ask_size) = best(data["b"]), best(data["a"])
        quote = Quote(bid, bid_size, ask, ask_size)
        number = self.quote_numbers.get(market.symbol)
        if number != data["u"] or market.quotes[-1] != quote:
            market.quotes.append(quote)
        self.quote_numbers[market.symbol] = data["u"]

    def book(self, market: Market, kind: str, data: dict) -> None:
        number = self.book_numbers.get(market.symbol)
        if kind == "snapshot":
            # A whole book of one level is a change of the one before.
            kept = market.kept if self.book_depth == 1 else None
            market.new_book()
            market.kept = kept
        elif number is None or data["u"] != number + 1:
            market.failures.append(f"gap: u {data['u']} after {number}")
        self.book_numbers[market.symbol] = data["u"]
        if market.book is None:
            return
        market.book.set_levels(data["b"], data["a"])
        market.book.bids.truncate(self.book_depth)
        market.book.asks.truncate(self.book_depth)
        market.book_changed(quote=not self.has_quotes)


def best(levels: list[list[str]]) -> tuple[str | None, str | None]:
    return (levels[0][0], levels[0][1]) if levels else (None, None)
