"""Notes a second, with nothing in anybody's way: the same job with more rows, and no fault.

Counted by the vendor: from the first note that it committed to the last, so that what a tool takes
to start is in the column of the whole command only. A round in which a note is missing or doubled
is no measurement but an error. The tools take turns.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any, NamedTuple

from bench.peers.books import Verdict, created_notes, judge
from bench.peers.contestants import Contestant, dlt_at_its_fastest
from bench.peers.job import job_rows, write_source
from bench.peers.series import contestants, trial_home
from bench.peers.trial import started
from bench.peers.vendor import Sandbox, running_sandbox
from bench.tables import Row, with_spread

HEADINGS = ("tool", "version", "notes", "notes a second", "the whole command, s")
ROWS, ROUNDS = 1000, 3
PATIENCE_S = 600.0


class NotDoneError(Exception):
    """A tool did not do the job, or not once for each row: there is no speed to tell."""


class Taken(NamedTuple):
    """One round: notes a second by the vendor's clock, seconds of the command by ours."""

    a_second: float
    command_s: float


def speed_rows(count: int = ROWS, rounds: int = ROUNDS, only: str = "") -> Iterator[Row]:
    """Yield one row per contestant: medians, and between what the rounds lay."""
    taken: defaultdict[str, list[Taken]] = defaultdict(list)
    with running_sandbox() as sandbox, contestants(dlt_at_its_fastest) as everybody:
        asked = [each for each in everybody if only.lower() in each.name.lower()]
        for _ in range(rounds):
            for each in asked:
                taken[each.name].append(race(each, count, sandbox))
    for each in asked:
        mine = taken[each.name]
        yield (
            each.name, each.version, f"{count:,}", with_spread([one.a_second for one in mine]),
            with_spread([one.command_s for one in mine], 1),
        )  # fmt: skip


def race(contestant: Contestant, count: int, sandbox: Sandbox) -> Taken:
    """One round in a fresh world; NotDoneError unless every row became one note."""
    rows = job_rows(sandbox.begin(rows=count), count)
    with trial_home() as home:
        write_source(home / "rows.sqlite", rows)
        contestant.set_up(home, sandbox.url)
        began = perf_counter()
        with started(contestant, home, sandbox.url) as process:
            code = process.wait(PATIENCE_S)
        command_s = perf_counter() - began
        said = (home / "log").read_text(errors="replace")[-2000:]
    journal = sandbox.journal()
    verdict = judge([row.text for row in rows], journal, sandbox.notes())
    if code or verdict != Verdict(0, 0):
        raise NotDoneError(f"{contestant.name} ended with {code}, {verdict}. It said:\n{said}")
    return Taken((count - 1) / span_s(journal), command_s)


def span_s(journal: Sequence[Mapping[str, Any]]) -> float:
    """Seconds from the first created note to the last.

    >>> note = {"object": "notes", "verb": "create", "id": 1}
    >>> at = [f"2026-11-02T06:00:0{second}.5+00:00" for second in (1, 4)]
    >>> span_s([{"at": moment, "effects": [note]} for moment in at])
    3.0
    """
    times = [datetime.fromisoformat(line["at"]) for line in journal if created_notes([line])]
    return (times[-1] - times[0]).total_seconds()
