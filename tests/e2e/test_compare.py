"""`loadgen compare` against the real servers, and against one that does known wrong things."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from processes import ROOT, binary

PEERS = ("tickcast", "floor", "nats", "mosquitto", "socket.io", "ws", "tokio-broadcast")
# Enough deliveries that the system, which counts in hundredths of a second, sees what they cost.
CONNECTIONS, RATE, SECONDS = 80, 200, 1
# Every tenth update is lost, another one comes twice, and another one behind the one after it.
FAULTY = """
import { createRequire } from "node:module";
const require = createRequire(new URL("../../tests/package.json", import.meta.url));
const { WebSocketServer } = require("ws");
const sockets = new Set();
let held;
new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) }).on("connection", (socket) => {
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.subscribe) {
      sockets.add(socket);
      return socket.send(JSON.stringify({ subscribed: 1 }));
    }
    const kind = message.seq[0] % 10;
    if (kind === 1) return;
    if (kind === 5) return (held = data);
    const copies = kind === 3 ? [data, data] : kind === 6 ? [data, held] : [data];
    for (const copy of copies) for (const each of sockets) each.send(copy, { binary: false });
  });
});
"""


def compare(*arguments: str, out: Path, env: dict[str, str] | None = None) -> tuple[int, dict, str]:
    """The exit status, the report, and the report as text."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TICKCAST_")}
    load = (
        "--connections", str(CONNECTIONS), "--rate", str(RATE), "--rounds", "1",
        "--duration", f"{SECONDS}s", "--warmup", "200ms", "--seed", "1",
    )  # fmt: skip
    ended = subprocess.run(
        [binary("loadgen"), "compare", *load, *arguments, "--json", "--out", str(out)],
        cwd=ROOT,
        env=environment | (env or {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout, ended.stderr
    report = json.loads(ended.stdout)
    assert report == json.loads((out / "report.json").read_text())
    return ended.returncode, report, (out / "report.txt").read_text()


def columns(text: str, peer: str) -> list[str]:
    """The row of a server in the table, without the spaces between."""
    row = next(line for line in text.splitlines() if line.startswith(f"  {peer} "))
    return [column.strip() for column in row[len(peer) + 2 :].split("   ") if column.strip()]


@pytest.mark.alone
def test_every_server_delivers_everything_and_table_and_json_agree(tmp_path):
    env = {"TMPDIR": str(tmp_path)}
    status, report, text = compare("--peers", ",".join(PEERS), out=tmp_path, env=env)
    assert (status, report["failures"]) == (0, []), report["failures"]
    assert [row["peer"] for row in report["rows"]] == list(PEERS)
    expected = CONNECTIONS * RATE * SECONDS
    for row in report["rows"]:
        peer = row["peer"]
        assert (row["due"], row["deliveries"]) == (expected, expected), peer
        assert [row[k] for k in ("lost", "repeated", "reordered", "foreign")] == [0] * 4, peer
        assert row["server_us_per_delivery"]["median"] > 0 and row["resident_mib"]["median"] > 1
        assert 0 < row["p50_ms"]["median"] <= row["p99_ms"]["median"] <= row["max_ms"], peer
        shown = columns(text, peer)
        assert shown[:2] == [f"{expected:,}", "0"], shown
        cost = row["server_us_per_delivery"]["median"]
        assert float(shown[2].split(" ")[0].replace(",", "")) == pytest.approx(cost, rel=0.02), peer
        assert (tmp_path / f"latency-{peer}.hgrm").read_text().count("\n") > 5
    floor = next(row for row in report["rows"] if row["peer"] == "floor")
    assert floor["ratio_to_floor"] == {"median": 1.0, "min": 1.0, "max": 1.0}
    assert left_behind(str(tmp_path), str(ROOT / "benches" / "peers")) == []


def left_behind(*places: str) -> list[str]:
    """Servers that run still: they were started with a configuration or a script in one of these."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "pytest" not in line and any(place in line for place in places):
            lines.append(line)
    return lines


def test_what_a_server_does_wrong_is_counted(tmp_path):
    peers = tmp_path / "benches" / "peers"
    peers.mkdir(parents=True)
    (peers / "ws.js").write_text(FAULTY)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    status, report, text = compare("--peers", "ws", "--peers-dir", str(peers), out=tmp_path / "out")
    assert status == 0, report["failures"]
    (row,) = report["rows"]
    each = CONNECTIONS * RATE * SECONDS // 10
    assert row["due"] == 10 * each
    assert [row[k] for k in ("lost", "repeated", "reordered")] == [each, each, each]
    assert columns(text, "ws")[:2] == [f"{9 * each:,}", f"{each:,}"]
    assert f"ws: of {10 * each} deliveries that were due {each} never came" in text


def test_a_server_that_is_not_installed_is_a_row_that_says_how(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    arguments = ("--peers", "floor,ws", "--peers-dir", str(empty))
    status, report, text = compare(*arguments, out=tmp_path / "out", env={"PATH": str(empty)})
    assert status == 0, report["failures"]
    floor, ws = report["rows"]
    assert floor["deliveries"] == CONNECTIONS * RATE * SECONDS and floor["missing"] is None
    assert ws["missing"].startswith("not installed: ") and ws["passes"] == []
    assert columns(text, "ws") == [ws["missing"]]
    assert "apt-get install nodejs" in ws["missing"] or "--peers-dir" in ws["missing"]
