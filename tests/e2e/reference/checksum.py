"""Kraken's checksum, which the broker puts on the books of every venue."""

import zlib
from collections.abc import Sequence

Level = tuple[str, str]


def book_checksum(bids: Sequence[Level], asks: Sequence[Level]) -> int:
    """CRC-32 of the ten best asks, then the ten best bids; both best first.

    Each price and size goes in as its digits, without the point and without leading zeros.
    """
    text = "".join(digits(number) for level in (*asks[:10], *bids[:10]) for number in level)
    return zlib.crc32(text.encode())


def digits(number: str) -> str:
    """`0.00005100` gives `5100`."""
    return number.replace(".", "").lstrip("0")
