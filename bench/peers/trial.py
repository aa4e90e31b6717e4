"""One contestant through one fault: start it, let it happen, then the same command again.

    run 1   with the fault ordered, or killed
    run 2   the same command in the same folder, nothing in its way any more
    ...     again while it ends badly, as an operator or a scheduler would

Then the judge looks. A trial whose fault met nothing is no trial: it is an error.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.peers.books import Verdict, created_notes, judge
from bench.peers.contestants import Contestant
from bench.peers.faults import Fault
from bench.peers.job import job_rows, write_source
from bench.peers.vendor import Sandbox

MOST_RUNS = 5
PATIENCE_S = 120.0


class NoTrialError(Exception):
    """The fault met nothing, or the contestant does not run at all; says which."""


class Outcome(NamedTuple):
    verdict: Verdict
    run_count: int
    ended_well: bool


def undergo(
    contestant: Contestant, fault: Fault, number: int, sandbox: Sandbox, home: Path
) -> Outcome:
    """`home` is empty, and the contestant's alone; its logs stay in it."""
    rows = job_rows(sandbox.begin(fault.orders(number)))
    write_source(home / "rows.sqlite", rows)
    contestant.set_up(home, sandbox.url)
    with started(contestant, home, sandbox.url) as process:
        if fault.is_killed:
            was_met = _kill_when(process, fault, number, sandbox)
        else:
            process.wait(PATIENCE_S)
            was_met = sandbox.has_fired()
    if not was_met:
        said = (home / "log").read_text(errors="replace")[-2000:]
        raise NoTrialError(f"{contestant.name}: {fault.name} met nothing. It said:\n{said}")
    sandbox.clear_faults()
    run_count, ended_well = 1, False
    while not ended_well and run_count < MOST_RUNS:
        with started(contestant, home, sandbox.url) as process:
            ended_well = process.wait(PATIENCE_S) == 0
        run_count += 1
    verdict = judge([row.text for row in rows], sandbox.journal(), sandbox.notes())
    return Outcome(verdict, run_count, ended_well)


def _kill_when(
    process: subprocess.Popen[bytes], fault: Fault, number: int, sandbox: Sandbox
) -> bool:
    """SIGKILL when that many notes were made, or the fault has fired; False: it ended before."""
    made, seen = 0, 0
    while process.poll() is None:
        if fault.order is not None:
            is_time = sandbox.has_fired()
        else:
            lines = sandbox.journal(seen)
            seen += len(lines)
            made += len(created_notes(lines))
            is_time = made >= fault.place(number)
        if is_time:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False


@contextmanager
def started(contestant: Contestant, home: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The contestant's command, in a process group of its own; none of it outlives the block."""
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            contestant.command, cwd=home, env=contestant.variables(home, url),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
