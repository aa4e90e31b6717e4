"""Reserve a person-like row before creating it, so that two syncs cannot both create one.

Vendors here let two persons have one address. Whoever is about to create a row
takes its natural key first; the claim stays for good once the row exists, and
is given back only after a definite refusal.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, select

from state.database import upsert
from state.errors import RowClaimed
from state.lease import Lease
from state.schema import row_claims


class Claim(NamedTuple):
    """A row about to be created, by what tells it apart at the vendor (an address, a number)."""

    account: str
    object: str
    natural_key: str
    write_key: str


def claim_rows(lease: Lease, claims: Sequence[Claim]) -> set[str]:
    """Reserve rows before their create leaves; return the write keys that have theirs.

    What another write key holds is left out: that one is creating the row,
    or has. A claim held already by the same write key is won again.
    """
    if not claims:
        return set()
    rows = [{**each._asdict(), "sync": lease.sync, "at": lease.state.now()} for each in claims]
    with lease.changing() as db:
        db.execute(upsert(db, row_claims).on_conflict_do_nothing(), rows)
        mine = row_claims.c.write_key.in_([each.write_key for each in claims])
        return set(db.scalars(select(row_claims.c.write_key).where(mine)))


def claim_row(lease: Lease, claim: Claim) -> None:
    """Reserve one row before its create leaves, or raise RowClaimed saying who has it."""
    if claim_rows(lease, [claim]):
        return
    with lease.state.read() as db:
        holder = db.execute(select(row_claims).where(*_same_row(claim))).one_or_none()
    raise RowClaimed(holder.write_key if holder else "?", holder.sync if holder else "?")


def release_row(lease: Lease, claim: Claim) -> None:
    """Give a reserved row back after a definite refusal. Never after a doubt: it may exist."""
    with lease.changing() as db:
        mine = row_claims.c.write_key == claim.write_key
        db.execute(delete(row_claims).where(*_same_row(claim), mine))


def _same_row(claim: Claim) -> list[Any]:
    names = ("account", "object", "natural_key")
    return [row_claims.c[name] == getattr(claim, name) for name in names]
