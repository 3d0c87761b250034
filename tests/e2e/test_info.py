"""What `feed-replay info` tells of a capture, and of what is wrong with one."""

import asyncio
import re
from pathlib import Path

import pytest

from processes import run
from recorder import VENUES, generate, info

WHOLE = {"gaps": 0, "checksum_failures": 0, "trades_lost": 0, "trades_repeated": 0, "malformed": 0}


def breaks(told: dict) -> dict:
    return {name: told["breaks"][name] for name in WHOLE}


@pytest.mark.parametrize("venue", VENUES)
def test_a_whole_capture_breaks_nothing(venue, tmp_path):
    async def check() -> None:
        told = await info(await generate(venue, tmp_path / "a.capture"))
        assert (told["venue"], len(told["symbols"])) == (venue, 2)
        assert 2.5 < told["seconds"] < 3.5
        assert 0 < told["pause_s_max"] < 1
        assert breaks(told) == WHOLE
        assert {stream["symbol"] for stream in told["streams"]} >= set(told["symbols"])
        assert sum(stream["frames"] for stream in told["streams"]) <= told["frames"]

    asyncio.run(check())


def without(pattern: str, lines: list[str]) -> list[str]:
    """Leaves out a frame that fits, from the middle."""
    fitting = [i for i, line in enumerate(lines) if re.search(pattern, line)]
    at = fitting[len(fitting) // 2]
    return lines[:at] + lines[at + 1 :]


def with_wrong_checksum(lines: list[str]) -> list[str]:
    fitting = [i for i, line in enumerate(lines) if '"type":"update"' in line and "checksum" in line]
    at = fitting[len(fitting) // 2]
    return lines[:at] + [re.sub(r'"checksum":\d', '"checksum":1', lines[at])] + lines[at + 1 :]


@pytest.mark.parametrize(
    ("venue", "damage", "found"),
    [
        ("binance", lambda lines: without('"depthUpdate"', lines), {"gaps": 1}),
        ("binance", lambda lines: without('"e":"trade"', lines), {"trades_lost": 1}),
        ("coinbase", lambda lines: without('"type":"match"', lines), {"trades_lost": 1}),
        ("okx", lambda lines: without('"books".*"update"', lines), {"gaps": 1}),
        ("kraken", with_wrong_checksum, {"checksum_failures": 1}),
    ],
)
def test_what_is_wrong_is_counted_over_several_files(venue, damage, found, tmp_path):
    async def check() -> None:
        capture = await generate(venue, tmp_path / "a.capture")
        lines = damage(capture.read_text().splitlines())
        paths = parts(tmp_path, lines)
        assert breaks(await info(*reversed(paths))) == WHOLE | found
        status, text = await run("feed-replay", "info", *paths)
        assert status == 0 and re.search(r"^breaks +\d+ gaps in books, \d+ checksums fail", text, re.M)

    asyncio.run(check())


def parts(directory: Path, lines: list[str]) -> list[Path]:
    """Files of one recording, as a recorder writes them."""
    header, records = lines[0], lines[1:]
    paths = []
    for part in range(3):
        path = directory / f"part-{part}.capture"
        third = records[len(records) * part // 3 : len(records) * (part + 1) // 3]
        path.write_text("\n".join([f"{header} recording=7f part={part + 1}", *third]) + "\n")
        paths.append(path)
    return paths
