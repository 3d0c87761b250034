"""A subscriber that keeps every frame, so that a test can say in which order they came."""

import json
from collections import defaultdict

import websockets

from client import Client

CHANNELS = ("book", "book10", "trades", "quotes", "status")


class Witness(Client):
    """`kept` are the frames of each topic, as they came, since the last `forget`."""

    def __init__(self, socket: websockets.ClientConnection, hello: dict) -> None:
        self.kept: dict[tuple[str, str], list[dict]] = defaultdict(list)
        super().__init__(socket, hello)

    async def watch(self, *symbols: str) -> None:
        """Subscribes to all that tells of these symbols."""
        for channel in CHANNELS:
            await self.subscribe(channel, symbols)

    def take(self, text: str) -> None:
        super().take(text)
        frame = json.loads(text)
        if "id" not in frame and "symbol" in frame:
            self.kept[frame["channel"], frame["symbol"]].append(frame)

    def forget(self) -> None:
        self.kept.clear()

    def story(self, channel: str, symbol: str) -> list[str]:
        """What happened to a topic: states by their names, all else by its type, and data that follows data only once."""
        told: list[str] = []
        for frame in self.kept[channel, symbol]:
            word = frame["state"] if frame["type"] == "state" or channel == "status" else frame["type"]
            if word != "update" or told[-1:] != ["update"]:
                told.append(word)
        return told
