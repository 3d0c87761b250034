#!/usr/bin/env python3
"""Writes what run.sh has measured into README.md beside it, and the table into the project's README."""

import re
import statistics
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
import figures
from figures import digits, median, spread, storm

HERE = Path(__file__).resolve().parent
RAW = HERE / "raw"
PROJECT = HERE.parents[1] / "README.md"

LOADS = {
    "one-symbol": "one symbol, 1,000 subscribers, 50 updates/s",
    "fast-symbol": "one symbol, 100 subscribers, 1,000 updates/s",
    "watchlists": "1,000 subscribers with 20 of 1,000 symbols, 2,000 updates/s",
    "many-1000": "one symbol, 1,000 subscribers, 45 updates/s",
    "many-15000": "one symbol, 15,000 subscribers, 3 updates/s",
    "ahead-16": "one symbol, 1,000 subscribers, 16 updates ahead",
    "ahead-128": "the same, 128 ahead",
    "ahead-16-15000": "one symbol, 15,000 subscribers, 16 ahead",
    "watchlists-2-shards": "the watchlists, two shards on the core",
    "fast-symbol-2-shards": "100 subscribers, 1,000 updates/s, two shards on the core",
}
SHOWN = [name for name in LOADS if "shards" not in name and name != "many-1000"]


def report(name: str) -> dict:
    return figures.report(RAW / name)


def summary(name: str) -> dict:
    return report(name)["summary"]


def load(name: str) -> str:
    pairs, found = report(name)["pairs"], summary(name)
    cpu, p99 = found["server_us_per_delivery"], found["p99_ms"]
    deliveries = found["deliveries_per_s"]["broker"]["median"]
    return (
        f"| {LOADS[name]} | {len(pairs)} | {spread(cpu['floor'])} | {spread(cpu['broker'])} "
        f"| {spread(cpu['ratio'])} | {spread(p99['ratio'])} | {deliveries:,.0f} |"
    )


def waiting(ms: int) -> str:
    found = summary(f"turn-interval-{ms}")
    shown = (median(found[name]["broker"]) for name in ("server_us_per_delivery", "p50_ms", "p99_ms"))
    return f"| {ms} | {' | '.join(shown)} |"


def storms() -> list[str]:
    rows = [storm(path) for path in sorted(RAW.glob("storm-*"))]
    middle = statistics.median(ratio for ratio, _ in rows)
    return [row for _, row in rows] + ["", f"The median of the ratios is {middle:.2f}."]


def way_in(name: str) -> str:
    found = re.search(rf"way in/{re.escape(name)}\s+time:\s+\[\S+ \S+ (\S+) (\S+)", (RAW / "way-in.txt").read_text())
    return f"{float(found[1]):.0f} {found[2]}"


def readme() -> str:
    newline = "\n"
    return f"""# What a delivery costs beside the floor

`run.sh` is what ran, from the top of the tree after `cargo build --release --workspace --bins`; the reports lie in `raw/`, and `readme.py` made these
tables of them. The broker (one shard unless said otherwise, fed by tick lines) and the floor, a server that does nothing but write, take turns on one core;
the receivers and the publisher are the same for both, on the other core. CPU is the whole process's. Medians of the pairs, smallest and largest in brackets.

| load | pairs | floor, CPU a delivery, us | broker | broker / floor | p99 / the floor's | deliveries/s |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
{newline.join(load(name) for name in LOADS)}

The floor writes once for each update and subscriber. At a fixed rate the broker does too, and parses, keeps state and encodes besides; under
saturation (publisher so many updates ahead of the mean subscriber) it writes once for all that has come meanwhile.

**Where the watchlists' excess is.** An update has 20 deliveries there, so its own cost is spread over few. By `perf record -e cpu-clock` of the shard's thread
under this load, 79% of the samples are in the writes, 7.6% in the broker's own code and the C library (no function above 1.2%; by callgrind some 13,000
instructions an update, in a cache that 20 writes have used), 6.8% in `epoll_wait`, of which going to sleep is 5.2, and 4.4% in reading the line. The
floor reads and sleeps too, in one call.

## Waiting to merge

100 subscribers of one symbol at 1,000 updates/s, one pair for each `--turn-interval-ms`:

| turn_interval_ms | CPU a delivery, us | p50, ms | p99, ms |
| ---: | ---: | ---: | ---: |
{newline.join(waiting(ms) for ms in (0, 1, 2, 5, 10, 20))}

## A storm

10,000 connections with 20 symbols' quotes each are cut and come back within a second, while 500 others stay (`loadgen storm`, 1,000 simulated symbols,
500 updates/s):

| all consistent after, s | those that stay, p50 / p99 before, ms | in the storm, ms | p99, storm / before | faults |
| ---: | ---: | ---: | ---: | ---: |
{newline.join(storms())}

## The way in

From received bytes to the published update, criterion's median: Binance bookTicker {way_in("binance bookTicker")}, Binance trade {way_in("binance trade")}, a tick
line {way_in("ticks quote")}. `raw/way-in.txt` has the other venues.

## Memory

{(RAW / "memory.md").read_text().strip()}

**Caveats.** p99 at these rates is one or a few ms on both sides and varies by more than half from pair to pair. The machine is shared: with the same
programs the watchlists' median moves by some hundredths from run to run. The parts `turn-interval` and `way-in` ran some hours before the others, on
a build before storms were tamed (`http/bursts.rs`) and logs became smaller.

**Machine.** AMD EPYC, 2 cores, 24 GiB, Linux 6.18, a shared virtual machine.
"""


def project_table() -> str:
    rows = (f"| {LOADS[name]} | {median(summary(name)['server_us_per_delivery']['ratio'])} |" for name in SHOWN)
    return "| load, one shard on one core | CPU a delivery, of the floor's |\n| --- | ---: |\n" + "\n".join(rows) + "\n"


def main() -> None:
    (HERE / "README.md").write_text(readme())
    table = re.compile(r"\| load, one shard on one core \|.*?(?=\n\n)", re.S)
    PROJECT.write_text(table.sub(lambda _: project_table().rstrip(), PROJECT.read_text(), count=1))


if __name__ == "__main__":
    main()
