r"""Writes that must happen once: activities, deals, notes, messages, set-up.

    planned --claim--> sending --done-------> done
       ^  ^               |------refused----> refused --(daily, 7 tries)--> sending
       |  '--not sent-----|
       |                  '------unknown----> unknown --found--> done, counted as adopted
       '----------- absent, after the horizon ----'

A `sending` row of an earlier run counts as unknown. While one deed of a
subject is in doubt, `claim` lets no other deed of that subject go; and of two
deeds with one natural key it lets only one go (claims.py).
"""

import hashlib
from base64 import b32encode
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from state import beside, claims, machine
from state.arrow import ArrowTable, as_arrow
from state.claims import Claim
from state.database import State, Upsert
from state.errors import WrongState
from state.lease import Lease
from state.schema import deeds as table
from state.settings import Setting
from state.writers import of_subjects


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


REPLACED = (
    "body", "body_hash", "cause", "reason", "bot_id", "rule_id", "state", "tries", "next_try_at",
    "said", "sweep", "position", "sync", "attempt", "natural_key",
)  # fmt: skip
WINDOW = 500  # keys a statement: SQLite takes no more than some thousands of values
SEALED = ("write_key", "account", "operation", "object", "subject", "marker", *REPLACED)


def _sealing(insert: Any) -> Any:
    new = insert.excluded
    is_revived = or_(
        machine.is_in(table, machine.WITHDRAWN),
        and_(machine.is_in(table, machine.REFUSED), table.c.body_hash != new.body_hash),
    )
    changes: dict[str, Any] = {
        name: case((is_revived, new[name]), else_=table.c[name]) for name in REPLACED
    }
    # Two writers of one sync, a sweep and a window: what one left unsent is the other's to send.
    is_unsent = machine.is_in(table, machine.PLANNED, machine.REFUSED)
    is_taken_over = and_(is_unsent, table.c.sync != new.sync)
    changes["sync"] = new.sync
    return insert.on_conflict_do_update(
        index_elements=["write_key"], set_=changes, where=or_(is_revived, is_taken_over)
    )


_SEAL = Upsert(table, SEALED, _sealing)


def seal(db: Connection, lease: Lease, wanted: Sequence[Deed], first_position: int) -> None:
    """Plan deeds on an open, fenced connection.

    A known key is left alone, with three exceptions: a withdrawn deed that is
    wanted again, a refused one whose body is another now, and one that another
    writer planned and has not sent, which passes to this one as it is.
    """
    _SEAL.run(db, [_row(deed, lease, first_position + i) for i, deed in enumerate(wanted)])


_ORDER = (table.c.sweep, table.c.position, table.c.write_key)
_DEEDS = select(*(table.c[part.name] for part in fields(Deed)))
_BY_KEYS = _DEEDS.where(table.c.write_key.in_(machine.many("keys"))).order_by(*_ORDER)
_DOUBTS = _DEEDS.where(table.c.sync == machine.MY_SYNC, machine.in_doubt(table)).order_by(
    table.c.sending_at, table.c.write_key
)


@cache
def _due(of_some_operations: bool) -> Select[tuple[str, str]]:
    due = select(table.c.operation, table.c.write_key).where(
        table.c.sync == machine.MY_SYNC,
        machine.is_due(table),
        or_(table.c.bot_id == "", table.c.bot_id.in_(machine.many("bots"))),
    )
    if of_some_operations:
        due = due.where(table.c.operation.in_(machine.many("operations")))
    return due.order_by(*_ORDER)


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
    by_operation: dict[str, list[str]] = {}
    asked = {"my_sync": sync, "now": at, "bots": list(bots), "operations": list(operations)}
    with state.read() as db:
        for operation, key in db.execute(_due(bool(operations)), asked):
            by_operation.setdefault(operation, []).append(key)
    for keys in by_operation.values():
        for start in range(0, len(keys), size):
            window = _by_keys(state, keys[start : start + size])
            if window:
                yield window


def held_count(lease: Lease, running: Collection[str]) -> int:
    """Count the planned deeds that wait for their bot: it is none of those that run."""
    is_held = and_(table.c.bot_id != "", table.c.bot_id.not_in(running))
    planned_of_mine = and_(table.c.sync == lease.sync, machine.is_in(table, machine.PLANNED))
    with lease.state.read() as db:
        return int(db.scalar(select(func.count()).where(planned_of_mine, is_held)) or 0)


_CLAIM = machine.claiming(
    table,
    and_(
        table.c.write_key.in_(machine.many("keys")),
        machine.subject_is_clear(table, ("account", "subject")),
    ),
    {"sending_at": bindparam("at")},
    table.c.account, table.c.object, table.c.natural_key,
)  # fmt: skip
_ACCOUNTS = select(table.c.account).where(table.c.write_key.in_(machine.many("keys"))).distinct()
_HELD = machine.settlement(table, machine.PLANNED, machine.not_sent(table), "said")


def claim(lease: Lease, keys: Sequence[str], sending_at: datetime) -> set[str]:
    """Mark deeds as being sent, durably; send only those returned.

    `sending_at` is the vendor's time. Not won: settled meanwhile, another deed of the same
    subject is in doubt, or another write has the row it would create (`said` names which).
    """
    asked = {**machine.who(lease), "keys": list(keys), "at": sending_at}
    with lease.changing() as db:
        machine.take_turns(db, db.scalars(_ACCOUNTS, asked))
        ours = [Claim(*row) for row in db.execute(_CLAIM, asked)]
        held = claims.take(db, lease, [claim for claim in ours if claim.natural_key])
        machine.apply(db, lease, _HELD, [((key,), said) for key, said in held.items()])
    return {claim.write_key for claim in ours if claim.write_key not in held}


_DONE = machine.settlement(table, machine.DONE, {"said": ""}, "remote_id")
_REFUSED = machine.settlement(table, machine.REFUSED, machine.refusal(table), "said")
_NOT_SENT = machine.settlement(table, machine.PLANNED, machine.not_sent(table))
_UNKNOWN = machine.settlement(table, machine.UNKNOWN, {}, "said")
_UNKNOWN_SINCE = machine.settlement(table, machine.UNKNOWN, {}, "said", "sending_at")


def done(lease: Lease, outcomes: Sequence[tuple[str, str]], also: Sequence[Setting] = ()) -> None:
    """Settle (key, remote id) pairs the vendor confirmed, with their links, in one commit.

    `also` are the settings that the answers settle with them.
    """
    with lease.changing() as db:
        machine.apply(db, lease, _DONE, [((key,), remote_id) for key, remote_id in outcomes])
        machine.link_written(db, lease, table, [(key,) for key, _ in outcomes])
        beside.put(db, lease, also)


def refused(lease: Lease, outcomes: Sequence[tuple[str, str]]) -> None:
    """Settle (key, what the vendor said) pairs; each is tried daily, seven times in all."""
    with lease.changing() as db:
        machine.apply(db, lease, _REFUSED, [((key,), said) for key, said in outcomes])
        claims.give_back(db, [key for key, _ in outcomes])


def back_to_planned(lease: Lease, keys: Sequence[str]) -> None:
    """Take back claims whose request provably never was processed (not sent, 429)."""
    with lease.changing() as db:
        machine.apply(db, lease, _NOT_SENT, [((key,),) for key in keys])
        claims.give_back_unsent(db, keys)


def unknown(
    lease: Lease, outcomes: Sequence[tuple[str, str]], *, at: datetime | None = None
) -> None:
    """Record (key, what happened) of requests that may or may not have arrived.

    `at` is the vendor's time when we gave up waiting: the horizon runs from there.
    """
    with lease.changing() as db:
        if at is None:
            machine.apply(db, lease, _UNKNOWN, [((key,), said) for key, said in outcomes])
        else:
            machine.apply(db, lease, _UNKNOWN_SINCE, [((key,), said, at) for key, said in outcomes])


def doubts(lease: Lease) -> list[Deed]:
    """Return what must be looked up at the vendor, oldest first."""
    with lease.state.read() as db:
        return [_deed(row) for row in db.execute(_DOUBTS, machine.who(lease))]


_FOUND = machine.resolution(table, machine.DONE, {"is_adopted": True, "said": ""}, "remote_id")
_ABSENT = machine.resolution(
    table, machine.PLANNED, {"said": "not found at the vendor after the horizon"}
)
_SENT_AT = select(table.c.sending_at).where(*machine.this_row(table))


def found(lease: Lease, outcomes: Sequence[tuple[str, str]], also: Sequence[Setting] = ()) -> None:
    """Adopt (key, remote id) pairs that were found at the vendor; `also` as in `done`."""
    with lease.changing() as db:
        machine.apply(db, lease, _FOUND, [((key,), remote_id) for key, remote_id in outcomes])
        machine.link_written(db, lease, table, [(key,) for key, _ in outcomes])
        beside.put(db, lease, also)


def absent(lease: Lease, key: str, *, at: datetime, horizon: timedelta) -> None:
    """Plan a deed again that the vendor does not have; raise TooEarly before the horizon.

    `at` is the vendor's time of the look-up, not of this call: what arrived
    between the two was not seen.
    """
    with lease.changing() as db:
        sending_at = db.scalar(_SENT_AT, {"key_write_key": key})
        if sending_at is None:
            raise WrongState("planned", [key])
        machine.wait_before_absent(key, sending_at, at, horizon)
        machine.apply(db, lease, _ABSENT, [((key,),)])


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
    return _withdraw(lease, table.c.bot_id.in_(bots), why)


def withdraw_unwanted(
    lease: Lease, operations: Collection[str], wanted: Collection[str], *, why: str
) -> int:
    """Drop the unsent deeds of no bot, of these operations, that are not among the wanted keys.

    For set-up, which each plan names whole: what is there by now must not be made once more.
    """
    unwanted = table.c.write_key.not_in(wanted)
    of_nobody = and_(table.c.bot_id == "", table.c.operation.in_(operations))
    return _withdraw(lease, and_(of_nobody, unwanted), why)


def withdraw_keys(lease: Lease, keys: Sequence[str], *, why: str) -> int:
    """Drop those of these deeds that are not sent; return how many."""
    parts = (keys[start : start + WINDOW] for start in range(0, len(keys), WINDOW))
    return sum(_withdraw(lease, table.c.write_key.in_(part), why) for part in parts)


def _withdraw(lease: Lease, which: ColumnElement[bool], why: str) -> int:
    unsent = table.c.state.in_((machine.PLANNED, machine.REFUSED))
    statement = (
        update(table)
        .where(table.c.sync == lease.sync, which, unsent)
        .values(state=machine.WITHDRAWN, said=why, next_try_at=None)
    )
    with lease.changing() as db:
        count = db.execute(statement).rowcount
        claims.give_back_withdrawn(db, lease)
        return count


def by_key(state: State, key: str) -> Deed | None:
    """Return the deed with this write key."""
    rows = _by_keys(state, [key])
    return rows[0] if rows else None


def read(
    state: State, sync: str, subjects: Collection[str] | None = None, *, columns: Sequence[str] = ()
) -> ArrowTable:
    """Return the deeds of a sync, or of some contacts: these columns, or all of them.

    `cause` and `body` are JSON text.
    """
    shown = [table.c[name] for name in columns] or table.c
    query = of_subjects(select(*shown).where(table.c.sync == sync), table, subjects)
    with state.read() as db:
        return as_arrow(db, query)


def created(state: State, sync: str, run_id: str) -> list[tuple[str, str]]:
    """Return (object, the vendor's id) of what one run created or found created."""
    query = select(table.c.object, table.c.remote_id).order_by(table.c.position)
    mine = (table.c.sync == sync, table.c.run_id == run_id, table.c.state == machine.DONE)
    with state.read() as db:
        return [(kind, str(remote_id)) for kind, remote_id in db.execute(query.where(*mine))]


def _by_keys(state: State, keys: Sequence[str]) -> list[Deed]:
    with state.read() as db:
        return [_deed(row) for row in db.execute(_BY_KEYS, {"keys": list(keys)})]


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
