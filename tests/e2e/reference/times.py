"""Times as whole numbers, without a float on the way."""

from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def unix_us(time: str) -> int:
    """An ISO 8601 time as microseconds since 1970."""
    return (datetime.fromisoformat(time) - EPOCH) // timedelta(microseconds=1)


def unix_ns(seconds: str) -> int:
    """Unix seconds with any number of decimals as nanoseconds."""
    whole, _, fraction = seconds.partition(".")
    return int(whole) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])
