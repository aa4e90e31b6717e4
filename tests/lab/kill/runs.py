"""One run of a flow in a process of its own, which may be told to die at a boundary."""

import json
import logging
import multiprocessing
import os
import signal
import tempfile
import uuid
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipelines import checks
from tests.lab.flows import flow_named
from tests.lab.kill.boundaries import Boundaries, Boundary, open_watched_http
from tests.lab.kill.switches import without
from tests.lab.kill.world import surroundings
from tests.lab.stories.story import LabDesk

FORKS = multiprocessing.get_context("forkserver")
RUN_SECONDS = 120  # real ones; nothing waits, so a run that takes this long hangs
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Order:
    """What a process has to run, and where it is told to end. `state_url`: a state database that
    is not this home's, as that of a second machine; `without`: a protection switched off;
    `recovers`: what follows the flow's run, where that is something else than the run."""

    flow: str
    url: str
    home: Path
    wanted: dict[str, Any]
    horizon: float
    at: int = 0
    by: signal.Signals = signal.SIGKILL
    state_url: str = ""
    without: str = ""
    recovers: bool = False


@dataclass(frozen=True)
class Report:
    """How a run ended. One that was killed has no outcome and no boundaries to tell."""

    exit_code: int | None
    outcome: str = ""
    said: str = ""
    boundaries: tuple[Boundary, ...] = ()

    @property
    def was_killed(self) -> bool:
        return self.exit_code == -signal.SIGKILL


class Run:
    """A started run; `end` waits for it and reads what it told."""

    def __init__(self, order: Order) -> None:
        # At home, not in a temporary folder of its own: it goes when the trial's home goes.
        self._told = order.home / f"told-{uuid.uuid4().hex[:8]}.json"
        FORKS.set_forkserver_preload(["tests.lab.kill.warm"])
        self.process: BaseProcess = FORKS.Process(target=_run, args=(order, self._told))
        self.process.start()

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    def wait_until_stopped(self) -> bool:
        """Until SIGSTOP has met it; False when it ended instead."""
        while self.process.is_alive():
            if _letter(self.pid) in "Tt":
                return True
            self.process.join(LOOK_SECONDS)
        return False

    def end(self) -> Report:
        self.process.join(RUN_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            return Report(None, "hangs", f"still running after {RUN_SECONDS} s")
        code = self.process.exitcode
        if not self._told.exists():
            said_in = self._told.with_suffix(".txt")
            said = said_in.read_text()[-2000:] if said_in.exists() else ""
            return Report(code, said="" if code == -signal.SIGKILL else said)
        told = json.loads(self._told.read_text())
        passed = tuple(Boundary(*each) for each in told["boundaries"])
        return Report(code, told["outcome"], told["said"], passed)


def _run(order: Order, told: Path) -> None:
    """From here on this process is one run of the flow, and nothing else."""
    _be_quiet(told.with_suffix(".txt"))
    tempfile.tempdir = str(order.home)
    boundaries = Boundaries(order.at, order.by)
    flow = flow_named(order.flow)
    desk = flow.desk.at_home(order.url, order.home, order.wanted)
    assert isinstance(desk, LabDesk)
    desk.horizon = order.horizon
    if order.state_url:
        desk.secrets["SYNCLINE_STATE_URL"] = order.state_url
    around = surroundings(order.url, partial(open_watched_http, boundaries))
    # Great Expectations takes a third of a run, keeps nothing, and would say the same of the counts.
    judged = patch.object(checks, "_judge", lambda _expected, counts: [
        (count == 0, "") for count in counts
    ])  # fmt: skip
    with boundaries.installed(order.home), judged, without(order.without):
        outcome = ((order.recovers and flow.recover) or flow.run)(desk, around)
    told.write_text(
        json.dumps(
            {"outcome": outcome.outcome, "said": outcome.said, "boundaries": boundaries.passed}
        )
    )
    raise SystemExit(outcome.exit_code)


def _letter(pid: int) -> str:
    """How the system says a process fares; `T` is stopped, nothing is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def _be_quiet(said: Path) -> None:
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.disable(logging.INFO)
