"""Receive webhooks: read whole, verified, stored, and only then answered.

    POST /hooks/<sync>/<account>   200 stored   401 not signed with the secret   413 too large
                                   408 too slow   503 could not be stored: send it again
                                                  (the disk, or too much at once)
    GET  the same path             200 ok: some vendors look before they deliver
    GET  /health                   200 ok

In a storm all that came in while the disk was busy share the next commit. What a delivery means
is not asked here: a body nobody can read is stored like any other. Which vendor it is shows only
in how a source says that a body is signed. One that comes twice is stored twice: it rings again,
and says nothing new.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from state.doors import QUERY
from state.errors import InboxUnusable
from state.inbox import Arrived

LARGEST_BODY = 1024 * 1024  # a batch of 100 rows is some 50 KB
LONGEST_BODY_S = 10.0  # who sends a webhook slower than this holds a place others need
MOST_AT_ONCE = 64 * LARGEST_BODY  # bytes of bodies in memory: those of whoever is not known yet


class Source(NamedTuple):
    """One webhook at one vendor: whom it rings for, and how to tell that it is that vendor."""

    sync: str
    account: str
    # Raw body, headers; among them, as QUERY, what stood in the address: some vendors sign nothing
    # and carry a secret there.
    is_signed: Callable[[bytes, Mapping[str, str]], bool]

    @property
    def path(self) -> str:
        return f"/hooks/{quote(self.sync, safe='')}/{quote(self.account, safe='')}"


class Office(NamedTuple):
    """What the receiver does with deliveries. `store` returns once they are on the disk."""

    store: Callable[[Sequence[Arrived]], object]
    refuse: Callable[[Source], object]  # told of each delivery that was not signed


class _Clerk:
    """Has deliveries stored, one batch after another: what comes meanwhile is the next."""

    def __init__(self, store: Callable[[Sequence[Arrived]], object]) -> None:
        self._store = store
        self._waiting: list[tuple[Arrived, asyncio.Future[None]]] = []
        self._work: asyncio.Task[None] | None = None

    async def store(self, arrived: Arrived) -> None:
        """Return once it is on the disk. InboxUnusable: it is not."""
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((arrived, stored))
        if self._work is None:
            self._work = asyncio.create_task(self._store_waiting())
        await stored

    async def _store_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._store_batch(batch)
        finally:
            self._work = None

    async def _store_batch(self, batch: list[tuple[Arrived, asyncio.Future[None]]]) -> None:
        trouble: BaseException | None = RuntimeError("the store broke off")
        try:
            await run_in_threadpool(self._store, [arrived for arrived, _ in batch])
            trouble = None
        except InboxUnusable as error:
            trouble = error
        finally:
            for _, stored in batch:
                if stored.done():  # whoever waited for it has gone
                    continue
                if trouble is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(trouble)


class _Room:
    """How many bytes of bodies are in memory at this moment."""

    def __init__(self) -> None:
        self.taken = 0


def receiver(find: Callable[[str], Source | None], office: Office) -> Starlette:
    """An application that takes what the sources it finds send, and nothing else.

    `find` is asked for a path with each delivery, by the thread that receives: doors open and
    close while it listens.
    """
    clerk, room = _Clerk(office.store), _Room()

    async def receive(request: Request) -> Response:
        source = find(request.scope.get("raw_path", b"").decode("ascii", "replace"))
        if source is None:
            raise HTTPException(404, "nobody listens here")
        if request.method != "POST":
            return PlainTextResponse("ok")
        async with _whole(request, room) as body:
            if not source.is_signed(body, {**request.headers, QUERY: request.url.query}):
                office.refuse(source)
                raise HTTPException(401, "not signed with this webhook's secret")
            try:
                await clerk.store(Arrived(source.sync, source.account, body))
            except InboxUnusable:
                raise HTTPException(503, "could not be stored; send it again") from None
        return Response()

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/hooks/{rest:path}", receive, methods=["GET", "POST"]),
        ]
    )


@asynccontextmanager
async def _whole(request: Request, room: _Room) -> AsyncIterator[bytes]:
    """The body, read to its end, or refused. A stated length is believed only to refuse early."""
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > LARGEST_BODY:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(LONGEST_BODY_S):
            async for part in request.stream():
                body += part
                room.taken += len(part)
                if len(body) > LARGEST_BODY:
                    raise _too_large()
                if room.taken > MOST_AT_ONCE:
                    raise HTTPException(503, "too much at once; send it again")
        yield bytes(body)
    except TimeoutError:
        raise HTTPException(408, "the body did not come in time") from None
    except ClientDisconnect:
        raise HTTPException(400, "the body broke off") from None
    finally:
        room.taken -= len(body)


def _too_large() -> HTTPException:
    # Closed, so that nobody goes on reading what will not be used.
    return HTTPException(413, f"more than {LARGEST_BODY} bytes", headers={"connection": "close"})
