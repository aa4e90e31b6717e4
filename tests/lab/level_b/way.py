"""The way to the vendors without a socket: httpx requests handed straight to the sandbox's stage.

Faults mean what they mean in `sandbox/server.py`; what takes real seconds there takes virtual
ones here. A request has two boundaries: before it leaves, and when the vendor has handled it.
"""

from collections.abc import Callable
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl

import httpx
import orjson

from sandbox.clock import OffsetClock
from sandbox.faults import Fault, Faults
from sandbox.stage import Stage
from sandbox.vendor import Answer, Request, Vendor
from sandbox.webhooks import Deliveries
from tests.lab.level_b.doubts import Doubts
from tests.lab.level_b.process import Process

URL = "http://lab"
LATENCY, TIMEOUT = 0.05, 30.0  # seconds a request takes, and a client waits for an answer
Fate = tuple[Answer, bool]  # what the vendor answered, and whether all of it arrives


class Delivery(NamedTuple):
    """A webhook on its way: headers by lower-case names, and the body they sign."""

    headers: dict[str, str]
    body: bytes


class Outbox(Deliveries):
    """The sandbox's, without a queue: what is sent lies in `sent` until somebody takes it."""

    def __init__(self, _clock: OffsetClock, _faults: Faults) -> None:
        self.sent: list[Delivery] = []
        self.vendors: dict[str, Vendor] = {}

    def send(self, vendor: str, url: str, headers: dict[str, str], body: bytes) -> None:  # noqa: ARG002
        self.sent.append(Delivery({name.lower(): text for name, text in headers.items()}, body))


class Way(httpx.BaseTransport):
    """One process's way to both vendors; `told` is called when a request has been handled.

    `is_short` leaves a row out of every listing of the list's subscribers.
    """

    def __init__(
        self, stage: Stage, process: Process, told: Callable[[], None], doubts: Doubts,
        *, is_short: bool = False,
    ) -> None:  # fmt: skip
        self._stage, self._process, self._told = stage, process, told
        self._doubts, self._is_short = doubts, is_short

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the vendor does, or fail as the wire does."""
        vendor, asked = as_vendor_sees(request, self._stage)
        self._process.boundary(f"before {asked.method} {self._called(vendor, asked)}")
        self._stage.clock.advance(LATENCY)
        self._stage.catch_up()
        asked = asked._replace(at=self._stage.clock.now())
        self._stage.journal.requests[vendor] += 1
        self._doubts.left(asked)
        try:
            answer, is_whole = self._fate(vendor, asked, request)
        finally:
            self._told()
            self._process.boundary("handled by the vendor")
        if self._is_short and b"status=subscribed" in asked.body:
            answer = answer._replace(body=_without_last_row(answer.body))
        if not is_whole:
            raise httpx.RemoteProtocolError("the answer breaks off", request=request)
        self._doubts.heard(self._process.number, asked, answer)
        date = format_datetime(self._stage.clock.now(), usegmt=True)
        return httpx.Response(
            answer.status, headers={**answer.headers, "date": date}, content=answer.body
        )

    def _called(self, vendor: str, asked: Request) -> str:
        return f"{vendor} {self._stage.vendors[vendor].call_name(asked)}"

    def _fate(self, vendor: str, asked: Request, request: httpx.Request) -> Fate:
        stage = self._stage
        fault = stage.fault_for(vendor, asked)
        if fault is None:
            return stage.perform(vendor, asked), True
        match fault.kind:
            case "truncate":
                return stage.perform(vendor, asked), False
            case "delay":
                return self._delay(fault, vendor, asked, request)
            case "status" | "rate_limit" | "html_403":
                return self._refusal(fault, vendor, asked), True
        if fault.kind == "lost_answer":
            stage.perform(vendor, asked, is_answered=False)
        elif fault.kind == "late_commit":
            stage.perform_later(vendor, asked, fault.delay_s)
        elif fault.kind == "break_off":
            stage.break_off(vendor, asked, fault.rows)
        else:
            stage.write(vendor, asked, 0)
        raise httpx.ReadError("the connection dropped", request=request)

    def _delay(self, fault: Fault, vendor: str, asked: Request, request: httpx.Request) -> Fate:
        if fault.after_commit is False:
            self._stage.clock.advance(fault.delay_s)
            asked = asked._replace(at=self._stage.clock.now())
        answer = self._stage.perform(vendor, asked)
        if fault.after_commit is not False:
            self._stage.clock.advance(fault.delay_s)
        if fault.delay_s > TIMEOUT:
            raise httpx.ReadTimeout("no answer in time", request=request)
        return answer, True

    def _refusal(self, fault: Fault, vendor: str, asked: Request) -> Answer:
        if fault.kind == "status" and fault.after_commit:
            self._stage.perform(vendor, asked, is_answered=False)
            return _posted(fault)
        if fault.kind == "status":
            answer = _posted(fault)
        elif fault.kind == "rate_limit":
            answer = self._stage.vendors[vendor].rate_limited(asked)
        else:
            answer = self._stage.vendors[vendor].blocked(asked)
        self._stage.write(vendor, asked, answer.status)
        return answer


def as_vendor_sees(request: httpx.Request, stage: Stage) -> tuple[str, Request]:
    """Whose request it is, and how it arrives there."""
    vendor, _, path = request.url.path.removeprefix("/").partition("/")
    headers = {key.lower(): value for key, value in request.headers.items()}
    headers["x-sandbox-root"] = f"{URL}/{vendor}"
    query = parse_qsl(request.url.query.decode(), keep_blank_values=True)
    at = stage.clock.now()
    return vendor, Request(request.method, f"/{path}", query, headers, request.read(), at)


def _without_last_row(body: bytes) -> bytes:
    told = orjson.loads(body)
    rows = told["data"] if isinstance(told, dict) else told
    del rows[-1:]
    return orjson.dumps(told)


def _posted(fault: Fault) -> Answer:
    is_text = isinstance(fault.body, str)
    body = fault.body.encode() if is_text else orjson.dumps(fault.body)
    kind = "text/plain" if is_text else "application/json"
    return Answer(fault.status, {"content-type": kind, **fault.headers}, body)
