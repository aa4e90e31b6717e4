"""A front before a sandbox that answers again from memory what it was asked before.

What a vendor takes to make a page is nobody's reading. Only lists of people are remembered, from
the moment it is told that nobody changes any more: there is nothing here that forgets.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from bench.reading.pages import answer

LISTS = (b"GET /pipedrive/api/v2/persons?", b"method=listMembers")
LARGEST = 2**26  # bytes of a head; a body is read by its length


class Front:
    """Stands at `url`. What it was asked while `is_settled` it need not ask again."""

    def __init__(self, sandbox: str) -> None:
        place = urlsplit(sandbox)
        self._place = (place.hostname, place.port)
        self._memory: dict[bytes, bytes] = {}
        self.url, self.is_settled = "", False

    async def stand(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, arrived: asyncio.StreamReader, wire: asyncio.StreamWriter) -> None:
        """One connection: requests one after another, each with its length or without a body."""
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await arrived.readuntil(b"\r\n\r\n")
                request = head + await arrived.readexactly(_length(head))
                wire.write(
                    await self._answer(request.splitlines()[0] + request[len(head) :], request)
                )
                await wire.drain()
        wire.close()

    async def _answer(self, asked: bytes, request: bytes) -> bytes:
        if asked in self._memory:
            return self._memory[asked]
        told = await self._forwarded(request)
        is_list = any(one in asked for one in LISTS) and told.startswith(b"HTTP/1.1 200")
        if self.is_settled and is_list:
            # Without its date: it would tell a vendor's clock that stands still.
            self._memory[asked] = answer(told.partition(b"\r\n\r\n")[2])
        return told

    async def _forwarded(self, request: bytes) -> bytes:
        """The sandbox's own answer, head and body."""
        arrived, wire = await asyncio.open_connection(*self._place, limit=LARGEST)
        wire.write(request)
        head = await arrived.readuntil(b"\r\n\r\n")
        told = head + await arrived.readexactly(_length(head))
        wire.close()
        return told


@contextmanager
def front(sandbox: str) -> Iterator[Front]:
    """A front before the sandbox at that address, in a thread of its own."""
    loop, one = asyncio.new_event_loop(), Front(sandbox)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(one.stand(), loop).result()
    try:
        yield one
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    mine = asyncio.current_task()
    open_ones = [task for task in asyncio.all_tasks() if task is not mine]
    for task in open_ones:
        task.cancel()
    await asyncio.gather(*open_ones, return_exceptions=True)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
