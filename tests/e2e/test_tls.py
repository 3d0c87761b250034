"""The stand-in over TLS: who connects, who is turned away, and what is said of files that are no use."""

import asyncio
from http.client import HTTPException
from pathlib import Path

import pytest

from certificate import write_certificate
from processes import Broker, fetch, run
from recorder import StandIn, feed_url, generate

VENUE = "binance"


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    """Holds a capture, two certificates with their keys, and files that are neither."""
    directory = tmp_path_factory.mktemp("tls")
    asyncio.run(generate(VENUE, directory / "capture.zst", seconds=5))
    write_certificate(directory)
    (directory / "other").mkdir()
    write_certificate(directory / "other")
    (directory / "text.pem").write_text("no PEM at all\n")
    whole = (directory / "certificate.pem").read_text()
    (directory / "cut.pem").write_text(whole[: len(whole) // 2])
    return directory


def files(directory: Path, certificate: str = "certificate.pem", key: str = "key.pem") -> list:
    return ["--tls-cert", directory / certificate, "--tls-key", directory / key]


def test_a_broker_reads_a_venue_over_tls(directory):
    async def check() -> None:
        capture, trusted = directory / "capture.zst", directory / "certificate.pem"
        async with await StandIn.start(VENUE, capture, arguments=files(directory)) as stand_in:
            # A client that speaks no TLS is turned away, and disturbs nobody.
            with pytest.raises((OSError, HTTPException)):
                await asyncio.to_thread(fetch, f"http://127.0.0.1:{stand_in.port}/api/v3/ping")
            feed = (await feed_url(VENUE, stand_in.port, capture)).replace("+ws:", "+wss:")
            feed += f"&rest=https://127.0.0.1:{stand_in.port}"
            environment = {"SSL_CERT_FILE": str(trusted)}
            async with await Broker.start(feed, env=environment) as broker:
                await broker.ready()

    asyncio.run(check())


@pytest.mark.parametrize(
    ("certificate", "key", "complaint"),
    [
        ("nothing.pem", "key.pem", r"nothing.pem: cannot be read: No such file"),
        ("certificate.pem", "nothing.pem", r"nothing.pem: cannot be read: No such file"),
        ("key.pem", "certificate.pem", "key.pem: expected a certificate in PEM form, found a private key"),
        (
            "certificate.pem",
            "certificate.pem",
            "certificate.pem: expected a private key without a password in PEM form, found a certificate",
        ),
        ("text.pem", "key.pem", "text.pem: expected a certificate in PEM form, found nothing of the kind"),
        ("cut.pem", "key.pem", "cut.pem: is damaged PEM"),
        ("certificate.pem", "other/key.pem", "cannot be used: keys may not be consistent: KeyMismatch"),
    ],
)
def test_files_that_are_no_use_are_told(directory, certificate, key, complaint):
    arguments = ["serve", directory / "capture.zst", "--venue", VENUE, "--listen", "127.0.0.1:0"]
    arguments += files(directory, certificate, key)
    status, output = asyncio.run(run("feed-replay", *arguments))
    assert status == 2
    assert complaint in output


def test_a_certificate_needs_its_key(directory):
    arguments = ["serve", directory / "capture.zst", "--venue", VENUE, "--listen", "127.0.0.1:0"]
    status, output = asyncio.run(run("feed-replay", *arguments, *files(directory)[:2]))
    assert status == 2
    assert "--tls-key" in output
