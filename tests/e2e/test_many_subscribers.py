"""A feed that is lost under a thousand subscribers: one new image for each, one question to the venue for all of them."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gate import Gate
from processes import PATIENT, Broker, Process
from recorder import StandIn, announce_shutdown, generate
from reference import build, read_capture
from witness import Witness

SUBSCRIBERS, SYMBOLS, WITNESSES = 1_000, 2, 4
TOPICS = SUBSCRIBERS * SYMBOLS
WARMUP_S, MEASURED_S = 1, 8
# When the venue announces its end, once all subscribers are there.
SHUTDOWN_S = 10
RECONNECTED = ["update", "stale", "resyncing", "snapshot", "live", "update"]


class Crowd:
    """A broker with a Binance that can be cut off, and all who watch its books; `rest` carries what is asked over HTTP."""

    stream: Gate
    rest: Gate
    broker: Broker
    witnesses: list[Witness]
    symbols: list[str]
    loadgen: Process

    async def gather(self, stack: AsyncExitStack, capture: Path) -> None:
        """All are there, and loadgen measures, when this returns."""
        enter = stack.enter_async_context
        markets = build("binance", read_capture(capture))
        self.symbols = [f"binance:{symbol}" for symbol in markets]
        self.stream, self.rest = await enter(Gate()), await enter(Gate())
        stand_in = await enter(await StandIn.start("binance", capture))
        rest = f"http://127.0.0.1:{self.rest.port}"
        feed = f"binance+ws://127.0.0.1:{self.stream.port}?symbols={','.join(markets)}&rest={rest}"
        self.broker = await enter(await Broker.start(feed, arguments=PATIENT))
        self.rest.open(stand_in.port)
        self.stream.open(stand_in.port)
        await self.broker.ready()
        self.loadgen = await enter(await Process.start("loadgen", *self.load()))
        await self.loadgen.line("^measuring")
        self.witnesses = [
            await enter(await Witness.connect(self.broker.stream, max_queue=None)) for _ in range(WITNESSES)
        ]
        for witness in self.witnesses:
            await witness.subscribe("book", self.symbols)
            await witness.until(lambda w=witness: self.all_at(w, ["update"]), 10, "data")
            witness.forget()

    def load(self) -> list[str]:
        arguments = ["run", "--url", self.broker.stream, "--connections", SUBSCRIBERS, "--channel", "book"]
        arguments += ["--popularity", "all", "--warmup", f"{WARMUP_S}s", "--duration", f"{MEASURED_S}s"]
        return [*arguments, "--verify", "--json"]

    def all_at(self, witness: Witness, end: list[str]) -> bool:
        return all(witness.story("book", symbol)[-len(end) :] == end for symbol in self.symbols)

    def stories(self) -> list[list[str]]:
        return [witness.story("book", symbol) for witness in self.witnesses for symbol in self.symbols]

    def asked_for_depth(self) -> int:
        return self.rest.asked.count(b"GET /api/v3/depth")

    async def received(self) -> dict:
        """What loadgen received in all; what it verifies has to be right."""
        status = await self.loadgen.wait(MEASURED_S + 60)
        assert status == 0, self.loadgen
        lines = self.loadgen.lines
        report = json.loads("\n".join(lines[lines.index("{") : lines.index("}") + 1]))
        assert report["connections"]["live"] == SUBSCRIBERS
        assert report["received"]["conflated_frames"] == 0
        verified = report["verification"]
        # Some of the images it asks for itself, to hold them against what it has.
        images = verified["snapshots"] - verified["answered"]
        return {"images": images, "states": verified["account"]["states"]}

    async def counted(self, name: str) -> float:
        return sum(v for key, v in (await self.broker.metrics()).items() if key.startswith(f"tickcast_{name}"))


async def capture_of(directory: Path) -> Path:
    return await generate("binance", directory / "binance.capture", seconds=40, rate=30, seed=5)


def test_a_reconnect_is_one_image_for_each_subscriber_and_one_question_to_the_venue(tmp_path):
    async def check() -> None:
        async with AsyncExitStack() as stack:
            crowd = Crowd()
            await crowd.gather(stack, await capture_of(tmp_path))
            asked = crowd.asked_for_depth()
            crowd.stream.cut()
            for witness in crowd.witnesses:
                await witness.until(
                    lambda w=witness: crowd.all_at(w, RECONNECTED[1:]), 10, "the reconnected feed"
                )
            received = await crowd.received()
            assert all(RECONNECTED[-len(story) :] == story for story in crowd.stories()), crowd.stories()
            assert received == {"images": 2 * TOPICS, "states": 3 * TOPICS}
            # A body that is older than the stream's first event is fetched once more.
            assert SYMBOLS <= crowd.asked_for_depth() - asked <= 2 * SYMBOLS
            assert await crowd.counted("feed_connects_total") == 2
            assert await crowd.counted("feed_disconnects_total") == 1
            assert await crowd.counted("shard_fell_behind_total") == 0

    asyncio.run(check())


def test_a_venue_that_announces_its_end_is_left_before_and_no_subscriber_sees_it(tmp_path):
    async def check() -> None:
        capture = await capture_of(tmp_path)
        announce_shutdown("binance", capture, SHUTDOWN_S)
        async with AsyncExitStack() as stack:
            crowd = Crowd()
            await crowd.gather(stack, capture)
            assert await crowd.counted("feed_connects_total") == 1
            async with asyncio.timeout(SHUTDOWN_S + 10):
                while await crowd.counted("feed_connects_total") < 2:
                    await asyncio.sleep(0.1)
            received = await crowd.received()
            assert received == {"images": TOPICS, "states": 0}
            assert crowd.stories() == [["update"]] * (WITNESSES * SYMBOLS)
            assert await crowd.counted("feed_disconnects_total") == 0
            assert await crowd.counted("feed_resyncs_total") == 0

    asyncio.run(check())
