"""Long series in parts: each is kept as soon as it is over, so that a series can be stopped.

A part is one level, one regime and a range of seeds. What is kept says of which code it speaks;
parts of other code are neither counted nor played again.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import orjson

from tests.lab.bounds import WITHIN
from tests.lab.level_a import series as series_a
from tests.lab.level_a import story as story_a
from tests.lab.level_b import series as series_b
from tests.lab.level_b import story as story_b
from tests.lab.level_c import play as series_c

ROOT = Path(__file__).parents[2]
# All that a level's results can depend on: what its series imports, and the SQL beside it.
CODE = {
    "a": (
        "connectors/__init__.py", "connectors/errors.py", "pipelines/__init__.py",
        "pipelines/load.py", "state", "tests/lab/level_a", "tests/lab/wide.py",
    ),
    "b": (
        "connectors", "pipelines", "sandbox", "state", "transforms", "tests/lab/level_b",
        "tests/lab/wide.py", "tests/pipelines/mailigen_pipedrive/desk.py",
    ),
    "c": (
        "connectors", "pipelines", "state", "transforms", "tests/lab/level_c",
        "tests/transforms/mailchimp_pipedrive/world.py",
    ),
}  # fmt: skip
# Another kind of sync, in folders above: no model or module of it has a part in that level.
OTHERS = {"b": ("pipelines/mailchimp_pipedrive", "transforms/mailchimp_pipedrive")}
SERIES: dict[str, Any] = {"a": series_a, "b": series_b, "c": series_c}
WORKERS = 2
SHOWN = 5  # red schedules kept of each part
SIZES = {"a": 5_000, "b": 250, "c": 100}  # schedules a part: a minute or two of one core
REGIMES: dict[str, tuple[str, ...]] = {
    "a": story_a.REGIMES, "b": story_b.REGIMES, "c": series_c.REGIMES,
}  # fmt: skip
FIGURES = ("schedules", "effects", "boundaries", "duplicates", "lost", "breaches", "unseen",
           "unreported")  # fmt: skip
Told = Callable[["Part", "Kept", int, int], None]


@dataclass(frozen=True)
class Part:
    level: str
    regime: str
    start: int
    stop: int


@dataclass
class Kept:
    """The sums of one part, or of many.

    `other` counts what is wrong and none of the figures; `red_count` the schedules in which
    something was, of which `red` holds the first few of each part: seed, and what was wrong.
    """

    figures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FIGURES, 0))
    other: int = 0
    seconds: float = 0.0  # of one core
    red_count: int = 0
    red: list[tuple[int, str]] = field(default_factory=list)

    def add(self, more: "Kept") -> None:
        for name in FIGURES:
            self.figures[name] += more.figures[name]
        self.other += more.other
        self.seconds += more.seconds
        self.red_count += more.red_count
        self.red += more.red

    def is_clean(self, regime: str) -> bool:
        """Within the bounds nothing may go wrong; beyond them all of it must be reported."""
        return not self.figures["unreported"] if regime not in WITHIN else not self.red_count


def parts_of(counts: dict[str, int], first_seed: int) -> list[Part]:
    """Cut `counts` schedules a level, shared evenly among its regimes; all end at about once."""
    placed: list[tuple[float, Part]] = []
    for level, count in counts.items():
        end, size = first_seed + count // len(REGIMES[level]), SIZES[level]
        queue = [
            Part(level, regime, start, min(start + size, end))
            for start in range(first_seed, end, size)
            for regime in REGIMES[level]
        ]
        placed += [(place / len(queue), part) for place, part in enumerate(queue)]
    return [part for _, part in sorted(placed, key=lambda one: one[0])]


def play(part: Part) -> Kept:
    """Play one part in this process."""
    seeds = range(part.start, part.stop)
    tally = SERIES[part.level].run_series(seeds, part.regime)
    wrong = tally.open_count + tally.surprises if part.level == "a" else tally.wrong
    figures = {name: getattr(tally, name, 0) for name in FIGURES}  # (c) knows but some of them
    return Kept(figures, wrong, tally.seconds, len(tally.red), tally.red[:SHOWN])


def play_all(
    parts: Sequence[Part], folder: Path, *, minutes: float | None, told: Told
) -> dict[Part, Kept]:
    """Play what is not kept yet, two at a time, until all is done or the time is over."""
    file = folder / "parts.jsonl"
    known = _read(file)
    done = {part: known[part] for part in parts if part in known}
    ends = monotonic() + minutes * 60 if minutes is not None else float("inf")
    waiting = iter([part for part in parts if part not in known])
    with ProcessPoolExecutor(WORKERS) as pool:
        running: dict[Future[Kept], Part] = {}
        while True:
            while len(running) < WORKERS and monotonic() < ends and (part := next(waiting, None)):
                running[pool.submit(play, part)] = part
            if not running:
                return done
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                part = running.pop(future)
                done[part] = future.result()
                _append(file, part, done[part])
                told(part, done[part], len(done), len(parts))


def sums(done: dict[Part, Kept]) -> Iterator[tuple[str, str, Kept]]:
    """Level, regime and what its parts come to."""
    for level, regimes in REGIMES.items():
        for regime in regimes:
            total = Kept()
            for part, kept in done.items():
                if (part.level, part.regime) == (level, regime):
                    total.add(kept)
            if total.figures["schedules"]:
                yield level, regime, total


@cache
def code_version(level: str) -> str:
    """Twelve digits over all that a level's results can depend on."""
    digest = hashlib.sha256()
    for name in CODE[level]:
        place = ROOT / name
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.suffix in (".py", ".sql") and not is_of_others(level, file):
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def is_of_others(level: str, file: Path) -> bool:
    """Whether a file belongs to a kind of sync that the level does not play."""
    return any(ROOT / place in file.parents for place in OTHERS.get(level, ()))


def _read(file: Path) -> dict[Part, Kept]:
    """The parts played of today's code."""
    if not file.exists():
        return {}
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    for line in lines:
        line["kept"]["red"] = [tuple(one) for one in line["kept"]["red"]]
        line["kept"]["figures"] = dict.fromkeys(FIGURES, 0) | line["kept"]["figures"]
    return {
        Part(**line["part"]): Kept(**line["kept"])
        for line in lines
        if line["code"] == code_version(line["part"]["level"])
    }


def _append(file: Path, part: Part, kept: Kept) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    line = {"code": code_version(part.level), "part": vars(part), "kept": vars(kept)}
    with file.open("ab") as lines:
        lines.write(orjson.dumps(line) + b"\n")
