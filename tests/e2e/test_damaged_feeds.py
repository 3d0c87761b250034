"""Damage on the venue's side: it is counted and named, and nothing else is lost."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from client import Client
from processes import Broker, run
from reference import build, read_capture
from replay import trade_of

VENUE, SYMBOL = "binance", "BTCUSDT"


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> list[str]:
    """The lines of a generated capture of one symbol."""
    path = tmp_path_factory.mktemp("damaged") / "whole.capture"
    arguments = ["generate", "--venue", VENUE, "--symbols", 1, "--rate", 200]
    status, output = asyncio.run(
        run("feed-replay", *arguments, "--duration", "3s", "--seed", 3, "--out", path)
    )
    assert status == 0, output
    return path.read_text().splitlines()


def half(line: str) -> str:
    """A frame that was cut."""
    return line[: line.index("{") + (len(line) - line.index("{")) // 2]


def no_number(line: str) -> str:
    """A price that is no number."""
    time, text = line.split(" ", 1)
    value = json.loads(text)
    value.get("data", value)["p"] = "cheap"
    return f"{time} {json.dumps(value, separators=(',', ':'))}"


def no_record(line: str) -> str:
    """A line that is no record of a capture."""
    return "\x01garbage" + line[30:]


def unknown_message(line: str) -> str:
    """A message of a kind that nobody knows."""
    return line.split(" ", 1)[0] + ' {"e":"rumour","s":"BTCUSDT","text":"up"}'


@pytest.mark.parametrize("damage", [half, no_number, no_record, unknown_message])
def test_a_damaged_trade_is_a_named_loss_of_one_and_nothing_else(damage, lines, tmp_path):
    trades = [i for i, line in enumerate(lines) if '"e":"trade"' in line]
    victim = trades[len(trades) // 2]
    path = tmp_path / "damaged.capture"
    path.write_text("\n".join(damaged(lines, victim, damage)) + "\n")
    whole = tmp_path / "without.capture"
    whole.write_text("\n".join(lines[:victim] + lines[victim + 1 :]) + "\n")
    asyncio.run(check(path, whole))


def damaged(lines: list[str], victim: int, damage: Callable[[str], str]) -> list[str]:
    return lines[:victim] + [damage(lines[victim])] + lines[victim + 1 :]


async def check(path: Path, whole: Path) -> None:
    """What arrives of the damaged capture is what the reference reads from one without the line."""
    (market,) = build(VENUE, read_capture(whole)).values()
    assert market.lost_trades == 1
    feed = f"file:{path}?venue={VENUE}&speed=1"
    symbol = f"{VENUE}:{market.symbol}"
    async with await Broker.start(feed) as broker, await Client.connect(broker.stream) as client:
        await broker.knows(symbol)
        for channel in ("trades", "quotes", "book"):
            await client.subscribe_from_the_start(channel, [symbol])
        trades, quotes, book = (client.topics[c, symbol] for c in ("trades", "quotes", "book"))
        await client.until(
            lambda: (
                len(trades.trades) >= len(market.trades)
                and len(quotes.quotes) >= len(market.quotes)
                and book.book() == market.kept
            ),
            30,
            "the end of the capture",
        )
        assert [trade_of(trade) for trade in trades.trades] == market.trades
        assert (trades.venue_lost, trades.lost, len(quotes.quotes)) == (1, 0, len(market.quotes))
        assert (await complaints(broker)) >= 1


async def complaints(broker: Broker) -> float:
    """What the broker counted as wrong in what a feed sent, and damaged lines, which it logs."""
    faults = sum(v for name, v in (await broker.metrics()).items() if "feed_faults" in name)
    return faults + sum("damage" in line for line in broker.lines)
