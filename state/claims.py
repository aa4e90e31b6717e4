"""Reserve a row before creating it, so that two syncs on one account cannot both create it.

    planned --claim, and nobody else has its row--> sending    the row is this write's
       ^--- claim, but somebody else has it ---'               and `said` names who

Vendors here let two persons have one address. A deed with a natural key takes
it in the transaction that claims the deed. It keeps it for good once the row
exists, and while that is in doubt; it gives it back when it is refused or
withdrawn, or when its only request provably was not sent, for then there is
no row. Rows deleted at the vendor stay taken: a person makes them again there,
and who still wants to create them finds them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select

from state import machine
from state.database import Upsert
from state.lease import Lease
from state.schema import deeds, row_claims


class Claim(NamedTuple):
    """A row about to be created, by what tells it apart at the vendor (an address, a number)."""

    write_key: str
    account: str
    object: str
    natural_key: str


def _unless_held(insert: Any) -> Any:
    return insert.on_conflict_do_nothing()


_TAKE = Upsert(row_claims, row_claims.c.keys(), _unless_held)
_HOLDER = (
    select(row_claims.c.write_key, row_claims.c.sync, deeds.c.state)
    .join_from(row_claims, deeds, deeds.c.write_key == row_claims.c.write_key, isouter=True)
    .where(
        row_claims.c.account == bindparam("account"),
        row_claims.c.object == bindparam("object"),
        row_claims.c.natural_key == bindparam("natural_key"),
    )
)
_GIVE_BACK = delete(row_claims).where(
    row_claims.c.write_key.in_(bindparam("write_keys", expanding=True))
)
_GIVE_BACK_UNSENT = delete(row_claims).where(
    row_claims.c.write_key.in_(
        select(deeds.c.write_key).where(
            deeds.c.write_key.in_(bindparam("write_keys", expanding=True)), deeds.c.attempt == 0
        )
    )
)
_GIVE_BACK_WITHDRAWN = delete(row_claims).where(
    row_claims.c.write_key.in_(
        select(deeds.c.write_key).where(
            deeds.c.sync == bindparam("my_sync"), deeds.c.state == "withdrawn"
        )
    )
)


def take(db: Connection, lease: Lease, claims: Sequence[Claim]) -> dict[str, str]:
    """Reserve rows on an open, fenced connection; return by write key who has what is not ours.

    What the same write key holds already is its own again.
    """
    at = lease.state.now()
    # In one order, whoever asks: two windows that cross would wait for each other.
    rows = [{**each._asdict(), "sync": lease.sync, "at": at} for each in sorted(claims, key=_row)]
    _TAKE.run(db, rows)
    held = {}
    for each in claims:
        found = db.execute(_HOLDER, each._asdict()).one_or_none()
        if found is None:  # given back since we asked for it
            _TAKE.run(db, [{**each._asdict(), "sync": lease.sync, "at": at}])
            found = db.execute(_HOLDER, each._asdict()).one()
        holder, sync, state = found
        if holder != each.write_key:
            held[each.write_key] = _why(each.object, holder, sync, state)
    return held


def _why(noun: str, holder: str, sync: str, state: str | None) -> str:
    """Say who has a row, and what a person can do about it."""
    if state == machine.DONE:
        return (
            f"sync {sync} created this {noun} under {holder}; if somebody deleted it since, make "
            "it there by hand: it is found then, and never created twice"
        )
    if state in (machine.SENDING, machine.UNKNOWN):
        return (
            f"sync {sync} may have created this {noun} under {holder}: `syncline doubts {sync}` "
            "says when that is known"
        )
    return f"sync {sync} creates this {noun} under {holder}: `syncline run {sync}`"


def _row(claim: Claim) -> tuple[str, str, str]:
    return (claim.account, claim.object, claim.natural_key)


def give_back(db: Connection, write_keys: Sequence[str]) -> None:
    """Let go of rows that were definitely not created. Never after a doubt: it may exist."""
    db.execute(_GIVE_BACK, {"write_keys": list(write_keys)})


def give_back_unsent(db: Connection, write_keys: Sequence[str]) -> None:
    """Let go of rows whose deed was never sent: one sent before may exist by that earlier request.

    Ask once the attempts are counted back.
    """
    db.execute(_GIVE_BACK_UNSENT, {"write_keys": list(write_keys)})


def give_back_withdrawn(db: Connection, lease: Lease) -> None:
    """Let go of what withdrawn deeds of the sync had reserved."""
    db.execute(_GIVE_BACK_WITHDRAWN, {"my_sync": lease.sync})
