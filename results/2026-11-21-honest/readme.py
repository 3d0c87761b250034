#!/usr/bin/env python3
"""Writes what run.sh has measured into README.md beside it."""

import json
import statistics
from pathlib import Path

HERE = Path(__file__).resolve().parent
RAW = HERE / "raw"
CHANNELS = ("trades", "quotes", "book")


def report(name: str) -> dict:
    return json.loads((RAW / name / "report.json").read_text())


def ms(latency: dict) -> str:
    return f"{latency['corrected']['p50'] / 1000:.2f} / {latency['corrected']['p99'] / 1000:.2f}"


def account(name: str) -> str:
    verified = report(name)["verification"]
    parts = verified["account"]
    rest = sum(value for key, value in parts.items() if key != "spanned")
    assert rest == parts["spanned"], (name, parts)
    return (
        f"| {name} | {parts['spanned']:,} | {parts['delivered']:,} | {parts['conflated']:,} | {parts['lost']:,} "
        f"| {parts['states'] + parts['in_snapshots']:,} | {verified['compared']:,} | {sum(verified['faults']['counts'].values())} |"
    )


def latency(channel: str) -> str:
    bad, good = report(f"mixed-{channel}")["latency_us"], report(f"good-{channel}")["latency_us"]
    ratio = bad["corrected"]["p99"] / good["corrected"]["p99"]
    return f"| {channel} | {ms(good)} | {ms(bad)} | {ratio:.2f} |"


def memory(channel: str) -> str:
    lines = [line.split() for line in (RAW / f"mixed-{channel}.memory").read_text().splitlines()[1:]]
    resident = {int(line[0]): float(line[1]) for line in lines}
    held = max(float(line[3]) for line in lines)
    shown = " | ".join(f"{resident[at]:.1f}" for at in (0, 5, 10, 15, 20, 30, 40, 50, 60))
    return f"| {channel} | {shown} | {held:.1f} |"


def rounds(pairs: list[tuple[float, str]]) -> str:
    """Rows, each with its ratio at the end, and the median of these."""
    rows = "\n".join(f"{row} | {ratio:.3f} |" for ratio, row in pairs)
    return f"{rows}\n\nThe median of the ratios is {statistics.median(ratio for ratio, _ in pairs):.3f}."


def tiers() -> str:
    pairs = []
    for pair in (1, 2, 3):
        raw, tiered = (report(f"tiers-{every}-{pair}")["broker"]["cpu_s"] for every in (0, 100))
        nobody = float((RAW / f"tiers-nobody-{pair}.txt").read_text())
        pairs.append((tiered / raw, f"| {pair} | {raw:.2f} | {tiered:.2f} | {nobody:.2f}"))
    return rounds(pairs)


def busy_tiers() -> str:
    pairs = []
    for pair in (1, 2, 3):
        raw, tiered = (report(f"busy-tiers-{every}-{pair}") for every in (0, 100))
        rate = raw["received"]["deliveries_per_s"]
        cpu = raw["broker"]["cpu_s"], tiered["broker"]["cpu_s"]
        pairs.append((cpu[1] / cpu[0], f"| {pair} | {rate:,.0f} | {cpu[0]:.2f} | {cpu[1]:.2f}"))
    return rounds(pairs)


def tiers_floor() -> str:
    micros = report("tiers-floor")["summary"]["server_us_per_delivery"]["floor"]["median"]
    return f"{micros:.2f} us each, {micros * 1000 * 10 * 20 / 1e6:.2f} s in 20 s"


def readme() -> str:
    newline = "\n"
    accounts = [f"{kind}-{channel}" for channel in CHANNELS for kind in ("mixed", "good")] + ["killed"]
    killed = report("killed")
    return f"""# What subscribers get beside bad ones

`run.sh` is what ran, from the top of the tree after `cargo build --release --workspace --bins`; the reports lie in `raw/`, and `readme.py` made these
tables of them. Broker on one core, load generator on the other. 1,000 connections with 20 of 500 simulated symbols each, 5,000 updates/s in all, 60 s, of
which 20% sit on a tier of 100 ms. In *mixed* runs 5% never read, 5% read 1 KiB/s, and 17 a second leave and come back with what they
have (`--churn 100%/min --resume`); in *good* ones nobody does.

## Nothing is missing

`loadgen run --verify` rebuilds what each connection holds. What the ranges span is the sum of what was delivered, conflated, lost and told by
states and snapshots; books and quotes are compared digit by digit with `/v1/snapshot`.

| run | spanned | delivered | conflated | lost | states, snapshots | compared | faults |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{newline.join(account(name) for name in accounts)}

*killed*: the broker was ended by SIGKILL after ten seconds and started again; {killed["connections"]["live"]:,} connections were live at the end.

## What the bad ones cost the others

p50 / p99 in ms, from the intended time, of those that read at the raw rate:

| channel | without bad ones | with them | p99, with / without |
| --- | ---: | ---: | ---: |
{newline.join(latency(channel) for channel in CHANNELS)}

## Memory

Resident MiB of the broker in the mixed runs, by seconds from the beginning, and the most KiB that it held for one connection. The
logs are full before the tenth:

| channel | 0 | 5 | 10 | 15 | 20 | 30 | 40 | 50 | 60 | held |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{newline.join(memory(channel) for channel in CHANNELS)}

## Tiers

CPU seconds of the whole broker, simulator included, in 20 s of quotes to everybody, each update and every 100 ms, and with nobody there. While nobody
is told of each update, as in the last two, the simulator sleeps for 5 ms at least and not for one.

| round | raw | 100 ms | nobody | 100 ms / raw |
| ---: | ---: | ---: | ---: | ---: |
{tiers()}

A write to each subscriber every 100 ms is left, and those of a server that does nothing else (`tiers-floor`, the floor's half) take {tiers_floor()}.
So the ratio depends on how much there is to save, and a third of the simulator's updates are quotes. On another machine of this kind, on the same
day, the raw rate took 9.4 to 10.6 s, and the tiers 0.222 to 0.239 of it. Where all 5,000 updates/s are quotes (tick lines):

| round | deliveries/s, raw | raw | 100 ms | 100 ms / raw |
| ---: | ---: | ---: | ---: | ---: |
{busy_tiers()}

## A slow reader

Quotes of 20 busy symbols, receive buffer of 4,096 bytes; ages by `rx`, after five seconds in which the buffers fill (`slow_reader.py`). What is old at
1 KiB/s lies in the two sockets' buffers.

```
{(RAW / "slow-reader.txt").read_text().strip()}
```

**Machine.** AMD EPYC, 2 cores, 24 GiB, Linux 6.18, a shared virtual machine: p99 varies by a third between runs of the same programs.
"""


if __name__ == "__main__":
    (HERE / "README.md").write_text(readme())
