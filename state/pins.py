"""Names in a definition and the vendor's ids they were tied to, once and for good.

Which thing a name means is decided where names are bound; here it is remembered.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from state.arrow import ArrowTable, as_arrow
from state.database import State, upsert
from state.schema import pins as table


class Pin(NamedTuple):
    account: str
    kind: str
    name: str
    remote_id: str
    label: str
    gone_at: datetime | None


def find(state: State, account: str, kind: str, name: str) -> Pin | None:
    query = select(*(table.c[part] for part in Pin._fields)).where(
        table.c.account == account, table.c.kind == kind, table.c.name == name
    )
    with state.read() as db:
        row = db.execute(query).one_or_none()
    return Pin(*row) if row is not None else None


def called(state: State, kind: str, name: str) -> list[Pin]:
    """Return what a name of this kind is tied to, in every account."""
    query = select(*(table.c[part] for part in Pin._fields)).where(
        table.c.kind == kind, table.c.name == name
    )
    with state.read() as db:
        return [Pin(*row) for row in db.execute(query.order_by(table.c.pinned_at))]


def put(state: State, pin: Pin) -> Pin:
    """Store a pin, over any older one: for what the sync created itself under that name."""
    changes = {"remote_id": pin.remote_id, "label": pin.label, "gone_at": pin.gone_at}
    with state.write() as db:
        db.execute(
            upsert(db, table)
            .values(**pin._asdict(), pinned_at=state.now())
            .on_conflict_do_update(index_elements=["account", "kind", "name"], set_=changes)
        )
    return pin


def read(state: State, account: str) -> ArrowTable:
    with state.read() as db:
        return as_arrow(db, select(*table.c).where(table.c.account == account))
