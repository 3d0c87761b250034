"""`feed-replay record` with a stand-in to record, and what it has written."""

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from processes import Process, run

VENUES = ("binance", "bybit", "coinbase", "kraken", "okx")


@dataclass(frozen=True)
class Line:
    """A record of a capture: `tag` is empty for a frame."""

    time_ns: int
    tag: str
    text: str


class StandIn(Process):
    """A stand-in for a venue on a free port, or on the one given."""

    port: int

    @classmethod
    async def start(cls, venue: str, *captures: Path, port: int = 0, arguments=()) -> Self:
        listen = ("--listen", f"127.0.0.1:{port}")
        stand_in = await super().start(
            "feed-replay", "serve", *captures, "--venue", venue, *listen, *arguments
        )
        stand_in.port = int((await stand_in.line(r"serving .* on wss?://127\.0\.0\.1:(\d+)"))[1])
        return stand_in

    async def finished(self, timeout_s: float = 60) -> None:
        """Waits until the capture has been played, and a moment for what is under way."""
        await self.line("replay finished", timeout_s)
        await asyncio.sleep(0.3)


class Recorder(Process):
    """A recorder that runs."""

    @classmethod
    async def start(cls, out: Path, *arguments: str) -> Self:
        recorder = await super().start("feed-replay", "record", "--out", out, *arguments)
        await recorder.line("^feed-replay: recording ")
        return recorder


async def feed_url(venue: str, port: int, capture: Path) -> str:
    """What a broker or a recorder is given to dial a stand-in that serves the capture."""
    names = ",".join((await info(capture))["symbols"])
    # Kraken's stand-in grants the depth that was recorded.
    path, query = ("/v2", "&depth=10") if venue == "kraken" else ("", "")
    return f"{venue}+ws://127.0.0.1:{port}{path}?symbols={names}{query}"


async def generate(venue: str, path: Path, seconds: float = 3, rate: int = 200, seed: int = 7):
    """A capture of two symbols in the venue's own format."""
    arguments = ["generate", "--venue", venue, "--symbols", 2, "--rate", rate]
    arguments += ["--duration", f"{seconds}s", "--seed", seed, "--out", path]
    status, output = await run("feed-replay", *arguments)
    assert status == 0, output
    return path


def announce_shutdown(venue: str, capture: Path, after_s: float) -> None:
    """Puts into a capture what the venue says before it closes connections."""
    records = capture.read_text().splitlines()
    start = int(records[1].split(" ", 1)[0])
    at = start + int(after_s * 1e9)
    place = next(i for i, record in enumerate(records[1:], 1) if int(record.split(" ", 1)[0]) > at)
    shutdown = json.dumps(announcement(venue, at), separators=(",", ":"))
    capture.write_text("\n".join([*records[:place], f"{at} {shutdown}", *records[place:]]) + "\n")


def announcement(venue: str, at_ns: int) -> dict:
    if venue == "okx":
        return {"event": "notice", "code": "64008", "msg": "Soon.", "connId": "a4d3ae55"}
    return {"e": "serverShutdown", "E": at_ns // 1_000_000}


async def record_stand_in(venue: str, capture: Path, out: Path) -> list[Path]:
    """Serves a capture, and gives the files of a recording of all of it."""
    async with await StandIn.start(venue, capture) as stand_in:
        feed = await feed_url(venue, stand_in.port, capture)
        recorder = await Recorder.start(out, "--feed", feed, "--json")
        async with recorder:
            await stand_in.finished()
    return [Path(file["path"]) for file in summary(recorder)["files"]]


def summary(recorder: Recorder) -> dict:
    """What the recorder said at its end."""
    return json.loads(next(line for line in recorder.lines if line.startswith("{")))


async def info(*captures: Path) -> dict:
    """What `feed-replay info` tells of what it finds undamaged."""
    status, output = await run("feed-replay", "info", *captures, "--json")
    assert status == 0, output
    return json.loads(next(line for line in output.splitlines() if line.startswith("{")))


async def lines(venue: str, directory: Path, *captures: Path) -> list[Line]:
    """The records of captures, read as one."""
    plain = directory / "plain.capture"
    arguments = ["import", "--from", "capture", *captures, "--venue", venue, "--out", plain]
    status, output = await run("feed-replay", *arguments)
    assert status == 0, output
    texts = (text for text in plain.read_text().splitlines() if not text.startswith("#"))
    return [line_of(text) for text in texts]


def line_of(text: str) -> Line:
    time, tag, rest = re.fullmatch(r"(\d+) (?:@conn \d+ )?(?:@(\w+) )?(.*)", text).groups()
    return Line(int(time), tag or "", rest)


def frames(records: list[Line]) -> list[str]:
    return [record.text for record in records if record.tag == ""]


async def digests(venue: str, *captures: Path) -> dict[tuple[str, str], dict]:
    """What is published of captures whenever they were recorded, by channel and symbol."""
    arguments = ["digest", *captures, "--venue", venue, "--timeless", "--json"]
    status, output = await run("feed-replay", *arguments)
    assert status == 0, output
    told = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    return {(topic["channel"], topic["symbol"]): topic for topic in told["topics"]}
