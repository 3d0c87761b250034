#!/usr/bin/env python3
"""Counts the instructions of the paths that must not drift, and compares them with benches/counts.txt.

    cargo build --release --workspace --bin counts
    benches/counts.py            compares: more than 5 % more or fewer fails
    benches/counts.py --accept   writes down what was counted, to be committed with what changed it

What is counted depends on the code, the compiler and the C library, and hardly on the machine: callgrind shows each program the
same processor, if the real one has AVX2. target/counts holds callgrind's files, for callgrind_annotate.
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BINARY = ROOT / "target/release/counts"
COMMITTED = ROOT / "benches/counts.txt"
PROFILES = ROOT / "target/counts"
TOLERANCE = 0.05
# The function of the binary that all counted work is called through.
COLLECTED = "counts::collected*"
SECONDS_MAX = 120


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accept", action="store_true", help="write the counts down")
    accept = parser.parse_args().accept
    if not has_avx2():
        print("SKIPPED: this processor has no AVX2, so other code runs than was counted")
        print(f"# pass 0\n# fail 0\n# skipped {len(committed())}")
        return 0
    paths = run([BINARY]).split()
    PROFILES.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(paths, pool.map(instructions, paths), strict=True))
    if accept:
        write_down(counts)
        return 0
    return compare(counts)


def has_avx2() -> bool:
    return re.search(r"\bavx2\b", Path("/proc/cpuinfo").read_text()) is not None


def run(command: list) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed with {done.returncode}:\n{done.stderr}")
    return done.stdout


def instructions(path: str) -> int:
    """Instructions of one operation on this path."""
    profile = PROFILES / f"{path}.callgrind"
    operations = run(
        [
            "valgrind",
            "--tool=callgrind",
            f"--toggle-collect={COLLECTED}",
            f"--callgrind-out-file={profile}",
            BINARY,
            path,
        ]
    )
    total = re.search(r"^totals: (\d+)", profile.read_text(), re.MULTILINE)
    if total is None or int(total[1]) == 0:
        sys.exit(f"{profile}: nothing was counted; is {COLLECTED} still called?")
    return round(int(total[1]) / int(operations))


def tools() -> str:
    return f"{run(['rustc', '--version']).split(' (')[0].strip()}, {run(['valgrind', '--version']).strip()}"


def write_down(counts: dict[str, int]) -> None:
    head = f"# Instructions of one operation; benches/counts.py tells more. Counted with:\n# {tools()}\n"
    COMMITTED.write_text(head + "".join(f"{path} {count}\n" for path, count in counts.items()))
    print(COMMITTED.read_text(), end="")


def committed() -> dict[str, int]:
    lines = (line.split() for line in COMMITTED.read_text().splitlines() if not line.startswith("#"))
    return {path: int(count) for path, count in lines}


def compare(counts: dict[str, int]) -> int:
    before = committed()
    failed = 0
    for path in sorted(before.keys() | counts.keys()):
        complaint = complain(before.get(path), counts.get(path))
        failed += complaint is not None
        figures = " ".join(f"{n:>7,}" if n is not None else "   none" for n in (before.get(path), counts.get(path)))
        print(f"{'not ok' if complaint else 'ok':<7}{path:<28}{figures}  {complaint or ''}".rstrip())
    if failed:
        print(
            "The counts in benches/counts.txt are not those of this tree (committed, then counted now). If that is meant to be so,\n"
            "commit what `cargo build --release --workspace --bin counts && benches/counts.py --accept` writes, and say why.\n"
            f"Here: {tools()}. There: {COMMITTED.read_text().splitlines()[1].removeprefix('# ')}."
        )
    print(f"# pass {len(before.keys() | counts.keys()) - failed}\n# fail {failed}\n# skipped 0")
    return 1 if failed else 0


def complain(before: int | None, now: int | None) -> str | None:
    if before is None or now is None:
        return "is not in counts.txt" if before is None else "is no path any more"
    change = now / before - 1
    if abs(change) <= TOLERANCE:
        return None
    return f"{change:+.1%}: {'more' if change > 0 else 'fewer, which is to be kept'}"


if __name__ == "__main__":
    sys.exit(main())
