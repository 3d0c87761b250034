"""A capture larger than memory is read from disk as it is played: what is resident does not grow with it."""

import asyncio
import json
from pathlib import Path

import pytest

from processes import Broker, Process, fetch, run
from recorder import Recorder, StandIn, feed_url, info, summary

pytestmark = pytest.mark.alone

VENUE = "binance"
# The text of the capture; on disk it is compressed.
TEXT_BYTES_MIN = 100 << 20
RESIDENT_BYTES_MAX = 64 << 20
# What waits for a recorder's disk, unless it is told otherwise.
QUEUE_BYTES_MAX = 64 << 20
# A broker also holds the logs of its topics, which have a bound of their own.
BROKER_BYTES_MAX = 96 << 20


@pytest.fixture(scope="module")
def capture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("streaming") / "large.capture.zst"
    arguments = ["generate", "--venue", VENUE, "--symbols", 4, "--rate", 10_000]
    arguments += ["--duration", "60s", "--seed", 2, "--out", path]
    status, output = asyncio.run(run("feed-replay", *arguments, timeout_s=200))
    assert status == 0, output
    return path


async def watch(process: Process) -> int:
    """The most that was resident until the process ends, in bytes."""
    peak = 0
    while process.process.returncode is None:
        peak = max(peak, high_water_bytes(process) or 0)
        await asyncio.sleep(0.02)
    return peak


def high_water_bytes(process: Process) -> int | None:
    """What the kernel counts; none if the process is gone."""
    try:
        status = Path(f"/proc/{process.process.pid}/status").read_text()
    except OSError:
        return None
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) << 10 if lines else None


async def peak_of(*arguments: str) -> tuple[int, str]:
    process = await Process.start("feed-replay", *arguments)
    watching = asyncio.create_task(watch(process))
    assert await process.wait(200) == 0, process
    return await watching, "\n".join(process.lines)


def test_what_reads_a_capture_holds_none_of_it(capture):
    async def check() -> None:
        told = await info(capture)
        assert told["frame_bytes"] > TEXT_BYTES_MIN
        for command in (["info"], ["digest", "--venue", VENUE]):
            peak, _ = await peak_of(*command, capture)
            assert 0 < peak < RESIDENT_BYTES_MAX, f"{command}: {peak >> 20} MiB"

    asyncio.run(check())


def test_a_stand_in_and_a_recorder_hold_none_of_it(capture, tmp_path):
    async def check() -> None:
        async with await StandIn.start(VENUE, capture, arguments=["--speed", "max"]) as stand_in:
            feed = await feed_url(VENUE, stand_in.port, capture)
            recorder = await Recorder.start(tmp_path / "a.zst", "--feed", feed, "--json")
            async with recorder:
                await stand_in.finished(200)
                peaks = [high_water_bytes(process) for process in (stand_in, recorder)]
        assert summary(recorder)["frame_bytes"] > TEXT_BYTES_MIN
        assert peaks[0] < RESIDENT_BYTES_MAX, f"stand-in: {peaks[0] >> 20} MiB"
        # What waits for the disk may be all of its queue; besides, there are a compressor, and books.
        assert peaks[1] < QUEUE_BYTES_MAX + RESIDENT_BYTES_MAX, f"recorder: {peaks[1] >> 20} MiB"

    asyncio.run(check())


def test_a_broker_that_replays_it_holds_none_of_it(capture):
    async def check() -> None:
        async with await Broker.start(f"file:{capture}?venue={VENUE}&speed=max") as broker:
            await broker.line("the capture has ended", 200)
            peak = high_water_bytes(broker)
        assert peak < BROKER_BYTES_MAX, f"{peak >> 20} MiB"

    asyncio.run(check())


def test_a_stand_in_keeps_no_more_depth_bodies_than_it_needs(tmp_path):
    """Many recorders fetch a body every now and then; one is enough where no event is missing."""
    levels = [[f"{price}.00", "1.50000000"] for price in range(100_000, 103_000)]
    body = json.dumps({"lastUpdateId": 100, "bids": levels[::-1], "asks": []})
    event = '{"e":"depthUpdate","E":1,"s":"XUSDT","U":%d,"u":%d,"b":[],"a":[]}'
    url = "https://api.binance.com/api/v3/depth?symbol=XUSDT&limit=5000"
    path = tmp_path / "bodies.capture"
    with path.open("w") as file:
        for n in range(100, 100 + TEXT_BYTES_MIN // len(body)):
            file.write(f"{n}000000 {event % (n, n)}\n")
            file.write(f"{n}000000 @http {url} {body.replace('100', str(n), 1)}\n")

    async def check() -> None:
        async with await StandIn.start(VENUE, path) as stand_in:
            reply = await asyncio.to_thread(
                fetch, f"http://127.0.0.1:{stand_in.port}/api/v3/depth?symbol=XUSDT&limit=5000"
            )
            assert json.loads(reply.text)["lastUpdateId"] == 100
            peak = high_water_bytes(stand_in)
        assert peak < RESIDENT_BYTES_MAX, f"{peak >> 20} MiB"

    asyncio.run(check())
