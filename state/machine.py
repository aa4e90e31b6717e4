"""How a row of the ledger moves: compare-and-set, a window of rows per commit.

Deeds and settings share these moves; what is peculiar to each is in
`deeds.py` and `settings.py`. A move that finds one row elsewhere than expected
raises WrongState and the whole window stays as it was.

Statements are built once, when the module that owns the table is imported,
and named for their move; what differs from call to call are parameters, and
`who` fills in those that say who asks. Building one costs ten times what
running it does.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    String,
    Table,
    Update,
    and_,
    bindparam,
    case,
    exists,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from state import database
from state.database import Upsert
from state.errors import TooEarly, WrongState
from state.lease import Lease
from state.schema import Moment, contacts, links

PLANNED, SENDING, DONE = "planned", "sending", "done"
REFUSED, UNKNOWN, WITHDRAWN = "refused", "unknown", "withdrawn"

MOST_TRIES = 7
RETRY_AFTER = timedelta(days=1)

Key = tuple[Any, ...]

# Not named like columns: SQLAlchemy keeps those names for itself.
MY_SYNC, MY_RUN = bindparam("my_sync", type_=String()), bindparam("my_run", type_=String())
MY_FENCE = bindparam("my_fence", type_=Integer())
NOW, TOMORROW = bindparam("now", type_=Moment()), bindparam("tomorrow", type_=Moment())


def who(lease: Lease) -> dict[str, Any]:
    """Return the parameters every statement here may name: whose run it is, and when."""
    now = lease.state.now()
    return {
        "my_sync": lease.sync, "my_fence": lease.fence, "my_run": lease.run_id,
        "now": now, "tomorrow": now + RETRY_AFTER,
    }  # fmt: skip


def many(name: str) -> Any:
    """A parameter that takes a list, for `in_`."""
    return bindparam(name, expanding=True)


def key_of(table: Table) -> tuple[Any, ...]:
    return tuple(table.primary_key.columns)


def among(columns: Sequence[ColumnElement[Any]], keys: Sequence[Key]) -> ColumnElement[bool]:
    """True of the rows with these keys. Give it windows, not whole plans.

    The tuple alone would be right; but SQLite scans the table for it, and
    finds its index only by the lists of single columns.
    """
    lists = [column.in_({key[i] for key in keys}) for i, column in enumerate(columns)]
    return and_(tuple_(*columns).in_(keys), *lists) if len(lists) > 1 else lists[0]


def among_given(columns: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    """True, like `among`, of the rows whose keys are given with the parameters `given(keys)`."""
    lists = [column.in_(many(f"keys_{i}")) for i, column in enumerate(columns)]
    return and_(tuple_(*columns).in_(many("keys")), *lists)


def given(keys: Sequence[Key]) -> dict[str, Any]:
    lists = {f"keys_{i}": list(set(parts)) for i, parts in enumerate(zip(*keys, strict=True))}
    return {"keys": keys, **lists}


def is_in(table: FromClause, *states: str) -> ColumnElement[bool]:
    """True of rows in one of these states. Written out: a parameter costs at every execution."""
    return or_(*(table.c.state == literal_column(f"'{state}'") for state in states))


def is_due(table: Table, at: Any = NOW) -> ColumnElement[bool]:
    """True of rows that may be sent now: planned, or refused long enough ago."""
    return or_(is_in(table, PLANNED), and_(is_in(table, REFUSED), table.c.next_try_at <= at))


def in_doubt(table: FromClause, fence: Any = MY_FENCE) -> ColumnElement[bool]:
    """True of rows that may have reached the vendor: unknown, or an earlier run's `sending`."""
    return or_(is_in(table, UNKNOWN), and_(is_in(table, SENDING), table.c.fence < fence))


def subject_is_clear(table: Table, subject: Sequence[str]) -> ColumnElement[bool]:
    """True when no other row of the same subject is in doubt, or under way by another writer.

    Which of two writers began later says nothing. Rows without a subject are free.
    """
    other = table.alias("other")
    same = [other.c[name] == table.c[name] for name in subject]
    elsewhere = and_(is_in(other, SENDING), other.c.fence != MY_FENCE)
    taken = or_(is_in(other, UNKNOWN), elsewhere)
    return or_(table.c.subject == "", ~exists(select(1).where(*same, taken)))


def take_turns(db: Connection, accounts: Iterable[str]) -> None:
    """Claims of one account are made one after another: what `subject_is_clear` looks at are other
    rows than it changes, and two that look at once would both find them clear."""
    for account in sorted(set(accounts)):
        database.take_turns(db, f"claims of {account}")


def claiming(
    table: Table, where: ColumnElement[bool], values: dict[str, Any], *told: ColumnElement[Any]
) -> ReturningUpdate[Any]:
    """Build what moves the due rows among `where` to `sending` and returns key and `told`."""
    return (
        update(table)
        .where(where, is_due(table))
        .values(
            state=SENDING, attempt=table.c.attempt + 1, run_id=MY_RUN, fence=MY_FENCE,
            settled_at=None, said="", **values,
        )
        .returning(*key_of(table), *told)
    )  # fmt: skip


class Move(NamedTuple):
    """One way out of a state, for rows that bring their key and what differs (`per_row`)."""

    to: str
    statement: Update
    parameters: tuple[str, ...]


def settlement(table: Table, to: str, values: dict[str, Any], *per_row: str) -> Move:
    """Build the move of rows this run is sending."""
    mine = and_(is_in(table, SENDING), table.c.fence == MY_FENCE, table.c.run_id == MY_RUN)
    return _move(table, to, mine, {"settled_at": NOW, **values}, per_row)


def resolution(table: Table, to: str, values: dict[str, Any], *per_row: str) -> Move:
    """Build the move of rows that are in doubt, whoever sent them."""
    settled = {"settled_at": NOW, "run_id": MY_RUN, "fence": MY_FENCE}
    return _move(table, to, in_doubt(table), {**settled, **values}, per_row)


def _move(
    table: Table, to: str, allowed: ColumnElement[bool], values: dict[str, Any],
    per_row: Sequence[str],
) -> Move:  # fmt: skip
    differing: dict[str, Any] = {name: bindparam(f"to_{name}") for name in per_row}
    statement = update(table).where(*this_row(table), allowed)
    names = (*(f"key_{column.name}" for column in key_of(table)), *(f"to_{n}" for n in per_row))
    return Move(to, statement.values({"state": to, **values, **differing}), names)


def this_row(table: Table) -> list[ColumnElement[bool]]:
    """True of the one row whose key the parameters `key_...` name."""
    return [column == bindparam(f"key_{column.name}") for column in key_of(table)]


def apply(db: Connection, lease: Lease, move: Move, rows: Sequence[tuple[Any, ...]]) -> None:
    """Move a window of rows, whole or not at all. Each is its key, then what differs per row."""
    if not rows:
        return
    mine = who(lease)
    parameters = [
        {**mine, **dict(zip(move.parameters, (*key, *differing), strict=True))}
        for key, *differing in rows
    ]
    if db.execute(move.statement, parameters).rowcount != len(rows):
        raise WrongState(move.to, ["|".join(key) for key, *_ in rows])


def resolve(
    db: Connection, lease: Lease, table: Table, change: str, rows: Sequence[dict[str, Any]],
    values: dict[str, Any],
) -> None:  # fmt: skip
    """Move rows that are in doubt, as somebody decided just now: built for the occasion."""
    key = [column.name for column in key_of(table)]
    per_row = [name for name in rows[0] if name not in key]
    given = [(tuple(row[n] for n in key), *(row[n] for n in per_row)) for row in rows]
    apply(db, lease, resolution(table, change, values, *per_row), given)


def refusal(table: Table) -> dict[str, Any]:
    """What a definite no changes: one try more, and tomorrow again unless that was the last."""
    last = table.c.tries + 1 >= MOST_TRIES
    return {
        "tries": table.c.tries + 1,
        "next_try_at": case((last, None), else_=TOMORROW),
    }


def not_sent(table: Table) -> dict[str, Any]:
    """What a request that was never processed changes: it is as if it had not been claimed."""
    return {"attempt": table.c.attempt - 1, "sending_at": None}


def wait_before_absent(key: str, sending_at: datetime, at: datetime, horizon: timedelta) -> None:
    """Raise TooEarly while what was sent at `sending_at` may still arrive."""
    wait = (sending_at + horizon - at).total_seconds()
    if wait > 0:
        raise TooEarly(key, wait)


LINKED = (
    "account", "object", "remote_id", "contact_id", "reason", "origin", "since", "last_seen_sweep",
)  # fmt: skip


def link_written(db: Connection, lease: Lease, table: Table, keys: Sequence[Key]) -> None:
    """Remember whose the written rows are. Rows whose subject is no contact get no link."""
    names = [f"key_{column.name}" for column in key_of(table)]
    rows = [{"my_fence": lease.fence, **dict(zip(names, key, strict=True))} for key in keys]
    _linking(table).run(db, rows)


@cache
def _linking(table: Table) -> Upsert:
    written = (
        select(
            table.c.account, table.c.object, table.c.remote_id, table.c.subject,
            literal("written by this sync"), literal("ours"), MY_FENCE, MY_FENCE,
        )
        .join_from(table, contacts, contacts.c.contact_id == table.c.subject)
        .where(*this_row(table), table.c.remote_id.is_not(None), table.c.remote_id != "")
    )  # fmt: skip

    def unless_there(insert: Any) -> Any:
        rows = insert.from_select(LINKED, written, include_defaults=False)
        return rows.on_conflict_do_nothing()

    return Upsert(links, LINKED, unless_there)
