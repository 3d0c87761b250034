"""What a subscriber knows of one topic, and the checks that it can make by itself.

Written from the protocol alone. A `Topic` takes the frames of one channel of one symbol in the
order in which they arrive, and raises `Violation` as soon as one of them breaks a promise: a range
that does not tile, a checksum that does not hold, a level that was never there.
"""

import hashlib
from collections import Counter
from decimal import Decimal

from reference.book import Book
from reference.checksum import Level, book_checksum


class Violation(AssertionError):
    """A promise of the protocol that a frame breaks."""


class Topic:
    """One channel of one symbol, as seen by one connection.

    `last` is how far it is covered; `conflated`, `lost` and `venue_lost` are
    summed from the notices; `skipped` counts numbers that a later snapshot stood in for. Under a
    pattern nothing is `granted`: the topic's first frame announces it.
    """

    def __init__(
        self, channel: str, symbol: str, granted: int | None = None, epoch: str | None = None
    ) -> None:
        self.channel, self.symbol, self.epoch = channel, symbol, epoch
        self.granted, self.last = granted, granted or 0
        self.frames = Counter()
        self.states: list[tuple[str, str | None]] = []
        self.tiers: list[tuple[int, str]] = []
        self.trades: list[dict] = []
        self.quotes: list[dict] = []
        self.checksums: list[int] = []
        self.latest: dict = {}
        self.conflated = self.lost = self.venue_lost = self.skipped = 0
        self.levels = Book()
        self.sha256 = hashlib.sha256()

    def take(self, frame: dict, text: str) -> None:
        """Takes the next frame of this topic; `text` is the same frame as it came."""
        kind = frame["type"]
        first, last = frame["seq"]
        self.check_range(kind, first, last)
        handler = getattr(self, f"take_{kind}", None)
        self.expect(handler is not None, f"a frame of unknown type {kind}")
        handler(frame, first, last)
        self.last = last
        self.frames[kind] += 1
        self.sha256.update(text.encode() + b"\n")

    def check_range(self, kind: str, first: int, last: int) -> None:
        """Ranges tile: each begins where the one before ended, or the frame is a snapshot."""
        self.expect(first <= last, f"{kind} covers [{first},{last}]")
        if kind != "snapshot":
            self.expect(first == self.last + 1, f"{kind} covers [{first},{last}] after {self.last}")

    def take_snapshot(self, frame: dict, first: int, last: int) -> None:
        """The image that was granted, or a later one that makes all before it past.

        A topic without data is granted at 0: nothing is sent then, and what comes first goes on
        from there, like all else.
        """
        self.expect(last >= self.last, f"snapshot at {last} after {self.last}")
        if self.frames or self.granted == 0:
            self.skipped += max(0, first - self.last - 1)
        elif self.granted:
            self.expect(last == self.granted, f"snapshot at {last}, {self.granted} was granted")
        if self.granted is not None and not self.frames:
            self.expect(frame["epoch"] == self.epoch, f"epoch {frame['epoch']}, not {self.epoch}")
        self.epoch = frame["epoch"]
        if self.channel == "book":
            self.levels = Book()
        self.take_data(frame, first, last)

    def take_update(self, frame: dict, first: int, last: int) -> None:
        self.take_data(frame, first, last)

    def take_conflated(self, frame: dict, first: int, last: int) -> None:
        self.conflated += last - first + 1

    def take_gap(self, frame: dict, first: int, last: int) -> None:
        if frame["reason"] == "venue":
            self.venue_lost += frame["lost"]
        else:
            self.expect(frame["lost"] <= last - first + 1, f"gap of {last - first + 1}: {frame}")
            self.lost += frame["lost"]

    def take_tier(self, frame: dict) -> None:
        """Another rate, from where this connection stands on; never faster than was asked for."""
        self.expect(frame["after"] == self.last, f"{frame} at {self.last}")
        self.expect(frame["interval_ms"] >= frame["requested_interval_ms"], f"{frame} is too fast")
        self.tiers.append((frame["interval_ms"], frame["reason"]))

    def take_state(self, frame: dict, first: int, last: int) -> None:
        self.states.append((frame["state"], frame.get("reason")))

    def take_data(self, frame: dict, first: int, last: int) -> None:
        reader = {
            "book": self.set_levels,
            "book10": self.check_book10,
            "trades": self.add_trades,
            "quotes": self.add_quote,
        }.get(self.channel)
        # The snapshot of a topic that has only had a state so far holds no data.
        without_data = self.channel in ("book", "book10") and "checksum" not in frame
        if reader and not without_data:
            reader(frame, first, last)
        self.latest = frame

    def set_levels(self, frame: dict, first: int, last: int) -> None:
        snapshot = frame["type"] == "snapshot"
        # Merged over a range, the last change of a level wins: one that came and went is deleted.
        merged = last > first
        for side, levels in ((self.levels.bids, frame["bids"]), (self.levels.asks, frame["asks"])):
            for price, size in levels:
                existed = side.set(price, size)
                deleted = Decimal(size) == 0
                self.expect(
                    existed or not deleted or merged, f"{price} is deleted and was never there"
                )
                self.expect(not (snapshot and deleted), f"{price} in a snapshot with size {size}")
        checksum = self.levels.checksum()
        self.expect(checksum == frame["checksum"], f"checksum {checksum} at {last}, sent {frame}")
        self.checksums.append(checksum)

    def book(self) -> tuple[list[Level], list[Level]]:
        """All levels of a book, best first."""
        bids, asks = self.levels.bids, self.levels.asks
        return bids.best(len(bids)), asks.best(len(asks))

    def check_book10(self, frame: dict, first: int, last: int) -> None:
        bids = [tuple(level) for level in frame["bids"]]
        asks = [tuple(level) for level in frame["asks"]]
        self.expect(max(len(bids), len(asks)) <= 10, f"more than ten levels at {last}")
        self.expect(is_sorted(bids, -1) and is_sorted(asks, 1), f"levels out of order at {last}")
        checksum = book_checksum(bids, asks)
        self.expect(checksum == frame["checksum"], f"checksum {checksum} at {last}, sent {frame}")
        self.checksums.append(checksum)

    def add_trades(self, frame: dict, first: int, last: int) -> None:
        """Keeps the trades of updates; a snapshot repeats what is already past."""
        if frame["type"] == "update":
            count = len(frame["trades"])
            self.expect(count == last - first + 1, f"{count} trades in [{first},{last}]")
            self.trades.extend(frame["trades"])

    def add_quote(self, frame: dict, first: int, last: int) -> None:
        if frame["type"] == "update":
            self.quotes.append(frame)

    def expect(self, holds: bool, problem: str) -> None:
        if not holds:
            raise Violation(f"{self.channel} {self.symbol}: {problem}"[:2000])


def is_sorted(levels: list[Level], sign: int) -> bool:
    """Whether levels go from the best price to the worst."""
    keys = [sign * Decimal(price) for price, _ in levels]
    return keys == sorted(keys)
