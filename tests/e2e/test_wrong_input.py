"""Wrong input: each has a clear error or close code, and nobody else notices."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest

from client import Client, RequestError
from processes import Broker, run
from rawsocket import BINARY, CLOSE, FIN, PING, PONG, TEXT, RawSocket, raw_socket

pytestmark = pytest.mark.alone

SIM = "sim:?symbols=20&rate=2000&seed=1"


@asynccontextmanager
async def broker_with_bystander():
    """A broker, and a subscriber of everything who must not notice what a test does."""
    async with await Broker.start(SIM) as broker, await Client.connect(broker.stream) as bystander:
        await broker.ready()
        for channel in ("quotes", "trades", "book"):
            await bystander.subscribe(channel, ["sim:*"])
        yield broker
        seen = total(bystander)
        await bystander.until(lambda: total(bystander) > seen + 200, 10, "the bystander's data")
        assert all(topic.conflated == topic.lost == 0 for topic in bystander.topics.values())


def total(client: Client) -> int:
    return sum(topic.last for topic in client.topics.values())


BAD_REQUESTS = {
    "malformed JSON": ('{"id":1,"method":', None, "bad_request"),
    "no object": ("[1,2]", None, "bad_request"),
    "no method": ('{"id":1}', 1, "bad_request"),
    "unknown method": ('{"id":1,"method":"dance"}', 1, "unknown_method"),
    "unknown channel": (
        '{"id":"a","method":"subscribe","params":{"channel":"gossip","symbols":["sim:*"]}}',
        "a",
        "unknown_channel",
    ),
    "unknown parameter": (
        '{"id":2,"method":"subscribe","params":{"channel":"book","symbols":[],"color":"red"}}',
        2,
        "bad_request",
    ),
    "symbols of a wrong type": (
        '{"id":3,"method":"subscribe","params":{"channel":"book","symbols":"sim:*"}}',
        3,
        "bad_request",
    ),
    "a negative interval": (
        '{"id":4,"method":"subscribe","params":{"channel":"book","symbols":[],"interval_ms":-1}}',
        4,
        "bad_request",
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_answered_and_the_connection_goes_on(name):
    text, identifier, code = BAD_REQUESTS[name]

    def misbehave(raw: RawSocket) -> None:
        raw.send(FIN | TEXT, text.encode())
        reply = json.loads(raw.read_text('"error"'))
        assert reply["id"] == identifier
        assert reply["error"]["code"] == code
        assert reply["error"]["message"] and reply["error"]["retryable"] is False
        raw.send(FIN | TEXT, b'{"id":"after","method":"ping"}')
        assert "after" in raw.read_text('"id":"after"')

    at_the_wire(misbehave)


def at_the_wire(misbehave) -> None:
    """Runs `misbehave` with a raw connection while a bystander watches."""

    def with_socket(port: int) -> None:
        with raw_socket(port) as raw:
            misbehave(raw)

    async def check() -> None:
        async with broker_with_bystander() as broker:
            await asyncio.to_thread(with_socket, broker.port)

    asyncio.run(check())


MEGABYTE = b'{"id":1,"method":"ping","params":{"x":"' + b"x" * (1 << 20) + b'"}}'
PROTOCOL_ERRORS = {
    "a request of 1 MB": (FIN | TEXT, MEGABYTE, True, 1009),
    "a binary frame": (FIN | BINARY, b"\x00\x01", True, 1003),
    "an unmasked frame": (FIN | TEXT, b'{"id":1,"method":"ping"}', False, 1002),
    "invalid UTF-8": (FIN | TEXT, b'{"id":"\xff\xfe"}', True, 1007),
    "a reserved bit": (FIN | 0x40 | TEXT, b"{}", True, 1002),
    "a reserved opcode": (FIN | 0x3, b"{}", True, 1002),
    "a control frame in parts": (PING, b"x", True, 1002),
    "a control frame of 126 bytes": (FIN | PING, b"x" * 126, True, 1002),
    "a continuation of nothing": (FIN, b"{}", True, 1002),
}


@pytest.mark.parametrize("name", PROTOCOL_ERRORS)
def test_a_broken_protocol_closes_the_connection_with_its_code(name):
    first_byte, payload, masked, code = PROTOCOL_ERRORS[name]

    def misbehave(raw: RawSocket) -> None:
        raw.send(first_byte, payload, masked)
        got, reason = raw.read_close()
        assert got == code, reason

    at_the_wire(misbehave)


def test_a_large_message_in_small_parts_is_too_large_as_well():
    def misbehave(raw: RawSocket) -> None:
        raw.send(TEXT, b"{" + b" " * 65_000)
        for _ in range(4):
            raw.send(0, b" " * 65_000)
        assert raw.read_close()[0] == 1009

    at_the_wire(misbehave)


def test_pings_and_closes_are_answered_in_kind():
    def behave(raw: RawSocket) -> None:
        raw.send(FIN | PING, b"are you there")
        opcode, payload = raw.read_frame()
        while opcode != PONG:
            opcode, payload = raw.read_frame()
        assert payload == b"are you there"
        raw.send(FIN | CLOSE, b"\x03\xe8bye")
        assert raw.read_close()[0] == 1000

    at_the_wire(behave)


def test_an_unknown_symbol_is_rejected_by_name_and_the_others_are_granted():
    async def check() -> None:
        async with broker_with_bystander() as broker, await Client.connect(broker.stream) as client:
            known = (await broker.symbols())[0]["symbol"]
            result = await client.subscribe("quotes", [known, "sim:NOTHING", "nowhere:AT-ALL"])
            assert [grant["symbol"] for grant in result["subscribed"]] == [known]
            rejected = {each["symbol"]: each["code"] for each in result["rejected"]}
            assert rejected == {"sim:NOTHING": "unknown_symbol", "nowhere:AT-ALL": "unknown_symbol"}
            assert all(each["message"] for each in result["rejected"])

    asyncio.run(check())


def test_a_flood_of_requests_is_limited_and_then_closed():
    """Errors first, then the end of the connection with 1008."""

    async def check() -> None:
        async with broker_with_bystander() as broker, await Client.connect(broker.stream) as client:
            refused = set()
            flood = [asyncio.create_task(client.request("ping")) for _ in range(5000)]
            for result in await asyncio.gather(*flood, return_exceptions=True):
                if isinstance(result, RequestError):
                    refused.add(result.code)
            assert refused == {"rate_limited"}
            assert client.socket.close_code == 1008

    asyncio.run(check())


def test_a_port_in_use_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, output = asyncio.run(
            run("broker", "--listen", address, "--feed", SIM, timeout_s=20)
        )
        assert status == 1
        assert address in output and "in use" in output
        capture = ("--venue", "binance", "--listen", address)
        status, output = asyncio.run(run("feed-replay", "serve", __file__, *capture, timeout_s=20))
        assert status != 0


USAGE_ERRORS = {
    "an unknown flag": (("--colour", "red"), "--colour"),
    "an unknown feed": (("--feed", "carrier-pigeon://home"), "carrier-pigeon"),
    "an unknown feed parameter": (("--feed", "sim:?symbols=5&colour=red"), "colour"),
    "a capture that is not there": (("--feed", "file:/nowhere.zst?venue=binance"), "nowhere"),
    "a listen address that is none": (("--listen", "here"), "listen"),
}


@pytest.mark.parametrize("name", USAGE_ERRORS)
def test_a_usage_error_ends_with_2_and_names_the_cause(name):
    arguments, named = USAGE_ERRORS[name]
    status, output = asyncio.run(run("broker", *arguments, timeout_s=20))
    assert status == 2, output
    assert named in output


def test_an_unknown_configuration_key_is_named(tmp_path):
    config = tmp_path / "broker.toml"
    config.write_text('listen = "127.0.0.1:0"\ncolour = "red"\n')
    status, output = asyncio.run(run("broker", "--config", config, timeout_s=20))
    assert status == 2
    assert "colour" in output and "broker.toml" in output
