"""Names in a definition, resolved once to the vendor's ids and pinned.

A pinned name follows its id: renamed at the vendor, it goes on; gone, the pin
says so and the caller pauses what depends on it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa
from sqlalchemy import select

from state.arrow import as_arrow
from state.database import State, upsert
from state.errors import NotAllowed
from state.schema import pins as table


class Candidate(NamedTuple):
    """What the vendor has now: an id or code, and what its users call it."""

    remote_id: str
    label: str


class Pin(NamedTuple):
    account: str
    kind: str
    name: str
    remote_id: str
    label: str
    gone_at: datetime | None


def resolve(
    state: State, account: str, kind: str, name: str, candidates: Sequence[Candidate]
) -> Pin:
    """Return the pin of a name, making it when there is none; `gone_at` is set when it is gone.

    `candidates` is everything of that kind, or a pinned id would count as
    gone. Raises NotAllowed when a new name fits none or several.
    """
    pin = find(state, account, kind, name)
    if pin is None:
        chosen = _choose(account, kind, name, candidates)
        return put(state, Pin(account, kind, name, chosen.remote_id, chosen.label, None))
    labels = {each.remote_id: each.label for each in candidates}
    label = labels.get(pin.remote_id)
    if label is None:
        return pin if pin.gone_at else put(state, pin._replace(gone_at=state.now()))
    if (label, None) == (pin.label, pin.gone_at):
        return pin
    return put(state, pin._replace(label=label, gone_at=None))


def find(state: State, account: str, kind: str, name: str) -> Pin | None:
    query = select(*(table.c[part] for part in Pin._fields)).where(
        table.c.account == account, table.c.kind == kind, table.c.name == name
    )
    with state.read() as db:
        row = db.execute(query).one_or_none()
    return Pin(*row) if row is not None else None


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


def read(state: State, account: str) -> pa.Table:
    with state.read() as db:
        return as_arrow(db, select(*table.c).where(table.c.account == account))


def _choose(account: str, kind: str, name: str, candidates: Sequence[Candidate]) -> Candidate:
    """Pick the one that is called exactly so, else the one that is but for its case."""
    exact = [each for each in candidates if name in (each.label, each.remote_id)]
    fitting = exact or [each for each in candidates if each.label.casefold() == name.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        several = ", ".join(f"{each.label} ({each.remote_id})" for each in fitting)
        raise NotAllowed(
            f"{account}: {kind} {name!r} may be any of {several}; write its id instead"
        )
    shown = ", ".join(sorted(each.label for each in candidates)[:12]) or "none at all"
    raise NotAllowed(f"{account}: there is no {kind} {name!r}; there are {shown}")
