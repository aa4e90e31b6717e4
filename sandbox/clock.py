"""Sandbox time: real time plus an offset that the control surface advances.

Whatever is due later (late commits, webhook retries, schedules) waits here and is done in
the order it falls due, each piece of work seeing its own due time as `now()`.
"""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

Work = Callable[[], None]


class _Due(NamedTuple):
    when: datetime
    order: int  # ties fall in the order they were asked for
    work: Work


class OffsetClock:
    """The `Clock` of one sandbox. Not safe to share between threads."""

    def __init__(self, woken: Work) -> None:
        """`woken` is called when something new may fall due first."""
        self._woken = woken
        self.offset = timedelta(0)
        self._held: datetime | None = None
        self._due: list[_Due] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """Sandbox time, UTC; inside due work, the moment that work was due."""
        return self._held or datetime.now(UTC) + self.offset

    def at(self, when: datetime, work: Work) -> None:
        """Do `work` once `when` is reached; a `when` in the past means at the next look."""
        heapq.heappush(self._due, _Due(when, next(self._order), work))
        self._woken()

    def next_due_in(self) -> float | None:
        """Seconds until something falls due; `None` when nothing waits."""
        return max((self._due[0].when - self.now()).total_seconds(), 0.0) if self._due else None

    def advance(self, seconds: float) -> None:
        """Move time on and do everything that fell due on the way."""
        self.offset += timedelta(seconds=seconds)
        self.run_due()

    def run_due(self) -> None:
        """Do what is due by now, including what that work makes due by now."""
        until = self.now()
        while self._due and self._due[0].when <= until:
            due = heapq.heappop(self._due)
            self._held = due.when
            try:
                due.work()
            finally:
                self._held = None
