"""Every boundary once, and sampled pairs, over two worlds side by side.

Each worker is a process with a sandbox and a fork server of its own; it begins each story itself,
so that every worker's counting run must find the numbers that the first one found.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.flows import FLOWS
from tests.lab.kill.boundaries import Boundary
from tests.lab.kill.runs import FORKS
from tests.lab.kill.trials import QUICK, Bench, Trial
from tests.lab.kill.world import vendors

WORKERS = 2
Told = Callable[[Trial, int, int], None]
COLUMNS = ("boundaries", "trials", "killed", "duplicates", "lost", "breaches", "differences")


@dataclass
class Row:
    """The result of one story. `red` holds the trials that went wrong."""

    name: str
    boundaries: int
    trials: int = 0
    killed: int = 0
    duplicates: int = 0
    lost: int = 0
    breaches: int = 0
    differences: int = 0
    red: list[Trial] = field(default_factory=list)

    def add(self, trial: Trial) -> None:
        self.trials += 1
        self.killed += trial.was_killed
        for name in COLUMNS[3:]:
            setattr(self, name, getattr(self, name) + len(getattr(trial.verdict, name)))
        if trial.sentences:
            self.red.append(trial)

    @property
    def is_clean(self) -> bool:
        return not self.red and self.trials > 0


class Worker:
    """What a worker process keeps between its trials. It ends with the process: its `folder` is
    of the process that started it, which takes it away."""

    folder: Path | None = None
    _kept = ExitStack()
    _bench: Bench | None = None
    _name = ""

    @classmethod
    def begin(cls, folder: Path) -> None:
        cls.folder = folder

    @classmethod
    def bench(cls, name: str) -> Bench:
        """The story's bench; the one before is put away."""
        if cls._bench is None or cls._name != name:
            cls._kept.close()
            world = cls._kept.enter_context(vendors())
            cls._bench = cls._kept.enter_context(Bench(name, world, cls.folder))
            cls._name = name
        return cls._bench


def counted(name: str) -> tuple[Boundary, ...]:
    """The boundaries of a story, as this worker's own unkilled run passed them."""
    return Worker.bench(name).boundaries


def play(name: str, at: tuple[int, ...], expected: int) -> Trial:
    """One trial; a worker that counted other boundaries than the first one says so."""
    bench = Worker.bench(name)
    if len(bench.boundaries) != expected:
        raise AssertionError(f"{name}: {len(bench.boundaries)} boundaries here, {expected} there")
    return bench.trial(*at)


def play_pair(name: str, at: int, expected: int, seed: int) -> Trial:
    """Find where the recovery from `at` passes, then kill it somewhere on that way."""
    first = play(name, (at,), expected)
    if first.sentences or not first.recovery:
        return first
    second = random.Random(f"{seed}/{at}").randint(1, len(first.recovery))
    return Worker.bench(name).trial(at, second)


def run_all(
    names: Sequence[str] = (),
    *,
    pairs: int = 50,
    seed: int = 1,
    sample: int | None = None,
    between: tuple[int, int] | None = None,
    told: Told = lambda _trial, _done, _total: None,
) -> list[Row]:
    """Kill each story (all of them unless named) at every boundary, or at `sample` drawn ones.

    `between` leaves out the numbers before its first and after its last: long stories may be
    killed in parts. `told` hears of each trial as it ends, in any order, and how many of its
    story are over.
    """
    with _pool() as pool:
        return [
            _row(pool, name, pairs, seed, sample, between, told)
            for name in (names or [flow.name for flow in FLOWS])
        ]


def list_boundaries(name: str) -> Sequence[Boundary]:
    """Number them in a worker and come back with the list."""
    with _pool(1) as pool:
        return pool.submit(counted, name).result()


def run_one(name: str, at: tuple[int, ...]) -> Trial:
    """One trial alone: as it was among the others, since nothing is left to chance."""
    with _pool(1) as pool:
        return pool.submit(play, name, at, len(pool.submit(counted, name).result())).result()


@contextmanager
def _pool(workers: int = WORKERS) -> Iterator[Executor]:
    with (
        TemporaryDirectory(prefix="syncline-kill-", dir=QUICK) as folder,
        ProcessPoolExecutor(
            workers, mp_context=FORKS, initializer=Worker.begin, initargs=(Path(folder),)
        ) as pool,
    ):
        yield pool


def _row(
    pool: Executor, name: str, pairs: int, seed: int, sample: int | None,
    between: tuple[int, int] | None, told: Told,
) -> Row:  # fmt: skip
    passed = pool.submit(counted, name).result()
    row, dice = Row(name, len(passed)), random.Random(f"{seed}/{name}")
    first, last = between or (1, len(passed))
    numbers = list(range(first, min(last, len(passed)) + 1))
    chosen = numbers if sample is None else sorted(dice.sample(numbers, min(sample, len(numbers))))
    orders = [pool.submit(play, name, (at,), len(passed)) for at in chosen]
    orders += [
        pool.submit(play_pair, name, at, len(passed), seed) for at in _drawn(dice, numbers, pairs)
    ]
    for done, order in enumerate(as_completed(orders), start=1):
        trial = order.result()
        row.add(trial)
        told(trial, done, len(orders))
    row.red.sort(key=lambda trial: trial.at)
    return row


def _drawn(dice: random.Random, numbers: Sequence[int], count: int) -> Iterator[int]:
    """Different ones as long as there are any."""
    while count > 0:
        part = min(count, len(numbers))
        yield from dice.sample(numbers, part)
        count -= part
