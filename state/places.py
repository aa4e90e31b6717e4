"""Which addresses of a list account are ours: every sync's places on its lists, held or given up.

A place is held while something is acknowledged there, wanted, on its way or in doubt. Asked after
the list was read: whatever a sync of the account had put on it by then is known here by then,
for a write is in the ledger before it is sent.
"""

from sqlalchemy import ColumnElement, and_, select

from state import machine
from state.arrow import ArrowTable, as_arrow
from state.database import State
from state.schema import contact_addresses, deeds, row_claims, settings

PLACE = ("subject", "natural_key", "desired", "acknowledged", "state", "settled_at", "doubt_at")


def read(state: State, account: str) -> ArrowTable:
    """Return each place on the account's lists, whichever sync's; values are JSON text."""
    query = select(*(settings.c[name] for name in PLACE)).where(_of(account))
    with state.read() as db:
        return as_arrow(db, query)


def read_addresses(state: State, account: str) -> ArrowTable:
    """Return every address that a contact with such a place ever held: (contact_id, address)."""
    subjects = select(settings.c.subject).where(_of(account))
    columns = (contact_addresses.c.contact_id, contact_addresses.c.address)
    query = select(*columns).where(contact_addresses.c.contact_id.in_(subjects)).distinct()
    with state.read() as db:
        return as_arrow(db, query)


def read_created(state: State, account: str, noun: str, sync: str) -> ArrowTable:
    """Return what *other* syncs created in an account, by what it is told apart by there:
    (natural_key, sync). What they may have created, or are about to, is not among it."""
    query = (
        select(row_claims.c.natural_key, row_claims.c.sync)
        .join_from(row_claims, deeds, deeds.c.write_key == row_claims.c.write_key)
        .where(row_claims.c.account == account, row_claims.c.object == noun)
        .where(row_claims.c.sync != sync, machine.is_in(deeds, machine.DONE))
    )
    with state.read() as db:
        return as_arrow(db, query)


def _of(account: str) -> ColumnElement[bool]:
    return and_(settings.c.account == account, settings.c.object == "list_member")
