"""What one connection does, or how many there are, is nobody else's business."""

import asyncio
import json
import signal
import time

import pytest

from client import Client
from processes import Broker, run
from rawsocket import FIN, TEXT, raw_socket

BUSY = "sim:?symbols=500&rate=20000&seed=1"
STALL_S = 4
# What a connection that stops reading may cost the broker: its send buffer and the rest of a frame.
STALLED_BYTES_MAX = 8 << 20


def test_a_connection_that_stops_reading_changes_nothing_for_the_others():
    def subscribe_and_stall(port: int, seconds: float) -> None:
        with raw_socket(port, receive_buffer_bytes=4096) as raw:
            for channel in ("book", "quotes", "trades", "book10"):
                params = {"channel": channel, "symbols": ["sim:*"]}
                request = {"id": 1, "method": "subscribe", "params": params}
                raw.send(FIN | TEXT, json.dumps(request).encode())
            time.sleep(seconds)

    async def check() -> None:
        async with await Broker.start(BUSY) as broker, await Client.connect(broker.stream) as other:
            await broker.ready()
            symbols = await broker.symbols()
            mine = [symbol["symbol"] for symbol in symbols[:20]]
            for channel in ("quotes", "trades", "book"):
                await other.subscribe(channel, mine)
            await other.until(lambda: len(other.topics) >= 60, 10, "all topics")
            await asyncio.sleep(1)
            before = broker.rss_bytes()
            stalled = [
                asyncio.create_task(asyncio.to_thread(subscribe_and_stall, broker.port, STALL_S))
                for _ in range(10)
            ]
            rate = await updates_per_s(other, STALL_S - 1)
            grown = broker.rss_bytes() - before
            await asyncio.gather(*stalled)
            free = await updates_per_s(other, 2)
            assert rate > 0.5 * free, f"{rate:.0f}/s beside stalled readers, {free:.0f}/s without"
            assert all(topic.conflated == topic.lost == 0 for topic in other.topics.values())
            assert grown < STALLED_BYTES_MAX + log_growth_bytes(), f"grew by {grown} bytes"

    asyncio.run(check())


def log_growth_bytes() -> int:
    """The topics' logs fill meanwhile, whoever reads: 20,000 updates a second for the stall."""
    return 20_000 * STALL_S * 1_000


async def updates_per_s(client: Client, seconds: float) -> float:
    def total() -> int:
        return sum(topic.last for topic in client.topics.values())

    before, start = total(), time.monotonic()
    await asyncio.sleep(seconds)
    client.raise_failure()
    return (total() - before) / (time.monotonic() - start)


def test_requests_and_pings_are_answered_while_a_shard_is_under_constant_load():
    """200 subscribers of everything keep the one shard busy; each answer still comes at once."""

    async def check() -> None:
        async with await Broker.start(BUSY, arguments=("--shards", "1")) as broker:
            await broker.ready()
            load = asyncio.create_task(
                run(
                    "loadgen", "run", "--url", broker.stream, "--connections", "200",
                    "--channel", "quotes", "--popularity", "all", "--duration", "6s",
                )
            )  # fmt: skip
            await asyncio.sleep(1.5)
            async with await Client.connect(broker.stream) as client:
                waits = []
                for _ in range(20):
                    waits.append(await timed(client.request("ping")))
                    waits.append(await timed(await client.socket.ping()))
                    await asyncio.sleep(0.05)
            assert max(waits) < 1.0, sorted(waits)[-5:]
            status, output = await load
            assert status == 0, output

    asyncio.run(check())


async def timed(awaitable) -> float:
    start = time.monotonic()
    await asyncio.wait_for(awaitable, 10)
    return time.monotonic() - start


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_an_orderly_end(signal_name):
    """`goaway`, close code 1001, not ready while draining, exit status 0."""

    async def check() -> None:
        broker = await Broker.start("sim:?symbols=5&rate=100&seed=1")
        async with await Client.connect(broker.stream) as client:
            await broker.ready()
            await client.subscribe("quotes", ["sim:*"])
            broker.process.send_signal(getattr(signal, signal_name))
            await client.until(lambda: client.failure is not None, 10, "the end")
            assert client.goaway is not None and client.goaway["reason"]
            assert client.goaway["reconnect_in_ms"] >= 0
            assert client.socket.close_code == 1001
        assert await broker.wait() == 0, broker

    asyncio.run(check())


def test_two_thousand_connections_verify():
    """They join while 10,000 updates a second flow, 20 of 500 symbols each."""

    async def check() -> None:
        async with await Broker.start("sim:?symbols=500&rate=10000&seed=1") as broker:
            await broker.ready()
            status, output = await run(
                "loadgen", "run", "--url", broker.stream, "--connections", "2000",
                "--channel", "quotes", "--symbols-per-connection", "20",
                "--duration", "10s", "--verify", "--json", timeout_s=120,
            )  # fmt: skip
            assert status == 0, output

    asyncio.run(check())
