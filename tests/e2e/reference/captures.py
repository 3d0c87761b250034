"""Readers of recordings: each yields `Record`s in the order of the file."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .times import unix_ns


@dataclass(frozen=True)
class Record:
    """One thing that the recorder received.

    `kind` is "frame" (a WebSocket frame) or "depth" (a REST depth body of Binance). `symbol` is
    known for a depth body whose request was recorded. `time_ns` is absent where the recorder kept
    no receive times.
    """

    kind: str
    text: str
    time_ns: int | None = None
    symbol: str | None = None


def read_capture(path: Path) -> Iterator[Record]:
    """Reads the recording at `path`, in the format that its name tells."""
    for suffix, reader in READERS.items():
        if path.name.endswith(suffix):
            return reader(path)
    raise ValueError(
        f"{path.name}: no reader for this kind of file, known are {', '.join(READERS)}"
    )


def read_hftbacktest(path: Path) -> Iterator[Record]:
    """`<unix ns> <frame>` a line; an object with `lastUpdateId` at top level is a depth body."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            time, _, text = line.rstrip("\n").partition(" ")
            kind = "depth" if text.startswith('{"lastUpdateId"') else "frame"
            yield Record(kind, text, int(time))


CRYPTOFEED_FRAME = re.compile(r"(\d+\.?\d*): (.*)", re.DOTALL)
CRYPTOFEED_REST = re.compile(r"(https?://\S+) -> (\d+\.?\d*): (.*)", re.DOTALL)


def read_cryptofeed(path: Path) -> Iterator[Record]:
    """`T: frame`, `url -> T: body`; what the client sent and the configuration are left out."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if match := CRYPTOFEED_FRAME.fullmatch(line):
                yield Record("frame", match[2], unix_ns(match[1]))
            elif (match := CRYPTOFEED_REST.fullmatch(line)) and "/depth" in match[1]:
                symbol = parse_qs(urlsplit(match[1]).query)["symbol"][0]
                yield Record("depth", match[3], unix_ns(match[2]), symbol)


def read_ndjson(path: Path) -> Iterator[Record]:
    """One frame a line, without receive times."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield Record("frame", line.rstrip("\n"))


def read_cbcap(path: Path) -> Iterator[Record]:
    """`CBCAP1 venue symbol start_unix_ns`, then `<ns> <length>` and so many bytes, newline."""
    data = path.read_bytes()
    header, position = line_at(data, 0)
    if not header.startswith(b"CBCAP1 "):
        raise ValueError(f"{path.name}: expected a CBCAP1 header, found {header[:40]!r}")
    while position < len(data):
        head, position = line_at(data, position)
        if not head:
            continue
        time, length = (int(field) for field in head.split())
        yield Record("frame", data[position : position + length].decode(), time)
        position += length


def line_at(data: bytes, position: int) -> tuple[bytes, int]:
    """The line that starts at `position`, and where the next one starts."""
    end = data.find(b"\n", position)
    end = len(data) if end < 0 else end
    return data[position:end], end + 1


def read_tickcast(path: Path) -> Iterator[Record]:
    """The project's own text: `<unix ns> <frame>`, or a tag in between (`@http URL BODY`)."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            time, _, rest = line.rstrip("\n").partition(" ")
            if line.startswith("#") or not rest:
                continue
            if rest.startswith("@conn "):
                rest = rest.split(" ", 2)[2]
            if rest.startswith("@http "):
                _, url, body = rest.split(" ", 2)
                if "/depth" in url:
                    symbol = parse_qs(urlsplit(url).query)["symbol"][0]
                    yield Record("depth", body, int(time), symbol)
            elif not rest.startswith("@"):
                kind = "depth" if is_depth_body(rest) else "frame"
                yield Record(kind, rest, int(time))


def is_depth_body(text: str) -> bool:
    """Whether a frame is in truth a REST depth body that a recorder put between the frames."""
    return "lastUpdateId" in text[:200] and "lastUpdateId" in json.loads(text)


READERS = {
    ".gz": read_hftbacktest,
    ".cryptofeed": read_cryptofeed,
    ".ndjson": read_ndjson,
    ".cbcap": read_cbcap,
    ".capture": read_tickcast,
}
