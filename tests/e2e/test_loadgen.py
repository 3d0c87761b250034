"""loadgen's figures are those of an independent client that takes part in the same run, and what it takes is little."""

import asyncio
import json
from pathlib import Path

import pytest

from independent import DIFFERENCE_MAX, Watcher, compare
from processes import Broker, run

SYMBOLS = ",".join(f"S{number:04}" for number in range(5))
FEED = f"ticks+listen://127.0.0.1:0?venue=acme&channels=quotes&symbols={SYMBOLS}"
# The broker gathers what comes within this time: latencies are spread over it, and far above what a slow client adds.
GATHERED_MS = 400
# A machine that holds one of the two clients up for longer than that difference is no disagreement between them.
ATTEMPTS = 3


async def measure_both(out: Path) -> dict[str, tuple[float, float, float]]:
    """A run of loadgen in which the independent client takes part, and what both say of it."""
    gather = ("--turn-interval-ms", str(GATHERED_MS))
    async with await Broker.start(FEED, arguments=gather) as broker:
        ticks = (await broker.line(r"ticks\+listen://([0-9.]+:[1-9]\d*)"))[1]
        watcher = Watcher(broker.stream, 3)
        await watcher.ready()
        load = ("--connections", "20", "--popularity", "all", "--duration", "10s", "--warmup", "1s")
        publish = ("--publish", ticks, "--publish-symbols", "5", "--rate", "100")
        status, shown = await run("loadgen", "run", "--url", broker.stream, *load, *publish, "--out", out)
        assert status == 0, shown
        await watcher.stop()
    return compare(watcher, out)


@pytest.mark.alone
def test_an_independent_client_of_the_same_run_measures_the_same(tmp_path):
    for _ in range(ATTEMPTS):
        compared = asyncio.run(measure_both(tmp_path))
        # What was measured is what the set-up makes: all updates, at times spread evenly over the gathering.
        _, updates, _ = compared["updates"]
        _, median_ms, _ = compared["p50"]
        assert 850 <= updates <= 1150 and 0.7 <= median_ms / (GATHERED_MS / 2) <= 1.3, compared
        if all(difference <= DIFFERENCE_MAX for _, _, difference in compared.values()):
            return
    raise AssertionError(compared)


def test_a_connection_takes_little_memory(tmp_path):
    """15,000 connections of one process fit into 300 MB."""
    per_connection_max = 300e6 / 15_000

    async def measure() -> None:
        async with await Broker.start("sim:?symbols=200&rate=500&seed=1") as broker:
            load = ("--connections", "2000", "--symbols-per-connection", "20", "--duration", "1s")
            status, shown = await run("loadgen", "run", "--url", broker.stream, *load, "--out", tmp_path)
            assert status == 0 and "2,000 live" in shown, shown
        client = json.loads((tmp_path / "report.json").read_text())["client"]
        assert 0 < client["bytes_per_connection"] <= per_connection_max, client
        assert client["peak_bytes"] >= 2000 * client["bytes_per_connection"], client

    asyncio.run(measure())


def test_parts_that_saw_two_lives_of_a_broker_are_no_whole(tmp_path):
    """As when it was restarted in between; what both told would count as one."""
    load = ("--connections", "4", "--seed", "1", "--duration", "2s", "--warmup", "0s")

    async def one_life(part: int) -> Path:
        out = tmp_path / str(part)
        async with await Broker.start("sim:?symbols=5&rate=100&seed=1") as broker:
            share = ("--part", f"{part}/2", "--out", out)
            status, shown = await run("loadgen", "run", "--url", broker.stream, *load, *share)
            assert status == 0 and "2 live" in shown, shown
        return out

    async def refused() -> None:
        parts = [await one_life(1), await one_life(2)]
        status, shown = await run("loadgen", "merge", *parts)
        assert status == 2 and "another broker, or another life of it" in shown, shown

    asyncio.run(refused())
