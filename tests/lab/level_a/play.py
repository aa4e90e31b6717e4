"""Live through one schedule with the real ledger and the real loader.

A holder is what a run is elsewhere: take the lease, settle doubts, seal the plan, send, wait,
give back. `live` plays a whole story; a machine that makes its story up as it goes uses the parts.
"""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from pipelines.load import Loader, Vendor, load, load_settings, settle_doubts
from state import lease as leases
from state import ledger, settings
from state.errors import LeaseHeld, LeaseLost, WrongState
from state.lease import Lease
from tests.lab.level_a.audit import audit
from tests.lab.level_a.desk import OPEN, Desk
from tests.lab.level_a.holders import Crash, Holder, WatchedState
from tests.lab.level_a.planner import ACCOUNT, Planner, Protections
from tests.lab.level_a.story import DAY, LEASE, RIVAL, SYNC, Run, Story
from tests.lab.level_a.time_line import TimeLine
from tests.lab.level_a.vendor import Books, Entry
from tests.lab.level_a.writers import Line, Members, Notes, Persons, Sky

MOST_RECOVERIES = 9  # a refused write is tried seven times, a day apart
WAITING = "state = 'planned'"


@dataclass
class Played:
    """What a schedule left behind. `open_count` is the ledger's view, for the report only."""

    log: list[Entry]
    open_count: int = 0
    boundaries: int = 0
    recoveries: int = 0
    surprises: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)


class Stage:
    """One schedule being lived through."""

    def __init__(self, desk: Desk, story: Story, kept: Protections) -> None:
        self.desk, self.story, self.kept = desk, story, kept
        self.books = Books()
        self.planner = Planner(desk, self.books, kept)
        self.time = TimeLine(self._tick)
        weather = story.weather
        self.sky = Sky(random.Random(story.seed), weather, weather.faults_left)
        self.dead: set[int] = set()
        self.runs = 0
        self.played = Played(self.books.log)
        desk.empty()

    def live(self) -> Played:
        """Play the script, then recovery runs without faults until the ledger is quiet."""
        for act in self.story.acts:
            self.time.call(act.at, partial(self.books.act, act.verb, act.subject))
        for run in self.story.runs:
            self.enter(run)
        self.time.run()
        # A run with nothing to do is played for some seeds only; it costs as much as any.
        if self.story.seed % 8 == 0 or not self._is_quiet():
            self.recover()
        self.books.now = self.time.at + DAY  # the audit is nightly: by then everything shows
        self.played.reported = audit(self.desk, self.books, self.planner.barred)
        return self.played

    def recover(self) -> None:
        """Run without faults, a day apart, until the ledger has nothing left to do."""
        self.sky.faults_left = 0
        for _ in range(MOST_RECOVERIES):
            self.played.recoveries += 1
            self.enter(Run(starts_at=self.time.at + DAY + 60))
            if self.story.persons:
                self.enter(Run(starts_at=self.time.at + DAY + 600, sync=RIVAL))
            self.time.run()
            if not self.desk.count(OPEN):
                break
        self.played.open_count = self.desk.count(OPEN)

    def _is_quiet(self) -> bool:
        return not self.desk.count(OPEN) and self.planner.has_all(self.story)

    def enter(self, run: Run) -> None:
        self.runs += 1
        holder = Holder(self.runs, run, self.time, self.dead, self.kept.has_lease)
        self.time.start(run.starts_at, lambda: self._life(holder))

    def _tick(self, at: float) -> None:
        self.books.now = at

    def _life(self, holder: Holder) -> None:
        state = WatchedState(
            self.desk.engine, lambda: self.time.now(holder.run.skew), holder.boundary
        )
        holder.come_alive()
        try:
            lease = leases.acquire(
                state, holder.run.sync, run_id=f"run-{holder.number}", ttl=timedelta(seconds=LEASE)
            )
            holder.lease = lease
            self._work(holder, lease)
            holder.come_alive()
            leases.release(lease)
        except Crash:
            self.dead.add(holder.number)
            if not self.kept.has_intent:
                self.desk.forget_intents()
        except (LeaseHeld, LeaseLost):
            pass
        except WrongState as surprise:
            self.played.surprises.append(str(surprise))
        self.dead.add(holder.number)
        self.played.boundaries += holder.boundaries

    def _work(self, holder: Holder, lease: Lease) -> None:
        loader = self._loader(holder, lease)
        settle_doubts(loader)
        self._seal(lease)
        _send(loader)
        self._wait_for_doubts(holder, loader)

    def _seal(self, lease: Lease) -> None:
        at, wanted = self.time.at, self.planner
        members, notes = [], []
        if lease.sync == SYNC:
            members = wanted.members(self.story, at)
            notes = wanted.notes(self.story, at, lease.run_id)
        persons = wanted.persons(self.story, lease)
        ledger.seal(lease, deeds=[*notes, *persons], settings=members)
        settings.withdraw_unwanted(lease)

    def _wait_for_doubts(self, holder: Holder, loader: Loader) -> None:
        """As the flow does it: look up, send what that freed, wait, until patience is over."""
        patience = holder.run.patience
        while True:
            wait = settle_doubts(loader)
            waiting = self.desk.count(WAITING, loader.lease.sync)
            if waiting:
                _send(loader)
                if self.desk.count(WAITING, loader.lease.sync) < waiting:
                    continue
            if wait is None or wait > patience:
                return
            pause = max(wait, 0.05)
            holder.pause(pause)
            patience -= pause

    def _loader(self, holder: Holder, lease: Lease) -> Loader:
        line = Line(self.books, self.sky, holder.boundary, holder.pause, self._later)
        return Loader(
            lease=lease,
            deed_writers={
                "create_note": Notes(line, self.kept.has_marker, self.kept.has_read_back),
                "create_person": Persons(line),
            },
            setting_writer=Members(line, self.kept.has_consent),
            vendors={ACCOUNT: Vendor(self.time.now, self.kept.horizon)},
            setting_account=ACCOUNT,
            setting_vendor="vendor",
            bots=[person.address for person in self.story.persons],
            told=lambda _: None,
        )

    def _later(self, seconds: float, commit: Any) -> None:
        self.time.call(self.time.at + seconds, commit)


def _send(loader: Loader) -> None:
    load_settings(loader)
    load(loader)
