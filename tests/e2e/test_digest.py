"""Replay is deterministic: the same capture gives the same topics, byte for byte, at any speed."""

import asyncio
import json

import pytest

from client import Client
from processes import Broker, run
from recordings import RECORDINGS, Recording
from replay import prepare

GENERATED = {
    "binance": ("BTCUSDT", "ETHUSDT"),
    "binance-usdm": ("BTCUSDT", "ETHUSDT"),
    "binance-coinm": ("BTCUSD_PERP", "ETHUSD_PERP"),
    "bybit": ("BTCUSDT", "ETHUSDT"),
    "coinbase": ("BTC-USD", "ETH-USD"),
    "kraken": ("BTC/USD", "ETH/USD"),
    "okx": ("BTC-USDT", "ETH-USDT"),
}


@pytest.fixture(scope="session", params=GENERATED)
def generated(request, tmp_path_factory):
    """A capture of three seconds in a venue's own format."""
    venue = request.param
    path = tmp_path_factory.getbasetemp() / f"generated-{venue}.capture"
    if not path.exists():
        arguments = ["generate", "--venue", venue, "--symbols", 2, "--rate", 200]
        arguments += ["--duration", "3s", "--seed", 7, "--out", path]
        status, output = asyncio.run(run("feed-replay", *arguments))
        assert status == 0, output
    return venue, path


def test_a_generated_capture_has_one_digest_at_every_speed(generated):
    venue, path = generated
    expected = asyncio.run(computed_digests(venue, path))
    assert expected
    for speed in ("1", "max", "1", "max"):
        assert asyncio.run(broker_digests(venue, path, speed, expected)) == expected, speed


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_a_recording_has_one_digest(recording: Recording, tmp_path_factory):
    path = asyncio.run(prepare(recording, tmp_path_factory.getbasetemp()))
    query = "".join(f"&{key}={value}" for key, value in recording.query.items())
    expected = asyncio.run(computed_digests(recording.venue, path))
    assert expected
    for _ in range(2):
        got = asyncio.run(broker_digests(recording.venue, path, "max", expected, query))
        assert got == expected


def test_generating_twice_from_one_seed_gives_the_same_file(tmp_path):
    async def generate(name: str, seed: int) -> bytes:
        arguments = ["generate", "--venue", "binance", "--symbols", 3, "--rate", 100]
        arguments += ["--duration", "2s", "--seed", seed, "--out", tmp_path / name]
        status, output = await run("feed-replay", *arguments)
        assert status == 0, output
        return (tmp_path / name).read_bytes()

    first, again = asyncio.run(generate("a", 1)), asyncio.run(generate("b", 1))
    assert first == again and first
    assert asyncio.run(generate("c", 2)) != first


def test_a_client_that_got_everything_computes_the_same_digest(generated):
    """The digest is of the frames that subscribers get, in order, each with a newline."""
    venue, path = generated
    expected = asyncio.run(computed_digests(venue, path))

    async def follow() -> dict:
        feed = f"file:{path}?venue={venue}&speed=1"
        async with (
            await Broker.start(feed) as broker,
            await Client.connect(broker.stream) as client,
        ):
            await broker.knows(*{symbol for _, symbol in expected})
            for channel in ("trades", "quotes", "book"):
                await client.subscribe_from_the_start(channel, names(expected, channel))
            heads = {key: entry["seq"] for key, entry in expected.items() if key in client.topics}
            await client.until(
                lambda: all(client.topics[key].last >= seq for key, seq in heads.items()),
                30,
                "the end of the capture",
            )
            return {key: client.topics[key].sha256.hexdigest() for key in heads}

    got = asyncio.run(follow())
    assert len(got) >= 6
    assert got == {key: expected[key]["sha256"] for key in got}


def names(expected: dict, channel: str) -> list[str]:
    return [symbol for topic_channel, symbol in expected if topic_channel == channel]


async def computed_digests(venue: str, path) -> dict:
    """What `feed-replay digest` says, by channel and symbol."""
    status, output = await run("feed-replay", "digest", path, "--venue", venue, "--json")
    assert status == 0, output
    return by_topic(json.loads(output))


async def broker_digests(venue: str, path, speed: str, expected: dict, query: str = "") -> dict:
    """What a broker says once it has published as much as expected, or has come to rest."""
    feed = f"file:{path}?venue={venue}&speed={speed}&digest=true{query}"
    async with await Broker.start(feed) as broker:
        before, quiet = None, 0
        while quiet < 10:
            now = by_topic(json.loads((await broker.get("/v1/digests")).text))
            if now == expected:
                break
            quiet = quiet + 1 if now == before else 0
            before = now
            await asyncio.sleep(0.1)
        return now


def by_topic(digests: dict) -> dict:
    return {(topic["channel"], topic["symbol"]): topic for topic in digests["topics"]}
