"""What one connection does, or how many there are, is nobody else's business."""

import asyncio
import json
import signal
import time

import pytest

from client import Client
from processes import Broker, run
from rawsocket import FIN, TEXT, raw_socket

pytestmark = pytest.mark.alone

BUSY = "sim:?symbols=500&rate=20000&seed=1"
STALLED = 10
MIB = 1 << 20


def subscribe_and_stall(port: int, seconds: float) -> None:
    """Asks for everything and reads nothing of it."""
    with raw_socket(port, receive_buffer_bytes=4096) as raw:
        for channel in ("book", "quotes", "trades", "book10"):
            params = {"channel": channel, "symbols": ["sim:*"]}
            request = {"id": 1, "method": "subscribe", "params": params}
            raw.send(FIN | TEXT, json.dumps(request).encode())
        time.sleep(seconds)


def stall(broker: Broker, seconds: float) -> asyncio.Future:
    """Several such connections at once."""
    calls = (asyncio.to_thread(subscribe_and_stall, broker.port, seconds) for _ in range(STALLED))
    return asyncio.gather(*calls)


def test_connections_that_stop_reading_change_nothing_for_the_others():
    async def check() -> None:
        async with await Broker.start(BUSY) as broker, await Client.connect(broker.stream) as other:
            await broker.ready()
            mine = [symbol["symbol"] for symbol in (await broker.symbols())[:20]]
            for channel in ("quotes", "trades", "book"):
                await other.subscribe(channel, mine)
            await other.until(lambda: len(other.topics) >= 60, 10, "all topics")
            alone = await updates_per_s(other, 2)
            stalled = asyncio.ensure_future(stall(broker, 4))
            beside = await updates_per_s(other, 3)
            await stalled
            assert beside > 0.5 * alone, (
                f"{beside:.0f}/s beside stalled readers, {alone:.0f}/s alone"
            )
            assert all(topic.conflated == topic.lost == 0 for topic in other.topics.values())

    asyncio.run(check())


def test_connections_that_stop_reading_cost_a_bounded_amount_of_memory():
    """A little for what they subscribed to, and nothing more as time goes on.

    The logs are so small that they are full, and memory at rest, before the measurement begins.
    Memory comes from the system in steps of some megabytes, hence the margin; a queue for each
    connection would hold a hundred times as much after three seconds.
    """

    async def check() -> None:
        feed, small_logs = BUSY.replace("500", "100"), ("--log-bytes-max", "16000000")
        async with await Broker.start(feed, arguments=small_logs) as broker:
            await broker.ready()
            before = await memory_at_rest(broker)
            stalled = asyncio.ensure_future(stall(broker, 7))
            await asyncio.sleep(3)
            first = broker.rss_bytes() - before
            await asyncio.sleep(3)
            later = broker.rss_bytes() - before
            await stalled
            assert later < STALLED * 2 * MIB, f"grew by {later} bytes"
            assert later - first < 8 * MIB, f"grew by {first} bytes, and then to {later}"

    asyncio.run(check())


async def memory_at_rest(broker: Broker) -> int:
    """Resident bytes once they grow by less than a megabyte in a second."""
    now = broker.rss_bytes()
    for _ in range(15):
        before = now
        await asyncio.sleep(1)
        now = broker.rss_bytes()
        if now - before < MIB:
            return now
    raise AssertionError(f"{broker} still grows without any stalled reader: {now} bytes")


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
