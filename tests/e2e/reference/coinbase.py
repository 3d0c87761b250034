"""Coinbase Exchange: level2 books, matches, and quotes from the ticker."""

import json

from .captures import Record
from .model import Market, Quote, Trade
from .times import unix_us

# `last_match` repeats the last trade before the subscription: trade ids go on from it, but it is
# no trade of this stream.
LAST_MATCH_IS_A_TRADE = False

AGGRESSOR = {"buy": "sell", "sell": "buy"}


class Coinbase:
    """Reads the frames of a recording of Coinbase Exchange."""

    def __init__(self, records: list[Record], depth: int) -> None:
        self.depth = depth
        self.frames = [json.loads(record.text) for record in records]
        self.has_quotes = {f["product_id"] for f in self.frames if f["type"] == "ticker"}
        self.markets: dict[str, Market] = {}

    def build(self) -> dict[str, Market]:
        readers = {
            "snapshot": self.snapshot,
            "l2update": self.l2update,
            "match": self.match,
            "last_match": self.last_match,
            "ticker": self.ticker,
            "heartbeat": self.heartbeat,
        }
        for frame in self.frames:
            if reader := readers.get(frame["type"]):
                product = frame["product_id"]
                reader(self.markets.setdefault(product, Market(product, self.depth)), frame)
        return self.markets

    def snapshot(self, market: Market, frame: dict) -> None:
        market.new_book().set_levels(frame["bids"], frame["asks"])
        market.book_changed(quote=market.symbol not in self.has_quotes)

    def l2update(self, market: Market, frame: dict) -> None:
        for side, price, size in frame["changes"]:
            (market.book.bids if side == "buy" else market.book.asks).set(price, size)
        market.book_changed(quote=market.symbol not in self.has_quotes)

    def match(self, market: Market, frame: dict) -> None:
        """`side` is the maker's, so that the aggressor's is the other one."""
        market.trade(
            Trade(
                id=str(frame["trade_id"]),
                price=frame["price"],
                size=frame["size"],
                side=AGGRESSOR[frame["side"]],
                ts=unix_us(frame["time"]),
            )
        )

    def last_match(self, market: Market, frame: dict) -> None:
        if LAST_MATCH_IS_A_TRADE:
            self.match(market, frame)
        elif market.last_trade_id is None:
            market.last_trade_id = frame["trade_id"]

    def ticker(self, market: Market, frame: dict) -> None:
        """The sizes came in 2022; a recording from before has none."""
        market.quotes.append(
            Quote(
                frame["best_bid"],
                frame.get("best_bid_size"),
                frame["best_ask"],
                frame.get("best_ask_size"),
            )
        )

    def heartbeat(self, market: Market, frame: dict) -> None:
        """States the last trade; one that is ahead of what was seen means trades were dropped."""
        known = market.last_trade_id
        if known is not None and frame["last_trade_id"] > known:
            market.failures.append(f"heartbeat knows trade {frame['last_trade_id']}, seen {known}")
