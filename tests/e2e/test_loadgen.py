"""loadgen's figures are those of an independent client that takes part in the same run."""

import asyncio

import pytest

from independent import DIFFERENCE_MAX, Watcher, compare
from processes import Broker, run

SYMBOLS = ",".join(f"S{number:04}" for number in range(5))
FEED = f"ticks+listen://127.0.0.1:0?venue=acme&channels=quotes&symbols={SYMBOLS}"
# The broker gathers what comes within this time: latencies are spread over it, and far above what a slow client adds.
GATHERED_MS = 200


@pytest.mark.alone
def test_an_independent_client_of_the_same_run_measures_the_same(tmp_path):
    async def measure() -> None:
        gather = ("--turn-interval-ms", str(GATHERED_MS))
        async with await Broker.start(FEED, arguments=gather) as broker:
            ticks = (await broker.line(r"ticks\+listen://([0-9.]+:[1-9]\d*)"))[1]
            watcher = Watcher(broker.stream, 3)
            await watcher.ready()
            load = ("--connections", "20", "--popularity", "all", "--duration", "6s", "--warmup", "1s")
            publish = ("--publish", ticks, "--publish-symbols", "5", "--rate", "100")
            status, shown = await run("loadgen", "run", "--url", broker.stream, *load, *publish, "--out", tmp_path)
            assert status == 0, shown
            await watcher.stop()
        compared = compare(watcher, tmp_path)
        for name, (_, _, difference) in compared.items():
            assert difference <= DIFFERENCE_MAX, (name, compared)
        # What was measured is what the set-up makes: all updates, at times spread evenly over the gathering.
        _, updates, _ = compared["updates"]
        _, median_ms, _ = compared["p50"]
        assert 570 <= updates <= 630 and 0.8 * GATHERED_MS / 2 <= median_ms <= 1.2 * GATHERED_MS / 2, compared

    asyncio.run(measure())
