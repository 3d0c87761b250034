"""Figures as the tables under results show them."""

import json
import re
from pathlib import Path


def report(directory: Path) -> dict:
    """What loadgen kept of a run."""
    return json.loads((directory / "report.json").read_text())


def digits(value: float) -> str:
    """Three of them, also where the last is a zero; all of a number from 1,000."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:#.3g}".rstrip(".")


def median(figure: dict) -> str:
    """That of pairs."""
    return digits(figure["median"])


def spread(figure: dict) -> str:
    """The median of pairs, and how far they lie apart."""
    return f"{median(figure)} [{digits(figure['min'])} - {digits(figure['max'])}]"


def storm(directory: Path) -> tuple[float, str]:
    """How much longer the 99th percentile was in a storm for those who stayed, and the storm's row of a table."""
    text = (directory / "report.txt").read_text()
    consistent = re.search(r"all consistent\s+([0-9.]+) s", text)
    faults = re.findall(r"^faults\s+(\d+)", text, re.M)
    latency = re.search(r"^latency, ms.*\n\s+before\s+(.*)\n\s+in the storm\s+(.*)\n", text, re.M)
    before, during = (line.split() for line in latency.groups())
    ratio = float(during[2]) / float(before[2])
    row = f"| {consistent[1] if consistent else 'not all'} | {before[0]} / {before[2]} | {during[0]} / {during[2]} | {ratio:.2f} | {max(faults)} |"
    return ratio, row
