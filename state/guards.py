"""Runs that a guard stopped: what they wanted, who let them, and until when.

    stored --approve--> approved (24 h) --spend--> spent
      |                     '-- time is up --> expired
      '-- another stop, or a run that goes through --> past

A guarded run has ended and holds nothing. The next run carries out only keys
of the approved set: what it wants beyond them is guarded anew.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import Connection, select, update

from state.audits import PREFIX
from state.database import State
from state.errors import NotAllowed
from state.lease import Lease
from state.schema import guards as table
from state.schema import runs

APPROVAL_LASTS = timedelta(hours=24)


@dataclass(frozen=True)
class Guard:
    """A stopped run as shown to whoever approves it; the keys are read apart."""

    guard_id: str
    sync: str
    run_id: str
    at: datetime
    reasons: list[str]
    wanted_count: int
    approved_by: str | None
    approved_at: datetime | None
    expires_at: datetime | None
    spent_at: datetime | None


COLUMNS = [table.c[name] for name in Guard.__dataclass_fields__]


def store(
    lease: Lease, reasons: Sequence[str], wanted_keys: Iterable[str], *, also: Iterable[str] = ()
) -> Guard:
    """Keep what a guarded run wanted to write. `also`: what an approval lets happen without
    being a write, like a bot's activation; nobody is told of it as one."""
    writes = set(wanted_keys)
    keys = sorted({*writes, *also})
    guard_id = f"guard-{uuid4().hex[:10]}"
    with lease.changing() as db:
        db.execute(table.insert().values(
            guard_id=guard_id, sync=lease.sync, run_id=lease.run_id, at=lease.state.now(),
            reasons=list(reasons), wanted_keys=zlib.compress(orjson.dumps(keys)),
            wanted_count=len(writes),
        ))  # fmt: skip
    return _one(lease.state, guard_id)


def latest(state: State, sync: str) -> Guard | None:
    """Return the newest guard of a sync, unless it was used up or a later run went through.

    What an older one wanted was planned anew by the newest: it is never to be let through.
    """
    query = select(*COLUMNS).where(table.c.sync == sync).order_by(table.c.at.desc()).limit(1)
    with state.read() as db:
        row = db.execute(query).one_or_none()
        if row is None or row.spent_at is not None or _is_behind(db, row):
            return None
    return Guard(*row)


def approve(state: State, *, by: str, sync: str = "", guard_id: str = "") -> Guard:
    """Let the next run do what a guarded run wanted; for 24 hours. Needs a sync or a guard id."""
    guard = _one(state, guard_id) if guard_id else latest(state, sync)
    if guard is None:
        raise NotAllowed(f"no stopped run of {sync} waits for it: there is nothing to approve")
    if guard.spent_at is not None:
        raise NotAllowed(f"{guard.guard_id} was approved and carried out already")
    if guard != latest(state, guard.sync):
        raise NotAllowed(f"{guard.guard_id} is past: a later run was stopped, or went through")
    now = state.now()
    with state.write() as db:
        approved = db.execute(
            update(table)
            .where(table.c.guard_id == guard.guard_id, table.c.spent_at.is_(None))
            .values(approved_by=by, approved_at=now, expires_at=now + APPROVAL_LASTS)
        )
        if not approved.rowcount:
            raise NotAllowed(f"{guard.guard_id} was approved and carried out meanwhile")
    return _one(state, guard.guard_id)


def approved_keys(state: State, sync: str) -> tuple[Guard, frozenset[str]] | None:
    """Return the approval in force with its keys, or None: then every guard applies."""
    guard = latest(state, sync)
    if guard is None or guard.expires_at is None or guard.expires_at <= state.now():
        return None
    return guard, wanted_keys(state, guard.guard_id)


def wanted_keys(state: State, guard_id: str) -> frozenset[str]:
    query = select(table.c.wanted_keys).where(table.c.guard_id == guard_id)
    with state.read() as db:
        packed: Any = db.execute(query).scalar_one()
    return frozenset(orjson.loads(zlib.decompress(packed)))


def spend(lease: Lease, guard_id: str) -> None:
    """Use an approval up, once the plan it let through is sealed."""
    with lease.changing() as db:
        db.execute(
            update(table)
            .where(table.c.guard_id == guard_id, table.c.spent_at.is_(None))
            .values(spent_at=lease.state.now())
        )


def _is_behind(db: Connection, guard: Any) -> bool:
    """Whether a run of the sync, no audit, has gone through since the one that was stopped."""
    its_sweep = select(runs.c.sweep).where(runs.c.run_id == guard.run_id).scalar_subquery()
    later = select(runs.c.run_id).where(
        runs.c.sync == guard.sync, runs.c.sweep > its_sweep,
        runs.c.outcome.in_(("done", "open")), ~runs.c.run_id.startswith(PREFIX),
    )  # fmt: skip
    return db.scalar(later.limit(1)) is not None


def _one(state: State, guard_id: str) -> Guard:
    with state.read() as db:
        row = db.execute(select(*COLUMNS).where(table.c.guard_id == guard_id)).one_or_none()
    if row is None:
        raise NotAllowed(f"there is no guard {guard_id}")
    return Guard(*row)
