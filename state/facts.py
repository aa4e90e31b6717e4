"""What happened once and is dealt with once: somebody joined, a deal entered a stage.

    noted --the write it raised is settled, or there is nothing to write--> settled

A fact is known by its key, made of the vendor's data alone: noted again, by a webhook and by the
sweep that would have found it, it is one. Sweeps and windows of a sync note into one list.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from state.arrow import ArrowTable, as_arrow
from state.database import State, take_turns, upsert
from state.lease import Lease
from state.schema import facts as table


class Fact(NamedTuple):
    """One passage or arrival. `happened_at` is the vendor's time, None where it tells none."""

    flow_id: str
    fact_key: str
    person_id: str = ""
    member_id: str = ""
    happened_at: datetime | None = None


def note(lease: Lease, sync: str, found: Sequence[Fact]) -> int:
    """Take facts in; return how many were not known. `sync` is the definition's, whoever writes."""
    if not found:
        return 0
    rows = [
        {"sync": sync, "bot_id": one.flow_id, "fact_key": one.fact_key, "said": "",
         "person_id": one.person_id, "member_id": one.member_id, "happened_at": one.happened_at,
         "sweep": lease.sweep}
        for one in found
    ]  # fmt: skip
    with lease.changing() as db:
        take_turns(db, f"facts of {sync}")
        before = _count(db, sync)
        db.execute(upsert(db, table).on_conflict_do_nothing(), rows)
        return _count(db, sync) - before


def settle(lease: Lease, sync: str, dealt_with: Sequence[tuple[str, str, str]]) -> None:
    """Mark (flow, key, what became of it) as dealt with; those that are stay as they were."""
    if not dealt_with:
        return
    statement = (
        update(table)
        .where(table.c.sync == sync, table.c.bot_id == bindparam("flow"))
        .where(table.c.fact_key == bindparam("key"), table.c.settled_sweep.is_(None))
        .values(settled_sweep=lease.sweep, said=bindparam("what"))
    )
    with lease.changing() as db:
        db.execute(statement, [{"flow": f, "key": k, "what": said} for f, k, said in dealt_with])


def read(state: State, sync: str, *, open_only: bool = False) -> ArrowTable:
    """Return every fact of a sync, or those that are not settled."""
    query = select(*table.c).where(table.c.sync == sync)
    with state.read() as db:
        return as_arrow(db, query.where(table.c.settled_sweep.is_(None)) if open_only else query)


def _count(db: Connection, sync: str) -> int:
    return int(db.scalar(select(func.count()).where(table.c.sync == sync)) or 0)
