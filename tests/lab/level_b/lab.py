"""Run the real flow in process: virtual time, no sockets, no files, deaths on demand.

lab = Lab()                 once a process: a settled world is made and kept
with lab.installed():       the product takes state, files and lease keeping from the lab
    live = lab.begin()      a schedule begins at the settled world
    live.run(dies_at=40)    one run; `live.log` is what it did to the vendors
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import httpx

from connectors.mailigen import client as mailigen
from connectors.pipedrive import wire as pipedrive
from pipelines import audit_run, checks
from pipelines import run as running
from pipelines.mailigen_pipedrive import audit as auditing
from pipelines.mailigen_pipedrive import run as product
from pipelines.mailigen_pipedrive import sample
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.report import Outcome, RunOptions
from pipelines.settings import read_settings
from pipelines.surroundings import Surroundings
from sandbox.stage import Stage
from state import keep
from state import lease as leases
from state.database import State, open_state
from state.errors import LeaseLost
from state.lease import Lease, Owner
from state.staging import Work
from tests.lab.level_b import door, world
from tests.lab.level_b.door import Door, Porch
from tests.lab.level_b.doubts import Doubts
from tests.lab.level_b.log import Log
from tests.lab.level_b.process import Death, Moment, Process, WatchedState
from tests.lab.level_b.story import Habits
from tests.lab.level_b.way import URL, Delivery, Way
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, SECRETS, connections, definition

SYNC = "acme"
HORIZON, LEASE = 120.0, 60.0
RENEWED_EVERY = LEASE / 3
# Few people: limits as small as they are.
MOST_DELETES = 2
GUARDS = {
    "first_activation": "allow", "max_deletes": MOST_DELETES, "max_delete_share": 0.2,
}  # fmt: skip


# One that changes with the selection; each more is a few calls and rows a run.
FIELDS = {"person": ["Customer tier"]}
SAMPLED = 2  # members a run that are held against the list: eight are soon through


class Found(NamedTuple):
    """One open finding of the audit."""

    finding: str
    object: str
    remote_ids: list[str]
    subject: str
    said: str


class Lab:
    """One process's laboratory. The engine and the DuckDB files serve every schedule."""

    def __init__(self) -> None:
        self.engine = open_state("sqlite://").engine
        self.files, self.home = world.Files(), world.new_home()
        self.elsewhere = world.Files(self.files.history_generation)
        self.settings = read_settings({"SYNCLINE_HOME": str(self.home)} | SECRETS | door.SECRETS)
        self.wanted = Definition.model_validate(definition(CUSTOMERS, guards=GUARDS, fields=FIELDS))
        self.connections = door.with_webhooks(connections(URL, HORIZON))
        self.live: Live | None = None
        with self.installed():
            self.snapshot = self._settle()

    def begin(self) -> "Live":
        """A schedule at the settled world; whatever an earlier one left is gone."""
        stage = world.restore(self.snapshot, self.engine, self.files, self.home)
        self.live = Live(self, stage)
        return self.live

    def _settle(self) -> world.Snapshot:
        stage = world.seed_stage()
        self.live = Live(self, stage, "settling")
        for _ in range(2):
            outcome = self.live.run()
            if outcome is None or outcome.outcome != "done":
                raise RuntimeError(f"the world does not settle: {outcome}")
        with self.live.listening():
            self.live.porch().keep_webhook()
        stage.clock.advance(600)
        return world.take(stage, self.engine, self.files, self.home)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """While this lasts, the product runs in the lab."""
        logging.getLogger("state.lease").setLevel(logging.ERROR)
        with ExitStack() as stack:
            for flow in (running, audit_run):
                for name, ours in (
                    ("open_state", self._open_state),
                    ("open_work", self._open_work),
                    ("publish", self._publish),
                ):
                    stack.enter_context(patch.object(flow, name, ours))
            for target, name, replaced in (
                (leases, "keeping", self._keeping),
                (leases, "this_process", self._owner),
                (leases, "is_dead", lambda row: row.pid in self._now.dead),
                (keep, "append", self._append(keep.append)),
                (checks, "_judge", _judge_plainly),
                (sample, "MEMBERS_A_RUN", SAMPLED),
            ):
                stack.enter_context(patch.object(target, name, replaced))
            yield

    @property
    def _now(self) -> "Live":
        assert self.live is not None, "no schedule has begun"
        return self.live

    def _owner(self) -> Owner:
        return self._now.owner()

    def _open_state(self, _url: str, *, now: Callable[[], datetime]) -> State:
        return WatchedState(self.engine, now, process=self._now.process)

    @contextmanager
    def _open_work(self, home: Path, sync: str, **_: Any) -> Iterator[Work]:
        live = self._now
        with live.files.held_by(live.process, home, sync) as work:
            yield work

    def _publish(self, _work: Work) -> None:
        # The copy itself is level kill's; here only the moments around it count.
        self._now.process.boundary("before the publication")
        self._now.process.boundary("after the publication")

    @contextmanager
    def _keeping(self, held: Lease) -> Iterator[Lease]:
        """Renewed by virtual time; a dead process does not give its lease back."""
        live = self._now
        live.hold(held)
        try:
            yield held
        finally:
            live.let_go(held)

    def _append(self, append: Callable[..., None]) -> Callable[..., None]:
        def appended(home: Path, subject: Any, rows: Sequence[dict[str, Any]]) -> None:
            self._now.process.boundary("before the keep file", is_amid=True)
            append(home, subject, rows)
            self._now.process.boundary("after the keep file", is_amid=True)

        return appended


class Live:
    """One schedule being lived through."""

    def __init__(self, lab: Lab, stage: Stage, name: str = "run") -> None:
        self.lab, self.stage, self.files, self._name = lab, stage, lab.files, name
        self.log = Log(stage)
        self.dead: set[int] = set()
        self.processes: list[Process] = []
        self.process = Process(0)
        self.is_short = False
        self._held: dict[int, tuple[Lease, datetime]] = {}
        self.door = Door(stage, self._hear)
        self.doubts = Doubts()

    def owner(self) -> Owner:
        return Owner("lab", "boot", self.process.number, 0.0)

    def run(
        self,
        *,
        dies_at: int = 0,
        at: Mapping[int, Moment] | None = None,
        patience: float | None = None,
    ) -> Outcome | None:
        """One run of the flow; None when it died. `at` says what happens at which boundary."""
        process = Process(len(self.processes) + 1, dies_at, dict(at or {}))
        process.noted = partial(self.doubts.noted, process.number)

        def sync() -> Outcome:
            return product.run_sync(
                self.lab.wanted, self.lab.connections,
                options=RunOptions(run_id=f"{self._name}-{process.number}", settle_within=patience),
                report=lambda _: None, settings=self.lab.settings, around=self._around(process),
            )  # fmt: skip

        return self._in(process, sync)

    def porch(self) -> Porch:
        """The listener beside the runs, as it is in `listening`."""
        lab, quiet = self.lab, State(self.lab.engine, self.stage.clock.now)
        return Porch(lab.wanted, lab.connections, lab.settings, quiet, self._around(Process(0)))

    def _hear(self, delivery: Delivery) -> None:
        with self.listening():
            self.porch().take_in(delivery)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this lasts, what happens is the listener's doing: its boundaries are no run's."""
        before, self.process = self.process, Process(0)
        try:
            yield
        finally:
            self.process = before
            self.log.take("us")

    def audit(self) -> list[Found]:
        """What the product's nightly audit finds, at the end of the day."""
        process = Process(len(self.processes) + 1)

        def audit() -> Outcome:
            return auditing.audit_sync(
                self.lab.wanted, self.lab.connections, report=lambda _: None,
                run_id=f"{self._name}-{process.number}", settings=self.lab.settings,
                around=self._around(process),
            )  # fmt: skip

        outcome = self._in(process, audit)
        if outcome is None or outcome.outcome == "failed":
            raise RuntimeError(f"the audit failed: {outcome and outcome.said}")
        query = (
            "SELECT finding, object, remote_ids, subject, said FROM history.findings "
            "WHERE closed_at IS NULL ORDER BY ALL"
        )
        return [Found(*row) for row in self.files.db.execute(query).fetchall()]

    def _in(self, process: Process, what: Callable[[], Outcome]) -> Outcome | None:
        """Do it as that process; who was interrupted by it goes on afterwards."""
        before, self.process = self.process, process
        self.processes.append(process)
        try:
            return what()
        except Death:
            return None
        finally:
            process.is_dead = True
            self.dead.add(process.number)
            self.process = before
            self.log.take("us")

    @contextmanager
    def showing(self, habits: Habits) -> Iterator[None]:
        """While this lasts, both vendors show what they hold as this schedule has it."""
        crm, engagement = self.stage.vendors["pipedrive"], self.stage.vendors["mailigen"]
        crm.assume("list_index_lag_s", habits.lag_s)
        engagement.assume("members_index_lag_s", habits.lag_s)
        engagement.assume("max_input_vars", habits.form_fields or None)
        if not habits.page:
            yield
            return
        with ExitStack() as stack:
            stack.enter_context(patch.object(pipedrive, "PAGE_LIMIT", habits.page))
            for walk in ("until_empty", "until_total"):
                small = _in_pages_of(habits.page, getattr(mailigen, walk))
                stack.enter_context(patch.object(mailigen, walk, small))
            yield

    def act(self, what: Moment) -> None:
        """Let somebody else do something; the log knows that it was not us."""
        self.stage.catch_up()
        self.log.take("us")
        what()
        self.log.take("user")

    def pass_time(self, seconds: float) -> None:
        """Let time go by for everybody; what is under way at the vendors arrives."""
        self.stage.clock.advance(seconds)
        self.stage.catch_up()
        self.log.take("us")

    def go_elsewhere(self) -> None:
        """From here on runs start on another machine, with the history as it stands."""
        self.lab.elsewhere.restore(self.files.history())
        self.files = self.lab.elsewhere

    def hold(self, lease: Lease) -> None:
        self._held[self.process.number] = (lease, self.stage.clock.now())

    def let_go(self, lease: Lease) -> None:
        self._held.pop(self.process.number, None)
        leases.release(lease)

    def _around(self, process: Process) -> Surroundings:
        def open_http() -> httpx.Client:
            way = Way(self.stage, process, self._handled, self.doubts, is_short=self.is_short)
            return httpx.Client(transport=way, trust_env=False)

        def seconds() -> float:
            return self.stage.clock.now().timestamp()

        return Surroundings(self.stage.clock.now, self._sleep, open_http, seconds)

    def _handled(self) -> None:
        self.log.take("us")
        self._renew()

    def _sleep(self, seconds: float) -> None:
        left = seconds
        while left > 0:
            step = min(left, RENEWED_EVERY)
            self.process.live()
            self.pass_time(step)
            self._renew()
            left -= step

    def _renew(self) -> None:
        """What the lease's thread does beside a run that is not frozen."""
        held = self._held.get(self.process.number)
        if held is None or self.process.is_dead:
            return
        lease, renewed_at = held
        if self.stage.clock.now() - renewed_at < timedelta(seconds=RENEWED_EVERY):
            return
        self._held[self.process.number] = (lease, self.stage.clock.now())
        # Beside the numbered boundaries: a renewal writes nothing a crash could split.
        quiet = State(self.lab.engine, self.stage.clock.now)
        with suppress(LeaseLost):
            leases.renew(replace(lease, state=quiet))


def _in_pages_of(size: int, walk: Callable[..., Any]) -> Callable[..., Any]:
    """The same walk of Mailigen's pages, asking for so few rows at once."""

    def walked(fetch: Callable[..., Any], *, limit: int, **more: Any) -> Any:
        return walk(fetch, limit=min(limit, size), **more)

    return walked


def _judge_plainly(
    _expected: Sequence[checks.Expected], counts: Sequence[int]
) -> list[tuple[bool, str]]:
    """Great Expectations' verdict on the counts, without the half second it takes."""
    return [(count == 0, "") for count in counts]
