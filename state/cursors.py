"""How far each stream of a vendor was read, and which DuckDB file remembers the rest."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from state.database import State, upsert
from state.lease import Lease
from state.schema import cursors as table


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


def move(db: Connection, lease: Lease, cursor: Cursor) -> None:
    """Store a cursor on an open, fenced connection: with the plan made from what it covers."""
    changes = {
        "value": cursor.value, "generation": cursor.generation, "moved_at": lease.state.now(),
    }  # fmt: skip
    db.execute(
        upsert(db, table)
        .values(sync=lease.sync, stream=cursor.stream, **changes)
        .on_conflict_do_update(index_elements=["sync", "stream"], set_=changes)
    )


def forget(lease: Lease) -> None:
    """Drop every cursor of the sync: the next run reads everything."""
    with lease.changing() as db:
        db.execute(delete(table).where(table.c.sync == lease.sync))
