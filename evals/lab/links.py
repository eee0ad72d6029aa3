"""The wires between the services: every call of a service passes a TCP link of the lab, which can be made bad.

One event loop in one thread forwards all bytes. A link's condition holds for connections that are open as well as for
new ones, as it would on a real wire.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_CHUNK = 65536
_NO_LINGER = struct.pack("ii", 1, 0)  # closing then sends a reset
_DONE_SECONDS = 5.0
_LOOK_SECONDS = 0.1
T = TypeVar("T")


@dataclass(frozen=True)
class Condition:
    """How a link is.

    ``delay_seconds`` is added to everything in each direction; ``reset_share`` of the connections are reset when the
    first bytes pass; ``refuse`` answers no connection; ``silent`` takes connections and carries nothing.
    """

    delay_seconds: float = 0.0
    reset_share: float = 0.0
    refuse: bool = False
    silent: bool = False


GOOD = Condition()


class Links:
    """One link a service, from a port of its own to the service's port."""

    def __init__(self, targets: Mapping[str, int]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._thread.start()
        self._links = {name: _Link(port) for name, port in targets.items()}
        for link in self._links.values():
            self._run(link.listen)
        self.ports: dict[str, int] = {name: link.port for name, link in self._links.items()}

    def set(self, service: str, condition: Condition) -> None:
        """Make the link to ``service`` good or bad."""
        link = self._links[service]

        async def apply() -> None:
            link.condition = condition
            await (link.close() if condition.refuse else link.listen())

        self._run(apply)

    def stop(self) -> None:
        """Close every link and end the thread. Safe to call twice."""
        if self._loop.is_closed():
            return
        self._run(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        for link in self._links.values():
            await link.end()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def started() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(started(), self._loop).result(_DONE_SECONDS)


class _Link:
    def __init__(self, target: int) -> None:
        self.port = 0
        self.condition = GOOD
        self._target = target
        self._server: asyncio.Server | None = None
        self._ended = False
        self._rng = random.Random(target)
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port, backlog=128)
            self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def end(self) -> None:
        """Close, and break what is under way."""
        self._ended = True
        self.condition = GOOD  # nobody waits any longer for a silent link
        await self.close()
        for writer in self._open:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        doomed = self._rng.random() < self.condition.reset_share
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            await self._refuse_until_it_is_back()
            return
        self._open |= {writer, there_writer}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, there_writer, writer if doomed else None))
                both.create_task(self._pump(there_reader, writer, None))
        except* (OSError, EOFError):
            _reset(writer)
        finally:
            self._open -= {writer, there_writer}
            for end in (there_writer, writer):
                end.close()

    async def _refuse_until_it_is_back(self) -> None:
        """Nobody is behind the link: refuse connections as the service's own machine would."""
        if self._server is None:
            return
        await self.close()
        while self._server is None and not self._ended:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(OSError):
                _, probe = await asyncio.open_connection("127.0.0.1", self._target)
                probe.close()
                if not self.condition.refuse:
                    await self.listen()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, doomed: asyncio.StreamWriter | None
    ) -> None:
        """Carry one direction to its end; chunks keep their distance in time, as with a longer wire."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.ensure_future(self._deliver(under_way, sink))
        clock = asyncio.get_running_loop().time
        try:
            while chunk := await source.read(_CHUNK):
                if doomed is not None:
                    _reset(doomed)
                    raise ConnectionResetError
                while self.condition.silent:  # noqa: ASYNC110 - a condition has no event; a tenth of a second is enough
                    await asyncio.sleep(_LOOK_SECONDS)
                under_way.put_nowait((clock() + self.condition.delay_seconds, chunk))
            under_way.put_nowait((clock() + self.condition.delay_seconds, b""))
            await delivery
        finally:
            delivery.cancel()

    async def _deliver(self, under_way: "asyncio.Queue[tuple[float, bytes]]", sink: asyncio.StreamWriter) -> None:
        while True:
            due, chunk = await under_way.get()
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if not chunk:
                with contextlib.suppress(OSError):
                    sink.write_eof()
                return
            sink.write(chunk)
            await sink.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset instead of a polite end."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
