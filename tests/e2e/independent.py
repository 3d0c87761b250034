#!/usr/bin/env python3
"""A client that measures as loadgen does and shares nothing with it: other library, other language, other arithmetic.

    independent.py ws://HOST:PORT/v1/stream RUN [CONNECTIONS]

takes part in a run of loadgen that begins afterwards with `--out RUN --popularity all` on one channel, `quotes`, without tiers
or slow clients, and holds its own figures of the same window against the report. Exit status 1 if they differ by more than 5%.
"""

import asyncio
import json
import math
import re
import sys
import time
from pathlib import Path

import websockets

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
DIFFERENCE_MAX = 0.05


class Watcher:
    """Connections that subscribe to all quotes. `arrivals` is when updates came, and when they were due, in microseconds."""

    def __init__(self, url: str, connections: int) -> None:
        self.url, self.connections = url, connections
        self.arrivals: list[list[tuple[int, int]]] = [[] for _ in range(connections)]
        self.subscribed = asyncio.Semaphore(0)
        self.tasks = [asyncio.create_task(self.follow(arrivals)) for arrivals in self.arrivals]

    async def follow(self, arrivals: list[tuple[int, int]]) -> None:
        async with websockets.connect(self.url, compression=None, max_size=None) as socket:
            params = {"channel": "quotes", "symbols": ["*"]}
            await socket.send(json.dumps({"id": 1, "method": "subscribe", "params": params}))
            while True:
                text = await socket.recv()
                now_us = time.time_ns() // 1000
                frame = json.loads(text)
                if frame.get("type") == "update":
                    arrivals.append((now_us, frame["ts"]))
                elif frame.get("id") == 1:
                    assert frame["result"]["subscribed"], frame
                    self.subscribed.release()

    async def ready(self) -> None:
        """Waits until all are subscribed."""
        for _ in range(self.connections):
            await asyncio.wait_for(self.subscribed.acquire(), 20)

    async def stop(self) -> None:
        """Ends the connections; one that ended by itself is a failure."""
        failed = [task for task in self.tasks if task.done()]
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for task in failed:
            task.result()

    def figures(self, start_us: int, end_us: int) -> dict[str, float]:
        """Updates on each connection within the window, and percentiles of their latencies from the intended times in ms."""
        within = [
            (arrival, due) for arrivals in self.arrivals for arrival, due in arrivals if start_us <= arrival < end_us
        ]
        ages = sorted(arrival - due for arrival, due in within)
        assert ages, "nothing came within the window"
        points = {name: ages[math.ceil(part * len(ages)) - 1] / 1e3 for name, part in PERCENTILES.items()}
        return {"updates": len(within) / self.connections} | points


def of_loadgen(run: Path) -> tuple[dict[str, float], int, int]:
    """What the report says of the same, and when its window began and ended."""
    report = json.loads((run / "report.json").read_text())
    log = (run / "latency.hlog").read_text()
    start_us = round(float(re.search(r"StartTime: ([0-9.]+)", log)[1]) * 1e6)
    end_us = start_us + round(report["load"]["measured_s"] * 1e6)
    received, latency = report["received"], report["latency_us"]["corrected"]
    points = {name: latency[name] / 1e3 for name in PERCENTILES}
    return {"updates": received["updates"] / report["load"]["connections"]} | points, start_us, end_us


def compare(watcher: Watcher, run: Path) -> dict[str, tuple[float, float, float]]:
    """Each figure of loadgen and of this client, and by which part of this client's they differ."""
    theirs, start_us, end_us = of_loadgen(run)
    own = watcher.figures(start_us, end_us)
    return {name: (theirs[name], own[name], abs(theirs[name] / own[name] - 1)) for name in own}


async def main(url: str, run: Path, connections: int = 4) -> int:
    page = run / "report.html"
    page.unlink(missing_ok=True)
    watcher = Watcher(url, connections)
    await watcher.ready()
    print("ready", flush=True)
    # The page is written after all that is read here.
    while not page.exists():
        await asyncio.sleep(0.2)
    await watcher.stop()
    compared = compare(watcher, run)
    for name, (theirs, own, difference) in compared.items():
        print(f"{name:8} loadgen {theirs:10.3f}   independent {own:10.3f}   {difference:.1%}")
    return int(any(difference > DIFFERENCE_MAX for _, _, difference in compared.values()))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))))
