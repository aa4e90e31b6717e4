"""Virtual time: holders take turns by the clock, and nobody waits for real.

A holder runs until it pauses; then whoever is next by the clock goes on. Between two pauses
nobody else runs, as if it took no time.
"""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

EPOCH = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


class TimeLine:
    """What will happen, ordered by when; `moved` is told each new time."""

    def __init__(self, moved: Callable[[float], None]) -> None:
        self.at = 0.0
        self._moved = moved
        self._turns: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def now(self, skew: float = 0.0) -> datetime:
        return EPOCH + timedelta(seconds=self.at + skew)

    def call(self, at: float, what: Callable[[], object]) -> None:
        """Have something done at a time; what is due at once keeps its order."""
        self._count += 1
        heapq.heappush(self._turns, (max(at, self.at), self._count, what))

    def start(self, at: float, life: Callable[[], object]) -> None:
        """Have something lived through from a time on; it may `pause`."""
        self.call(at, greenlet(life).switch)

    def pause(self, seconds: float) -> None:
        """Let time pass for whoever calls; others go on meanwhile."""
        me = getcurrent()
        self.call(self.at + seconds, me.switch)
        assert me.parent is not None
        me.parent.switch()

    def run(self) -> None:
        """Go on until nothing is left to happen."""
        while self._turns:
            self.at, _, what = heapq.heappop(self._turns)
            self._moved(self.at)
            what()
