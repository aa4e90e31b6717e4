"""Who is who: one contact per subscriber address, carried along when things change.

SQL decides, this file remembers. Each decision is about a winner, the one
person that speaks for an address:

    same   the contact that has the address keeps it
    move   the person's contact takes the new address along
    merge  the person's contact ends in the one that has the address
    fork   the person leaves a contact others still use, with its past
    new    nobody knew the address or the person

A former address stays with its contact until another contact takes it over:
opens of an old mail still count for who read it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from sqlalchemy import Connection, Table, bindparam, select, update

from state.arrow import as_arrow
from state.database import State, upsert
from state.lease import Lease
from state.schema import contact_addresses, contact_lineage, contacts, links

CHUNK = 5_000


class Decision(NamedTuple):
    """A row of resolve.identity.

    `from_contact_id` is the contact that ends (merge) or is left (fork).
    `contact_id` may be empty for fork and new: the next free id of the person is used.
    """

    email: str
    person_id: str
    decision: Literal["same", "move", "merge", "fork", "new"]
    contact_id: str | None = None
    from_contact_id: str | None = None


def contact_id(account: str, person_id: str, n: int) -> str:
    """Return the id of the n-th contact (from 1) a person founded; the same after any rebuild.

    In DuckDB: `'c' || left(sha256(concat_ws('|', account, person_id, n)), 16)`.

    >>> contact_id("acme-pipedrive", "71", 1)
    'c29a6008bcb54a617'
    """
    return "c" + hashlib.sha256(f"{account}|{person_id}|{n}".encode()).hexdigest()[:16]


def read_contacts(state: State, account: str) -> pa.Table:
    """Return every contact of an account's people, merged and gone ones included."""
    return _read(state, contacts, account)


def read_addresses(state: State, account: str) -> pa.Table:
    """Return who held which address from which sweep on, until which."""
    return _read(state, contact_addresses, account)


def read_lineage(state: State, account: str) -> pa.Table:
    """Return whose deeds count as whose own, up to which sweep."""
    return _read(state, contact_lineage, account)


def read_links(state: State, account: str) -> pa.Table:
    """Return what stands for each contact, in every account it is linked in."""
    return _read(state, links, account)


def apply(
    lease: Lease, account: str, decisions: Iterable[Decision], *, kind: str = "person"
) -> None:
    """Remember a sweep's decisions. Applying them twice changes nothing.

    One commit, however many: an address is taken from one contact and given
    to another, and no reader may see half of that. Call it before `ledger.seal`.
    """
    by_decision: dict[str, list[Decision]] = {}
    for decision in decisions:
        by_decision.setdefault(decision.decision, []).append(decision)
    with lease.changing() as db:
        # Endings first: what merges and moves set free, a new contact may take.
        for each in by_decision.get("merge", ()):
            _merge(db, lease, each)
        founded = [*by_decision.get("fork", ()), *by_decision.get("new", ())]
        named = _name(db, account, founded)
        _found(db, lease, account, named)
        for each in named:
            if each.decision == "fork":
                _inherit(db, each.contact_id or "", each.from_contact_id or "", lease.sweep)
        holding = [*by_decision.get("move", ()), *named]
        _hold(db, account, holding, lease.sweep)
        held = [*by_decision.get("same", ()), *by_decision.get("merge", ()), *holding]
        _link(db, lease, account, kind, held)


def gone(lease: Lease, contact_ids: Sequence[str], *, at: datetime) -> None:
    """Record that the people behind contacts were confirmed gone; nothing is forgotten."""
    with lease.changing() as db:
        for part in _chunks(contact_ids):
            db.execute(
                update(contacts)
                .where(contacts.c.contact_id.in_(part), contacts.c.gone_at.is_(None))
                .values(gone_at=at)
            )


def link(lease: Lease, account: str, object: str, pairs: Sequence[tuple[str, str]], reason: str,
         origin: str = "theirs") -> None:  # fmt: skip
    """Link (remote id, contact id) pairs that a match found, and say why. A link may move."""
    rows = [
        _link_row(lease, account, object, remote_id, contact, reason, origin)
        for remote_id, contact in pairs
    ]
    with lease.changing() as db:
        _upsert_links(db, rows)


def _read(state: State, table: Table, account: str) -> pa.Table:
    query = select(*table.c)
    if table is contacts:
        query = query.where(contacts.c.account == account)
    else:
        founder = contacts.c.contact_id == table.c.contact_id
        query = query.join_from(table, contacts, founder).where(contacts.c.account == account)
    with state.read() as db:
        return as_arrow(db, query)


def _name(db: Connection, account: str, decisions: Sequence[Decision]) -> list[Decision]:
    """Give ids to the contacts that have none yet; one founded for this before is used again."""
    founded: dict[str, int] = {}
    present: dict[tuple[str, str | None], str] = {}
    for part in _chunks([each.person_id for each in decisions if not each.contact_id]):
        query = select(contacts).where(
            contacts.c.account == account, contacts.c.person_id.in_(part)
        )
        for row in db.execute(query):
            founded[row.person_id] = max(row.n, founded.get(row.person_id, 0))
            present[row.person_id, row.current_address] = row.contact_id
    named = []
    for each in decisions:
        following = contact_id(account, each.person_id, founded.get(each.person_id, 0) + 1)
        known = present.get((each.person_id, each.email), following)
        named.append(each._replace(contact_id=each.contact_id or known))
    return named


def _found(db: Connection, lease: Lease, account: str, named: Sequence[Decision]) -> None:
    ids = {each.contact_id for each in named}
    rows = [
        {"contact_id": contact_id(account, person, n), "account": account, "person_id": person,
         "n": n, "sweep": lease.sweep}
        for person, n in _numbered(named, account)
    ]  # fmt: skip
    unknown = ids - {row["contact_id"] for row in rows}
    if unknown:
        raise ValueError(f"{len(unknown)} contact ids were not made by contact_id()")
    if rows:
        db.execute(upsert(db, contacts).on_conflict_do_nothing(), rows)


def _numbered(named: Sequence[Decision], account: str) -> Iterable[tuple[str, int]]:
    """Find the n each id was made with: ids are one-way, and n is small."""
    for each in named:
        for n in range(1, 1000):
            if contact_id(account, each.person_id, n) == each.contact_id:
                yield each.person_id, n
                break


def _hold(db: Connection, account: str, decisions: Sequence[Decision], sweep: int) -> None:
    """Give each address to its contact, and end whoever held it before."""
    known, holding = _holders(db, account, [each.email for each in decisions])
    starting = [
        {"contact_id": each.contact_id, "address": each.email,
         "from_sweep": sweep if each.email in known else 0}
        for each in decisions
        if (each.email, each.contact_id) not in holding
    ]  # fmt: skip
    if starting:
        _end_holders(db, holding, starting, sweep)
        db.execute(upsert(db, contact_addresses).on_conflict_do_nothing(), starting)
    _set_current(db, account, [(each.contact_id or "", each.email) for each in decisions])


def _holders(
    db: Connection, account: str, addresses: Sequence[str]
) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the addresses ever held in this account, and the (address, contact) that are now."""
    known: set[str] = set()
    holding: set[tuple[str, str]] = set()
    held = contact_addresses.c
    for part in _chunks(addresses):
        query = (
            select(held.address, held.contact_id, held.until_sweep)
            .join_from(contact_addresses, contacts, contacts.c.contact_id == held.contact_id)
            .where(held.address.in_(part), contacts.c.account == account)
        )
        for address, contact, until in db.execute(query):
            known.add(address)
            if until is None:
                holding.add((address, contact))
    return known, holding


def _end_holders(
    db: Connection, holding: set[tuple[str, str]], starting: Sequence[dict[str, Any]], sweep: int
) -> None:
    taken = {row["address"] for row in starting}
    ended = [{"of": contact, "taken": address} for address, contact in holding if address in taken]
    if not ended:
        return
    statement = update(contact_addresses).where(
        contact_addresses.c.contact_id == bindparam("of"),
        contact_addresses.c.address == bindparam("taken"),
        contact_addresses.c.until_sweep.is_(None),
    )
    db.execute(statement.values(until_sweep=sweep), ended)


def _set_current(db: Connection, account: str, holding: Sequence[tuple[str, str]]) -> None:
    if not holding:
        return
    ended = update(contacts).where(
        contacts.c.account == account,
        contacts.c.current_address == bindparam("taken"),
        contacts.c.contact_id != bindparam("by"),
    )
    parameters = [{"by": contact, "taken": address} for contact, address in holding]
    db.execute(ended.values(current_address=None), parameters)
    begun = update(contacts).where(contacts.c.contact_id == bindparam("by"))
    db.execute(begun.values(current_address=bindparam("taken"), gone_at=None), parameters)


def _merge(db: Connection, lease: Lease, each: Decision) -> None:
    kept, ended = each.contact_id or "", each.from_contact_id or ""
    current = db.scalar(select(contacts.c.merged_into).where(contacts.c.contact_id == ended))
    if current == kept:
        return
    _inherit(db, kept, ended, lease.sweep)
    open_rows = (contact_addresses.c.contact_id == ended, contact_addresses.c.until_sweep.is_(None))
    freed = db.scalars(select(contact_addresses.c.address).where(*open_rows)).all()
    db.execute(update(contact_addresses).where(*open_rows).values(until_sweep=lease.sweep))
    if freed:
        rows = [
            {"contact_id": kept, "address": address, "from_sweep": lease.sweep} for address in freed
        ]
        db.execute(upsert(db, contact_addresses).on_conflict_do_nothing(), rows)
    db.execute(update(links).where(links.c.contact_id == ended).values(contact_id=kept))
    db.execute(
        update(contacts)
        .where(contacts.c.contact_id == ended)
        .values(merged_into=kept, current_address=None)
    )


def _inherit(db: Connection, heir: str, ancestor: str, sweep: int) -> None:
    """Let the ancestor's deeds and past events count as the heir's own, up to this sweep."""
    lineage = db.execute(
        select(contact_lineage.c.ancestor_id, contact_lineage.c.up_to_sweep).where(
            contact_lineage.c.contact_id == ancestor
        )
    ).all()
    rows = [
        {"contact_id": heir, "ancestor_id": grand, "up_to_sweep": min(up_to, sweep)}
        for grand, up_to in [(ancestor, sweep), *lineage]
        if grand != heir
    ]
    db.execute(upsert(db, contact_lineage).on_conflict_do_nothing(), rows)
    past = db.execute(
        select(contact_addresses).where(
            contact_addresses.c.contact_id == ancestor, contact_addresses.c.from_sweep < sweep
        )
    ).all()
    held = [
        {"contact_id": heir, "address": row.address, "from_sweep": row.from_sweep,
         "until_sweep": sweep if row.until_sweep is None else row.until_sweep}
        for row in past
    ]  # fmt: skip
    if held:
        db.execute(upsert(db, contact_addresses).on_conflict_do_nothing(), held)


def _link(db: Connection, lease: Lease, account: str, kind: str, held: Sequence[Decision]) -> None:
    rows = [
        _link_row(lease, account, kind, each.person_id, each.contact_id or "",
                  f"speaks for the address ({each.decision})", "theirs")
        for each in held
    ]  # fmt: skip
    _upsert_links(db, rows)


def _link_row(lease: Lease, account: str, object: str, remote_id: str, contact: str, reason: str,
              origin: str) -> dict[str, Any]:  # fmt: skip
    return {
        "account": account, "object": object, "remote_id": remote_id, "contact_id": contact,
        "reason": reason, "origin": origin, "since": lease.sweep, "last_seen_sweep": lease.sweep,
    }  # fmt: skip


def _upsert_links(db: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    insert = upsert(db, links)
    new = insert.excluded
    seen = {"last_seen_sweep": new.last_seen_sweep, "gone_at": None}
    db.execute(
        insert.on_conflict_do_update(index_elements=["account", "object", "remote_id"], set_=seen),
        rows,
    )
    # The reason is of the day the link was made: it changes only when the link moves.
    moved = update(links).where(
        links.c.account == bindparam("a"), links.c.object == bindparam("o"),
        links.c.remote_id == bindparam("r"), links.c.contact_id != bindparam("c"),
    )  # fmt: skip
    db.execute(
        moved.values(contact_id=bindparam("c"), reason=bindparam("why"), since=bindparam("s")),
        [
            {"a": row["account"], "o": row["object"], "r": row["remote_id"],
             "c": row["contact_id"], "why": row["reason"], "s": row["since"]}
            for row in rows
        ],
    )  # fmt: skip


def _chunks(values: Sequence[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(values), CHUNK):
        yield list(values[start : start + CHUNK])
