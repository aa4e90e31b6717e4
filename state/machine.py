"""How a row of the ledger moves: compare-and-set, a window of rows per commit.

Deeds and settings share these moves; what is peculiar to each is in
`deeds.py` and `settings.py`. A move that finds one row elsewhere than expected
raises WrongState and the whole window stays as it was.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    exists,
    or_,
    select,
    tuple_,
    update,
)

from state.database import upsert
from state.errors import TooEarly, WrongState
from state.lease import Lease
from state.schema import contacts, links

PLANNED, SENDING, DONE = "planned", "sending", "done"
REFUSED, UNKNOWN, WITHDRAWN = "refused", "unknown", "withdrawn"

MOST_TRIES = 7
RETRY_AFTER = timedelta(days=1)

Key = tuple[Any, ...]


def key_of(table: Table) -> tuple[Any, ...]:
    return tuple(table.primary_key.columns)


def among(columns: Sequence[ColumnElement[Any]], keys: Sequence[Key]) -> ColumnElement[bool]:
    """True of the rows with these keys. Give it windows, not whole plans.

    The tuple alone would be right; but SQLite scans the table for it, and
    finds its index only by the lists of single columns.
    """
    lists = [column.in_({key[i] for key in keys}) for i, column in enumerate(columns)]
    return and_(tuple_(*columns).in_(keys), *lists) if len(lists) > 1 else lists[0]


def is_due(table: Table, at: datetime) -> ColumnElement[bool]:
    """True of rows that may be sent: planned, or refused long enough ago."""
    return or_(
        table.c.state == PLANNED,
        and_(table.c.state == REFUSED, table.c.next_try_at <= at),
    )


def in_doubt(table: Table, fence: int) -> ColumnElement[bool]:
    """True of rows that may have reached the vendor: unknown, or an earlier run's `sending`."""
    return or_(
        table.c.state == UNKNOWN,
        and_(table.c.state == SENDING, table.c.fence < fence),
    )


def subject_is_clear(table: Table, subject: Sequence[str], fence: int) -> ColumnElement[bool]:
    """True when no other row of the same subject is in doubt. Rows without a subject are free."""
    other = table.alias("other")
    same = [other.c[name] == table.c[name] for name in subject]
    doubtful = or_(other.c.state == UNKNOWN, and_(other.c.state == SENDING, other.c.fence < fence))
    return or_(table.c.subject == "", ~exists(select(1).where(*same, doubtful)))


def claim(
    db: Connection, lease: Lease, table: Table, where: ColumnElement[bool], values: dict[str, Any]
) -> set[Key]:
    """Move the due rows among `where` to `sending` and return the keys of those that moved."""
    statement = (
        update(table)
        .where(where, is_due(table, lease.state.now()))
        .values(
            state=SENDING, attempt=table.c.attempt + 1, run_id=lease.run_id, fence=lease.fence,
            settled_at=None, said="", **values,
        )
        .returning(*key_of(table))
    )  # fmt: skip
    return {tuple(row) for row in db.execute(statement)}


def settle(
    db: Connection, lease: Lease, table: Table, change: str, rows: Sequence[dict[str, Any]],
    values: dict[str, Any],
) -> None:  # fmt: skip
    """Move rows this run is sending: `rows` hold the key columns and what differs per row."""
    mine = and_(
        table.c.state == SENDING, table.c.fence == lease.fence, table.c.run_id == lease.run_id
    )
    _move(db, table, change, rows, mine, {"settled_at": lease.state.now(), **values})


def resolve(
    db: Connection, lease: Lease, table: Table, change: str, rows: Sequence[dict[str, Any]],
    values: dict[str, Any],
) -> None:  # fmt: skip
    """Move rows that are in doubt, whoever sent them."""
    settled = {"settled_at": lease.state.now(), "run_id": lease.run_id, "fence": lease.fence}
    _move(db, table, change, rows, in_doubt(table, lease.fence), {**settled, **values})


def refusal(table: Table, now: datetime) -> dict[str, Any]:
    """What a definite no changes: one try more, and tomorrow again unless that was the last."""
    last = table.c.tries + 1 >= MOST_TRIES
    return {
        "state": REFUSED,
        "tries": table.c.tries + 1,
        "next_try_at": case((last, None), else_=now + RETRY_AFTER),
    }


def not_sent(table: Table) -> dict[str, Any]:
    """What a request that was never processed changes: it is as if it had not been claimed."""
    return {"state": PLANNED, "attempt": table.c.attempt - 1, "sending_at": None}


def wait_before_absent(key: str, sending_at: datetime, at: datetime, horizon: timedelta) -> None:
    """Raise TooEarly while what was sent at `sending_at` may still arrive."""
    wait = (sending_at + horizon - at).total_seconds()
    if wait > 0:
        raise TooEarly(key, wait)


def link_written(db: Connection, lease: Lease, table: Table, keys: Sequence[Key]) -> None:
    """Remember whose the written rows are. Rows whose subject is no contact get no link."""
    columns = (
        "account", "object", "remote_id", "contact_id", "reason", "origin", "since",
        "last_seen_sweep",
    )  # fmt: skip
    written = (
        select(
            table.c.account, table.c.object, table.c.remote_id, table.c.subject,
            bindparam("reason", "written by this sync"), bindparam("origin", "ours"),
            bindparam("since", lease.fence), bindparam("seen", lease.fence),
        )
        .join_from(table, contacts, contacts.c.contact_id == table.c.subject)
        .where(among(key_of(table), keys), table.c.remote_id.is_not(None), table.c.remote_id != "")
    )  # fmt: skip
    db.execute(
        upsert(db, links)
        .from_select(list(columns), written, include_defaults=False)
        .on_conflict_do_nothing()
    )


def _move(
    db: Connection, table: Table, change: str, rows: Sequence[dict[str, Any]],
    allowed: ColumnElement[bool], values: dict[str, Any],
) -> None:  # fmt: skip
    if not rows:
        return
    names = [column.name for column in key_of(table)]
    matching = [table.c[name] == bindparam(f"key_{name}") for name in names]
    differing: dict[str, Any] = {
        name: bindparam(f"to_{name}") for name in rows[0] if name not in names
    }
    statement = update(table).where(*matching, allowed).values(**values, **differing)
    parameters = [
        {("key_" if name in names else "to_") + name: value for name, value in row.items()}
        for row in rows
    ]
    if db.execute(statement, parameters).rowcount != len(rows):
        raise WrongState(change, ["|".join(row[name] for name in names) for row in rows])
