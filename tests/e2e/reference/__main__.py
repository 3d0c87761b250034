"""Prints what a recording holds as JSON: `python -m reference RECORDING --venue VENUE`."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from . import Market, build, read_capture
from .build import VENUES


def main() -> int:
    parser = argparse.ArgumentParser(prog="reference", description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--venue", choices=sorted(VENUES), required=True)
    parser.add_argument("--depth", type=int, default=1000, help="levels a side that are kept")
    parser.add_argument("--summary", action="store_true", help="counts instead of contents")
    options = parser.parse_args()
    markets = build(options.venue, read_capture(options.recording), options.depth)
    write = summary if options.summary else contents
    json.dump({m.symbol: write(m) for m in markets.values()}, sys.stdout, indent=1)
    print()
    return 1 if any(market.failures for market in markets.values()) else 0


def contents(market: Market) -> dict:
    bids, asks = market.book.top(market.depth) if market.book else ([], [])
    return {
        "bids": bids,
        "asks": asks,
        "trades": [asdict(trade) for trade in market.trades],
        "quotes": [asdict(quote) for quote in market.quotes],
        "checksums": market.checksums,
        "lost_trades": market.lost_trades,
        "failures": market.failures,
    }


def summary(market: Market) -> dict:
    whole = contents(market)
    counts = {name: len(whole[name]) for name in ("bids", "asks", "trades", "quotes", "checksums")}
    return counts | {
        "snapshots": market.snapshots,
        "lost_trades": market.lost_trades,
        "failures": market.failures[:3],
    }


if __name__ == "__main__":
    sys.exit(main())
