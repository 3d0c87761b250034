"""A gate between broker and venue, so that nothing is sent before all subscribers are there.

The broker dials the gate as soon as it starts. The gate holds the connection until it is opened,
and from then on passes bytes both ways as they come, until it is cut.
"""

import asyncio
from collections.abc import Callable
from typing import Self


class Gate:
    """Listens on `port`; once opened, connections lead to `target`. `asked` is what came through from the broker's side."""

    server: asyncio.Server

    def __init__(self) -> None:
        self.target: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.tasks: set[asyncio.Task] = set()
        self.writers: list[asyncio.StreamWriter] = []
        self.asked = b""

    @property
    def port(self) -> int:
        return self.server.sockets[0].getsockname()[1]

    def open(self, port: int) -> None:
        """Lets everyone through to `port`, those who wait as well as those to come."""
        self.target.set_result(port)

    def cut(self) -> None:
        """Resets all connections that there are; others may come."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        asked = await self.held(reader)
        if asked is None:
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target.result())
        except OSError:
            writer.close()
            return
        self.writers += [writer, far_writer]
        self.note(asked)
        far_writer.write(asked)
        await asyncio.gather(pump(reader, far_writer, self.note), pump(far_reader, writer))

    def note(self, data: bytes) -> None:
        self.asked += data

    async def held(self, reader: asyncio.StreamReader) -> bytes | None:
        """What came before the gate was opened; none if who waited has gone, as a broker does that waits for too long.

        A connection of nobody's would be the first to subscribe at the venue, which begins then.
        """
        asked = b""
        while not self.target.done():
            read = asyncio.ensure_future(reader.read(1 << 18))
            await asyncio.wait([read, self.target], return_when=asyncio.FIRST_COMPLETED)
            if not read.done():
                read.cancel()
                await asyncio.gather(read, return_exceptions=True)
            elif data := read.result():
                asked += data
            else:
                return None
        return asked

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None] | None = None
) -> None:
    """Copies until the end of one direction, and hands that end on."""
    try:
        while data := await reader.read(1 << 18):
            if note:
                note(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()
