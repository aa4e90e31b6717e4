"""Many schedules in a row, counted."""

import gc
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter, process_time

from tests.lab.level_b.judge import Verdict
from tests.lab.level_b.lab import Lab
from tests.lab.level_b.play import Play, Played
from tests.lab.level_b.story import Regime, Story, draw
from tests.lab.level_b.switches import without
from tests.lab.wide import collecting_by_hand

SHOWN = 5
GENTLE = 60  # schedules between two collections


@dataclass
class Tally:
    """The sums of a series. `red` holds the seeds that went wrong, and what was wrong."""

    schedules: int = 0
    runs: int = 0
    boundaries: int = 0
    effects: int = 0
    duplicates: int = 0
    lost: int = 0
    breaches: int = 0
    wrong: int = 0
    unreported: int = 0  # wrong, and the audit is silent
    unseen: int = 0  # taken off before anybody could know, and subscribed again
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    red: list[tuple[int, str]] = field(default_factory=list)

    def add(self, story: Story, played: Played, verdict: Verdict) -> None:
        self.schedules += 1
        self.runs += played.runs
        self.boundaries += played.boundaries
        self.effects += verdict.effects
        self.duplicates += len(verdict.duplicates)
        self.lost += len(verdict.lost)
        self.breaches += len(verdict.breaches)
        self.wrong += len(verdict.wrong) + len(played.objections)
        self.unreported += len(played.unreported)
        self.unseen += len(verdict.unseen)
        if found := [*verdict.sentences, *played.objections]:
            self.red.append((story.seed, "; ".join(found)))


@cache
def lab() -> Lab:
    """The laboratory of this process."""
    logging.disable(logging.WARNING)
    return Lab()


def run_one(seed: int, regime: Regime, protection: str = "") -> tuple[Story, Played, Verdict]:
    """Play one schedule alone, as it was in its series."""
    return next(_each(range(seed, seed + 1), regime, protection))


def run_series(seeds: range, regime: Regime, protection: str = "") -> Tally:
    """Play a range of seeds in this process."""
    lab()
    tally, began, cpu = Tally(), perf_counter(), process_time()
    for story, played, verdict in _each(seeds, regime, protection):
        tally.add(story, played, verdict)
    tally.seconds, tally.cpu_seconds = perf_counter() - began, process_time() - cpu
    return tally


def first_red(protection: str, seeds: range, regime: Regime) -> tuple[int, str] | None:
    """How many schedules it takes until a missing protection is noticed, and by what.

    What the judge finds counts; a switch that makes the laboratory itself stumble is broken, and
    raises RuntimeError.
    """
    for story, played, verdict in _each(seeds, regime, protection):
        if played.errors:
            raise RuntimeError(f"without {protection}, seed {story.seed}: {played.errors[0]}")
        if wrong := [*verdict.sentences, *played.wrong]:
            return story.seed - seeds.start + 1, wrong[0]
    return None


def _each(seeds: range, regime: Regime, protection: str) -> Iterator[tuple[Story, Played, Verdict]]:
    here = lab()
    with collecting_by_hand(), here.installed(), without(protection, here):
        for seed in seeds:
            if seed % GENTLE == 0:
                gc.collect()
            story = draw(seed, regime)
            played, verdict = Play(here).follow(story)
            yield story, played, verdict
