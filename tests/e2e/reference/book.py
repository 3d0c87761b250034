"""One symbol's book, kept as the texts that the venue sent."""

from bisect import bisect_left
from decimal import Decimal

from .checksum import Level, book_checksum


class Side:
    """One side: the newest text of each level; bids are kept by their negative price."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[Decimal] = []
        self.levels: dict[Decimal, Level] = {}

    def set(self, price: str, size: str) -> bool:
        """Sets a level, or deletes it by size zero; says whether it was there before."""
        key = self.sign * Decimal(price)
        existed = key in self.levels
        if Decimal(size) != 0:
            self.levels[key] = (price, size)
            if not existed:
                self.keys.insert(bisect_left(self.keys, key), key)
        elif existed:
            del self.levels[key]
            del self.keys[bisect_left(self.keys, key)]
        return existed

    def best(self, count: int) -> list[Level]:
        """The `count` best levels, best first."""
        return [self.levels[key] for key in self.keys[:count]]

    def __len__(self) -> int:
        return len(self.keys)

    def truncate(self, depth: int) -> None:
        """Forgets what lies beyond the `depth` best levels."""
        for key in self.keys[depth:]:
            del self.levels[key]
        del self.keys[depth:]


class Book:
    """Both sides."""

    def __init__(self) -> None:
        self.bids = Side(-1)
        self.asks = Side(1)

    def set_levels(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        """Sets levels given as lists that begin with price and size."""
        for price, size, *_ in bids:
            self.bids.set(price, size)
        for price, size, *_ in asks:
            self.asks.set(price, size)

    def top(self, count: int) -> tuple[list[Level], list[Level]]:
        """The `count` best bids and asks, best first."""
        return self.bids.best(count), self.asks.best(count)

    def checksum(self) -> int:
        """The checksum over the ten best levels of each side."""
        return book_checksum(*self.top(10))
