"""A sandbox whose time stands still unless somebody waits, and which can be put back.

    world.keep()      remember the vendors' books, clock and limits as they are
    world.restore()   ... and have them again, in milliseconds

Time is the sandbox's clock: it begins at a fixed moment, so that a trial of today is the same
tomorrow, and moves by what runs sleep. A run that recovers reads it where the dead one left it.
"""

import asyncio
import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx

import sandbox.server
from pipelines.surroundings import Surroundings
from sandbox.clock import OffsetClock
from sandbox.stage import Stage

BEGINNING = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)  # a whole number of budget windows
SHORTEST = 0.01  # seconds; below it the pace between two calls sleeps
MOST_OWED = 1.0  # short sleeps move the clock when they come to this: none is waited out for ever


class Vendors:
    """A running sandbox in this process, and what its stage was when it was kept."""

    def __init__(self, app: Any, url: str) -> None:
        self._app, self.url = app, url
        self._kept: Stage | None = None

    def keep(self) -> None:
        """Only while no request is on its way."""
        self._kept = self._copied(self._app.stage)

    def restore(self) -> None:
        """The vendors are as they were when they were kept. Webhooks are not delivered."""
        if self._kept is None:
            raise RuntimeError("nothing was kept yet")
        self._app.stage = self._copied(self._kept)

    def _copied(self, stage: Stage) -> Stage:
        # What belongs to the running loop is shared, or made anew where it cannot be.
        woken, outbox = self._app._woken, stage.deliveries._outbox
        return copy.deepcopy(stage, {id(woken): woken, id(outbox): asyncio.Queue()})


@contextmanager
def vendors() -> Iterator[Vendors]:
    """A sandbox of this process's own, with its time standing still."""

    def now(clock: OffsetClock) -> datetime:
        return clock._held or BEGINNING + clock.offset

    with patch.object(OffsetClock, "now", now):
        server, bound = sandbox.server.build(port=0, seed=7, people=10, only=None)
        with sandbox.server.Running(server, bound) as running:
            yield Vendors(server.config.app, running.url)


class VirtualTime:
    """The sandbox's time, for one process: reading is free, sleeping moves the clock for all."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_sandbox", trust_env=False)
        told = self._http.get("").raise_for_status().json()
        self._now = datetime.fromisoformat(told["now"])
        self._owed = 0.0

    def now(self) -> datetime:
        return self._now

    def seconds(self) -> float:
        """The same time for the pace between two calls, which the short sleeps move at once."""
        return self._now.timestamp() + self._owed

    def sleep(self, seconds: float) -> None:
        if seconds < SHORTEST:
            self._owed += seconds
            if self._owed < MOST_OWED:
                return
            seconds, self._owed = self._owed, 0.0
        self._http.post("/clock", json={"advance_s": seconds}).raise_for_status()
        self._now += timedelta(seconds=seconds)


def surroundings(url: str, open_http: Callable[[], httpx.Client]) -> Surroundings:
    """Nobody waits: a run's sleep moves the sandbox's clock."""
    time = VirtualTime(url)
    return Surroundings(now=time.now, sleep=time.sleep, open_http=open_http, seconds=time.seconds)
