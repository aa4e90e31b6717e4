"""What ran, how it ended, and where each sync stands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from state.database import State
from state.lease import Lease
from state.schema import runs, syncs


@dataclass(frozen=True)
class Run:
    run_id: str
    sync: str
    sweep: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    exit_code: int | None
    counts: Any
    said: str


@dataclass(frozen=True)
class Standing:
    """A sync's line in `list`: its last finished run, and what its files are called."""

    sync: str
    last_sweep: int
    history_generation: str | None
    work_generation: str | None
    last_run_id: str | None
    last_run_at: datetime | None
    outcome: str | None
    exit_code: int | None
    said: str
    definition_hash: str | None


RUN_COLUMNS = [runs.c[name] for name in Run.__dataclass_fields__]
STANDING_COLUMNS = [syncs.c[name] for name in Standing.__dataclass_fields__]


def start(lease: Lease, *, definition_hash: str | None = None) -> None:
    """Note that a run began, and by which definition."""
    now = lease.state.now()
    with lease.changing() as db:
        db.execute(
            runs.insert().values(
                run_id=lease.run_id, sync=lease.sync, sweep=lease.sweep, started_at=now
            )
        )
        if definition_hash is not None:
            changed = syncs.update().where(syncs.c.sync == lease.sync)
            db.execute(changed.values(definition_hash=definition_hash))


def finish(
    lease: Lease, *, outcome: str, exit_code: int, counts: Any, said: str = "",
    is_audit: bool = False,
) -> None:  # fmt: skip
    """Note how a run ended. Works without the lease too: a run that lost it has ended as well.

    The sync's own line is left to a newer run where there is one, and by an audit as it is.
    """
    now = lease.state.now()
    ended = {"outcome": outcome, "exit_code": exit_code, "said": said}
    is_mine = (syncs.c.sync == lease.sync, syncs.c.last_sweep == lease.sweep)
    with lease.state.write() as db:
        db.execute(
            update(runs)
            .where(runs.c.run_id == lease.run_id)
            .values(ended_at=now, counts=counts, **ended)
        )
        if not is_audit:
            db.execute(
                update(syncs)
                .where(*is_mine)
                .values(last_run_id=lease.run_id, last_run_at=now, **ended)
            )


def remember_files(lease: Lease, *, work_generation: str, history_generation: str) -> None:
    """Note which DuckDB files belong to this sync: another history later is refused."""
    with lease.changing() as db:
        db.execute(
            update(syncs)
            .where(syncs.c.sync == lease.sync)
            .values(work_generation=work_generation, history_generation=history_generation)
        )


def standing(state: State, sync: str) -> Standing | None:
    with state.read() as db:
        row = db.execute(select(*STANDING_COLUMNS).where(syncs.c.sync == sync)).one_or_none()
    return Standing(*row) if row is not None else None


def standings(state: State) -> list[Standing]:
    with state.read() as db:
        return [Standing(*row) for row in db.execute(select(*STANDING_COLUMNS).order_by("sync"))]


def is_known(state: State, run_id: str) -> bool:
    """Whether the run was ever started under this state database."""
    with state.read() as db:
        return db.execute(select(runs.c.run_id).where(runs.c.run_id == run_id)).first() is not None


def recent(state: State, sync: str, limit: int = 20) -> list[Run]:
    """Return the last runs, newest first; one without `ended_at` is running or died."""
    query = select(*RUN_COLUMNS).where(runs.c.sync == sync)
    with state.read() as db:
        return [Run(*row) for row in db.execute(query.order_by(runs.c.sweep.desc()).limit(limit))]


def note_settling(db: Connection, lease: Lease, said: str) -> None:
    """Keep a person's word as a run of its own: the row it settled names that run.

    Without it the history would take it for one that died, and keep the row again with every
    run. `list` goes on showing the last real one.
    """
    now = lease.state.now()
    db.execute(
        runs.insert().values(
            run_id=lease.run_id, sync=lease.sync, sweep=lease.sweep, started_at=now,
            ended_at=now, outcome="settled", exit_code=0, counts={}, said=said,
        )
    )  # fmt: skip
