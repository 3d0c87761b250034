"""What each of these programs does at its end: it tells, as JSON, what its client has got."""

import asyncio
import json
import sys


async def asked_to_end() -> None:
    """Waits until whoever started the program closes its standard input."""
    await asyncio.to_thread(sys.stdin.read)


def tell(trades: dict[str, list], books: dict[str, tuple]) -> None:
    """Prints trades (id, price, size, side) and books (bids, asks: price, size) by symbol."""
    # Numbers as the client has them: a float's shortest text is the number that was sent.
    print(json.dumps({"trades": trades, "books": books}, default=str), flush=True)
