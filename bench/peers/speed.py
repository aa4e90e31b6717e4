"""Writes a second, with nothing in anybody's way: the same job with more rows, and no fault.

Counted by the vendor: from the first request that committed something to the last, so that what a
tool takes to start is in the column of the whole command only. A round in which a row is missing or
doubled is no measurement but an error. The tools take turns, the first round is not counted, and
how many times ours a tool's rows a second are is told round by round.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any, NamedTuple

from bench.machine import on_disk
from bench.peers import members
from bench.peers.books import Verdict, judge
from bench.peers.contestants import Contestant
from bench.peers.job import JobRow, job_rows, write_source
from bench.peers.series import Maker, contestants
from bench.peers.trial import started
from bench.peers.vendor import Sandbox, running_sandbox
from bench.tables import Row, with_spread
from bench.turns import ratios, turns

HEADINGS = (
    "job", "tool", "version", "rows", "rows a second", "times ours", "the whole command, s",
)  # fmt: skip
OURS = "Syncline"
ROUNDS = 3
PATIENCE_S = 600.0


class NotDoneError(Exception):
    """A tool did not do the job, or not once for each row: there is no speed to tell."""


class Job(NamedTuple):
    """What becomes of a row, how many there are, who takes part, and how it is judged."""

    name: str
    thing: str  # of the journal
    size: int
    makers: tuple[Maker, ...]  # none: those who make notes
    verdict: Callable[[Sequence[JobRow], Sandbox], Verdict]


class Taken(NamedTuple):
    """One round: rows a second by the vendor's clock, seconds of the command by ours."""

    a_second: float
    command_s: float


def _of_notes(rows: Sequence[JobRow], sandbox: Sandbox) -> Verdict:
    return judge([row.text for row in rows], sandbox.journal(), sandbox.notes())


def _of_members(rows: Sequence[JobRow], sandbox: Sandbox) -> Verdict:
    return members.verdict([row.text for row in rows], sandbox.members())


NOTES = Job("a note each, one a request", "notes", 500, (), _of_notes)
MEMBERS = Job(
    f"a member each, {members.AT_ONCE} a request", "members", 5_000, members.MAKERS, _of_members
)


def speed_rows(job: Job, rounds: int = ROUNDS, only: str = "") -> Iterator[Row]:
    """Yield one row per contestant: medians, and between what the rounds lay."""
    taken: defaultdict[str, list[Taken]] = defaultdict(list)
    with running_sandbox() as sandbox, contestants(*job.makers) as everybody:
        asked = {each.name: each for each in everybody if only.lower() in each.name.lower()}
        for name, counts in turns(list(asked), rounds):
            one = race(asked[name], job, sandbox)
            if counts:
                taken[name].append(one)
    for name, each in asked.items():
        told = shown(taken[name], taken[OURS])
        yield (job.name, name, each.version, f"{job.size:,}", *told)


def shown(mine: Sequence[Taken], ours: Sequence[Taken]) -> Row:
    """Medians, and between what the rounds lay; no ratio where ours took no part."""
    speeds = [one.a_second for one in mine]
    times = ratios(speeds, [one.a_second for one in ours]) if ours else []
    return (
        with_spread(speeds),
        with_spread(times, 2) if times else "",
        with_spread([one.command_s for one in mine], 1),
    )


def race(contestant: Contestant, job: Job, sandbox: Sandbox) -> Taken:
    """One round in a fresh world; NotDoneError unless every row became one thing."""
    rows = job_rows(sandbox.begin(rows=job.size), job.size)
    with on_disk("trial") as home:
        write_source(home / "rows.sqlite", rows)
        contestant.set_up(home, sandbox.url)
        began = perf_counter()
        with started(contestant, home, sandbox.url) as process:
            code = process.wait(PATIENCE_S)
        command_s = perf_counter() - began
        said = (home / "log").read_text(errors="replace")[-2000:]
    verdict = job.verdict(rows, sandbox)
    if code or verdict != Verdict(0, 0):
        raise NotDoneError(f"{contestant.name} ended with {code}, {verdict}. It said:\n{said}")
    return Taken(a_second(sandbox.journal(), job.thing), command_s)


def a_second(journal: Sequence[Mapping[str, Any]], thing: str) -> float:
    """How many were made a second, after the first request that made any.

    >>> def line(second, *made):
    ...     effects = [{"object": "notes", "verb": "create", "id": n} for n in made]
    ...     return {"at": f"2026-11-02T06:00:0{second}.5+00:00", "effects": effects}
    >>> a_second([line(1, 1), line(2), line(3, 2, 3, 4), line(5, 5, 6, 7)], "notes")
    1.5
    """
    made = [(datetime.fromisoformat(line["at"]), _created(line, thing)) for line in journal]
    (began, _), *later = [(at, count) for at, count in made if count]
    return sum(count for _, count in later) / (later[-1][0] - began).total_seconds()


def _created(line: Mapping[str, Any], thing: str) -> int:
    return sum(one["object"] == thing and one["verb"] == "create" for one in line["effects"])
