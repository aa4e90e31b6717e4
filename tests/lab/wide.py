"""A series on both cores, for either level: the tallies of its halves, put together."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from time import perf_counter
from typing import Protocol, TypeVar

WORKERS = 2


class Tally(Protocol):
    """The sums of a series: numbers, and the seeds that went wrong."""

    seconds: float
    red: list[tuple[int, str]]


T = TypeVar("T", bound=Tally)


def run_wide(run_series: Callable[..., T], seeds: range, regime: str, protection: str = "") -> T:
    """Play a range of seeds in two processes; `seconds` is what the whole took."""
    began = perf_counter()
    parts = [range(seeds.start + i, seeds.stop, WORKERS) for i in range(WORKERS)]
    with ProcessPoolExecutor(WORKERS) as pool:
        total, *others = pool.map(run_series, parts, [regime] * WORKERS, [protection] * WORKERS)
    for other in others:
        merge(total, other)
    total.red.sort()
    total.seconds = perf_counter() - began
    return total


def merge(into: T, other: T) -> None:
    """Add every sum of another part, seconds too: those are of one core each."""
    for name, value in vars(other).items():
        setattr(into, name, getattr(into, name) + value)


@contextmanager
def collecting_by_hand() -> Iterator[None]:
    """Garbage waits until the series asks for its collection; afterwards all is as it was."""
    gc.collect()
    gc.freeze()  # what stays for ever need not be looked through again
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
