"""The tables of the results are made of what loadgen keeps: tried with what is kept."""

import json
import shutil
import subprocess
import sys

from processes import ROOT

RESULTS = ROOT / "results"
# A scenario, and a run of the same kind that was kept.
KEPT = {
    "one-symbol": "2026-11-21-price/raw/one-symbol",
    "watchlists": "2026-11-21-price/raw/watchlists",
    "slow-clients": "2026-11-21-honest/raw/mixed-quotes",
    "storm": "2026-11-21-price/raw/storm-1",
}


def test_the_table_of_the_readme_is_made_of_reports(tmp_path):
    for scenario, run in KEPT.items():
        shutil.copytree(RESULTS / run, tmp_path / "raw" / scenario)
    project = tmp_path / "project.md"
    shutil.copy(ROOT / "README.md", project)
    subprocess.run([sys.executable, "-B", RESULTS / "table.py", tmp_path, project], check=True, timeout=30)
    table = project.read_text().split("<!-- results/run.sh -->\n")[1].split("<!-- end -->")[0]
    for line in (
        "| one symbol, 1,000 subscribers, 50 updates/s | 50,065 |",
        "| 1,000 with 20 of 1,000 symbols, 2,000 updates/s | 40,007 |",
        "10,000 subscribers are cut and come back within a second, while 500 others stay:",
        "| 1.534 | 1.041 / 3.363 | 0.697 / 4.767 | 1.42 | 0 |",
    ):
        assert line in table, table
    assert "| 1.04 |" in table and table.count("\n| ") == 7, table
    own = (tmp_path / "README.md").read_text()
    kept = json.loads((RESULTS / KEPT["slow-clients"] / "report.json").read_text())
    checked = f"slow-clients: {kept['verification']['frames']:,} frames checked"
    assert "1.04 [0.967 - 1.23]" in own and checked in own, own


def test_scripts_of_results_are_read_by_bash():
    for script in [*RESULTS.glob("*.sh"), *RESULTS.glob("*/run.sh")]:
        subprocess.run(["bash", "-n", script], check=True, timeout=10)
