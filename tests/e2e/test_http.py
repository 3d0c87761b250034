"""Each HTTP path of the broker, as a person with curl would try it."""

import asyncio
import json

import pytest

from processes import Broker

SIM = "sim:?symbols=5&rate=200&seed=1"


def with_broker(check) -> None:
    """Runs `check` against a broker with a small simulated market."""

    async def run() -> None:
        async with await Broker.start(SIM) as broker:
            await broker.ready()
            await check(broker)

    asyncio.run(run())


def test_the_page_and_its_module():
    async def check(broker: Broker) -> None:
        page = await broker.get("/")
        assert page.status == 200
        assert page.headers["content-type"].startswith("text/html")
        assert "<title" in page.text
        module = await broker.get("/client.js")
        assert module.status == 200
        assert "javascript" in module.headers["content-type"]
        assert "export" in module.text

    with_broker(check)


def test_symbols_say_what_they_are():
    async def check(broker: Broker) -> None:
        reply = await broker.get("/v1/symbols")
        assert reply.headers["content-type"].startswith("application/json")
        symbols = json.loads(reply.text)["symbols"]
        assert len(symbols) == 5
        for symbol in symbols:
            assert symbol["symbol"].startswith("sim:") and symbol["venue"] == "sim"
            assert symbol["state"] == "live"
            assert {"quotes", "trades", "book"} <= set(symbol["channels"])

    with_broker(check)


@pytest.mark.parametrize("channel", ["trades", "quotes", "ticker", "book10", "book", "status"])
def test_snapshots_are_the_frames_of_the_stream(channel):
    async def check(broker: Broker) -> None:
        symbols = await broker.symbols()
        symbol = symbols[0]["symbol"]
        reply = await broker.get(f"/v1/snapshot?channel={channel}&symbol={symbol}")
        assert reply.status == 200
        frame = json.loads(reply.text)
        frame = frame.get("snapshot", frame)
        assert (frame["type"], frame["channel"], frame["symbol"]) == ("snapshot", channel, symbol)
        assert frame["seq"][1] >= frame["seq"][0] >= 0 and frame["epoch"]

    with_broker(check)


def test_metrics_are_in_prometheus_form_and_count():
    async def check(broker: Broker) -> None:
        reply = await broker.get("/metrics")
        assert reply.status == 200
        assert "# TYPE" in reply.text and "# HELP" in reply.text
        first = await broker.metrics()
        assert first
        await asyncio.sleep(0.3)
        second = await broker.metrics()
        assert any(second[name] > value for name, value in first.items() if name in second)

    with_broker(check)


def test_health_and_readiness():
    async def check(broker: Broker) -> None:
        assert (await broker.get("/healthz")).status == 200
        assert (await broker.get("/readyz")).status == 200

    with_broker(check)


def test_not_ready_while_a_feed_is_not_live():
    """A feed whose venue is not there: the process answers, and is not ready."""

    async def run() -> None:
        feed = "coinbase+ws://127.0.0.1:1?symbols=BTC-USD"
        async with await Broker.start(feed) as broker:
            assert (await broker.get("/healthz")).status == 200
            reply = await broker.get("/readyz")
            assert reply.status == 503
            assert "coinbase" in reply.text

    asyncio.run(run())


def test_schemas_are_served():
    async def check(broker: Broker) -> None:
        reply = await broker.get("/schemas/asyncapi.yaml")
        assert reply.status == 200
        assert "asyncapi" in reply.text
        assert (await broker.get("/schemas/nothing.json")).status == 404

    with_broker(check)


WRONG = [
    ("GET", "/nothing", 404),
    ("GET", "/../Cargo.toml", 404),
    ("GET", "/%2e%2e/Cargo.toml", 404),
    ("GET", "/schemas/../../Cargo.toml", 404),
    ("POST", "/v1/symbols", 405),
    ("DELETE", "/", 405),
    ("GET", "/v1/snapshot", 400),
    ("GET", "/v1/snapshot?channel=quotes", 400),
    ("GET", "/v1/snapshot?channel=nothing&symbol=sim:X", 400),
    ("GET", "/v1/snapshot?channel=quotes&symbol=sim:NOTHING", 404),
]


@pytest.mark.parametrize("method,path,status", WRONG, ids=lambda value: str(value))
def test_wrong_requests_get_their_status(method, path, status):
    async def check(broker: Broker) -> None:
        reply = await broker.get(path, method)
        assert reply.status == status, reply.text
        assert (await broker.get("/healthz")).status == 200

    with_broker(check)


def test_a_stream_without_an_upgrade_is_refused():
    async def check(broker: Broker) -> None:
        reply = await broker.get("/v1/stream")
        assert reply.status in (400, 426)

    with_broker(check)


def test_head_has_no_body():
    async def check(broker: Broker) -> None:
        reply = await broker.get("/healthz", "HEAD")
        assert reply.status == 200 and reply.body == b""

    with_broker(check)
