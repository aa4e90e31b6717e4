"""What somebody was already called for, so that a trouble that lasts is told once.

A notice stands in a row of the cursors: how far a sync's operator has been told. Its value
names the trouble, so that the next one of the kind is another.
"""

from sqlalchemy import select

from state.database import State, upsert
from state.schema import cursors as table

STREAM = "told"


def was_told(state: State, sync: str, kind: str, trouble: str) -> bool:
    query = select(table.c.value).where(table.c.sync == sync, table.c.stream == f"{STREAM}|{kind}")
    with state.read() as db:
        return bool(db.execute(query).scalar_one_or_none() == trouble)


def tell(state: State, sync: str, kind: str, trouble: str) -> None:
    """Note that the call went through; one that did not is made again by the next run."""
    row = {"sync": sync, "stream": f"{STREAM}|{kind}", "value": trouble, "generation": "",
           "moved_at": state.now()}  # fmt: skip
    changes = {"value": trouble, "moved_at": row["moved_at"]}
    with state.write() as db:
        db.execute(
            upsert(db, table)
            .values(**row)
            .on_conflict_do_update(index_elements=["sync", "stream"], set_=changes)
        )
