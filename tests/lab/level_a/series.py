"""Many schedules in a row, counted."""

import gc
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from time import perf_counter
from unittest.mock import patch

from state import ledger
from tests.lab.level_a.desk import open_desk
from tests.lab.level_a.judge import Verdict, judge
from tests.lab.level_a.play import Played, Stage
from tests.lab.level_a.story import Regime, Story, draw
from tests.lab.level_a.switches import without
from tests.lab.wide import collecting_by_hand

GENTLE = 100  # schedules between two collections; collecting all the time costs a tenth
NOTHING = ledger.Counts(*(0 for _ in fields(ledger.Counts)))
SHOWN = 5


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
    unseen: int = 0  # left and taken off between two readings, and subscribed again
    unreported: int = 0  # wrong, and the audit is silent or cannot be asked
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
        self.unseen += len(verdict.unseen)
        if wrong := sentences(played, verdict):
            self.red.append((story.seed, "; ".join(wrong)))
            self.unreported += _unreported(played, verdict)


def sentences(played: Played, verdict: Verdict) -> list[str]:
    """Everything that makes a schedule red."""
    objections = [f"the ledger objects: {said}" for said in played.surprises]
    found = [*verdict.duplicates, *verdict.lost, *verdict.breaches, *verdict.unseen, *objections]
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


def first_red(protection: str, seeds: range, regime: Regime) -> tuple[int, str] | None:
    """How many schedules it takes until a missing protection is noticed, and by what."""
    for story, played, verdict in _each(seeds, regime, protection):
        if wrong := sentences(played, verdict):
            return story.seed - seeds.start + 1, wrong[0]
    return None


def _each(seeds: range, regime: Regime, protection: str) -> Iterator[tuple[Story, Played, Verdict]]:
    # A take-over is worth a warning in a run; here it is every other schedule.
    logging.getLogger("state.lease").setLevel(logging.ERROR)
    # The figures of a run's report decide nothing here.
    unreported = patch.object(ledger, "counts_on", lambda _db, _lease: NOTHING)
    with collecting_by_hand(), unreported, without(protection) as kept, open_desk() as desk:
        for seed in seeds:
            if seed % GENTLE == 0:
                gc.collect()
            story = draw(seed, regime)
            played = Stage(desk, story, kept).live()
            yield story, played, judge(story, played.log)


def _unreported(played: Played, verdict: Verdict) -> int:
    wrong = [*verdict.duplicates, *verdict.lost, *verdict.breaches]
    told = {sentence.split(":")[0] for sentence in played.reported}
    silent = sum(1 for sentence in wrong if sentence.split(":")[0] not in told)
    # An audit looks at the vendor: what the ledger objects to or leaves open is ours to see.
    return silent + len(played.surprises) + played.open_count
