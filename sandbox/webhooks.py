"""Webhooks on their way out: in order, to loopback only, retried on the sandbox clock.

A delivery that fails is tried again after the vendor's own waiting times. Faults lose, double
or reorder first attempts. What was tried is listed at `GET /_sandbox/deliveries`; `POST` there
holds all of them back, as a vendor's queue that lags, and lets them go.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from sandbox.clock import OffsetClock
from sandbox.faults import Faults
from sandbox.vendor import Insisting, Notifying, Vendor

# An `Insisting` vendor tells its own.
RETRY_AFTER_S: dict[str, tuple[float, ...]] = {
    "pipedrive": (3, 30, 150),  # "Guide for webhooks v2"
    "mailigen": (),  # not documented: one attempt
}
TIMEOUT_S = 10.0
HOLD_S = 2.0  # a reordered webhook that no other overtakes goes out after this, real time


class Delivery(NamedTuple):
    vendor: str
    url: str
    headers: dict[str, str]
    body: bytes
    attempt: int = 1


class Tried(NamedTuple):
    vendor: str
    url: str
    attempt: int
    status: int  # 0: no answer; -1: not sent (a fault, or not loopback)


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


class Deliveries:
    """The outbox. `send` may be called from the loop's thread only."""

    def __init__(self, clock: OffsetClock, faults: Faults) -> None:
        self._clock, self._faults = clock, faults
        self._outbox: asyncio.Queue[Delivery] = asyncio.Queue()
        self._held: list[Delivery] = []
        self._is_sending = False
        self._waiting = Counter[str]()
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.vendors: dict[str, Vendor] = {}
        self.tried: list[Tried] = []

    def send(self, vendor: str, url: str, headers: dict[str, str], body: bytes) -> None:
        """Put a webhook on its way; nothing that happens to it later reaches the caller."""
        delivery = Delivery(vendor, url, headers, body)
        fault = self._faults.for_delivery(vendor, urlsplit(url).path or "/", body)
        kind = fault.kind if fault else ""
        if kind == "drop_webhook" or not is_loopback(url) or self._is_full(vendor):
            self.tried.append(Tried(vendor, url, 1, -1))
        elif kind == "reorder_webhooks":
            self._waiting[vendor] += 1
            self._held.append(delivery)
            asyncio.get_running_loop().call_later(HOLD_S, self._release)
        else:
            for _ in range(2 if kind == "double_webhook" else 1):
                self._waiting[vendor] += 1
                self._outbox.put_nowait(delivery)
            self._release()

    def _is_full(self, vendor: str) -> bool:
        sender = self.vendors.get(vendor)
        return isinstance(sender, Insisting) and self._waiting[vendor] >= sender.most_waiting()

    @property
    def pending_count(self) -> int:
        """First attempts not over yet (retries wait on the clock and are not counted)."""
        return self._outbox.qsize() + len(self._held) + self._is_sending

    def hold_back(self, are_held: bool) -> None:
        """Let nothing out until told otherwise; what is sent meanwhile waits in its order."""
        if are_held:
            self._is_open.clear()
        else:
            self._is_open.set()

    def _release(self) -> None:
        held, self._held = self._held, []
        for delivery in held:
            self._outbox.put_nowait(delivery)

    async def run(self) -> None:
        """Send what is in the outbox, one after the other, until cancelled."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            while True:
                delivery = await self._outbox.get()
                self._is_sending = True  # no await in between: nobody sees it in neither place
                try:
                    await self._is_open.wait()
                    await self._attempt(client, delivery)
                finally:
                    self._is_sending = False

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        vendor = self.vendors.get(delivery.vendor)
        body, headers = delivery.body, delivery.headers
        if isinstance(vendor, Notifying):
            body = vendor.attempt_body(body, delivery.attempt)
        if isinstance(vendor, Insisting):
            headers = headers | vendor.attempt_headers(delivery.url, body, self._clock.now())
        try:
            answer = await client.post(delivery.url, headers=headers, content=body)
            status = answer.status_code
        except httpx.TransportError:
            status = 0
        self.tried.append(Tried(delivery.vendor, delivery.url, delivery.attempt, status))
        if isinstance(vendor, Notifying):
            vendor.delivered(delivery.url, status, delivery.attempt)
        waits = RETRY_AFTER_S.get(delivery.vendor, ())
        if isinstance(vendor, Insisting):
            waits = tuple(vendor.retry_after_s())
        if not 200 <= status < 300 and delivery.attempt <= len(waits):
            again = delivery._replace(attempt=delivery.attempt + 1)
            due = self._clock.now() + timedelta(seconds=waits[delivery.attempt - 1])
            self._clock.at(due, lambda: self._outbox.put_nowait(again))
        else:
            self._waiting[delivery.vendor] -= 1


async def visited(url: str, agent: str) -> int:
    """What a GET of the page is answered with; 0: no answer, or not on loopback."""
    if not is_loopback(url):
        return 0
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            return (await client.get(url, headers={"user-agent": agent})).status_code
    except (httpx.TransportError, httpx.InvalidURL):
        return 0
