"""Many schedules in a row, counted; in two processes when there are many."""

import gc
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from time import perf_counter
from unittest.mock import patch

from state import ledger
from tests.lab.level_a.desk import open_desk
from tests.lab.level_a.judge import Verdict, judge
from tests.lab.level_a.play import Played, Stage
from tests.lab.level_a.story import REGIMES, Regime, Story, draw
from tests.lab.level_a.switches import SWITCHES, without

WORKERS = 2
SAMPLES = 5  # parts of the seeds of which a mutation's median is taken
WITHIN: tuple[Regime, ...] = ("inside", "frozen")
GENTLE = 100  # schedules between two collections; collecting all the time costs a tenth
NOTHING = ledger.Counts(*(0 for _ in fields(ledger.Counts)))
SHOWN = 5


@dataclass(frozen=True)
class MutationRow:
    """One protection switched off: the level that missed it, and after how many schedules."""

    protection: str
    level: str
    median_schedules: int | None  # None: at least half of the samples saw nothing
    seen: str  # what was found first


@dataclass(frozen=True)
class SeriesRow:
    """A regime's schedules and what went wrong in them."""

    level: str
    regime: str
    schedules: int
    effects: int
    duplicates: int
    lost: int
    breaches: int
    unreported: int
    per_minute: float

    @property
    def is_within_bounds(self) -> bool:
        """Where nothing at all may go wrong; beyond, all of it must be reported."""
        return self.regime in WITHIN


@dataclass
class Tally:
    """The sums of a series. `red` holds the seeds that went wrong, and what was wrong."""

    schedules: int = 0
    effects: int = 0
    boundaries: int = 0
    duplicates: int = 0
    lost: int = 0
    breaches: int = 0
    open_count: int = 0
    surprises: int = 0
    unreported: int = 0  # wrong, and the audit is silent
    seconds: float = 0.0
    red: list[tuple[int, str]] = field(default_factory=list)

    def add(self, story: Story, played: Played, verdict: Verdict) -> None:
        self.schedules += 1
        self.effects += verdict.effects
        self.boundaries += played.boundaries
        self.duplicates += len(verdict.duplicates)
        self.lost += len(verdict.lost)
        self.breaches += len(verdict.breaches)
        self.open_count += played.open_count
        self.surprises += len(played.surprises)
        if wrong := sentences(played, verdict):
            self.red.append((story.seed, "; ".join(wrong)))
            self.unreported += _unreported(played, verdict)

    def merge(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            if name == "seconds":
                self.seconds = max(self.seconds, value)
            else:
                setattr(self, name, getattr(self, name) + value)


def sentences(played: Played, verdict: Verdict) -> list[str]:
    """Everything that makes a schedule red."""
    objections = [f"the ledger objects: {said}" for said in played.surprises]
    found = [*verdict.duplicates, *verdict.lost, *verdict.breaches, *objections]
    return [*found, f"{played.open_count} open at the end"] if played.open_count else found


def run_one(seed: int, regime: Regime, protection: str = "") -> tuple[Story, Played, Verdict]:
    """Play one schedule alone, as it was in its series."""
    return next(_each(range(seed, seed + 1), regime, protection))


def run_series(seeds: range, regime: Regime, protection: str = "") -> Tally:
    """Play a range of seeds in this process."""
    tally, began = Tally(), perf_counter()
    for story, played, verdict in _each(seeds, regime, protection):
        tally.add(story, played, verdict)
    tally.seconds = perf_counter() - began
    return tally


def run_wide(seeds: range, regime: Regime) -> Tally:
    """Play a range of seeds on two cores; the counts are those of one core."""
    began, total = perf_counter(), Tally()
    parts = [range(seeds.start + i, seeds.stop, WORKERS) for i in range(WORKERS)]
    with ProcessPoolExecutor(WORKERS) as pool:
        for part in pool.map(run_series, parts, [regime] * WORKERS):
            total.merge(part)
    total.red.sort()
    total.seconds = perf_counter() - began
    return total


def first_red(protection: str, seeds: range, regime: Regime) -> tuple[int, str] | None:
    """How many schedules it takes until a missing protection is noticed, and by what."""
    for story, played, verdict in _each(seeds, regime, protection):
        if wrong := sentences(played, verdict):
            return story.seed - seeds.start + 1, wrong[0]
    return None


def series_rows(seeds: range) -> list[SeriesRow]:
    """Play the seeds in every regime, on two cores."""
    return [_series_row(regime, run_wide(seeds, regime)) for regime in REGIMES]


def _series_row(regime: Regime, tally: Tally) -> SeriesRow:
    return SeriesRow(
        "a", regime, tally.schedules, tally.effects, tally.duplicates, tally.lost,
        tally.breaches, tally.unreported, tally.schedules / tally.seconds * 60,
    )  # fmt: skip


def mutation_rows(seeds: range, protections: Sequence[str] = tuple(SWITCHES)) -> list[MutationRow]:
    """Switch each protection off and wait until the lab turns red, in samples of the seeds."""
    with ProcessPoolExecutor(WORKERS) as pool:
        return list(pool.map(mutation_row, protections, [seeds] * len(protections)))


def mutation_row(protection: str, seeds: range) -> MutationRow:
    """Play one protection's absence in `SAMPLES` equal parts of the seeds."""
    size = len(seeds) // SAMPLES
    parts = [seeds[i * size : (i + 1) * size] for i in range(SAMPLES)]
    found = [first_red(protection, part, SWITCHES[protection][1]) for part in parts]
    counts = sorted(one[0] if one else len(seeds) + 1 for one in found)
    median = counts[len(counts) // 2]
    seen = next((one[1] for one in found if one), "")
    return MutationRow(protection, "a", median if median <= len(seeds) else None, seen)


def _each(seeds: range, regime: Regime, protection: str) -> Iterator[tuple[Story, Played, Verdict]]:
    # A take-over is worth a warning in a run; here it is every other schedule.
    logging.getLogger("state.lease").setLevel(logging.ERROR)
    # The figures of a run's report decide nothing here.
    unreported = patch.object(ledger, "counts_on", lambda _db, _lease: NOTHING)
    gc.disable()
    with unreported, without(protection) as kept, open_desk() as desk:
        for seed in seeds:
            if seed % GENTLE == 0:
                gc.collect()
            story = draw(seed, regime)
            played = Stage(desk, story, kept).live()
            yield story, played, judge(story, played.log)
    gc.enable()


def _unreported(played: Played, verdict: Verdict) -> int:
    wrong = [*verdict.duplicates, *verdict.lost, *verdict.breaches]
    told = {sentence.split(":")[0] for sentence in played.reported}
    return sum(1 for sentence in wrong if sentence.split(":")[0] not in told)
