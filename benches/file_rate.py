#!/usr/bin/env python3
"""Measures how many recorded frames a second a broker takes through `file:` at speed max, on one core.

    cargo build --release -p broker
    benches/file_rate.py RECORDING [--venue binance] [--seconds 10] [--cpu 0]

The whole broker is bound to one core: the recording is decompressed, parsed, checked and published there, again and again. Frames are
those that the feed itself counts, from the second reading of its metrics on, and CPU time is the process's own.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

BINARY = Path(__file__).resolve().parents[1] / "target/release/broker"
START_S = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("--venue", default="binance")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--cpu", type=int, default=0, help="the core that the broker is bound to")
    parser.add_argument("--broker", type=Path, default=BINARY)
    arguments = parser.parse_args()
    feed = f"file:{arguments.recording.resolve()}?venue={arguments.venue}&speed=max&loop=true"
    broker = subprocess.Popen(
        [arguments.broker, "--listen", "127.0.0.1:0", "--feed", feed],
        preexec_fn=lambda: os.sched_setaffinity(0, {arguments.cpu}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        page = address(broker)
        # By then it has looked through the recording.
        while read(page)["frames"] == 0:
            time.sleep(0.1)
        before, start = read(page), time.monotonic()
        time.sleep(arguments.seconds)
        after, seconds = read(page), time.monotonic() - start
    finally:
        broker.terminate()
        broker.wait(10)
    frames, cpu = (after[name] - before[name] for name in ("frames", "cpu"))
    print(f"{arguments.recording.name}: {frames / seconds:,.0f} frames/s on one core")
    print(f"{frames:,.0f} frames in {seconds:.1f} s with {cpu:.1f} s of CPU: {frames / cpu:,.0f} frames/s of CPU")
    if cpu < 0.9 * seconds:
        print("the core was not the broker's alone: on a quiet machine it takes more")


def address(broker: subprocess.Popen) -> str:
    """Where its page is, as it tells when it listens."""
    told = []
    for line in broker.stdout:
        told.append(line)
        if match := re.search(r"^page +(http://127\.0\.0\.1:[1-9]\d*)", line):
            return match[1]
    sys.exit(f"the broker has not started:\n{''.join(told)}")


def read(page: str) -> dict[str, float]:
    """The frames that the feed has counted, and the CPU seconds of the process."""
    with urllib.request.urlopen(f"{page}/metrics", timeout=START_S) as reply:
        text = reply.read().decode()
    names = {"frames": "tickcast_feed_frames_total", "cpu": "process_cpu_seconds_total"}
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if line[:1] not in ("", "#"))
    values = {name.split("{")[0]: float(value) for name, value in samples}
    return {key: values.get(name, 0.0) for key, name in names.items()}


if __name__ == "__main__":
    main()
