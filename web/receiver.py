"""Receive webhooks: read whole, verified, stored, and only then answered.

    POST /hooks/<sync>/<account>   200 stored   401 not signed with the secret   413 too large
                                   408 too slow   503 could not be stored: send it again
    GET  the same path             200 ok: some vendors look before they deliver
    GET  /health                   200 ok

What a delivery means is not asked here: a body nobody can read is stored like any other. Which
vendor it is shows only in how a source says that a body is signed.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from state.errors import InboxUnusable

LARGEST_BODY = 1024 * 1024  # a batch of 100 rows is some 50 KB
LONGEST_BODY_S = 10.0  # who sends a webhook slower than this holds a place others need


class Source(NamedTuple):
    """One webhook at one vendor: whom it rings for, and how to tell that it is that vendor."""

    sync: str
    account: str
    is_signed: Callable[[bytes, Mapping[str, str]], bool]  # raw body, headers

    @property
    def path(self) -> str:
        return f"/hooks/{quote(self.sync, safe='')}/{quote(self.account, safe='')}"


class Office(NamedTuple):
    """What the receiver does with a delivery. `store` returns once it is on the disk."""

    store: Callable[[Source, bytes], object]
    refuse: Callable[[Source], object]  # told of each delivery that was not signed


def receiver(find: Callable[[str], Source | None], office: Office) -> Starlette:
    """An application that takes what the sources it finds send, and nothing else.

    `find` is asked for a path with each delivery, by the thread that receives: doors open and
    close while it listens.
    """

    async def receive(request: Request) -> Response:
        source = find(request.scope.get("raw_path", b"").decode("ascii", "replace"))
        if source is None:
            raise HTTPException(404, "nobody listens here")
        if request.method != "POST":
            return PlainTextResponse("ok")
        body = await _whole(request)
        if not source.is_signed(body, request.headers):
            office.refuse(source)
            raise HTTPException(401, "not signed with this webhook's secret")
        try:
            await run_in_threadpool(office.store, source, body)
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


async def _whole(request: Request) -> bytes:
    """Read the body to its end, or refuse it. A stated length is believed only to refuse early."""
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > LARGEST_BODY:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(LONGEST_BODY_S):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST_BODY:
                    raise _too_large()
    except TimeoutError:
        raise HTTPException(408, "the body did not come in time") from None
    except ClientDisconnect:
        raise HTTPException(400, "the body broke off") from None
    return bytes(body)


def _too_large() -> HTTPException:
    # Closed, so that nobody goes on reading what will not be used.
    return HTTPException(413, f"more than {LARGEST_BODY} bytes", headers={"connection": "close"})
