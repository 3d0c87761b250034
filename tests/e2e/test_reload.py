"""A reload of the configuration: other symbols of a feed, while it runs, and nothing else."""

import asyncio
import signal
from pathlib import Path

from client import Client
from processes import Broker
from recorder import StandIn, generate
from reference import build, read_capture


def test_only_what_changed_of_the_symbols_is_taken_over(tmp_path):
    async def check_all() -> None:
        await asyncio.gather(*(check(venue, tmp_path) for venue in ("binance", "okx", "binance-usdm")))

    asyncio.run(check_all())


async def check(venue: str, directory: Path) -> None:
    capture = await generate(venue, directory / f"{venue}.capture", 6, rate=100, seed=5)
    expected = build(venue, read_capture(capture))
    first, second = expected
    config = directory / f"{venue}.toml"
    async with await StandIn.start(venue, capture) as stand_in:

        def write(symbols: list[str]) -> None:
            url = f"{venue}+ws://127.0.0.1:{stand_in.port}?symbols={','.join(symbols)}"
            config.write_text(f'feed = ["{url}"]\n')

        async def reload(told: str) -> None:
            broker.process.send_signal(signal.SIGHUP)
            await broker.line(told)

        write([first])
        async with (
            await Broker.start(arguments=("--config", str(config))) as broker,
            await Client.connect(broker.stream, max_queue=None) as client,
        ):
            await client.subscribe("book", [f"{venue}:*"])
            stays, comes = (client.topic("book", f"{venue}:{symbol}") for symbol in (first, second))
            await client.until(lambda: names(stays)[-1:] == ["live"], 20, f"{first} to be live")
            await reload("the feeds have the same symbols")
            write([first, second])
            await reload(f'added=\\["{second}"\\]')
            await client.until(lambda: names(comes)[-1:] == ["live"], 20, f"{second} to be live")
            assert names(stays) == ["live"], stays.states
            config.write_text("feed = 7\n")
            await reload("nothing is taken over: .*toml")
            config.write_text('feed = ["sim:"]\n')
            await reload("nothing is taken over: .*restart")
            write([first])
            await reload(f'removed=\\["{second}"\\]')
            await client.until(
                lambda: comes.states[-1] == ("stale", "no longer configured"), 20, f"{second} to go"
            )
            write([second, first])
            await reload(f'added=\\["{second}"\\] removed=\\[\\]')
            await client.until(
                lambda: stays.book() == expected[first].kept and comes.book() == expected[second].kept,
                30,
                f"the end of {venue}",
            )
            assert names(stays) == ["live"], stays.states
            client.raise_failure()


def names(topic) -> list[str]:
    return [state for state, _ in topic.states]
