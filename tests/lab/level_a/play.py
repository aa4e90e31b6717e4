"""Live through one schedule with the real ledger and the real loader.

One database in memory serves all schedules of a process and is emptied between them. A holder is
what a run is elsewhere: take the lease, settle doubts, seal the plan, send, wait, give back.
"""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine

from pipelines.load import Loader, Vendor, load, load_settings, settle_doubts
from state import lease as leases
from state import ledger, machine, settings
from state.deeds import Deed
from state.errors import LeaseHeld, LeaseLost, WrongState
from state.lease import Lease
from state.settings import Setting, SettingKey
from tests.lab.level_a.audit import audit
from tests.lab.level_a.holders import Crash, Holder, WatchedState
from tests.lab.level_a.story import DAY, HORIZON, LEASE, Run, Story
from tests.lab.level_a.time_line import TimeLine
from tests.lab.level_a.vendor import Books, Entry
from tests.lab.level_a.writers import Line, Members, Notes, Sky

ACCOUNT, SYNC = "crm", "lab"
MOST_RECOVERIES = 9  # a refused write is tried seven times, a day apart
OPEN = "state NOT IN ('done', 'withdrawn')"
TABLES = ("deeds", "settings", "leases", "syncs")


@dataclass
class Played:
    """What a schedule left behind. `open_count` is the ledger's view, for the report only."""

    log: list[Entry]
    open_count: int = 0
    boundaries: int = 0
    recoveries: int = 0
    surprises: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Protections:
    """Which protections the lab itself carries; the others are switched in `switches.py`."""

    has_marker: bool = True
    horizon: timedelta = timedelta(seconds=HORIZON)
    has_intent: bool = True
    has_key_from_facts: bool = True
    has_generations: bool = True
    has_read_back: bool = True
    has_lease: bool = True
    has_consent: bool = True


class Stage:
    """One schedule being lived through."""

    def __init__(self, engine: Engine, story: Story, kept: Protections) -> None:
        self.engine, self.story, self.kept = engine, story, kept
        self.books = Books()
        self.time = TimeLine(self._tick)
        weather = story.weather
        self.sky = Sky(random.Random(story.seed), weather, weather.faults_left)
        self.dead: set[int] = set()
        self.runs = 0
        self.played = Played(self.books.log)
        self.acked_once: set[tuple[str, str]] = set()

    def live(self) -> Played:
        """Play the script, then recovery runs without faults until the ledger is quiet."""
        _empty(self.engine)
        for act in self.story.acts:
            self.time.call(act.at, partial(self.books.act, act.verb, act.subject))
        for run in self.story.runs:
            self.enter(run)
        self.time.run()
        self.sky.faults_left = 0
        # A run with nothing to do is played for some seeds only; it costs as much as any.
        if self.story.seed % 8 == 0 or not self._is_quiet():
            self._recover()
        self.played.open_count = self._rows_in(OPEN)
        self.books.now = self.time.at + DAY  # the audit is nightly: by then everything shows
        self.played.reported = audit(self.engine, self.books)
        return self.played

    def _recover(self) -> None:
        for _ in range(MOST_RECOVERIES):
            self.played.recoveries += 1
            self.enter(Run(starts_at=self.time.at + DAY + 60))
            self.time.run()
            if not self._rows_in(OPEN):
                return

    def enter(self, run: Run) -> None:
        self.runs += 1
        holder = Holder(self.runs, run, self.time, self.dead, self.kept.has_lease)
        self.time.start(run.starts_at, lambda: self._life(holder))

    def _tick(self, at: float) -> None:
        self.books.now = at

    def _life(self, holder: Holder) -> None:
        state = WatchedState(self.engine, lambda: self.time.now(holder.run.skew), holder.boundary)
        holder.come_alive()
        try:
            lease = leases.acquire(
                state, SYNC, run_id=f"run-{holder.number}", ttl=timedelta(seconds=LEASE)
            )
            holder.lease = lease
            self._work(holder, lease)
            holder.come_alive()
            leases.release(lease)
        except Crash:
            self.dead.add(holder.number)
            if not self.kept.has_intent:
                _forget_intents(self.engine)
        except (LeaseHeld, LeaseLost):
            pass
        except WrongState as surprise:
            self.played.surprises.append(str(surprise))
        self.dead.add(holder.number)
        self.played.boundaries += holder.boundaries

    def _work(self, holder: Holder, lease: Lease) -> None:
        loader = self._loader(holder, lease)
        settle_doubts(loader)
        at = self.time.at
        wanted = self._members(lease, at)
        ledger.seal(lease, deeds=self._deeds(holder, at), settings=wanted)
        settings.withdraw_unwanted(lease)
        _send(loader)
        self._wait_for_doubts(holder, loader)

    def _wait_for_doubts(self, holder: Holder, loader: Loader) -> None:
        """As the flow does it: look up, send what that freed, wait, until patience is over."""
        patience = holder.run.patience
        while True:
            wait = settle_doubts(loader)
            waiting = self._rows_in("state = 'planned'")
            if waiting:
                _send(loader)
                if self._rows_in("state = 'planned'") < waiting:
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
                "create_note": Notes(line, self.kept.has_marker, self.kept.has_read_back)
            },
            setting_writer=Members(line, self.kept.has_consent),
            vendors={ACCOUNT: Vendor(self.time.now, self.kept.horizon)},
            setting_account=ACCOUNT,
            setting_vendor="vendor",
            bots=(),
            told=lambda _: None,
        )

    def _later(self, seconds: float, commit: Any) -> None:
        self.time.call(self.time.at + seconds, commit)

    def _deeds(self, holder: Holder, at: float) -> list[Deed]:
        tail = "" if self.kept.has_key_from_facts else f"|run {holder.number}"
        return [
            Deed(d.key + tail, ACCOUNT, "create_note", "note", d.subject, {"text": d.key})
            for d in self.story.deeds
            if d.since <= at
        ]

    def _members(self, lease: Lease, at: float) -> list[Setting]:
        """Plan against live membership and last acknowledged values, as for Mailigen."""
        latest = {w.subject: w.value for w in self.story.wishes if w.since <= at}
        planned = (self._member(lease, subject, value) for subject, value in latest.items())
        return [setting for setting in planned if setting is not None]

    def _member(self, lease: Lease, subject: str, value: str) -> Setting | None:
        key = SettingKey(ACCOUNT, "list_member", subject, "list")
        known = settings.by_key(lease.state, key)
        there = self.books.seen_member(subject)
        has_left = there is not None and there.status != "subscribed"
        if has_left and self.kept.has_consent:
            return None
        was_acknowledged = known is not None and known.acknowledged is not None
        if there is None and was_acknowledged:
            return None  # taken off by hand, or not shown yet
        if known is not None and known.state == machine.DONE and known.acknowledged == value:
            return None
        if not self.kept.has_generations and self._was_ever(known, subject, value):
            return None
        verb = "create" if there is None or has_left else "update"
        return Setting(*key, desired=value, verb=verb, seen_different=True)

    def _was_ever(self, known: Setting | None, subject: str, value: str) -> bool:
        """Remember by value alone, as tools do that keep a fingerprint a row."""
        if known is not None and known.acknowledged is not None:
            self.acked_once.add((subject, known.acknowledged))
        return (subject, value) in self.acked_once

    def _is_quiet(self) -> bool:
        """Whether one more run would find nothing to do."""
        if self._rows_in(OPEN):
            return False
        with self.engine.connect() as db:
            keys = {row[0] for row in db.exec_driver_sql("SELECT write_key FROM deeds")}
            rows = db.exec_driver_sql("SELECT subject, acknowledged FROM settings")
            held = {row[0]: row[1] for row in rows}
        latest = {w.subject: f'"{w.value}"' for w in self.story.wishes}
        return keys >= {d.key for d in self.story.deeds} and held == latest

    def _rows_in(self, condition: str) -> int:
        # Plain SQL: a third of a schedule's time would go into asking the ledger's report.
        with self.engine.connect() as db:
            return sum(
                db.exec_driver_sql(f"SELECT count(*) FROM {name} WHERE {condition}").scalar_one()
                for name in ("deeds", "settings")
            )


def _send(loader: Loader) -> None:
    load_settings(loader)
    load(loader)


def _empty(engine: Engine) -> None:
    with engine.connect() as db:
        for name in TABLES:
            db.exec_driver_sql(f"DELETE FROM {name}")
        db.commit()


def _forget_intents(engine: Engine) -> None:
    """What a crash leaves when claims are not durable before the request leaves."""
    with engine.connect() as db:
        for name in ("deeds", "settings"):
            db.exec_driver_sql(f"UPDATE {name} SET state = 'planned' WHERE state = 'sending'")
        db.commit()
