"""How far each stream of a vendor was read, and which DuckDB file remembers the rest."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from state.database import State, Upsert
from state.lease import Lease
from state.schema import cursors as table

NO_FILE = ""  # the generation of what speaks of no work file


@dataclass(frozen=True)
class Cursor:
    """Where a stream stands, vouched for by one generation of the work file."""

    stream: str
    value: Any
    generation: str


def read(state: State, sync: str, stream: str, generation: str) -> Any:
    """Return the cursor's value, or None when it speaks of another work file: read everything."""
    query = select(table.c.value).where(
        table.c.sync == sync, table.c.stream == stream, table.c.generation == generation
    )
    with state.read() as db:
        return db.execute(query).scalar_one_or_none()


def read_all(state: State, sync: str, prefix: str, generation: str) -> dict[str, Any]:
    """Return stream -> value of the cursors whose stream begins so; `prefix` is not given back."""
    query = select(table.c.stream, table.c.value).where(
        table.c.sync == sync, table.c.generation == generation,
        table.c.stream.startswith(prefix, autoescape=True),
    )  # fmt: skip
    with state.read() as db:
        return {stream.removeprefix(prefix): value for stream, value in db.execute(query)}


def _moving(insert: Any) -> Any:
    moved = {name: insert.excluded[name] for name in ("value", "generation", "moved_at")}
    return insert.on_conflict_do_update(index_elements=["sync", "stream"], set_=moved)


_MOVE = Upsert(table, table.c.keys(), _moving)


def move(db: Connection, lease: Lease, cursor: Cursor) -> None:
    """Store a cursor on an open, fenced connection: with the plan made from what it covers."""
    store(db, lease.state, lease.sync, cursor)


def store(db: Connection, state: State, sync: str, cursor: Cursor) -> None:
    """Store a cursor that needs no lease: one that speaks of no work file."""
    _MOVE.run(db, [{
        "sync": sync, "stream": cursor.stream, "value": cursor.value,
        "generation": cursor.generation, "moved_at": state.now(),
    }])  # fmt: skip


def forget(lease: Lease) -> None:
    """Drop every cursor that speaks of a work file: the next run reads everything."""
    of_work = table.c.generation != NO_FILE
    with lease.changing() as db:
        db.execute(delete(table).where(table.c.sync == lease.sync, of_work))
