"""Two clocks read together: the wall's, and this thread's time on the processor.

On a machine that others use as well, only the second says what the code costs.
"""

from collections.abc import Callable
from time import perf_counter, thread_time
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds by the clock and on the processor, and how often."""

    seconds: float = 0.0
    processor: float = 0.0
    times: int = 0

    def more(self, began: tuple[float, float]) -> "Spent":
        """With what has passed since then."""
        seconds, processor = passed(began)
        return Spent(self.seconds + seconds, self.processor + processor, self.times + 1)


def now() -> tuple[float, float]:
    return perf_counter(), thread_time()


def passed(began: tuple[float, float]) -> tuple[float, float]:
    """Seconds since `began`, by each clock."""
    wall, processor = now()
    return wall - began[0], processor - began[1]


def timed(act: Callable[[], None]) -> Spent:
    """What one call took."""
    began = now()
    act()
    return Spent().more(began)
