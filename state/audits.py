"""What an audit may change in the ledger, and what is remembered of audits.

An audit is a run of its sync: it holds the lease and has a sweep number. How the sync itself
ended last is left as it was.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select, update

from state import machine
from state.database import State
from state.errors import WrongState
from state.lease import Lease
from state.schema import deeds, links, runs

PREFIX = "audit-"  # begins the run ids of audits, and of nothing else


class LastAudit(NamedTuple):
    """How the newest finished audit of a sync ended."""

    ended_at: datetime
    outcome: str
    counts: Mapping[str, Any]


def correct_ids(lease: Lease, ids: Mapping[str, str]) -> None:
    """Let each of these done deeds stand for another thing of its reference: {key: remote id}."""
    with lease.changing() as db:
        for key, remote_id in ids.items():
            done = and_(deeds.c.write_key == key, deeds.c.state == machine.DONE)
            if db.execute(update(deeds).where(done).values(remote_id=remote_id)).rowcount != 1:
                raise WrongState("another thing's", [key])


def plan_again(lease: Lease, key: str, *, said: str) -> None:
    """Let the next run send a done deed once more, under its key: a person says it is lost.

    WrongState unless it is done. Its link ends, and what it was is no longer known here.
    """
    mine = and_(deeds.c.write_key == key, deeds.c.sync == lease.sync)
    with lease.changing() as db:
        row = db.execute(select(deeds).where(mine, deeds.c.state == machine.DONE)).one_or_none()
        if row is None:
            raise WrongState("planned", [key])
        db.execute(
            update(links)
            .where(links.c.account == row.account, links.c.object == row.object)
            .where(links.c.remote_id == row.remote_id)
            .values(gone_at=lease.state.now())
        )
        db.execute(
            update(deeds)
            .where(mine)
            .values(
                state=machine.PLANNED, remote_id=None, is_adopted=False, said=said,
                settled_at=None, tries=0, next_try_at=None,
            )
        )  # fmt: skip


def finish(lease: Lease, *, outcome: str, exit_code: int, counts: Any, said: str) -> None:
    """Note how an audit ended. Works without the lease too, as the end of any run does."""
    with lease.state.write() as db:
        db.execute(
            update(runs)
            .where(runs.c.run_id == lease.run_id)
            .values(
                ended_at=lease.state.now(), outcome=outcome, exit_code=exit_code,
                counts=counts, said=said,
            )
        )  # fmt: skip


def latest(state: State) -> dict[str, LastAudit]:
    """Return the newest audit of each sync that read the books to some end."""
    is_audit = and_(runs.c.run_id.startswith(PREFIX), runs.c.outcome.in_(("done", "open")))
    newest = select(runs.c.sync, func.max(runs.c.sweep).label("sweep")).where(is_audit)
    last = newest.group_by(runs.c.sync).subquery()
    query = select(runs.c.sync, runs.c.ended_at, runs.c.outcome, runs.c.counts).join(
        last, and_(runs.c.sync == last.c.sync, runs.c.sweep == last.c.sweep)
    )
    with state.read() as db:
        return {sync: LastAudit(*row) for sync, *row in db.execute(query)}
