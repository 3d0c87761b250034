"""OKX v5: books with checksums or numbered messages, trades, and quotes from bbo-tbt or the book."""

import json
import zlib
from collections.abc import Iterator

from .captures import Record
from .checksum import Level
from .model import Market, Quote, Trade

BOOKS = {"books": 400, "books-l2-tbt": 400, "books50-l2-tbt": 50, "books5": 5, "bbo-tbt": 1}


class Okx:
    """Reads the frames of a recording of OKX's public channels."""

    def __init__(self, records: list[Record], depth: int) -> None:
        self.depth = min(depth, 400)
        texts = (record.text for record in records if record.text != "pong")
        self.frames = [frame for frame in map(json.loads, texts) if "data" in frame]
        self.has_quotes = {f["arg"]["instId"] for f in self.frames if channel(f) == "bbo-tbt"}
        present = {channel(frame) for frame in self.frames} & BOOKS.keys()
        self.book_channel = max(present, key=BOOKS.get, default=None)
        self.markets: dict[str, Market] = {}
        self.seqs: dict[str, int | None] = {}

    def build(self) -> dict[str, Market]:
        for frame in self.frames:
            symbol = frame["arg"]["instId"]
            market = self.markets.setdefault(symbol, Market(symbol, self.depth))
            for item in frame["data"]:
                if channel(frame) == "trades":
                    self.trade(market, item)
                if channel(frame) == "bbo-tbt":
                    self.quote(market, item)
                if channel(frame) == self.book_channel:
                    self.book(market, frame.get("action", "snapshot"), item)
        return self.markets

    def trade(self, market: Market, item: dict) -> None:
        """`count` trades of one taker at one price come as one, under the last one's number."""
        number, count = int(item["tradeId"]), int(item.get("count", 1))
        if market.last_trade_id is not None and number > market.last_trade_id:
            # The trades in it before its last one are there, too.
            market.last_trade_id = min(number - 1, market.last_trade_id + count - 1)
        market.trade(
            Trade(
                id=item["tradeId"],
                price=item["px"],
                size=item["sz"],
                side=item["side"],
                ts=int(item["ts"]) * 1000,
            )
        )

    def quote(self, market: Market, item: dict) -> None:
        (bid, bid_size), (ask, ask_size) = best(item["bids"]), best(item["asks"])
        market.quotes.append(Quote(bid, bid_size, ask, ask_size))

    def book(self, market: Market, action: str, item: dict) -> None:
        book = market.new_book() if action == "snapshot" else market.book
        previous, known = item.get("prevSeqId"), self.seqs.get(market.symbol)
        if action == "update" and previous != known:
            market.failures.append(f"gap: prevSeqId {previous} after {known}")
        self.seqs[market.symbol] = item.get("seqId")
        book.set_levels(item["bids"], item["asks"])
        self.check(market, item)
        market.book_changed(quote=market.symbol not in self.has_quotes)

    def check(self, market: Market, item: dict) -> None:
        """Since 2026 the venue sends 0, which is none."""
        if not (expected := item.get("checksum")):
            return
        if (computed := checksum(*market.book.top(25))) != expected:
            market.failures.append(f"checksum {computed}, the venue says {expected}")


def channel(frame: dict) -> str:
    return frame["arg"]["channel"]


def best(levels: list[list[str]]) -> tuple[str | None, str | None]:
    return (levels[0][0], levels[0][1]) if levels else (None, None)


def checksum(bids: list[Level], asks: list[Level]) -> int:
    """CRC-32 as a signed number of `price:size`, a bid and an ask in turn, with colons between."""
    text = ":".join(f"{price}:{size}" for price, size in in_turn(bids, asks))
    value = zlib.crc32(text.encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def in_turn(bids: list[Level], asks: list[Level]) -> Iterator[Level]:
    for place in range(max(len(bids), len(asks))):
        yield from bids[place : place + 1]
        yield from asks[place : place + 1]
