"""How a newer plan changes the settings that are in the ledger already.

another value, another verb, withdrawn, or done and seen different  -> the next generation
the same value                                                      -> only still wanted
the same value, sent by another writer since this plan read         -> only still wanted
being sent by this very run, or planned from a newer source         -> left alone
on its way, or in doubt, by another writer                          -> left alone

A row belongs to whoever planned it last: a sweep and a real-time window of one sync are two
writers, each under a lease of its own.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, or_, select

from state import machine
from state.database import State, Upsert
from state.lease import Lease
from state.schema import settings as table
from state.settings import Setting, SettingKey

PLANNED_ANEW = (
    "desired", "desired_hash", "natural_key", "verb", "reason", "source_updated_at", "sweep",
    "position", "tries", "next_try_at", "said", "seen_different",
)  # fmt: skip
SEALED = (
    *SettingKey._fields, *PLANNED_ANEW, "sync", "generation", "acknowledged_generation", "state",
    "attempt", "wanted_sweep",
)  # fmt: skip


def _sealing(insert: Any) -> Any:
    new = insert.excluded
    is_replanned = _is_replanned(new)
    in_doubt = machine.is_in(table, machine.SENDING, machine.UNKNOWN)
    is_free = and_(is_replanned, ~in_doubt)
    changes: dict[str, Any] = {
        name: case((is_replanned, new[name]), else_=table.c[name]) for name in PLANNED_ANEW
    }
    changes["generation"] = case((is_replanned, table.c.generation + 1), else_=table.c.generation)
    changes["state"] = case((is_free, machine.PLANNED), else_=table.c.state)
    # Tries are counted for one value; a row in doubt keeps the count of what was sent.
    changes["attempt"] = case((is_free, 0), else_=table.c.attempt)
    changes["wanted_sweep"] = new.wanted_sweep
    changes["sync"] = new.sync
    return insert.on_conflict_do_update(
        index_elements=list(SettingKey._fields), set_=changes, where=_may_replan(new)
    )


def _is_replanned(new: Any) -> ColumnElement[bool]:
    differs = table.c.acknowledged_hash.is_distinct_from(new.desired_hash)
    # A done row of this very sweep is not planned twice by sealing its plan again; nor one that
    # the other writer sent after this plan had read what was there.
    sent_since = and_(table.c.sync != new.sync, table.c.settled_at > new.source_updated_at)
    drifted = and_(
        new.seen_different, table.c.fence < new.sweep, or_(sent_since.is_(None), ~sent_since)
    )
    return or_(
        table.c.desired_hash != new.desired_hash,
        machine.is_in(table, machine.WITHDRAWN),
        # The same value by another verb: who was to be updated has left and must be created.
        and_(machine.is_in(table, machine.PLANNED, machine.REFUSED), table.c.verb != new.verb),
        and_(machine.is_in(table, machine.DONE), or_(differs, drifted)),
    )


def _may_replan(new: Any) -> ColumnElement[bool]:
    in_flight = and_(machine.is_in(table, machine.SENDING), table.c.fence == new.sweep)
    in_doubt = machine.is_in(table, machine.SENDING, machine.UNKNOWN)
    of_another = and_(in_doubt, table.c.sync != new.sync)
    is_older = new.source_updated_at < table.c.source_updated_at
    return and_(~in_flight, ~of_another, or_(is_older.is_(None), ~is_older))


_SEAL = Upsert(table, SEALED, _sealing)


def seal(db: Connection, lease: Lease, wanted: Sequence[Setting], first_position: int) -> None:
    """Plan settings on an open, fenced connection.

    Left alone: what is on its way by this run, and what a faster writer
    planned from a newer state of the source. A row in doubt takes the new
    value but stays in doubt.
    """
    _SEAL.run(db, [_row(setting, lease, first_position + i) for i, setting in enumerate(wanted)])


def _row(setting: Setting, lease: Lease, position: int) -> dict[str, Any]:
    return {
        **setting.key._asdict(), "sync": lease.sync, "natural_key": setting.natural_key,
        "desired": setting.desired, "desired_hash": setting.desired_hash, "generation": 1,
        "acknowledged_generation": 0, "source_updated_at": setting.source_updated_at,
        "verb": setting.verb, "reason": setting.reason, "state": machine.PLANNED, "attempt": 0,
        "seen_different": setting.seen_different, "tries": 0, "next_try_at": None, "said": "",
        "sweep": lease.fence, "position": position, "wanted_sweep": lease.fence,
    }  # fmt: skip


_HOW = select(*machine.key_of(table), table.c.state, table.c.acknowledged_hash).where(
    machine.among_given(machine.key_of(table))
)


def unsettled(state: State, wanted: Sequence[Setting]) -> set[str]:
    """Return whose settings are neither as wanted by now nor refused: another writer had the row
    on its way, or nobody knows what became of the write."""
    if not wanted:
        return set()
    with state.read() as db:
        rows = db.execute(_HOW, machine.given([one.key for one in wanted])).fetchall()
    stored = {SettingKey(*row[:4]): (row.state, row.acknowledged_hash) for row in rows}

    def is_settled(one: Setting) -> bool:
        how, acknowledged = stored.get(one.key, ("", None))
        return bool(
            how == machine.REFUSED or (how, acknowledged) == (machine.DONE, one.desired_hash)
        )

    return {one.subject for one in wanted if not is_settled(one)}
