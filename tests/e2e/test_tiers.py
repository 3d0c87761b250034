"""What becomes of subscribers that read too slowly for the rate they asked for."""

import asyncio
import json
import time
from collections.abc import Callable

from processes import Broker
from rawsocket import FIN, PING, PONG, TEXT, RawSocket, raw_socket
from topic import Topic

FEED = "sim:?symbols=20&rate=4000&seed=1"
QUICK = (
    *("--conflate-after-ms", "50", "--demote-after-ms", "300"),
    *("--promote-after-ms", "2000", "--promote-after-ms-max", "2000"),
)


class Reader:
    """Reads one frame after the other, as slowly as it is told, and checks each."""

    def __init__(self, raw: RawSocket, **params) -> None:
        self.raw, self.topics = raw, {}
        request = {"id": 1, "method": "subscribe", "params": params}
        raw.send(FIN | TEXT, json.dumps(request).encode())
        raw.read_text('"id":1')

    def read(self, until: Callable[[], bool], timeout_s: float, pause_s: float = 0) -> None:
        end = time.monotonic() + timeout_s
        while not until():
            assert time.monotonic() < end, [topic.tiers for topic in self.topics.values()]
            opcode, payload = self.raw.read_frame()
            if opcode == PING:
                self.raw.send(FIN | PONG, payload)
            if opcode == TEXT:
                self.take(payload.decode())
            time.sleep(pause_s)

    def take(self, text: str) -> None:
        frame = json.loads(text)
        if "symbol" not in frame:
            return
        key = frame["channel"], frame["symbol"]
        topic = self.topics.setdefault(key, Topic(*key))
        topic.take_tier(frame) if frame["type"] == "tier" else topic.take(frame, text)

    def moved(self) -> list[Topic]:
        return [topic for topic in self.topics.values() if topic.tiers]

    def slowest(self) -> int:
        """The longest interval that a topic is at now."""
        return max((topic.tiers[-1][0] for topic in self.moved()), default=0)


def test_a_slow_reader_is_moved_to_slower_tiers_and_back_when_it_keeps_up():
    """Every range tiles across the moves, and the broker counts them as the reader does."""

    def follow(port: int) -> Reader:
        with raw_socket(port, receive_buffer_bytes=4096) as raw:
            reader = Reader(raw, channel="quotes", symbols=["sim:*"], adaptive=True)
            reader.read(lambda: reader.slowest() >= 100, 40, pause_s=0.01)
            for topic in reader.moved():
                intervals = [interval for interval, _ in topic.tiers]
                assert intervals == sorted(set(intervals)), f"{topic.symbol} went to {intervals}"
                assert {reason for _, reason in topic.tiers} == {"slow_consumer"}
            reader.read(lambda: reader.slowest() == 0, 60)
            assert all(topic.tiers[-1] == (0, "keeps_up") for topic in reader.moved())
            return reader

    async def check() -> None:
        async with await Broker.start(FEED, arguments=QUICK) as broker:
            await broker.ready()
            reader = await asyncio.to_thread(follow, broker.port)
            told = [reason for topic in reader.moved() for _, reason in topic.tiers]
            for name, reason in (("demotions", "slow_consumer"), ("promotions", "keeps_up")):
                assert await total(broker, f"tickcast_shard_{name}") == told.count(reason), name
            assert await total(broker, "tickcast_shard_subscriptions_demoted") == 0

    asyncio.run(check())


async def total(broker: Broker, name: str) -> float:
    """The sum of a metric over all shards."""
    lines = (await broker.get("/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].startswith(name))
