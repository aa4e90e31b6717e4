"""Who is who: one contact per subscriber address, carried along when things change.

SQL decides (resolve.identity, resolve.holdings), this file remembers what it decided:

    contacts            the contact, who founded it, who speaks for it now, where it is
    contact_addresses   which address was a contact's from which sweep on, until which
    contact_lineage     whose deeds count as whose own, up to which sweep
    links               which vendor's record stands for which contact, and why

Remembering the same changes twice changes nothing.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from state.arrow import ArrowTable, as_arrow
from state.database import State, take_turns, upsert
from state.lease import Lease
from state.schema import contact_addresses, contact_lineage, contacts, links

CHUNK = 5_000


@dataclass(frozen=True)
class Changes:
    """What a sweep resolved differently from what is remembered, as rows.

    contacts    (contact id, person that speaks for it, address)
    merged      (contact id that ends, contact id it ends in)
    addresses   (contact id, address, from sweep, until sweep or None)
    lineage     (contact id, ancestor id)
    links       (person id, contact id, reason)
    """

    contacts: Sequence[tuple[str, str, str]] = ()
    merged: Sequence[tuple[str, str]] = ()
    addresses: Sequence[tuple[str, str, int, int | None]] = ()
    lineage: Sequence[tuple[str, str]] = ()
    links: Sequence[tuple[str, str, str]] = ()


def contact_id(account: str, person_id: str, n: int) -> str:
    """Return the id of the n-th contact (from 1) a person founded; the same after any rebuild.

    In DuckDB: `'c' || left(sha256(concat_ws('|', account, person_id, n)), 16)`.

    >>> contact_id("acme-pipedrive", "71", 1)
    'c29a6008bcb54a617'
    """
    return "c" + hashlib.sha256(f"{account}|{person_id}|{n}".encode()).hexdigest()[:16]


def read_contacts(state: State, account: str, of: Collection[str] | None = None) -> ArrowTable:
    """Return every contact of an account's people, merged and gone ones included."""
    return _read(state, contacts, account, of)


def read_addresses(state: State, account: str, of: Collection[str] | None = None) -> ArrowTable:
    """Return who held which address from which sweep on, until which."""
    return _read(state, contact_addresses, account, of)


def read_lineage(state: State, account: str) -> ArrowTable:
    """Return whose deeds count as whose own, up to which sweep."""
    return _read(state, contact_lineage, account)


def read_links(state: State, account: str, of: Collection[str] | None = None) -> ArrowTable:
    """Return what stands for each contact, in every account it is linked in."""
    return _read(state, links, account, of)


def remember(lease: Lease, account: str, changes: Changes, *, kind: str = "person") -> None:
    """Store a sweep's changes. Call it before `ledger.seal`: deeds name the contacts.

    One commit, however many: an address passes from one contact to another, and no reader may
    see half of that.
    """
    with lease.changing() as db:
        # Two syncs of one account store much the same people: in turns, not row against row.
        take_turns(db, f"identity of {account}")
        _found(db, lease, account, changes.contacts)
        _end(db, changes.merged)
        _hold(db, changes.addresses)
        _inherit(db, lease, changes.lineage)
        _link(db, lease, account, kind, changes.links)


def moved_on(state: State, account: str, addresses: Sequence[str]) -> list[tuple[str, str]]:
    """Return (an address of these, the present one) for each contact that once held the first."""
    query = (
        select(contact_addresses.c.address, contacts.c.current_address)
        .join_from(contact_addresses, contacts)
        .where(contacts.c.account == account, contacts.c.merged_into.is_(None))
        .where(contacts.c.current_address != contact_addresses.c.address)
    )
    found: set[tuple[str, str]] = set()
    with state.read() as db:
        for part in _chunks(addresses):
            rows = db.execute(query.where(contact_addresses.c.address.in_(part)))
            found |= {(old, now) for old, now in rows}
    return sorted(found)


def gone(lease: Lease, contact_ids: Sequence[str], *, at: datetime) -> None:
    """Record that the people behind contacts were confirmed gone; nothing is forgotten."""
    with lease.changing() as db:
        for part in _chunks(contact_ids):
            db.execute(
                update(contacts)
                .where(contacts.c.contact_id.in_(part), contacts.c.gone_at.is_(None))
                .values(gone_at=at)
            )


def unlink(lease: Lease, account: str, kind: str, remote_ids: Sequence[str]) -> None:
    """End the links of records that were confirmed gone; what they stood for is not forgotten."""
    with lease.changing() as db:
        for part in _chunks(remote_ids):
            mine = links.c.remote_id.in_(part), links.c.gone_at.is_(None)
            db.execute(
                update(links)
                .where(links.c.account == account, links.c.object == kind, *mine)
                .values(gone_at=lease.state.now())
            )


def linked(state: State, account: str, remote_ids: Collection[str], *, kind: str) -> set[str]:
    """Return the contacts that these records of an account stand for."""
    found: set[str] = set()
    with state.read() as db:
        for part in _chunks(list(remote_ids)):
            query = select(links.c.contact_id).where(
                links.c.account == account, links.c.object == kind, links.c.remote_id.in_(part)
            )
            found |= set(db.scalars(query))
    return found


def _read(
    state: State, table: Table, account: str, of: Collection[str] | None = None
) -> ArrowTable:
    """`of`: these contacts alone; None: everybody's."""
    query = select(*table.c)
    if of is not None:
        query = query.where(table.c.contact_id.in_(of))
    if table is contacts:
        query = query.where(contacts.c.account == account)
    else:
        founder = contacts.c.contact_id == table.c.contact_id
        query = query.join_from(table, contacts, founder).where(contacts.c.account == account)
    with state.read() as db:
        return as_arrow(db, query)


def _found(
    db: Connection, lease: Lease, account: str, rows: Iterable[tuple[str, str, str]]
) -> None:
    """Store new contacts, and who speaks for known ones where. The founder never changes."""
    wanted = [
        {"contact_id": contact, "account": account, "person_id": person, "speaker_id": person,
         "n": _made_with(account, person, contact), "sweep": lease.sweep,
         "current_address": address, "gone_at": None}
        for contact, person, address in rows
    ]  # fmt: skip
    if not wanted:
        return
    insert = upsert(db, contacts)
    now = {name: insert.excluded[name] for name in ("speaker_id", "current_address", "gone_at")}
    db.execute(insert.on_conflict_do_update(index_elements=["contact_id"], set_=now), wanted)


def _made_with(account: str, person: str, contact: str) -> int:
    """Find the n an id was made with (ids are one-way, n is small); 0: another person's."""
    for n in range(1, 20):
        if contact_id(account, person, n) == contact:
            return n
    return 0


def _end(db: Connection, merged: Sequence[tuple[str, str]]) -> None:
    if not merged:
        return
    ended = update(contacts).where(contacts.c.contact_id == bindparam("ended"))
    db.execute(
        ended.values(merged_into=bindparam("kept"), current_address=None),
        [{"ended": ended_id, "kept": kept} for ended_id, kept in merged],
    )
    moved = update(links).where(links.c.contact_id == bindparam("ended"))
    db.execute(
        moved.values(contact_id=bindparam("kept")),
        [{"ended": ended_id, "kept": kept} for ended_id, kept in merged],
    )


def _hold(db: Connection, rows: Sequence[tuple[str, str, int, int | None]]) -> None:
    if not rows:
        return
    insert = upsert(db, contact_addresses)
    db.execute(
        insert.on_conflict_do_update(
            index_elements=["contact_id", "address", "from_sweep"],
            set_={"until_sweep": insert.excluded.until_sweep},
        ),
        [
            {"contact_id": contact, "address": address, "from_sweep": first, "until_sweep": until}
            for contact, address, first, until in rows
        ],
    )


def _inherit(db: Connection, lease: Lease, rows: Sequence[tuple[str, str]]) -> None:
    if not rows:
        return
    insert = upsert(db, contact_lineage)
    db.execute(
        insert.on_conflict_do_update(
            index_elements=["contact_id", "ancestor_id"],
            set_={"up_to_sweep": insert.excluded.up_to_sweep},
        ),
        [
            {"contact_id": heir, "ancestor_id": ancestor, "up_to_sweep": lease.sweep}
            for heir, ancestor in rows
        ],
    )


def _link(
    db: Connection, lease: Lease, account: str, kind: str, rows: Sequence[tuple[str, str, str]]
) -> None:
    wanted = [
        {"account": account, "object": kind, "remote_id": remote_id, "contact_id": contact,
         "reason": f"speaks for the address ({reason})", "origin": "theirs",
         "since": lease.sweep, "last_seen_sweep": lease.sweep, "gone_at": None}
        for remote_id, contact, reason in rows
    ]  # fmt: skip
    if not wanted:
        return
    insert = upsert(db, links)
    changed: dict[str, Any] = {
        name: insert.excluded[name]
        for name in ("contact_id", "reason", "since", "last_seen_sweep", "gone_at")
    }
    db.execute(
        insert.on_conflict_do_update(
            index_elements=["account", "object", "remote_id"], set_=changed
        ),
        wanted,
    )


def _chunks(values: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), CHUNK):
        yield list(values[start : start + CHUNK])
