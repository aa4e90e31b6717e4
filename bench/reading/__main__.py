"""Reading all persons of a Pipedrive over HTTP into typed, keyed DuckDB, the records kept as well.

    python -m bench.reading                    100,000 persons, five times each, in turns
    python -m bench.reading --people 10000 --repeat 3

Pages come from a server that rendered them before. Times are what a process took beyond its
imports; memory is its peak, or a child's if that is more, imports included. The readers take
turns, and the first round is not counted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.house import NO_PROXY, ROOT
from bench.machine import described, on_disk
from bench.peers.environments import NotInstallableError, environment, version
from bench.tables import markdown, with_spread
from bench.turns import ratios, turns

COLUMNS = (
    "reader", "seconds", "processor, s", "of it in children, s", "peak memory, MiB", "times ours",
)  # fmt: skip
DLT = ROOT / "bench" / "peers" / "dlt"
# Two processes that normalize, each given files of its own; what is written needs no gzip.
AT_ITS_BEST = {
    "NORMALIZE__WORKERS": "2", "DATA_WRITER__FILE_MAX_ITEMS": "20000",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
}  # fmt: skip
OURS = "Syncline"
LEGEND = (
    "times ours: of the seconds, round by round; ours keeps one row a person by its key",
    "dlt's `replace` writes what it is given: a person met twice would be there twice, since its",
    "`primary_key` keeps one of them with `merge` only; its source at its best declares no columns",
)


class Reader(NamedTuple):
    """One contestant: the command that takes an address and a folder, and its environment."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = {}


class Taken(NamedTuple):
    """One reading: seconds and processor seconds beyond imports, its children's, peak bytes."""

    seconds: float
    processor_s: float
    children_s: float
    peak: int


class ShortReadingError(Exception):
    """A reader did not read everybody: its time means nothing."""


def readers() -> list[Reader]:
    """Who takes part. Peers that cannot be had here are left out, with a line that says why."""
    own = [
        Reader("the bare wire, nothing kept", [sys.executable, "-m", "bench.reading.wire"]),
        Reader(OURS, [sys.executable, "-m", "bench.reading.ours"]),
    ]
    try:
        return own + peers(environment("dlt"))
    except NotInstallableError as error:
        sys.stderr.write(f"left out (dlt): {error}\n")
        return own


def peers(python: Path) -> list[Reader]:
    """dlt in four ways, by the Python of its environment."""
    told = f"dlt {version(python, 'dlt')}"
    declared = [str(python), str(DLT / "reading_declared.py")]
    by_hand = [str(python), str(DLT / "reading_arrow.py")]
    return [
        Reader(f"{told}, Arrow by hand, from columns", [*by_hand, "columns"]),
        Reader(f"{told}, Arrow by hand, by its reader of JSON", [*by_hand, "json"]),
        Reader(f"{told}, REST API source at its best", [*declared, "best"], AT_ITS_BEST),
        Reader(f"{told}, REST API source as it comes", [*declared, "plain"]),
    ]


@contextmanager
def pages(people: int) -> Iterator[tuple[str, int, str]]:
    """A server of rendered pages: its address, how many persons, and what it says of itself."""
    command = [sys.executable, "-m", "bench.reading.pages", "--people", str(people)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        count, rows, size, url = process.stdout.readline().split()
        yield url, int(rows), f"{count} pages of {int(rows):,} persons, {size} MiB"
    finally:
        process.kill()
        process.wait()


def take(reader: Reader, url: str, rows: int) -> Taken:
    """One reading into a fresh folder; ShortReadingError unless it read everybody."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    with on_disk("reading") as folder, tempfile.TemporaryFile("w+") as out:
        quiet = {
            "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR",
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        process = subprocess.Popen(
            [*reader.command, url, str(folder)], cwd=folder, stdout=out, stderr=subprocess.DEVNULL,
            env={**kept, **NO_PROXY, **quiet, **reader.environ},
        )  # fmt: skip
        process.wait()
        out.seek(0)
        lines = out.read().splitlines()
    told = json.loads(lines[-1]) if process.returncode == 0 else {"rows": 0}
    if told["rows"] < rows:
        raise ShortReadingError(f"{reader.name}: {told['rows']} of {rows}, {process.returncode}")
    return Taken(told["seconds"], told["processor_s"], told["children_s"], told["peak"])


def table(taken: Mapping[str, Sequence[Taken]]) -> str:
    """A line a reader: medians, and between what the rounds lay."""
    ours = [one.seconds for one in taken[OURS]]
    rows = [
        [
            name,
            with_spread([one.seconds for one in each], 2),
            with_spread([one.processor_s + one.children_s for one in each], 2),
            with_spread([one.children_s for one in each], 2),
            with_spread([one.peak / 2**20 for one in each]),
            with_spread(ratios([one.seconds for one in each], ours), 2),
        ]
        for name, each in taken.items()
    ]
    return markdown(COLUMNS, rows)


def main(words: Sequence[str]) -> int:
    """Print the machine and the table; each reading appears on stderr as it ends."""
    parser = argparse.ArgumentParser(prog="bench.reading", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args(words)
    known = {one.name: one for one in readers()}
    taken: dict[str, list[Taken]] = {name: [] for name in known}
    with pages(asked.people) as (url, rows, size):
        for name, counts in turns(list(known), asked.repeat):
            one = take(known[name], url, rows)
            sys.stderr.write(f"{name}: {one.seconds:.2f} s{'' if counts else ', not counted'}\n")
            if counts:
                taken[name].append(one)
    sys.stdout.write("\n".join([*described(ROOT), size, *LEGEND, "", table(taken)]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
