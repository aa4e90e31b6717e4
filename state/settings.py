r"""Writes that converge: fields, membership, tags, source, member status.

One row per account, object, subject and aspect:

    planned --claim--> sending --acknowledged-> done (acknowledged = desired)
       ^                  |------refused-----> refused --(daily, 7 tries)--> sending
       |                  '------unknown-----> unknown
       '---- observed: the vendor holds something else;  the same: done ----'

What was sent without an answer may still arrive. Until the horizon has passed
only the same body may follow it: any other would be overwritten by the old
one when it comes. `doubt_hash` and `doubt_at` remember it across settlements.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    or_,
    select,
    update,
)

from state import machine
from state.arrow import as_arrow
from state.database import State, upsert
from state.lease import Lease
from state.schema import settings as table


class SettingKey(NamedTuple):
    account: str
    object: str
    subject: str
    aspect: str


@dataclass(frozen=True)
class Setting:
    """What one aspect of one thing should be. A plan fills the first block; the ledger the rest."""

    account: str
    object: str
    subject: str
    aspect: str
    desired: Any
    verb: str
    natural_key: str = ""
    reason: str = ""
    source_updated_at: datetime | None = None
    # The plan saw the vendor hold something else than was last acknowledged:
    # without it a setting whose desired value was acknowledged is left alone.
    seen_different: bool = False

    state: str = machine.PLANNED
    generation: int = 0
    acknowledged: Any = None
    acknowledged_hash: str | None = None
    acknowledged_generation: int = 0
    sending_hash: str | None = None
    doubt_hash: str | None = None
    doubt_at: datetime | None = None
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

    @property
    def key(self) -> SettingKey:
        return SettingKey(self.account, self.object, self.subject, self.aspect)

    @property
    def desired_hash(self) -> str:
        return value_hash(self.desired)


def value_hash(value: Any) -> str:
    """Return the same text for the same JSON value, whatever the order of its keys."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def may_send(setting: Setting, body_hash: str, at: datetime, horizon: timedelta) -> bool:
    """Say whether a body may go out now: nothing else may still arrive after it.

    `at` is the vendor's time. `claim` checks the same rule again in the database.
    """
    if setting.doubt_at is None or setting.doubt_hash == body_hash:
        return True
    return at >= setting.doubt_at + horizon


def seal(db: Connection, lease: Lease, wanted: Sequence[Setting], first_position: int) -> None:
    """Plan settings on an open, fenced connection.

    Left alone: what is on its way by this run, and what a faster writer
    planned from a newer state of the source. A row in doubt takes the new
    value but stays in doubt.
    """
    if not wanted:
        return
    insert = upsert(db, table)
    new = insert.excluded
    is_replanned = _is_replanned(new, lease.fence)
    stays = or_(table.c.state == machine.SENDING, table.c.state == machine.UNKNOWN)
    taken = ("desired", "desired_hash", "natural_key", "verb", "reason", "source_updated_at",
             "sweep", "position", "tries", "next_try_at", "said", "seen_different")  # fmt: skip
    changes: dict[str, Any] = {
        name: case((is_replanned, new[name]), else_=table.c[name]) for name in taken
    }
    changes["generation"] = case((is_replanned, table.c.generation + 1), else_=table.c.generation)
    changes["state"] = case((and_(is_replanned, ~stays), machine.PLANNED), else_=table.c.state)
    # Tries are counted for one value; a row in doubt keeps the count of what was sent.
    changes["attempt"] = case((and_(is_replanned, ~stays), 0), else_=table.c.attempt)
    changes["wanted_sweep"] = lease.fence
    statement = insert.on_conflict_do_update(
        index_elements=list(SettingKey._fields), set_=changes, where=_may_replan(new, lease.fence)
    )
    rows = [_row(setting, lease, first_position + i) for i, setting in enumerate(wanted)]
    db.execute(statement, rows)


def planned(
    lease: Lease,
    *,
    at: datetime,
    horizon: timedelta,
    size: int = 100,
    verbs: Collection[str] = (),
) -> Iterator[list[Setting]]:
    """Yield what this sweep's plan wants sent and may be, in windows of one verb each.

    `at` is the vendor's time. Rows of an older plan are never yielded: their
    bodies are old. Rows that have to wait for a late body are not yielded
    either; they stay planned.
    """
    where = _sendable(lease, at, horizon)
    if verbs:
        where = and_(where, table.c.verb.in_(verbs))
    by_verb: dict[str, list[machine.Key]] = {}
    query = select(table.c.verb, *machine.key_of(table)).where(where)
    with lease.state.read() as db:
        for verb, *key in db.execute(query.order_by(table.c.sweep, table.c.position)):
            by_verb.setdefault(verb, []).append(tuple(key))
    for keys in by_verb.values():
        for start in range(0, len(keys), size):
            window = _by_keys(lease.state, keys[start : start + size])
            if window:
                yield window


def claim(
    lease: Lease, wanted: Sequence[Setting], sending_at: datetime, horizon: timedelta
) -> set[SettingKey]:
    """Mark settings as being sent, durably; send only those returned.

    Not won: replanned since they were read, settled meanwhile, still to wait
    for a late body, or another aspect of the same subject is in doubt.
    """
    generations = [(*setting.key, setting.generation) for setting in wanted]
    where = and_(
        machine.among([*machine.key_of(table), table.c.generation], generations),
        _sendable(lease, sending_at, horizon),
        machine.subject_is_clear(table, ("account", "object", "subject"), lease.fence),
    )
    with lease.changing() as db:
        values = {"sending_at": sending_at, "sending_hash": table.c.desired_hash}
        won = machine.claim(db, lease, table, where, values)
    return {SettingKey(*key) for key in won}


def acknowledged(lease: Lease, outcomes: Sequence[tuple[SettingKey, str]]) -> None:
    """Settle (key, remote id) pairs the vendor confirmed; an empty id makes no link."""
    rows = [{**key._asdict(), "remote_id": remote_id or None} for key, remote_id in outcomes]
    values = {
        "state": machine.DONE, "said": "", "acknowledged": table.c.desired,
        "acknowledged_hash": table.c.sending_hash,
        "acknowledged_generation": table.c.generation, "is_adopted": False,
    }  # fmt: skip
    with lease.changing() as db:
        machine.settle(db, lease, table, "done", rows, values)
        machine.link_written(db, lease, table, [key for key, _ in outcomes])


def refused(lease: Lease, outcomes: Sequence[tuple[SettingKey, str]]) -> None:
    """Settle (key, what the vendor said) pairs; each is tried daily, seven times in all."""
    rows = [{**key._asdict(), "said": said} for key, said in outcomes]
    with lease.changing() as db:
        change = machine.refusal(table, lease.state.now())
        machine.settle(db, lease, table, "refused", rows, change)


def back_to_planned(lease: Lease, keys: Sequence[SettingKey]) -> None:
    """Take back claims whose request provably never was processed (not sent, 429)."""
    rows = [dict(key._asdict()) for key in keys]
    with lease.changing() as db:
        machine.settle(db, lease, table, "planned", rows, machine.not_sent(table))


def unknown(
    lease: Lease, outcomes: Sequence[tuple[SettingKey, str]], *, at: datetime | None = None
) -> None:
    """Record (key, what happened) of requests that may or may not have arrived.

    `at` is the vendor's time when we gave up waiting: the horizon runs from there.
    """
    rows = [{**key._asdict(), "said": said} for key, said in outcomes]
    values = {
        "state": machine.UNKNOWN, "doubt_hash": table.c.sending_hash,
        "doubt_at": at or table.c.sending_at,
    }  # fmt: skip
    if at:
        values["sending_at"] = at
    with lease.changing() as db:
        machine.settle(db, lease, table, "unknown", rows, values)


def doubts(lease: Lease) -> list[Setting]:
    """Return what must be read back at the vendor, oldest first."""
    query = (
        select(*_columns())
        .where(table.c.sync == lease.sync, machine.in_doubt(table, lease.fence))
        .order_by(table.c.sending_at, table.c.subject)
    )
    with lease.state.read() as db:
        return [_setting(row) for row in db.execute(query)]


def waiting_since(lease: Lease) -> list[datetime]:
    """Return since when (vendor's time) each row of this plan waits for a late body.

    Each may go out one horizon after its moment.
    """
    query = select(table.c.doubt_at).where(
        table.c.sync == lease.sync,
        table.c.wanted_sweep == lease.fence,
        machine.is_due(table, lease.state.now()),
        table.c.doubt_at.is_not(None),
        table.c.doubt_hash != table.c.desired_hash,
    )
    with lease.state.read() as db:
        return [since for since in db.scalars(query) if since is not None]


def observed(lease: Lease, values: Sequence[tuple[SettingKey, Any]]) -> None:
    """Record what the vendor was seen to hold; None for nothing. Unknown keys are passed over.

    A row in doubt becomes done when that is what is desired now, else planned
    again. Its old body stays remembered: seeing the vendor without it does
    not prove that it will not come. Other rows only learn; the next plan acts.
    """
    rows = [
        {
            **{f"key_{name}": part for name, part in key._asdict().items()},
            "value": value, "value_hash": value_hash(value),
        }
        for key, value in values
    ]  # fmt: skip
    if not rows:
        return
    with lease.changing() as db:
        db.execute(_observation(lease), rows)


def withdraw_unwanted(lease: Lease) -> int:
    """Drop the unsent rows that this sweep's plan no longer wants; return how many.

    Call it after the whole plan is sealed, and only for a plan of everything.
    """
    unsent = table.c.state.in_((machine.PLANNED, machine.REFUSED))
    statement = (
        update(table)
        .where(table.c.sync == lease.sync, unsent, table.c.wanted_sweep < lease.fence)
        .values(state=machine.WITHDRAWN, said="the plan no longer wants it", next_try_at=None)
    )
    with lease.changing() as db:
        return db.execute(statement).rowcount


def by_key(state: State, key: SettingKey) -> Setting | None:
    rows = _by_keys(state, [key])
    return rows[0] if rows else None


def read(state: State, sync: str) -> pa.Table:
    """Return all settings of a sync; `desired` and `acknowledged` are JSON text."""
    with state.read() as db:
        return as_arrow(db, select(*table.c).where(table.c.sync == sync))


def _is_replanned(new: Any, fence: int) -> ColumnElement[bool]:
    differs = table.c.acknowledged_hash.is_distinct_from(new.desired_hash)
    # A done row of this very sweep is not planned twice by sealing its plan again.
    drifted = and_(new.seen_different, table.c.fence < fence)
    return or_(
        table.c.desired_hash != new.desired_hash,
        table.c.state == machine.WITHDRAWN,
        # The same value by another verb: who was to be updated has left and must be created.
        and_(
            or_(table.c.state == machine.PLANNED, table.c.state == machine.REFUSED),
            table.c.verb != new.verb,
        ),
        and_(table.c.state == machine.DONE, or_(differs, drifted)),
    )


def _may_replan(new: Any, fence: int) -> ColumnElement[bool]:
    in_flight = and_(table.c.state == machine.SENDING, table.c.fence == fence)
    is_older = new.source_updated_at < table.c.source_updated_at
    return and_(~in_flight, or_(is_older.is_(None), ~is_older))


def _sendable(lease: Lease, at: datetime, horizon: timedelta) -> ColumnElement[bool]:
    return and_(
        table.c.sync == lease.sync,
        table.c.wanted_sweep == lease.fence,
        machine.is_due(table, lease.state.now()),
        or_(
            table.c.doubt_at.is_(None),
            table.c.doubt_hash == table.c.desired_hash,
            table.c.doubt_at <= at - horizon,
        ),
    )


def _observation(lease: Lease) -> Any:
    """Build the statement of `observed`: one row by key, changed by what was seen."""
    was_in_doubt = machine.in_doubt(table, lease.fence)
    is_as_desired = table.c.desired_hash == bindparam("value_hash")
    matching = [column == bindparam(f"key_{column.name}") for column in machine.key_of(table)]
    in_flight = and_(table.c.state == machine.SENDING, table.c.fence == lease.fence)
    for_doubts: dict[str, Any] = {
        "state": case((is_as_desired, machine.DONE), else_=machine.PLANNED),
        "is_adopted": is_as_desired,
        "doubt_hash": table.c.sending_hash,
        "doubt_at": table.c.sending_at,
        "settled_at": lease.state.now(),
        "run_id": lease.run_id,
        "fence": lease.fence,
    }
    changes = {
        name: case((was_in_doubt, value), else_=table.c[name]) for name, value in for_doubts.items()
    }
    return (
        update(table)
        .where(*matching, ~in_flight)
        .values(
            acknowledged=bindparam("value", type_=JSON(none_as_null=True)),
            acknowledged_hash=bindparam("value_hash"),
            acknowledged_generation=case(
                (is_as_desired, table.c.generation), else_=table.c.acknowledged_generation
            ),
            **changes,
        )
    )


def _by_keys(state: State, keys: Sequence[machine.Key]) -> list[Setting]:
    query = select(*_columns()).where(machine.among(machine.key_of(table), keys))
    with state.read() as db:
        return [
            _setting(row) for row in db.execute(query.order_by(table.c.sweep, table.c.position))
        ]


def _columns() -> list[Any]:
    return [table.c[part.name] for part in fields(Setting)]


def _setting(row: Any) -> Setting:
    return Setting(*row)


def _row(setting: Setting, lease: Lease, position: int) -> dict[str, Any]:
    return {
        **setting.key._asdict(), "sync": lease.sync, "natural_key": setting.natural_key,
        "desired": setting.desired, "desired_hash": setting.desired_hash, "generation": 1,
        "acknowledged_generation": 0, "source_updated_at": setting.source_updated_at,
        "verb": setting.verb, "reason": setting.reason, "state": machine.PLANNED, "attempt": 0,
        "seen_different": setting.seen_different, "tries": 0, "next_try_at": None, "said": "",
        "sweep": lease.fence, "position": position, "wanted_sweep": lease.fence,
    }  # fmt: skip
