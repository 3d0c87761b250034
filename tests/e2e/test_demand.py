"""Symbols on demand: a feed of `symbols=*` has at its venue what somebody watches, and nothing else."""

import asyncio
from functools import partial
from pathlib import Path

from client import Client
from processes import Broker
from recorder import VENUES, StandIn, generate
from reference import build, read_capture

# A name that no venue has, in each venue's form.
NO_SYMBOL = {
    "binance": "NOSUCH",
    "binance-coinm": "NOSUCH_PERP",
    "bybit": "NOSUCH",
    "coinbase": "NO-SUCH",
    "kraken": "NO/SUCH",
    "okx": "NO-SUCH",
}
LINGER_MS = 700


async def counted(broker: Broker, name: str) -> float:
    metrics = await broker.metrics()
    return sum(value for key, value in metrics.items() if key.startswith(f"tickcast_feed_{name}"))


async def reached(broker: Broker, name: str, value: float) -> None:
    """Waits until a metric of the feed has a value."""
    async with asyncio.timeout(20):
        while await counted(broker, name) != value:
            await asyncio.sleep(0.05)


def test_symbols_come_and_go_with_their_subscribers(tmp_path):
    async def check_all() -> None:
        await asyncio.gather(*(check(venue, tmp_path) for venue in [*VENUES, "binance-coinm"]))

    asyncio.run(check_all())


async def check(venue: str, directory: Path) -> None:
    capture = await generate(venue, directory / f"{venue}.capture", 6, rate=100, seed=5)
    expected = build(venue, read_capture(capture))
    first, second = (f"{venue}:{symbol}" for symbol in expected)
    nobodys = f"{venue}:{NO_SYMBOL[venue]}"
    path, query = ("/v2", "&depth=10") if venue == "kraken" else ("", "")
    # The venues' own limits on requests are kept; Coinbase and Kraken take what is asked for at any time.
    async with await StandIn.start(venue, capture) as stand_in:
        feed = f"{venue}+ws://127.0.0.1:{stand_in.port}{path}?symbols=*{query}"
        async with (
            await Broker.start(feed, arguments=("--demand-linger-ms", LINGER_MS)) as broker,
            await Client.connect(broker.stream, max_queue=None) as client,
        ):
            await broker.ready()
            assert await counted(broker, "connects") == 0, "nobody has asked for anything"
            for channel in ("book", "trades", "status"):
                await client.subscribe(channel, [first, nobodys])
            book = client.topics["book", first]
            await client.until(lambda: "live" in names(book), 20, f"{first} to be live")
            status = client.topics["status", nobodys]
            await client.until(lambda: status.latest.get("state") == "stale", 20, f"word of {nobodys}")
            assert "the venue refuses it: " in status.latest["reason"]
            for channel in ("book", "trades"):
                topic = client.topics[channel, nobodys]
                await client.until(partial(is_stale, topic), 20, f"word of {nobodys}")
            assert await counted(broker, "demand_refused") == 1
            # Another one comes, and does not touch the first.
            await client.subscribe("book", [second])
            other = client.topics["book", second]
            await client.until(lambda: "live" in names(other), 20, f"{second} to be live")
            assert names(book) == ["live"], book.states
            await reached(broker, "demand_subscribed", 3)
            # Who comes back soon finds it as it was.
            await client.unsubscribe("book", [second])
            await asyncio.sleep(LINGER_MS / 4000)
            await client.subscribe("book", [second])
            assert await counted(broker, "demand_released") == 0
            # Who leaves for longer does not.
            await client.unsubscribe("book", [second])
            await reached(broker, "demand_released", 1)
            await client.subscribe("book", [second])
            other = client.topics["book", second]
            await client.until(
                lambda: book.book() == expected[first.split(":")[1]].kept
                and other.book() == expected[second.split(":")[1]].kept,
                30,
                f"the end of {venue}",
            )
            assert await counted(broker, "demand_subscribed") == 4
            assert names(book) == ["live"], book.states
            client.raise_failure()


def is_stale(topic) -> bool:
    """By a state that it was told, or by the snapshot that it began with."""
    return names(topic)[-1:] == ["stale"] or topic.latest.get("state") == "stale"


def names(topic) -> list[str]:
    return [state for state, _ in topic.states]


def test_a_name_too_many_is_refused(tmp_path):
    async def check() -> None:
        capture = await generate("kraken", tmp_path / "kraken.capture", 2)
        async with await StandIn.start("kraken", capture) as stand_in:
            feed = f"kraken+ws://127.0.0.1:{stand_in.port}/v2?symbols=*&depth=10"
            async with (
                await Broker.start(feed, arguments=("--demand-symbols-max", "2")) as broker,
                await Client.connect(broker.stream) as client,
            ):
                names = [f"kraken:{name}/USD" for name in ("ACME", "BABA", "CACA")]
                reply = await client.request("subscribe", channel="book", symbols=[*names, "kraken:A B"])
                rejected = {one["symbol"]: one for one in reply["rejected"]}
                assert len(reply["subscribed"]) == 2
                codes = {rejected[name]["code"] for name in names if name in rejected}
                assert codes == {"limit_exceeded"}
                assert rejected["kraken:A B"]["code"] == "unknown_symbol"
                assert "demand_symbols_max: 2" in next(
                    rejected[name]["message"] for name in names if name in rejected
                )
                assert await counted(broker, "demand_limited") >= 1

    asyncio.run(check())
