"""A recording holds what the wire carried, whatever ends it, and replays as what was recorded."""

import asyncio
import json
import re
import time

import pytest

from processes import run
from recorder import (
    VENUES,
    Recorder,
    StandIn,
    digests,
    feed_url,
    frames,
    generate,
    info,
    lines,
    record_stand_in,
    summary,
)

# Where a book begins with a snapshot that is fetched, it depends on the moment which one it is.
IN_BAND = [venue for venue in VENUES if venue != "binance"]


@pytest.mark.parametrize("venue", VENUES)
def test_what_is_recorded_serves_as_what_was_recorded(venue, tmp_path):
    async def check() -> None:
        capture = await generate(venue, tmp_path / "a.capture")
        first = await record_stand_in(venue, capture, tmp_path / "first.zst")
        again = await record_stand_in(venue, first[0], tmp_path / "again.zst")
        sent, recorded, twice = [
            await lines(venue, tmp_path, *paths) for paths in ([capture], first, again)
        ]
        assert data(frames(twice)) == data(frames(recorded)) == data(frames(sent))
        assert [r.time_ns for r in recorded] == sorted(r.time_ns for r in recorded)
        expected = await digests(venue, *first)
        assert {channel for channel, _ in expected} >= {"trades", "quotes", "book", "book10"}
        assert await digests(venue, *again) == expected
        if venue in IN_BAND:
            assert await digests(venue, capture) == expected

    asyncio.run(check())


def data(texts: list[str]) -> list[str]:
    """Without what only concerns the recorder's connection: replies, greetings and pongs."""
    is_control = re.compile(
        r'"(?:method|result|event|success|req_id)":|"channel":"(?:status|heartbeat|pong)"'
        r'|"type":"(?:subscriptions|heartbeat)"|^pong$'
    )
    return [text for text in texts if not is_control.search(text)]


def test_what_happens_to_the_connection_is_recorded(tmp_path):
    """The venue ends, is away for a while, and comes back."""

    async def check() -> None:
        venue, out = "binance", tmp_path / "a.zst"
        capture = await generate(venue, tmp_path / "a.capture", seconds=1)
        stand_in = await StandIn.start(venue, capture)
        port = stand_in.port
        feed = await feed_url(venue, port, capture)
        recorder = await Recorder.start(out, "--feed", feed, "--json")
        async with recorder:
            await stand_in.finished()
            await stand_in.stop()
            await recorder.line("cannot connect to")
            async with await StandIn.start(venue, capture, port=port) as stand_in:
                await stand_in.finished()
        records = await lines(venue, tmp_path, out)
        happened = [r.tag for r in records if r.tag]
        assert happened[0] == "open" and happened.count("open") == 2
        urls = [r.text for r in records if r.tag == "open"]
        assert all(url.startswith(f"ws://127.0.0.1:{port}/") for url in urls), urls
        requests = [json.loads(r.text) for r in records if r.tag == "sent"]
        assert all(request["method"] == "SUBSCRIBE" for request in requests)
        bodies = [r.text.split(" ", 1) for r in records if r.tag == "http"]
        depths = [json.loads(body) for url, body in bodies if "/api/v3/depth?symbol=" in url]
        assert len(depths) >= 4 and all(depth["lastUpdateId"] for depth in depths)
        assert [r.text for r in records if r.tag == "close"] == ["1001 going away"] * 2
        assert any("cannot connect" in r.text for r in records if r.tag == "error")
        told = summary(recorder)
        assert (told["connects"], told["lost"]) == (2, 2) and told["errors"] >= 1
        assert told["frames"] == len(frames(records)) == (await info(out))["frames"]

    asyncio.run(check())


@pytest.mark.parametrize("venue", ["kraken", "binance"])
def test_a_killed_recorder_leaves_all_up_to_its_last_block(venue, tmp_path):
    async def check() -> None:
        out = tmp_path / "a.zst"
        capture = await generate(venue, tmp_path / "a.capture", seconds=20)
        async with await StandIn.start(venue, capture) as stand_in:
            feed = await feed_url(venue, stand_in.port, capture)
            recorder = await Recorder.start(out, "--feed", feed, "--flush-ms", "200")
            await asyncio.sleep(2)
            flushed = (await info(out))["frames"]
            recorder.process.kill()
            killed_ns = time.time_ns()
            assert await recorder.wait() != 0
        assert flushed > 100
        left = await info(out)
        assert left["torn"] == 1 and left["damaged"] == 0 and left["frames"] >= flushed
        assert killed_ns - left["last_ns"] < 1e9, "the last block is at most 200 ms old"
        records = await lines(venue, tmp_path, out)
        sent = data(frames(await lines(venue, tmp_path, capture)))
        kept = data(frames(records))
        assert kept == sent[: len(kept)]
        assert await digests(venue, out)
        # It serves, too: a recorder of it gets the same.
        (again,) = await record_stand_in(venue, out, tmp_path / "again.zst")
        assert data(frames(await lines(venue, tmp_path, again))) == kept

    asyncio.run(check())


def test_a_rotated_recording_is_one_recording(tmp_path):
    async def check() -> None:
        venue = "kraken"
        capture = await generate(venue, tmp_path / "a.capture", seconds=3, rate=2000)
        async with await StandIn.start(venue, capture) as stand_in:
            arguments = ("--rotate-bytes", "20000", "--flush-ms", "100", "--json")
            feed = await feed_url(venue, stand_in.port, capture)
            recorder = await Recorder.start(tmp_path / "r.zst", "--feed", feed, *arguments)
            async with recorder:
                await stand_in.finished()
        told = summary(recorder)
        files = sorted(tmp_path.glob("r-*.zst"))
        assert [file["path"] for file in told["files"]] == [str(path) for path in files]
        assert len(files) >= 3 and not (tmp_path / "r.zst").exists()
        assert all(re.fullmatch(r"r-\d{8}T\d{6}\.\d{6}Z\.zst", path.name) for path in files)
        assert [file["bytes"] for file in told["files"]] == [f.stat().st_size for f in files]
        # In any order, since the files know their own.
        records = await lines(venue, tmp_path, *reversed(files))
        assert data(frames(records)) == data(frames(await lines(venue, tmp_path, capture)))
        assert await digests(venue, *files) == await digests(venue, capture)
        assert (await info(*files))["frames"] == told["frames"] == len(frames(records))

    asyncio.run(check())


def test_frames_of_ones_own_are_sent(tmp_path):
    async def check() -> None:
        venue, out = "coinbase", tmp_path / "a.zst"
        capture = await generate(venue, tmp_path / "a.capture", seconds=1)
        symbol = (await info(capture))["symbols"][0]
        request = f'{{"type":"subscribe","product_ids":["{symbol}"],"channels":["matches"]}}'
        async with await StandIn.start(venue, capture) as stand_in:
            arguments = ("--url", f"ws://127.0.0.1:{stand_in.port}/", "--send", request)
            async with await Recorder.start(out, *arguments, "--venue", venue):
                await stand_in.finished()
        records = await lines(venue, tmp_path, out)
        assert [(r.tag, r.text) for r in records[:2]] == [
            ("open", f"ws://127.0.0.1:{stand_in.port}/"),
            ("sent", request),
        ]
        sent = frames(await lines(venue, tmp_path, capture))
        wanted = [f for f in sent if json.loads(f)["type"] == "match" and f'"{symbol}"' in f]
        assert [f for f in frames(records) if json.loads(f)["type"] == "match"] == wanted
        told = await info(out)
        assert (told["venue"], told["symbols"]) == (venue, [symbol])

    asyncio.run(check())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "a.zst"], "--feed"),
        (["--feed", "nyse+wss://h?symbols=A", "--out", "a.zst"], "unknown scheme"),
        (["--feed", "sim:", "--out", "a.zst"], "expected a venue"),
        (["--feed", "okx+ws://h?symbols=A", "--out", "a.gz"], "ends in .zst"),
        (["--url", "http://h", "--out", "a.zst"], "expected ws://"),
        (["--url", "ws://h", "--rotate-every", "0s", "--out", "a.zst"], "more than 0"),
    ],
)
def test_wrong_usage_is_told(arguments, message, tmp_path):
    status, output = asyncio.run(run("feed-replay", "record", *arguments, cwd=tmp_path))
    assert (status, list(tmp_path.iterdir())) == (2, []) and message in output, output


def test_a_venue_that_is_not_there_and_a_file_that_is_are_failures(tmp_path):
    async def check() -> None:
        out = tmp_path / "a.zst"
        arguments = ("--url", "ws://127.0.0.1:9", "--out", out, "--duration", "300ms")
        status, output = await run("feed-replay", "record", *arguments)
        assert status == 1 and "no connection was made" in output
        assert (await info(out))["failed"] >= 1
        status, output = await run("feed-replay", "record", *arguments)
        assert status == 1 and "exists" in output

    asyncio.run(check())
