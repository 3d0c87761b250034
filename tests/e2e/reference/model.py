"""The values that a recording is turned into; numbers stay the text that the venue sent."""

from dataclasses import dataclass, field

from .book import Book
from .checksum import Level


@dataclass(frozen=True)
class Trade:
    """One trade; `side` is the aggressor's, `ts` is the venue's time in µs since 1970."""

    id: str
    price: str
    size: str
    side: str
    ts: int


@dataclass(frozen=True)
class Quote:
    """Best bid and ask; a field that the venue does not send is absent."""

    bid: str | None
    bid_size: str | None
    ask: str | None
    ask_size: str | None


@dataclass
class Market:
    """All that a recording says of one symbol.

    `depth` is how many levels a side are kept, `checksums` holds the book's after each event that
    changed a kept level, `lost_trades` counts ids that were jumped over, and `failures` are places
    where the recording contradicts itself.
    """

    symbol: str
    depth: int
    book: Book | None = None
    trades: list[Trade] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    snapshots: int = 0
    lost_trades: int = 0
    failures: list[str] = field(default_factory=list)
    last_trade_id: int | None = None
    kept: tuple[list[Level], list[Level]] | None = None

    def new_book(self) -> Book:
        """Begins the book anew."""
        self.snapshots += 1
        self.kept = None
        self.book = Book()
        return self.book

    def book_changed(self, quote: bool) -> None:
        """Takes the book's state after an event; `quote` makes its top a quote."""
        kept = self.book.top(self.depth)
        if kept == self.kept:
            return
        self.kept = kept
        self.checksums.append(self.book.checksum())
        if quote:
            self.quote_top(*kept)

    def quote_top(self, bids: list[Level], asks: list[Level]) -> None:
        """Takes the book's top as a quote where it differs from the last one."""
        bid, bid_size = bids[0] if bids else (None, None)
        ask, ask_size = asks[0] if asks else (None, None)
        quote = Quote(bid, bid_size, ask, ask_size)
        if not self.quotes or self.quotes[-1] != quote:
            self.quotes.append(quote)

    def trade(self, trade: Trade, is_numbered: bool = True) -> None:
        """Takes a trade unless it was seen already; ids that were jumped over count as lost.

        Ids that are no numbers, or do not count up by one, tell nothing: such trades are all taken.
        """
        if is_numbered:
            number = int(trade.id)
            if self.last_trade_id is not None:
                if number <= self.last_trade_id:
                    return
                self.lost_trades += number - self.last_trade_id - 1
            self.last_trade_id = number
        self.trades.append(trade)
