r"""Writes that must happen once: activities, deals, notes, messages, set-up.

    planned --claim--> sending --done-------> done
       ^  ^               |------refused----> refused --(daily, 7 tries)--> sending
       |  '--not sent-----|
       |                  '------unknown----> unknown --found--> done, counted as adopted
       '----------- absent, after the horizon ----'

A `sending` row of an earlier run counts as unknown. While one deed of a
subject is in doubt, `claim` lets no other deed of that subject go.
"""

import hashlib
from base64 import b32encode
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
from sqlalchemy import Connection, and_, or_, select, update

from state import machine
from state.arrow import as_arrow
from state.database import State, upsert
from state.errors import WrongState
from state.lease import Lease
from state.schema import deeds as table


@dataclass(frozen=True)
class Deed:
    """One write that happens once. A plan fills the first block; the ledger the second."""

    write_key: str
    account: str
    operation: str
    object: str
    subject: str
    body: Any
    bot_id: str = ""
    rule_id: str = ""
    cause: Any = None
    reason: str = ""
    natural_key: str = ""  # what must exist once in the account, whoever wants it

    state: str = machine.PLANNED
    attempt: int = 0
    run_id: str | None = None
    fence: int = 0
    sending_at: datetime | None = None
    settled_at: datetime | None = None
    tries: int = 0
    next_try_at: datetime | None = None
    said: str = ""
    remote_id: str | None = None
    is_adopted: bool = False
    sweep: int = 0
    marker: str = field(default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "marker", marker_of(self.write_key))


def marker_of(write_key: str) -> str:
    """Return what the written thing carries, so that it can be found again.

    >>> marker_of("note|acme|news|c1|7|open")
    'SL-GW4M6MV7'
    """
    digest = hashlib.sha256(write_key.encode()).digest()
    return "SL-" + b32encode(digest)[:8].decode()


def seal(db: Connection, lease: Lease, wanted: Sequence[Deed], first_position: int) -> None:
    """Plan deeds on an open, fenced connection.

    A known key is left alone, with two exceptions: a withdrawn deed that is
    wanted again, and a refused one whose body is another now.
    """
    if not wanted:
        return
    insert = upsert(db, table)
    new = insert.excluded
    revived = or_(
        table.c.state == machine.WITHDRAWN,
        and_(table.c.state == machine.REFUSED, table.c.body_hash != new.body_hash),
    )
    replaced = ("body", "body_hash", "cause", "reason", "bot_id", "rule_id", "state", "tries",
                "next_try_at", "said", "sweep", "position", "sync", "attempt")  # fmt: skip
    statement = insert.on_conflict_do_update(
        index_elements=["write_key"], set_={name: new[name] for name in replaced}, where=revived
    )
    rows = [_row(deed, lease, first_position + i) for i, deed in enumerate(wanted)]
    db.execute(statement, rows)


def planned(
    state: State,
    sync: str,
    *,
    bots: Collection[str],
    at: datetime,
    size: int = 100,
    operations: Collection[str] = (),
) -> Iterator[list[Deed]]:
    """Yield what is due, in windows of one operation each, in the order it was planned.

    Deeds of no bot (set-up) are always included; no `operations` means all.
    The keys are read once: a deed planned meanwhile waits for the next call,
    and one that moved on meanwhile is simply not won by `claim`.
    """
    where = [table.c.sync == sync, machine.is_due(table, at)]
    where.append(or_(table.c.bot_id == "", table.c.bot_id.in_(bots)))
    if operations:
        where.append(table.c.operation.in_(operations))
    order = (table.c.sweep, table.c.position, table.c.write_key)
    by_operation: dict[str, list[str]] = {}
    with state.read() as db:
        query = select(table.c.operation, table.c.write_key).where(*where).order_by(*order)
        for operation, key in db.execute(query):
            by_operation.setdefault(operation, []).append(key)
    for keys in by_operation.values():
        for start in range(0, len(keys), size):
            window = _by_keys(state, keys[start : start + size])
            if window:
                yield window


def claim(lease: Lease, keys: Sequence[str], sending_at: datetime) -> set[str]:
    """Mark deeds as being sent, durably; send only those returned.

    `sending_at` is the vendor's time. Not won: settled meanwhile, or another
    deed of the same subject is in doubt.
    """
    where = and_(
        table.c.write_key.in_(keys),
        machine.subject_is_clear(table, ("account", "subject"), lease.fence),
    )
    with lease.changing() as db:
        won = machine.claim(db, lease, table, where, {"sending_at": sending_at})
    return {key for (key,) in won}


def done(lease: Lease, outcomes: Sequence[tuple[str, str]]) -> None:
    """Settle (key, remote id) pairs the vendor confirmed, with their links, in one commit."""
    rows = [{"write_key": key, "remote_id": remote_id} for key, remote_id in outcomes]
    with lease.changing() as db:
        machine.settle(db, lease, table, "done", rows, {"state": machine.DONE, "said": ""})
        machine.link_written(db, lease, table, [(key,) for key, _ in outcomes])


def refused(lease: Lease, outcomes: Sequence[tuple[str, str]]) -> None:
    """Settle (key, what the vendor said) pairs; each is tried daily, seven times in all."""
    rows = [{"write_key": key, "said": said} for key, said in outcomes]
    with lease.changing() as db:
        change = machine.refusal(table, lease.state.now())
        machine.settle(db, lease, table, "refused", rows, change)


def back_to_planned(lease: Lease, keys: Sequence[str]) -> None:
    """Take back claims whose request provably never was processed (not sent, 429)."""
    rows = [{"write_key": key} for key in keys]
    with lease.changing() as db:
        machine.settle(db, lease, table, "planned", rows, machine.not_sent(table))


def unknown(
    lease: Lease, outcomes: Sequence[tuple[str, str]], *, at: datetime | None = None
) -> None:
    """Record (key, what happened) of requests that may or may not have arrived.

    `at` is the vendor's time when we gave up waiting: the horizon runs from there.
    """
    rows = [{"write_key": key, "said": said} for key, said in outcomes]
    values: dict[str, Any] = {"state": machine.UNKNOWN}
    with lease.changing() as db:
        machine.settle(
            db, lease, table, "unknown", rows, values | ({"sending_at": at} if at else {})
        )


def doubts(lease: Lease) -> list[Deed]:
    """Return what must be looked up at the vendor, oldest first."""
    query = (
        select(*_columns())
        .where(table.c.sync == lease.sync, machine.in_doubt(table, lease.fence))
        .order_by(table.c.sending_at, table.c.write_key)
    )
    with lease.state.read() as db:
        return [_deed(row) for row in db.execute(query)]


def found(lease: Lease, outcomes: Sequence[tuple[str, str]]) -> None:
    """Adopt (key, remote id) pairs that were found at the vendor."""
    rows = [{"write_key": key, "remote_id": remote_id} for key, remote_id in outcomes]
    with lease.changing() as db:
        values = {"state": machine.DONE, "is_adopted": True, "said": ""}
        machine.resolve(db, lease, table, "done", rows, values)
        machine.link_written(db, lease, table, [(key,) for key, _ in outcomes])


def absent(lease: Lease, key: str, *, at: datetime, horizon: timedelta) -> None:
    """Plan a deed again that the vendor does not have; raise TooEarly before the horizon.

    `at` is the vendor's time of the look-up, not of this call: what arrived
    between the two was not seen.
    """
    with lease.changing() as db:
        sending_at = db.scalar(select(table.c.sending_at).where(table.c.write_key == key))
        if sending_at is None:
            raise WrongState("planned", [key])
        machine.wait_before_absent(key, sending_at, at, horizon)
        values = {"state": machine.PLANNED, "said": "not found at the vendor after the horizon"}
        machine.resolve(db, lease, table, "planned", [{"write_key": key}], values)


def retry(lease: Lease, keys: Sequence[str]) -> int:
    """Make refused deeds due now, with all their tries back; return how many."""
    statement = (
        update(table)
        .where(table.c.write_key.in_(keys), table.c.sync == lease.sync)
        .where(table.c.state == machine.REFUSED)
        .values(tries=0, next_try_at=lease.state.now())
    )
    with lease.changing() as db:
        return db.execute(statement).rowcount


def withdraw(lease: Lease, bots: Collection[str], *, why: str) -> int:
    """Drop the unsent deeds of bots that were paused or deleted; return how many."""
    unsent = table.c.state.in_((machine.PLANNED, machine.REFUSED))
    statement = (
        update(table)
        .where(table.c.sync == lease.sync, table.c.bot_id.in_(bots), unsent)
        .values(state=machine.WITHDRAWN, said=why, next_try_at=None)
    )
    with lease.changing() as db:
        return db.execute(statement).rowcount


def by_key(state: State, key: str) -> Deed | None:
    """Return the deed with this write key."""
    rows = _by_keys(state, [key])
    return rows[0] if rows else None


def read(state: State, sync: str) -> pa.Table:
    """Return all deeds of a sync; `cause` and `body` are JSON text."""
    with state.read() as db:
        return as_arrow(db, select(*table.c).where(table.c.sync == sync))


def _by_keys(state: State, keys: Sequence[str]) -> list[Deed]:
    query = select(*_columns()).where(table.c.write_key.in_(keys))
    order = (table.c.sweep, table.c.position, table.c.write_key)
    with state.read() as db:
        return [_deed(row) for row in db.execute(query.order_by(*order))]


def _columns() -> list[Any]:
    return [table.c[part.name] for part in fields(Deed)]


def _deed(row: Any) -> Deed:
    return Deed(*row)


def _row(deed: Deed, lease: Lease, position: int) -> dict[str, Any]:
    body = orjson.dumps(deed.body, option=orjson.OPT_SORT_KEYS)
    return {
        "write_key": deed.write_key, "account": deed.account, "operation": deed.operation,
        "object": deed.object, "subject": deed.subject, "sync": lease.sync,
        "natural_key": deed.natural_key,
        "bot_id": deed.bot_id, "rule_id": deed.rule_id, "cause": deed.cause,
        "marker": deed.marker, "body": deed.body, "body_hash": hashlib.sha256(body).hexdigest(),
        "reason": deed.reason, "state": machine.PLANNED, "attempt": 0, "tries": 0,
        "next_try_at": None,
        "said": "", "sweep": lease.fence, "position": position,
    }  # fmt: skip
