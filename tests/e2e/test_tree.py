"""Rules of the tree itself: what no file may hold, and how large a file may grow."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 500
BYTES_MAX = 1 << 20
# Flat tables and lists, which are long by nature.
LONG_BY_NATURE = {"Cargo.lock", "tests/package-lock.json"}
SOURCE = {".rs", ".py", ".js", ".sh", ".html", ".css", ".toml", ".md", ".yaml", ".json"}
# Written in parts, so that this file does not hold what it looks for.
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", r"\bto" + r"do!\("]))
REGISTRIES = re.compile(
    "|".join(
        [r"\bcrates\." + "io", "pypi" + r"\.org", "registry" + r"\.npmjs", "deb" + r"\.debian"]
    )
)


def tracked_files() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("SKIPPED: not a git checkout, so which files belong to the tree is not known")
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    """All text files of the tree, but for recorded results."""
    return {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in tracked_files()
        if (Path(name).suffix in SOURCE or name == "test.sh") and not name.startswith("results/")
    }


def test_nothing_is_left_unfinished():
    assert [name for name, text in texts().items() if UNFINISHED.search(text)] == []


def test_no_file_is_a_room_with_two_purposes():
    too_long = {
        name: text.count("\n")
        for name, text in texts().items()
        if text.count("\n") > LINES_MAX and name not in LONG_BY_NATURE
    }
    assert too_long == {}


def test_no_registry_is_named():
    """Packages come from wherever the machine is set up to take them from."""
    named = [n for n, text in texts().items() if n != "Cargo.lock" and REGISTRIES.search(text)]
    assert named == []


def test_no_large_file_is_committed():
    """What is built, fetched or recorded stays out; so do files that slipped in beside the work."""
    large = [name for name in tracked_files() if (ROOT / name).stat().st_size > BYTES_MAX]
    assert large == []


def test_no_recording_is_committed():
    recordings = (".cryptofeed", ".cbcap", ".ndjson")
    assert [name for name in tracked_files() if name.endswith(recordings)] == []


def test_every_crate_obeys_the_lints_of_the_workspace():
    """They forbid `unsafe`; a crate that needs it would have to be named here."""
    manifests = [n for n in texts() if n.endswith("Cargo.toml") and n != "Cargo.toml"]
    without = [n for n in manifests if "[lints]\nworkspace = true" not in texts()[n]]
    assert without == []
