#!/usr/bin/env python3
"""table.py DIRECTORY [README]: makes the tables of what run.sh has kept there: README.md in it, and those between the markers of
the project's README, which is left alone where the directory lies elsewhere and no README is named."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from figures import digits, median, report, spread, storm

RESULTS = Path(__file__).resolve().parent
MARKERS = re.compile(r"(<!-- results/run.sh -->\n).*?(<!-- end -->)", re.S)

LOADS = {
    "one-symbol": "one symbol, {connections:,} subscribers, {rate:,.0f} updates/s",
    "watchlists": "{connections:,} with {symbols_per_connection} of {symbols:,} symbols, {rate:,.0f} updates/s",
    "lightstreamer-all": "as [Lightstreamer]'s scenario 1: {connections:,} with one item, {rate:,.0f} updates/s",
    "lightstreamer-keys": "as its scenario 2: {connections:,} with one of {symbols} keys, {rate:,.0f} updates/s",
    "migratorydata": "as [MigratoryData]'s: {connections:,}, each {each:.3g} updates/s",
    "prompt-clients": "{connections:,} with {symbols_per_connection} of {symbols:,} symbols, verified",
    "slow-clients": "the same, 10% slow, 17 a second leave and come back",
}
HEAD = """\
| load, broker with one shard on one core | deliveries/s | latency p50 / p99, ms | CPU a delivery, µs | of the floor's |
| --- | ---: | ---: | ---: | ---: |
"""
LINKS = """\
[Lightstreamer]: https://github.com/Lightstreamer/lightstreamer-kafka-connector-loadtest
[MigratoryData]: https://migratorydata.com/blog/websockets-benchmark-8x-more-scalable/
"""
STORM_HEAD = """\
| all consistent after, s | those that stay, p50 / p99 before, ms | in the storm, ms | p99, storm / before | faults |
| ---: | ---: | ---: | ---: | ---: |
"""


def figures(found: dict, ratio: Callable[[dict], str]) -> tuple:
    """Deliveries a second, p50 and p99 in ms, CPU a delivery, and that as a part of the floor's; of pairs, the medians."""
    if "summary" in found:
        summary = found["summary"]
        names = ("deliveries_per_s", "p50_ms", "p99_ms", "server_us_per_delivery")
        middle = (summary[name]["broker"]["median"] for name in names)
        return *middle, ratio(summary["server_us_per_delivery"]["ratio"])
    latency = found["latency_us"]["corrected"]
    cpu = found["broker"]["us_per_delivery"]
    return found["received"]["deliveries_per_s"], latency["p50"] / 1e3, latency["p99"] / 1e3, cpu, "-"


def row(name: str, found: dict, ratio: Callable[[dict], str]) -> str:
    deliveries, p50, p99, cpu, of_floor = figures(found, ratio)
    rate = found["pace"]["rate"]["per_s"] if "pace" in found else 0
    symbols = found["load"]["symbols"]
    load = LOADS[name].format(**found["load"] | {"rate": rate, "each": rate / symbols})
    return f"| {load} | {deliveries:,.0f} | {digits(p50)} / {digits(p99)} | {digits(cpu)} | {of_floor} |"


def tables(raw: Path, ratio: Callable[[dict], str]) -> tuple[str, list[str]]:
    """The tables, with ratios as they are to be shown, and what went wrong or is to be known."""
    rows, remarks = [], []
    names = [name for name in [*LOADS, "storm"] if (raw / name / "report.json").exists()]
    for name in names:
        found = report(raw / name)
        remarks += [f"{name}: {text}" for text in found["failures"] + found["warnings"]]
        if name != "storm":
            rows.append(row(name, found, ratio))
    text = HEAD + "".join(f"{line}\n" for line in rows) if rows else ""
    if "storm" in names:
        load = report(raw / "storm")["load"]
        text += f"\n{load['connections']:,} subscribers are cut and come back within a second, while {load['live']:,} others stay:\n\n"
        text += STORM_HEAD + storm(raw / "storm")[1] + "\n"
    return text, remarks


def verified(raw: Path) -> str:
    """What the verified runs came to."""
    rows = []
    for name in ("prompt-clients", "slow-clients"):
        if (raw / name / "report.json").exists():
            found = report(raw / name)["verification"]
            faults = sum(found["faults"]["counts"].values())
            rows.append(f"{name}: {found['frames']:,} frames checked, {found['compared']:,} compared digit by digit, {faults} faults.")
    return "\n".join(rows)


def machine(raw: Path) -> str:
    found = next(raw.glob("*/report.json"), None)
    if found is None:
        sys.exit(f"{raw}: no reports")
    here = report(found.parent)["machine"]
    return f"{here['cpu']}, {here['cores']} cores, {here['memory_mib'] / 1024:.0f} GiB, {here['kernel']}"


def readme(directory: Path, text: str, remarks: list[str]) -> str:
    said = "\n".join(f"- {remark}" for remark in remarks) or "- nothing"
    return f"""# The fixed set of scenarios

`results/run.sh` is what ran; the loads stand in `results/scenarios`, the reports lie in `raw/`, and `results/table.py` made these tables of them. The
broker, with one shard, has one core, load generator and publisher the other. Where a load is measured beside the *floor* (a server that does nothing but
write the same bytes to the same sockets), both take turns on their core, and the figures are medians of the pairs, of the ratio with the
smallest and the largest. CPU is the whole process's.

{text}
{LINKS}
The published set-ups are followed as far as two cores and 20,000 open files go, and with quotes of some 180 bytes where those have 512 or 1,024: so
these figures and theirs are no comparison.

{verified(directory / "raw")}

**What loadgen remarked.**

{said}

**Machine.** {machine(directory / "raw")}.
"""


def main() -> None:
    directory = Path(sys.argv[1]).resolve()
    (directory / "README.md").write_text(readme(directory, *tables(directory / "raw", spread)))
    text, _ = tables(directory / "raw", median)
    project = Path(sys.argv[2]) if len(sys.argv) > 2 else RESULTS.parent / "README.md"
    if len(sys.argv) > 2 or directory.parent == RESULTS:
        floor = "The floor is a server that does nothing but write the same bytes to the same sockets."
        place = f"{floor} [Reports and caveats](results/{directory.name}/README.md).\n"
        written, count = MARKERS.subn(lambda found: f"{found[1]}{text}\n{place}\n{LINKS}{found[2]}", project.read_text())
        if count != 1:
            sys.exit(f"{project}: expected the markers {MARKERS.pattern} once")
        project.write_text(written)
    print(text)


if __name__ == "__main__":
    main()
