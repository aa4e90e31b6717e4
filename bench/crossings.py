"""From events to crossings: the product's models, the barest DuckDB query, pandas and polars.

    python -m bench.crossings                          10,000,000 events of 1,000,000 contacts
    python -m bench.crossings --events 1000000 --contacts 100000 --repeat 3

A history as a sync keeps it, made once; two rules, three e-mails opened and five clicks. Each
contestant is a process of its own that reads the history's file and says who crossed in which
sweep; all must say the same. Models: a view of whose the events are, the crossings as a table, as
in a run and with a run's memory and threads. The bare query has the same, and in a line of its own
DuckDB's defaults. pandas and polars get the events as Parquet, written before. They take turns,
and the first round is not counted. At last ten thousand new events come to that history, again and
again, and those they belong to are counted anew: each time in a process that has just started, as
a run has, and then in one that goes on.
"""

import argparse
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version as our_version
from pathlib import Path
from typing import Any, NamedTuple

from bench.crossings_ways import BARE_NAME, DEFAULTS, NEW_ONES, PANDAS, SWEEPS, WAYS
from bench.house import ROOT
from bench.machine import described, on_disk
from bench.peers.environments import NotInstallableError, environment, version
from bench.tables import markdown, with_spread
from bench.turns import ratios, turns
from state.staging import open_work

POLARS = "polars"
ENTERED = (*WAYS, POLARS)
BASES = {"times the bare query": BARE_NAME, "times it by DuckDB's defaults": DEFAULTS}
COLUMNS = ("by", "seconds", "processor, s", "peak memory, MiB", *BASES)


class Taken(NamedTuple):
    """One answer: seconds and processor seconds beyond imports, peak bytes, and its digest."""

    seconds: float
    processor_s: float
    peak: int
    digest: str


class ContestantFailedError(Exception):
    """A contestant gave no answer; what it said is on stderr."""


class OtherAnswerError(Exception):
    """Two contestants disagree who crossed: their times mean nothing."""


def entered(only: Sequence[str]) -> list[str]:
    """Who takes part. A peer that cannot be had here is left out, with a line that says why."""
    names = list(only or ENTERED)
    if POLARS in names:
        try:
            environment(POLARS)
        except NotInstallableError as error:
            sys.stderr.write(f"left out ({POLARS}): {error}\n")
            names.remove(POLARS)
    return names


def take(name: str, folder: Path) -> Taken:
    """One answer, by a process of its own."""
    if name != POLARS:
        return Taken(**aside("answer", folder, name))
    script = ROOT / "bench" / "peers" / POLARS / "crossings.py"
    return Taken(**_said([str(environment(POLARS)), str(script), str(folder)]))


def aside(act: str, folder: Path, *words: object) -> Any:
    """What an act of `bench.crossings_ways` tells; None where it tells nothing."""
    command = [sys.executable, "-m", "bench.crossings_ways", act, str(folder), *map(str, words)]
    return _said(command)


def _said(command: Sequence[str]) -> Any:
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode:
        raise ContestantFailedError(f"{command} ended with {done.returncode}")
    return json.loads(done.stdout or "null")


def new_events(folder: Path, contacts: int, repeat: int) -> Iterator[str]:
    """Two lines: counted by a process that has just started, and by one that goes on.

    The first count of either is left out: it finds what nobody has read since everybody was
    counted, or is the one count of a process that does not go on yet.
    """
    aside("everybody", folder)
    first = SWEEPS + 1
    fresh = [
        seconds
        for number in range(repeat + 1)
        for seconds in aside("new", folder, contacts, first + number, 1)
    ]
    warm = aside("new", folder, contacts, first + repeat + 1, repeat + 1)
    yield f"{NEW_ONES:,} new events, a fresh process each: {with_spread(fresh[1:], 2)} s"
    yield f"{NEW_ONES:,} new events, one process that goes on: {with_spread(warm[1:], 2)} s"


def table(taken: Mapping[str, Sequence[Taken]]) -> str:
    """A line each: medians, and between what the rounds lay. Ratios are taken round by round."""
    seconds = {name: [one.seconds for one in each] for name, each in taken.items()}
    rows = [
        [
            told(name),
            with_spread(seconds[name], 2),
            with_spread([one.processor_s for one in each], 2),
            with_spread([one.peak / 2**20 for one in each]),
            *(
                with_spread(ratios(seconds[name], seconds[base]), 2) if base in taken else ""
                for base in BASES.values()
            ),
        ]
        for name, each in taken.items()
    ]
    return markdown(COLUMNS, rows)


def told(name: str) -> str:
    """A contestant's name, with its version where the lines on the machine do not tell it."""
    if name == PANDAS:
        return f"{name} {our_version(name)}, in the product's environment"
    return f"{name} {version(environment(name), name)}" if name == POLARS else name


def settings_line() -> str:
    of = inspect.signature(open_work).parameters
    limits = f"{of['memory_limit'].default} and {of['threads'].default} threads"
    return f"the models and the bare query have what a run has: {limits} of DuckDB"


def main(words: Sequence[str]) -> int:
    """Print the machine and the table; each answer appears on stderr as it comes."""
    parser = argparse.ArgumentParser(prog="bench.crossings", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--only", action="append", default=[], choices=ENTERED)
    asked = parser.parse_args(words)
    taken: dict[str, list[Taken]] = {name: [] for name in entered(asked.only)}
    grown: list[str] = []
    with on_disk("crossings") as folder:
        aside("prepare", folder, asked.events, asked.contacts)
        for name, counts in turns(list(taken), asked.repeat):
            one = take(name, folder)
            sys.stderr.write(f"{name}: {one.seconds:.2f} s{'' if counts else ', not counted'}\n")
            if counts:
                taken[name].append(one)
        if not asked.only:
            grown = list(new_events(folder, asked.contacts, asked.repeat))
    if len({one.digest for each in taken.values() for one in each}) > 1:
        raise OtherAnswerError({way: each[0].digest for way, each in taken.items()})
    lines = [*described(ROOT), settings_line(), "", table(taken), "", *grown]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
