"""Each protection switched off in turn: which level misses it first, and after how many schedules.

A protection is played at every level that knows it. `rows` are of plain values, so that a worker
process can give them back.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.lab.level_a import series as series_a
from tests.lab.level_a.switches import SWITCHES as SWITCHES_A
from tests.lab.level_b import series as series_b
from tests.lab.level_b.switches import SWITCHES as SWITCHES_B
from tests.lab.level_c import play as series_c
from tests.lab.level_c.play import SWITCHES as SWITCHES_C

WORKERS, SAMPLES = 2, 5


@dataclass(frozen=True)
class Row:
    """`after` is None when no sample saw anything; `seen` is what the first one saw."""

    protection: str
    level: str
    regime: str
    after: float | None
    caught: int  # samples of SAMPLES
    seen: str


def rows(most: dict[str, int], told: Callable[[Row], None]) -> list[Row]:
    """Play each absence in SAMPLES samples of at most `most[level]` schedules each."""
    orders = [(level, name) for level, names in _known() for name in names]
    with ProcessPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(row, level, name, most[level]) for level, name in orders]
        for future in as_completed(futures):
            told(future.result())
    return sorted((f.result() for f in futures), key=lambda one: (one.protection, one.level))


def missed(found: Sequence[Row]) -> list[Row]:
    """Those that no sample saw: each level must miss every protection it knows."""
    return [row for row in found if not row.caught]


def _known() -> Iterator[tuple[str, list[str]]]:
    yield "b", list(SWITCHES_B)
    yield "a", list(SWITCHES_A)
    yield "c", list(SWITCHES_C)


def row(level: str, name: str, most: int) -> Row:
    """Play one protection's absence in SAMPLES samples, and tell their median."""
    series: Any = {"a": series_a, "b": series_b, "c": series_c}[level]
    regime = _regime(level, name)
    found = [
        series.first_red(name, range(1 + i * most, 1 + (i + 1) * most), regime)
        for i in range(SAMPLES)
    ]
    seen = [one for one in found if one]
    after = median(one[0] for one in seen) if seen else None
    return Row(name, level, regime, after, len(seen), seen[0][1] if seen else "")


def _regime(level: str, name: str) -> Any:
    if level == "c":
        return series_c.REGIMES[0]
    return SWITCHES_A[name][1] if level == "a" else SWITCHES_B[name].regime
