"""Programs by others take the stand-in for the venue, with nothing changed but their URL."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from certificate import write_certificate
from recorder import StandIn
from recordings import BY_NAME
from reference import Market, build, read_capture
from replay import cut, prepare

PROGRAMS = Path(__file__).parent / "others"
# How much of a recording is played, in its own time, and how fast.
SPAN_S, SPEED = 30, 20
# The clock starts when nothing more has been asked for so long: all of a client's requests first.
SETTLE = ["--settle-ms", "3000"]
# What is on its way to a client when the last frame has been sent.
ARRIVAL_S = 2
CLIENT_S = 30


@dataclass(frozen=True)
class Client:
    """A program, what it is told besides the address, and what it is given to read."""

    name: str
    recording: str
    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    tls: bool = False


CLIENTS = [
    Client("python-binance", "binance-2024", (sys.executable, "python_binance.py"), ("BTCUSDT",)),
    Client("ccxt", "binance-2024", (sys.executable, "ccxt_pro.py", "binance"), ("BTCUSDT",)),
    Client("npm-binance", "binance-2024", ("node", "npm_binance.mjs"), ("BTCUSDT",)),
    Client("cryptofeed", "binance-2021", (sys.executable, "cryptofeed_binance.py"), tls=True),
    Client("kraken-sdk", "kraken-2026", (sys.executable, "kraken_sdk.py"), ("BTC/USD,ETH/USD",)),
    Client(
        "ccxt-kraken", "kraken-2026", (sys.executable, "ccxt_pro.py", "kraken"), ("BTC/USD,ETH/USD",)
    ),
    Client(
        "ccxt-coinbase",
        "coinbase-2026",
        (sys.executable, "ccxt_pro.py", "coinbaseexchange"),
        ("BTC-USD,ETH-USD",),
    ),
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_by_others_gets_all_trades_and_the_right_book(client, tmp_path):
    expected, told = asyncio.run(follow(client, tmp_path))
    assert set(told["books"]) == {symbol for symbol in expected if expected[symbol].book}
    for symbol, market in expected.items():
        trades = [exact_trade(*row) for row in told["trades"].get(symbol, [])]
        assert trades == [
            exact_trade(trade.id, trade.price, trade.size, trade.side) for trade in market.trades
        ], symbol
        if market.book:
            whole = market.book.top(len(market.book.bids) + len(market.book.asks))
            for side, got, right in zip(("bids", "asks"), told["books"][symbol], whole, strict=True):
                assert exact_levels(got) == exact_levels(right), f"{side} of {symbol}"


async def follow(client: Client, directory: Path) -> tuple[dict[str, Market], dict]:
    """What the reference says of the first seconds of a recording, and what the client told of them."""
    recording = BY_NAME[client.recording]
    capture = await prepare(recording, directory)
    records, end_ns = cut(list(read_capture(capture)), SPAN_S)
    arguments, environment = ["--speed", SPEED, *SETTLE], {}
    arguments += ["--to", end_ns] if end_ns else []
    if client.tls:
        certificate, key = write_certificate(directory)
        arguments += ["--tls-cert", certificate, "--tls-key", key]
        environment = {"SSL_CERT_FILE": certificate, "REQUESTS_CA_BUNDLE": certificate}
    async with await StandIn.start(recording.venue, capture, arguments=arguments) as stand_in:
        program = await start(client, f"localhost:{stand_in.port}", environment)
        try:
            await either(stand_in.line("replay finished", CLIENT_S), program)
            await asyncio.sleep(ARRIVAL_S)
            async with asyncio.timeout(CLIENT_S):
                output, errors = await program.communicate(b"")
        finally:
            if program.returncode is None:
                program.kill()
    assert program.returncode == 0, errors.decode()
    return build(recording.venue, records), json.loads(output.splitlines()[-1])


async def start(client: Client, address: str, environment: dict) -> asyncio.subprocess.Process:
    program, *more = client.command[1:]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        client.command[0],
        str(PROGRAMS / program),
        *more,
        address,
        *client.arguments,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=os.environ | environment,
    )


async def either(finished, program: asyncio.subprocess.Process) -> None:
    """Waits for the end of the replay, unless the program ends before it."""
    replay, ended = asyncio.ensure_future(finished), asyncio.ensure_future(program.wait())
    await asyncio.wait([replay, ended], return_when=asyncio.FIRST_COMPLETED)
    if not replay.done():
        replay.cancel()
        raise AssertionError(f"it ended early: {(await program.stderr.read()).decode()}")
    ended.cancel()
    await replay


def exact_trade(name: str, price, size, side: str) -> tuple:
    return name, exact(price), exact(size), side


def exact_levels(levels) -> dict[Decimal, Decimal]:
    return {exact(price): exact(size) for price, size, *_ in levels if exact(size)}


def exact(number: str | float) -> Decimal:
    """Clients that keep floats have the number all the same, since its text is short enough."""
    return Decimal(str(number))
