"""All contestants through all faults, several trials each, added up."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.machine import on_disk
from bench.peers.books import Verdict
from bench.peers.contestants import (
    Contestant,
    dlt,
    dlt_at_its_fastest,
    drt_as_shown,
    drt_with_ledger,
    ours,
)
from bench.peers.environments import NotInstallableError
from bench.peers.faults import FAULTS, Fault
from bench.peers.trial import Outcome, undergo
from bench.peers.vendor import Sandbox, running_sandbox
from bench.postgres import NoPostgresError, running_postgres
from bench.tables import Row

HEADINGS = ("tool", "version", "fault", "trials", "duplicates", "lost", "left unfinished")
TRIALS = 5
Maker = Callable[[], Contestant]


def rows(trials: int = TRIALS, faults: Sequence[Fault] = FAULTS, only: str = "") -> Iterator[Row]:
    """Yield one row per contestant and fault, as it is known; `only` picks names that contain it.

    A contestant that cannot be had here is left out, with a line on stderr that says why.
    """
    with running_sandbox() as sandbox, contestants() as everybody:
        for contestant in everybody:
            if only.lower() not in contestant.name.lower():
                continue
            for fault in faults:
                outcomes = [_one(contestant, fault, n, sandbox) for n in range(trials)]
                yield _row(contestant, fault, outcomes)


def _one(contestant: Contestant, fault: Fault, number: int, sandbox: Sandbox) -> Outcome:
    with on_disk("trial") as home:
        return undergo(contestant, fault, number, sandbox, home)


def _row(contestant: Contestant, fault: Fault, outcomes: Sequence[Outcome]) -> Row:
    total = Verdict(0, 0)
    for outcome in outcomes:
        total = total.plus(outcome.verdict)
    unfinished = sum(not outcome.ended_well for outcome in outcomes)
    counts = (len(outcomes), total.duplicates, total.lost, unfinished)
    trials, duplicates, lost, left = (str(count) for count in counts)
    return (contestant.name, contestant.version, fault.name, trials, duplicates, lost, left)


@contextmanager
def contestants(*others: Maker) -> Iterator[list[Contestant]]:
    """Everybody of these, or of those who make notes, who can take part on this machine."""
    with ExitStack() as stack:
        found: list[Contestant] = []

        def with_postgres() -> Contestant:
            return drt_with_ledger(stack.enter_context(running_postgres()))

        for make in others or (ours, drt_as_shown, with_postgres, dlt, dlt_at_its_fastest):
            try:
                found.append(make())
            except (NotInstallableError, NoPostgresError) as error:
                sys.stderr.write(f"left out ({make.__name__}): {error}\n")
        yield found
