"""Take one person out of what is kept here, for good (ALL-11).

    tombstone        their addresses as keyed hashes: no run takes them in again
    history          what they did and what was written to them
    work file        removed, the next run reads everything anew
    published copy   the history alone, until then
    state database   addresses, links, places on lists; deeds stay, their bodies go

In this order, under every sync's lease. The database is last, since it alone knows who the person
was under another address: killed in between it is asked again, and finds less to do.
What the vendors hold is theirs; `Traces` says where to look for it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from sqlalchemy import Connection, String, and_, cast, delete, false, func, or_, select, update

from state import consent, machine
from state.consent import Seen
from state.database import State
from state.schema import (
    contact_addresses,
    contact_lineage,
    contacts,
    deeds,
    facts,
    links,
    row_claims,
)
from state.schema import settings as settings_table
from state.staging import compact_history, open_work, publish, remove_work

SAID = "erased on request"
# A fact stays known as dealt with, or the next run would note it as new; whose it was goes.
NOBODYS = {
    "person_id": "", "member_id": "", "said": SAID,
    "settled_sweep": func.coalesce(facts.c.settled_sweep, facts.c.sweep),
}  # fmt: skip
OPEN = (machine.PLANNED, machine.REFUSED, machine.SENDING, machine.UNKNOWN)


class Trace(NamedTuple):
    """A record at a vendor that stood for the person, or that was written about them."""

    account: str
    object: str
    remote_id: str


@dataclass
class Traces:
    """Who the person was here, and what is left of them elsewhere. `addresses` is theirs alone."""

    contacts: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    records: list[Trace] = field(default_factory=list)
    rows: int = 0  # of the history


def find(state: State, address: str) -> Traces:
    """Everybody whose address it is, or who had it last; nobody is no error."""
    address = address.strip().lower()
    with state.read() as db:
        found = _holders(db, address)
        while grown := _merged_into(db, found):
            found |= grown
        traces = Traces(sorted(found), [address])
        traces.addresses = sorted({address, *_addresses(db, found)})
        traces.records = sorted(_records(db, found, traces.addresses))
    return traces


def bury(state: State, accounts: Iterable[str], traces: Traces, *, key: bytes, home: Path) -> None:
    """Leave the tombstones: from here on nothing subscribes these addresses or takes them in."""
    for account in accounts:
        seen = [Seen(one, "forgotten", SAID) for one in traces.addresses]
        consent.record(state, account, seen, key=key, home=home)


def erase_state(state: State, traces: Traces) -> None:
    """Take the person out of the database; what was done once stays known as done."""
    people, addresses = traces.contacts, traces.addresses
    theirs = or_(deeds.c.subject.in_(people), _names(deeds.c.body, addresses),
                 deeds.c.natural_key.in_(addresses))  # fmt: skip
    with state.write() as db:
        if db.dialect.name == "sqlite":
            db.exec_driver_sql("PRAGMA secure_delete = ON")  # overwritten, not only let go
        db.execute(update(facts).where(_facts_of(db, traces.records)).values(**NOBODYS))
        db.execute(
            update(deeds).where(theirs, deeds.c.state.in_(OPEN)).values(state=machine.WITHDRAWN)
        )
        db.execute(
            update(deeds).where(theirs)
            .values(body={}, body_hash="", natural_key="", reason=SAID, said="", next_try_at=None)
        )  # fmt: skip
        db.execute(delete(settings_table).where(or_(
            settings_table.c.subject.in_(people), settings_table.c.natural_key.in_(addresses),
        )))  # fmt: skip
        db.execute(delete(row_claims).where(row_claims.c.natural_key.in_(addresses)))
        for table in (contact_addresses, contact_lineage, links):
            db.execute(delete(table).where(table.c.contact_id.in_(people)))
        db.execute(
            update(contacts).where(contacts.c.contact_id.in_(people))
            .values(current_address=None, speaker_id=None,
                    gone_at=func.coalesce(contacts.c.gone_at, state.now()))
        )  # fmt: skip


def _facts_of(db: Connection, records: Iterable[Trace]) -> Any:
    """What tells the person's facts: vendors' ids, a member's without its audience. The number of
    a person is one account's, so only syncs that write there are looked at."""
    found = []
    for one in records:
        if one.object == "audience_member":
            found.append(facts.c.member_id == one.remote_id.partition("/")[2])
        elif one.object == "audience_person":
            syncs = {
                sync
                for table in (settings_table, deeds)
                for sync in db.scalars(select(table.c.sync).where(table.c.account == one.account))
            }
            found.append(and_(facts.c.person_id == one.remote_id, facts.c.sync.in_(syncs)))
    return or_(false(), *found)


def erase_files(home: Path, sync: str, traces: Traces) -> None:
    """Take the person out of a sync's files; the caller holds its lease.

    FileHeld: somebody has them open. HistoryDamaged: the history cannot be read.
    """
    with open_work(home, sync) as work:
        traces.rows += _erase_history(work.db, traces)
    remove_work(home, sync)
    compact_history(home, sync)
    with open_work(home, sync) as work:
        publish(work)


def _erase_history(db: duckdb.DuckDBPyConnection, traces: Traces) -> int:
    asked = {"addresses": traces.addresses, "contacts": traces.contacts}
    count = 0
    for statement in HISTORY:
        ((rows,),) = db.execute(statement, _used(statement, asked)).fetchall()
        count += int(rows)
    return count


def _used(statement: str, asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if f"${name}" in statement}


def _holders(db: Connection, address: str) -> set[str]:
    now = select(contacts.c.contact_id).where(contacts.c.current_address == address)
    found = set(db.scalars(now))
    if found:
        return found
    last = (
        select(contact_addresses.c.contact_id)
        .where(contact_addresses.c.address == address)
        .order_by(contact_addresses.c.from_sweep.desc())
        .limit(1)
    )
    return set(db.scalars(last))


def _merged_into(db: Connection, found: Collection[str]) -> set[str]:
    query = select(contacts.c.contact_id).where(contacts.c.merged_into.in_(found))
    return set(db.scalars(query)) - set(found)


def _addresses(db: Connection, found: Collection[str]) -> set[str]:
    """Every address they ever had that is nobody else's by now."""
    had = set(db.scalars(
        select(contact_addresses.c.address).where(contact_addresses.c.contact_id.in_(found))
    ))  # fmt: skip
    others = set(db.scalars(
        select(contacts.c.current_address)
        .where(contacts.c.current_address.in_(had), contacts.c.contact_id.not_in(found))
    ))  # fmt: skip
    return had - others


def _records(db: Connection, found: Collection[str], addresses: Sequence[str]) -> set[Trace]:
    of_links = select(links.c.account, links.c.object, links.c.remote_id).where(
        links.c.contact_id.in_(found)
    )
    of_deeds = select(deeds.c.account, deeds.c.object, deeds.c.remote_id).where(
        or_(deeds.c.subject.in_(found), deeds.c.natural_key.in_(addresses)),
        deeds.c.remote_id.is_not(None), deeds.c.object != "person_link",
    )  # fmt: skip
    return {Trace(*row) for query in (of_links, of_deeds) for row in db.execute(query)}


def _names(column: Any, addresses: Sequence[str]) -> Any:
    text = func.lower(cast(column, String))
    return or_(*(text.contains(one, autoescape=True) for one in addresses))


# Rows of the person go; a row that only names them loses what names them.
HISTORY = (
    "DELETE FROM history.events WHERE list_contains($addresses, email)",
    "DELETE FROM history.arrivals WHERE list_contains($addresses, email)",
    "DELETE FROM history.agreed WHERE list_contains($contacts, contact_id)",
    "DELETE FROM history.selections WHERE list_contains($contacts, contact_id)",
    "DELETE FROM history.overrides WHERE list_contains($contacts, contact_id)",
    """
    UPDATE history.writes SET before = NULL, after = NULL, said = NULL, reason = 'erased on request'
    WHERE
        list_contains($contacts, subject)
        OR len(list_filter($addresses, lambda one: contains(
            lower(concat_ws(' ', subject, before, after, said)), one
        ))) > 0
    """,
    """
    DELETE FROM history.skipped
    WHERE list_contains($contacts, subject) OR list_contains($addresses, lower(subject))
    """,
    """
    DELETE FROM history.findings
    WHERE list_contains($contacts, subject) OR list_contains($addresses, lower(subject))
    """,
)
