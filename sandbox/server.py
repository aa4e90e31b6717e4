"""The sandbox's door: real HTTP on loopback for all vendors and the control surface.

    with sandbox.server.start(seed=7, people=50) as running:
        httpx.get(f"{running.url}/_sandbox")

Each vendor lives under `/<name>`; with `only` one vendor lives at the root. One loop, one
writer: a request is handled to its commit before the next one is looked at.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox import control
from sandbox.faults import Fault
from sandbox.garble import garbled, noise
from sandbox.stage import Stage
from sandbox.vendor import Answer, Request
from sandbox.webhooks import visited

Scope = dict[str, Any]
NOWHERE = Answer(404, {"content-type": "text/plain"}, b"nobody lives here; see /_sandbox\n")


class DroppableProtocol(HttpToolsProtocol):
    """Hands the connection itself to the app: ASGI alone cannot hang up without a byte."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(Scope, self.scope)["sandbox.transport"] = self.transport


class Exchange:
    """One request and what can be done about its answer."""

    def __init__(self, scope: Scope, receive: Any, send: Any, now: Callable[[], datetime]) -> None:
        self.scope, self._receive, self._send, self._now = scope, receive, send, now
        self._takes_s = 0.0

    def slowed(self, seconds: float) -> "Exchange":
        """From now on answers need so long, real time, however early they are ready."""
        self._takes_s = seconds
        return self

    async def body(self) -> bytes | None:
        """The whole body; `None` when the caller hung up before it was complete."""
        parts = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                return b"".join(parts)

    async def answer(self, answer: Answer) -> None:
        if self._takes_s:
            await asyncio.sleep(self._takes_s)
        await self._send_head(answer)
        await self._send({"type": "http.response.body", "body": answer.body})

    async def truncate(self, answer: Answer) -> None:
        """Promise the whole body, send half of it, hang up."""
        await self._send_head(answer)
        half = answer.body[: len(answer.body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        self.scope["sandbox.transport"].close()
        await self._hung_up()

    async def drop(self) -> None:
        """Hang up without a byte."""
        self.scope["sandbox.transport"].abort()
        await self._hung_up()

    async def _send_head(self, answer: Answer) -> None:
        headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in answer.headers.items()]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        # The vendor's own clock: horizons are measured by it, and the control surface moves it.
        headers.append((b"date", format_datetime(self._now(), usegmt=True).encode()))
        await self._send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )

    async def _hung_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class App:
    """The ASGI application; `stage` is replaced by a reset."""

    def __init__(self, seed: int, people: int, only: str | None) -> None:
        self.only = only
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.stage = Stage(seed, people, only, self._woken.set)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        exchange = Exchange(scope, receive, send, self._now)
        body = await exchange.body()
        if body is None:
            return
        self.stage.catch_up()
        name, path = self._whose(scope["path"])
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        mount = "" if self.only else f"/{name}"
        headers["x-sandbox-root"] = f"http://{headers.get('host', '127.0.0.1')}{mount}"
        request = Request(
            method=scope["method"],
            path=path,
            query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            headers=headers,
            body=body,
            at=self.stage.clock.now(),
        )
        if name == "_sandbox":
            await exchange.answer(control.answer(self, request))
        elif name in self.stage.vendors:
            await self._call(name, request, exchange)
        else:
            await exchange.answer(NOWHERE)

    def _now(self) -> datetime:
        return self.stage.clock.now()  # of the stage there is now: a reset brings another

    def reset(self, seed: int, people: int) -> None:
        """Throw the stage away and build another; only callable inside the running loop."""
        self.stage = Stage(seed, people, self.only, self._woken.set)
        self._stop_tasks()
        self._start_tasks()

    def _whose(self, path: str) -> tuple[str, str]:
        first, _, rest = path.removeprefix("/").partition("/")
        if first == "_sandbox" or not self.only:
            return first, f"/{rest}"
        return self.only, path

    async def _call(self, name: str, request: Request, exchange: Exchange) -> None:
        """Let it in and answer it; of a vendor that counts, one too many is turned away."""
        stage = self.stage
        stage.journal.requests[name] += 1
        vendor = stage.crowded.get(name)
        who = vendor.account_of(request) if vendor else ""
        if vendor is None or not who:
            await self._serve(name, request, exchange)
        elif stage.in_flight[name, who] >= vendor.most_in_flight:
            refusal = vendor.crowded_out(request)
            stage.turn_away(name, request, refusal.status)
            await exchange.answer(refusal)
        else:
            stage.in_flight[name, who] += 1
            try:
                await self._serve(name, request, exchange.slowed(vendor.answer_takes_s()))
            finally:
                stage.in_flight[name, who] -= 1

    async def _serve(self, name: str, request: Request, exchange: Exchange) -> None:
        stage = self.stage
        visiting = stage.visiting.get(name)
        if visiting and (url := visiting.wants_to_see(request)):
            seen = {"x-sandbox-visited": str(await visited(url, visiting.visitor))}
            request = request._replace(headers={**request.headers, **seen}, at=stage.clock.now())
        fault = stage.fault_for(name, request)
        if fault is not None:
            await self._misbehave(fault, name, request, exchange)
        else:
            await exchange.answer(stage.perform(name, request))

    async def _misbehave(
        self, fault: Fault, name: str, request: Request, exchange: Exchange
    ) -> None:
        stage = self.stage
        match fault.kind:
            case "lost_request":
                stage.turn_away(name, request, 0)
                await exchange.drop()
            case "lost_answer":
                stage.perform(name, request, is_answered=False)
                await exchange.drop()
            case "late_commit":
                stage.write(name, request, 0)
                stage.perform_later(name, request, fault.delay_s)
                await exchange.drop()
            case "break_off":
                stage.break_off(name, request, fault.rows)
                await exchange.drop()
            case "truncate":
                await exchange.truncate(stage.perform(name, request))
            case "garble":
                answer = stage.perform(name, request)
                await exchange.answer(garbled(answer, fault.member, fault.body))
            case "noise":
                await exchange.answer(noise(stage.perform(name, request), fault.seed))
            case "delay":
                await self._delay(fault, name, request, exchange)
            case "stale_search":
                headers = {**request.headers, "x-sandbox-search-lag": str(fault.lag_s)}
                await exchange.answer(stage.perform(name, request._replace(headers=headers)))
            case "status" if fault.after_commit:
                stage.perform(name, request, is_answered=False)
                await exchange.answer(_posted_answer(fault))
            case _:
                answer = self._refusal(fault, name, request)
                stage.turn_away(name, request, answer.status)
                await exchange.answer(answer)

    async def _delay(self, fault: Fault, name: str, request: Request, exchange: Exchange) -> None:
        if fault.after_commit is False:
            await asyncio.sleep(fault.delay_s)
            await exchange.answer(self.stage.perform(name, request))
        else:
            answer = self.stage.perform(name, request)
            await asyncio.sleep(fault.delay_s)
            await exchange.answer(answer)

    def _refusal(self, fault: Fault, name: str, request: Request) -> Answer:
        vendor = self.stage.vendors[name]
        if fault.kind == "rate_limit":
            return vendor.rate_limited(request)
        return vendor.blocked(request) if fault.kind == "html_403" else _posted_answer(fault)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self._start_tasks()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._stop_tasks()
        await send({"type": "lifespan.shutdown.complete"})

    def _start_tasks(self) -> None:
        work = (self._keep_time(), self.stage.deliveries.run())
        self._tasks = [asyncio.get_running_loop().create_task(w) for w in work]

    def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _keep_time(self) -> None:
        while True:
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self.stage.clock.next_due_in())
            self.stage.catch_up()


def _posted_answer(fault: Fault) -> Answer:
    """The answer a `status` fault was given: text as it is, anything else as JSON."""
    is_text = isinstance(fault.body, str)
    content_type = "text/plain; charset=utf-8" if is_text else "application/json"
    body = fault.body.encode() if is_text else orjson.dumps(fault.body)
    headers = {"content-type": content_type} | {k.lower(): v for k, v in fault.headers.items()}
    return Answer(fault.status, headers, body)


class Running:
    """A sandbox in a thread of this process; a context manager that ends it."""

    def __init__(self, server: uvicorn.Server, bound: socket.socket) -> None:
        self.url = address(bound)
        self._server, self._bound = server, bound
        self._thread = threading.Thread(
            target=server.run, args=([bound],), name="sandbox", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._bound.close()

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def address(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


def build(
    port: int, seed: int, people: int, only: str | None
) -> tuple[uvicorn.Server, socket.socket]:
    """A server and its listening socket: callers may connect before the server runs."""
    config = uvicorn.Config(
        App(seed, people, only),
        http=DroppableProtocol,
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        # Longer than a busy machine lets a caller wait: who writes while we close sees a vendor
        # that hung up.
        timeout_keep_alive=120,
        server_header=False,
    )
    # With the protocol named, asyncio switches Nagle's algorithm off on what it accepts; without,
    # each answer's body waits 40 ms for the caller to acknowledge its head.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.listen(256)
    return uvicorn.Server(config), bound


def start(port: int = 0, seed: int = 7, people: int = 1000, only: str | None = None) -> Running:
    """Run a sandbox in a thread of this process; port 0 picks a free one."""
    return Running(*build(port, seed, people, only))
