"""The real binaries, started on free ports, awaited by what they say, and ended by their pid."""

import asyncio
import json
import os
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("TICKCAST_BIN_DIR", ROOT / "target" / "release"))
START_S = 20
END_S = 10
# A subscriber in Python may be late, and is to get every frame all the same: it is followed for as long as it takes.
PATIENT = ("--conflate-after-ms", "60000", "--book-log-entries-max", "65536", "--other-log-entries-max", "65536")


def binary(name: str) -> str:
    """The path of a release binary; without it there is nothing to test."""
    path = BIN_DIR / name
    if not path.exists():
        pytest.fail(f"{path} is missing: run `cargo build --release --workspace --bins` first")
    return str(path)


class Process:
    """One started program. `lines` is all that it has printed, both streams in one."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self.process, self.name = process, name
        self.lines: list[str] = []
        self.news = asyncio.Event()
        self.reader = asyncio.create_task(self.read())

    @classmethod
    async def start(cls, name: str, *arguments: str, **options) -> Self:
        """Starts a binary of the project."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TICKCAST_")}
        process = await asyncio.create_subprocess_exec(
            binary(name),
            *map(str, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment | options.pop("env", {}),
            **options,
        )
        return cls(process, name)

    async def read(self) -> None:
        """Keeps reading, so that the program never waits for us."""
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            self.news.set()
        self.news.set()

    async def line(self, pattern: str, timeout_s: float = START_S) -> re.Match:
        """Waits for a line that holds the pattern."""
        expression = re.compile(pattern)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    self.news.clear()
                    for line in self.lines:
                        if match := expression.search(line):
                            return match
                    if self.reader.done():
                        raise AssertionError(f"{self} ended without printing {pattern!r}")
                    await self.news.wait()
        except TimeoutError:
            raise AssertionError(f"{self} has not printed {pattern!r} in {timeout_s} s") from None

    async def wait(self, timeout_s: float = END_S) -> int:
        """Waits for the end and gives the exit status."""
        async with asyncio.timeout(timeout_s):
            await self.reader
            return await self.process.wait()

    async def stop(self) -> int:
        """Asks the program to end and waits until it has."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type | None, *_) -> None:
        """Ends the program; where the test was fine so far, it must end well too."""
        try:
            status = await self.stop()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError(f"{self} did not end in {END_S} s after SIGTERM") from None
        if kind is None:
            assert status == 0, f"{self} ended with {status}"

    def __str__(self) -> str:
        tail = "\n  ".join(self.lines[-15:])
        return f"{self.name} (pid {self.process.pid}), whose last lines were\n  {tail}\n"

    def rss_bytes(self) -> int:
        """Resident memory."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


class Broker(Process):
    """A broker on a free port. `http` and `stream` are its addresses."""

    http: str
    stream: str

    @classmethod
    async def start(cls, *feeds: str, arguments: tuple[str, ...] = (), **options) -> Self:
        """Starts it with the feeds and waits until it listens."""
        feed_arguments = [part for feed in feeds for part in ("--feed", feed)]
        broker = await super().start(
            "broker", "--listen", "127.0.0.1:0", *feed_arguments, *arguments, **options
        )
        # Feeds are listed too, and some of them have an http address in their URL.
        broker.http = (await broker.line(r"^page +(http://127\.0\.0\.1:[1-9]\d*)"))[1]
        broker.stream = broker.http.replace("http://", "ws://") + "/v1/stream"
        return broker

    @property
    def port(self) -> int:
        return int(self.http.rsplit(":", 1)[1])

    async def get(self, path: str, method: str = "GET") -> "Reply":
        """An HTTP request."""
        return await asyncio.to_thread(fetch, self.http + path, method)

    async def ready(self, timeout_s: float = START_S) -> None:
        """Waits until every feed is live."""
        try:
            async with asyncio.timeout(timeout_s):
                while (await self.get("/readyz")).status != 200:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self} is not ready after {timeout_s} s") from None

    async def symbols(self) -> list[dict]:
        """All symbols that exist."""
        return json.loads((await self.get("/v1/symbols")).text)["symbols"]

    async def knows(self, *wanted: str) -> None:
        """Waits until symbols exist: those of a capture do once they are seen there."""
        async with asyncio.timeout(START_S):
            while not set(wanted) <= {symbol["symbol"] for symbol in await self.symbols()}:
                await asyncio.sleep(0.02)

    async def metrics(self) -> dict[str, float]:
        """All samples, by name and labels as they are printed."""
        text = (await self.get("/metrics")).text
        samples = (line.rsplit(" ", 1) for line in text.splitlines() if line[:1] not in ("", "#"))
        return {name: float(value) for name, value in samples}


class Reply:
    """What an HTTP request brought back."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode()


def fetch(url: str, method: str = "GET") -> Reply:
    """An HTTP request whose error statuses are answers too."""
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request, timeout=START_S) as reply:
            return Reply(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as reply:
        return Reply(reply.code, reply.headers, reply.read())


async def run(name: str, *arguments: str, timeout_s: float = 60, **options) -> tuple[int, str]:
    """Runs a binary to its end; gives its exit status and all that it printed."""
    process = await Process.start(name, *arguments, **options)
    try:
        status = await process.wait(timeout_s)
    except TimeoutError:
        process.process.kill()
        raise AssertionError(f"{process} is still running after {timeout_s} s") from None
    return status, "\n".join(process.lines)
