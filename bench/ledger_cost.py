"""What exactly-once costs: effects a second with the ledger, and the same loop without it.

The vendor answers at once, so that nothing hides the difference; a real one is far away, and the
milliseconds a write are what to compare with its answer. Commits are durable: SQLite with
synchronous=FULL on a disk. `python -m bench.ledger_cost [--profile]`.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import Connection, event

from bench import ledger_work, machine
from bench.instant import ROOT, Instantly, Posted, running_server
from bench.ledger_profile import PARTS, has_changed, watch_changes, where_time_goes
from bench.ledger_work import ALL_WORK, Work
from bench.stopwatch import timed
from bench.tables import Row, markdown, with_spread
from bench.turns import ratios
from connectors.http import open_http
from state.lease import Lease

HEADINGS = (
    "writes", "vendor", "with the ledger, a second", "without, a second",
    "times as long with it", "the ledger's cost, ms a write", "of it processor", "commits a write",
)  # fmt: skip
REPETITIONS, COUNT = 7, 400


def rows(repetitions: int = REPETITIONS, count: int = COUNT) -> Iterator[Row]:
    """Yield one row per kind of write and vendor: medians, with the range of the repetitions."""
    with machine.on_disk("ledger-cost") as folder, running_server() as url, open_http() as http:
        vendors = {"in the process": Instantly(), "HTTP on the loopback": Posted(url, http)}
        for work in ALL_WORK:
            for name, vendor in vendors.items():
                yield _row(work, name, vendor, folder, (repetitions, count))


def profile_rows(repetitions: int = REPETITIONS, count: int = COUNT) -> Iterator[Row]:
    """Yield where the time of a single deed goes, a row a part (headings: PARTS)."""
    with machine.on_disk("ledger-cost") as folder:
        yield from where_time_goes(folder, repetitions, count)


def disk_line() -> str:
    """What a durable page costs on the disk that the figures were taken on."""
    with machine.on_disk("ledger-cost") as folder:
        taken = machine.sync_latencies(folder)
    tenths = quantiles(taken, n=10)
    return (
        f"fsync of an appended page, {len(taken)} times: median {median(taken):.2f} ms, "
        f"a tenth below {tenths[0]:.2f}, a tenth above {tenths[-1]:.2f}"
    )


def floor_line() -> str:
    """The least a claim and a settlement can cost here: two bare durable commits."""
    with machine.on_disk("ledger-cost") as folder:
        taken = machine.bare_commits(folder)
    pairs = [(a + b) * 1000 for a, b in zip(taken[::2], taken[1::2], strict=True)]
    return (
        f"two commits of one small row each, SQLite alone: median {median(pairs):.2f} ms "
        f"({1000 / median(pairs):,.0f} pairs a second)"
    )


def _row(work: Work, name: str, vendor: Instantly, folder: Path, times: tuple[int, int]) -> Row:
    repetitions, count = times
    with_ledger, without = [], []
    commits = [0]
    for _ in range(repetitions):  # in turns, so that a busy minute of the machine meets both
        with ledger_work.planned(work, count, folder) as lease, _counted(lease) as made:
            with_ledger.append(timed(partial(ledger_work.carry_out, lease, vendor)))
            commits = made
        without.append(timed(partial(ledger_work.without_ledger, work, count, vendor)))
    pairs = list(zip(with_ledger, without, strict=True))
    return (
        work.name,
        name,
        with_spread([count / spent.seconds for spent in with_ledger]),
        with_spread([count / spent.seconds for spent in without]),
        with_spread(ratios([a.seconds for a, _ in pairs], [b.seconds for _, b in pairs]), 1),
        with_spread([(a.seconds - b.seconds) * 1000 / count for a, b in pairs], 2),
        with_spread([(a.processor - b.processor) * 1000 / count for a, b in pairs], 2),
        f"{commits[0] / count:.2f}",
    )


@contextmanager
def _counted(lease: Lease) -> Iterator[list[int]]:
    """A counter of durable commits. Reads end with a commit too; what changed nothing is none."""
    made = [0]

    def count(connection: Connection) -> None:
        made[0] += has_changed(connection.connection)

    watch_changes(lease.state.engine)
    event.listen(lease.state.engine, "commit", count)
    yield made


def main() -> None:
    ask = argparse.ArgumentParser(prog="bench.ledger_cost", description=__doc__)
    ask.add_argument("--repetitions", type=int, default=REPETITIONS)
    ask.add_argument("--count", type=int, default=COUNT, help="writes a repetition")
    ask.add_argument("--profile", action="store_true", help="where the time of a deed goes")
    given = ask.parse_args()
    lines = [*machine.described(ROOT), disk_line(), floor_line()]
    sys.stdout.write("\n".join(f"- {line}" for line in lines) + "\n\n")
    sys.stdout.write(markdown(HEADINGS, list(rows(given.repetitions, given.count))) + "\n")
    if given.profile:
        parts = list(profile_rows(given.repetitions, given.count))
        sys.stdout.write("\n" + markdown(PARTS, parts) + "\n")


if __name__ == "__main__":
    main()
