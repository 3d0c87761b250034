"""Feeds that fall silent or are cut: all who watch them hear it, in order, and nobody else hears anything."""

import asyncio
import json
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from faulty import SUFFERERS
from processes import PATIENT, Broker
from recorder import StandIn, feed_url, generate
from reference import Market, build, read_capture
from witness import CHANNELS, Witness

STALE_AFTER_S = 5
# How much later than at its limit a state may be told, on a machine that is busy.
SLACK_S = 1
# Who comes back goes on there in the capture, so that something is missing.
SKIPPED_S, CAPTURE_S = 20, 50
# Each half is cut while the other one goes on.
HALVES = [SUFFERERS[::2], SUFFERERS[1::2]]

SILENT = dict.fromkeys(CHANNELS, ["stale"])
HEARD_AGAIN = dict.fromkeys(CHANNELS, ["stale", "live", "update"]) | {"status": ["stale", "live"]}
# What is whole in each message begins with it: nobody sees what is old under the word live.
WHOLE = ["stale", "resyncing", "update", "live", "update"]
CUT = {
    "book": ["stale", "resyncing", "snapshot", "live", "update"],
    "book10": WHOLE,
    "quotes": WHOLE,
    "trades": ["stale", "resyncing", "live", "gap", "update"],
    "status": ["stale", "resyncing", "live"],
}


class Venue:
    """A stand-in that can be stopped, killed and started again."""

    def __init__(self, name: str, capture: Path) -> None:
        self.name, self.capture = name, capture
        self.markets: dict[str, Market] = build(name, read_capture(capture))
        self.symbols = [f"{name}:{symbol}" for symbol in self.markets]
        self.stand_in: StandIn

    async def start(self, port: int = 0, arguments=()) -> None:
        self.stand_in = await StandIn.start(self.name, self.capture, port=port, arguments=arguments)

    async def comes_back(self) -> None:
        """On the port that it had, later in the capture."""
        start_ns = next(read_capture(self.capture)).time_ns
        since = ("--from", str(start_ns + SKIPPED_S * 10**9))
        await self.start(self.stand_in.port, since)

    async def is_killed(self) -> None:
        self.stand_in.process.kill()
        await self.stand_in.process.wait()

    async def ends(self) -> None:
        self.stand_in.process.send_signal(signal.SIGCONT)
        await self.stand_in.stop()


class Stage:
    """A broker of all venues, some of which will be cut, and a subscriber of each venue, of all and of every status."""

    def __init__(self, venues: list[Venue], cut: tuple[str, ...]) -> None:
        self.cut = [venue for venue in venues if venue.name in cut]
        self.others = [venue for venue in venues if venue.name not in cut]
        self.broker: Broker
        self.of_one: dict[str, Witness] = {}
        self.of_all: Witness
        self.of_statuses: Witness

    async def begin(self, stack: AsyncExitStack) -> None:
        venues = [*self.cut, *self.others]
        urls = []
        for venue in venues:
            await venue.start()
            stack.push_async_callback(venue.ends)
            url = await feed_url(venue.name, venue.stand_in.port, venue.capture)
            # Without the ticker USD-M has one connection, and its statuses one story.
            urls.append(f"{url}&channels=trades,quotes,book")
        self.broker = await stack.enter_async_context(await Broker.start(*urls, arguments=PATIENT))
        for venue in venues:
            self.of_one[venue.name] = await self.witness(stack)
            await self.of_one[venue.name].watch(*venue.symbols)
        self.of_all, self.of_statuses = await self.witness(stack), await self.witness(stack)
        await self.of_all.watch(*(symbol for venue in venues for symbol in venue.symbols))
        await self.of_statuses.subscribe("status", ["*"])
        await self.broker.ready()
        await self.until(self.others + self.cut, dict.fromkeys(CHANNELS[:-1], ["update"]), "data", of_status=False)

    async def witness(self, stack: AsyncExitStack) -> Witness:
        return await stack.enter_async_context(await Witness.connect(self.broker.stream, max_queue=None))

    def forget(self) -> None:
        for witness in (*self.of_one.values(), self.of_all, self.of_statuses):
            witness.forget()

    async def until(self, venues: list[Venue], stories: dict[str, list[str]], what: str, of_status=True) -> None:
        """Waits until what all subscribers have heard of all topics ends as these do."""
        channels = CHANNELS if of_status else CHANNELS[:-1]
        for venue in venues:
            ends = {channel: of_venue(stories, venue.name)[channel][-2:] for channel in channels}
            for symbol in venue.symbols:
                for witness in (self.of_one[venue.name], self.of_all):
                    for channel, end in ends.items():
                        await ends_so(witness, channel, symbol, end, what)

    async def feeds_that_are_not_live(self) -> set[str]:
        """As the broker tells who asks whether it is ready."""
        feeds = json.loads((await self.broker.get("/readyz")).text)["feeds"]
        return {feed["feed"].split("+")[0] for feed in feeds if not feed["live"]}

    async def symbols_in(self, state: str) -> dict[str, float]:
        """How many symbols of each venue are in a state, by the broker's metrics."""
        metrics = await self.broker.metrics()
        return {name: metrics[f'tickcast_symbols{{venue="{name}",state="{state}"}}'] for name in SUFFERERS}

    def heard(self, expected: dict[str, list[str]]) -> None:
        """Exactly this was heard of the venues that were cut, by all who watch them, and nothing but data of the others."""
        for venue in self.cut:
            for symbol in venue.symbols:
                for witness in (self.of_one[venue.name], self.of_all):
                    for channel in CHANNELS:
                        story = since_the_break(witness.story(channel, symbol))
                        assert story == of_venue(expected, venue.name)[channel], (channel, symbol)
                status = self.of_statuses.story("status", symbol)
                assert status == of_venue(expected, venue.name)["status"], symbol
        for venue in self.others:
            for symbol in venue.symbols:
                for witness in (self.of_one[venue.name], self.of_all):
                    stories = {channel: witness.story(channel, symbol) for channel in CHANNELS}
                    assert stories == dict.fromkeys(CHANNELS, ["update"]) | {"status": []}, symbol
                assert self.of_statuses.story("status", symbol) == []


async def ends_so(witness: Witness, channel: str, symbol: str, end: list[str], what: str) -> None:
    try:
        await witness.until(
            lambda: witness.story(channel, symbol)[-len(end) :] == end, STALE_AFTER_S + 20, what
        )
    except TimeoutError:
        story = witness.story(channel, symbol)
        raise AssertionError(f"{what}: {channel} of {symbol} has {story} and not {end}") from None


def of_venue(stories: dict[str, list[str]], venue: str) -> dict[str, list[str]]:
    """Bybit's trades have names, not numbers: nothing tells what is missing."""
    if venue != "bybit" or "gap" not in stories["trades"]:
        return stories
    return stories | {"trades": [word for word in stories["trades"] if word != "gap"]}


def since_the_break(story: list[str]) -> list[str]:
    """Without the data that was on its way."""
    return story[1:] if story[:1] == ["update"] else story


@pytest.mark.parametrize("cut", HALVES, ids=lambda half: "+".join(half))
def test_who_watches_a_feed_that_is_cut_hears_it_in_order_and_nobody_else_does(cut, tmp_path):
    async def check() -> None:
        captures = [await generate(v, tmp_path / f"{v}.capture", CAPTURE_S, rate=30, seed=5) for v in SUFFERERS]
        venues = [Venue(name, capture) for name, capture in zip(SUFFERERS, captures, strict=True)]
        async with AsyncExitStack() as stack:
            stage = Stage(venues, cut)
            await stage.begin(stack)
            await silence(stage)
            await cut_off(stage)
            for witness in (*stage.of_one.values(), stage.of_all, stage.of_statuses):
                witness.raise_failure()

    asyncio.run(check())


async def silence(stage: Stage) -> None:
    """Stand-ins that stop: all of their symbols are stale within the limit, and live when they go on: nothing is missing."""
    stage.forget()
    stopped_us = time.time() * 1e6
    for venue in stage.cut:
        venue.stand_in.process.send_signal(signal.SIGSTOP)
    await stage.until(stage.cut, SILENT, "silence")
    stage.heard(SILENT)
    for venue in stage.cut:
        for symbol in venue.symbols:
            (told,) = (f for f in stage.of_one[venue.name].kept["book", symbol] if f["type"] == "state")
            assert told["reason"] == f"no data for {STALE_AFTER_S * 1000} ms"
            assert told["since"] <= stopped_us + (STALE_AFTER_S + SLACK_S) * 1e6, symbol
    cut = {venue.name for venue in stage.cut}
    assert await stage.feeds_that_are_not_live() == cut
    assert await stage.symbols_in("stale") == {name: 2 if name in cut else 0 for name in SUFFERERS}
    for venue in stage.cut:
        venue.stand_in.process.send_signal(signal.SIGCONT)
    await stage.until(stage.cut, HEARD_AGAIN, "data again")
    stage.heard(HEARD_AGAIN)


async def cut_off(stage: Stage) -> None:
    """Stand-ins that die: all is told anew when they are back, and what was missed is named."""
    stage.forget()
    for venue in stage.cut:
        await venue.is_killed()
    await asyncio.sleep(0.3)
    for venue in stage.cut:
        await venue.comes_back()
    await stage.until(stage.cut, CUT, "the way back")
    stage.heard(CUT)
    for venue in stage.cut:
        for symbol, market in venue.markets.items():
            name, witness = f"{venue.name}:{symbol}", stage.of_one[venue.name]
            wrong = set(witness.topics["book", name].checksums) - set(market.checksums)
            assert not wrong, name
            if venue.name != "bybit":
                assert lost(witness.kept["trades", name]) == missing(witness, name, market), name
    assert await stage.feeds_that_are_not_live() == set()
    assert await stage.symbols_in("live") == dict.fromkeys(SUFFERERS, 2)


def lost(frames: list[dict]) -> int:
    (gap,) = (frame for frame in frames if frame["type"] == "gap")
    assert gap["reason"] == "venue"
    return gap["lost"]


def missing(witness: Witness, symbol: str, market: Market) -> int:
    """How many trades the venue has made between the first and the last that came, and that did not come."""
    came = [trade["id"] for trade in witness.topics["trades", symbol].trades]
    ids = [trade.id for trade in market.trades]
    return ids.index(came[-1]) - ids.index(came[0]) + 1 - len(came)
