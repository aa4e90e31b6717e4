"""Put back what a lost state database knew, from what `adopt` found elsewhere.

Nothing here is planned or sent: rows arrive settled. What the database knows
already is left alone, so that restoring twice is restoring once.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from state import audits, machine
from state.consent import address_hash
from state.database import State, upsert
from state.deeds import marker_of
from state.lease import Lease
from state.schema import (
    bot_pauses,
    bots,
    contact_addresses,
    contact_lineage,
    contacts,
    deeds,
    links,
    row_claims,
    rules,
    runs,
    settings,
)
from state.settings import value_hash

ADOPTION = "adopt-"  # how the run ids of adoptions begin
CHUNK = 5_000


class Contact(NamedTuple):
    """A contact as it is to stand: who founded it as whose n-th, who speaks for it, where."""

    contact_id: str
    person_id: str
    n: int
    speaker_id: str | None
    address: str | None
    merged_into: str | None = None


@dataclass(frozen=True)
class Who:
    """The identity map: contacts, their addresses (contact, address, from, until), whose deeds
    count as whose (contact, ancestor, up to), and the persons linked (person, contact)."""

    contacts: Sequence[Contact]
    addresses: Sequence[tuple[str, str, int, int | None]]
    lineage: Sequence[tuple[str, str, int]]
    links: Sequence[tuple[str, str]]


class Link(NamedTuple):
    """A vendor's record, of whichever kind, and the contact it stands for."""

    account: str
    object: str
    remote_id: str
    contact_id: str


@dataclass(frozen=True)
class Done:
    """A deed that happened, or counts as if. `remote_id` is None where nothing is known of it."""

    write_key: str
    account: str
    operation: str
    object: str
    subject: str
    said: str
    remote_id: str | None = None
    bot_id: str = ""
    rule_id: str = ""
    body: Any = None
    sweep: int = 0  # when it was planned; 0, before everything, where nobody knows any more
    natural_key: str = ""  # what it is told apart by at the vendor, reserved again


class Held(NamedTuple):
    """A place on a list and what the vendor holds there."""

    subject: str
    aspect: str
    value: Any
    object: str = "list_member"


def obstacle(state: State, sync: str) -> str:
    """Say why a sync cannot be rebuilt here: what of it this database knows; '' when nothing.

    An audit is no work: one that met an empty database has read nothing it could know.
    """
    worked = select(runs.c.run_id).where(
        runs.c.sync == sync, runs.c.outcome.in_(("done", "open")), ~runs.c.run_id.like(_LIKE),
        ~runs.c.run_id.startswith(audits.PREFIX),
    )  # fmt: skip
    own = [
        select(table.c.account).where(table.c.sync == sync, ~table.c.is_adopted)
        for table in (deeds, settings)
    ]
    with state.read() as db:
        run_id = db.scalar(worked.order_by(runs.c.sweep.desc()).limit(1))
        if run_id is not None:
            return f"its run {run_id} worked with this database"
        if any(db.scalar(query.limit(1)) is not None for query in own):
            return "a run has planned writes in this database"
    return ""


def adoption(state: State, sync: str) -> str | None:
    """How the last adoption ended: 'done', '' for one that did not end well, None for none."""
    query = select(runs.c.outcome).where(runs.c.sync == sync, runs.c.run_id.like(_LIKE))
    with state.read() as db:
        row = db.execute(query.order_by(runs.c.sweep.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return "done" if row.outcome == "done" else ""


def adoption_sweeps(state: State, sync: str) -> list[int]:
    """Return the sweeps that were adoptions, ended or not: what they kept is no older history."""
    query = select(runs.c.sweep).where(runs.c.sync == sync, runs.c.run_id.like(_LIKE))
    with state.read() as db:
        return list(db.scalars(query))


def references(state: State, account: str) -> set[str]:
    """Return the references of every deed that is known of an account, whichever sync did it."""
    with state.read() as db:
        return set(db.scalars(select(deeds.c.marker).where(deeds.c.account == account)))


def put_bots(
    lease: Lease,
    kept: Sequence[Mapping[str, Any]],
    *,
    counting_since: int | None,
    died: Collection[int] = (),
) -> int:
    """Bring bots back as they were kept; return how many. One that ran since is left alone.

    `counting_since` replaces the kept baseline where its events are lost; `died` are adoptions
    before this one whose baseline does not count: nobody read by it.
    """
    restored = 0
    with lease.changing() as db:
        for line in kept:
            if not _is_unborn(db, lease.sync, line["bot_id"], died):
                continue
            _put_bot(db, lease, line, counting_since)
            restored += 1
    return restored


def put_who(lease: Lease, account: str, who: Who) -> None:
    """Store the identity map in one commit."""
    with lease.changing() as db:
        _insert(db, contacts, [
            {"contact_id": c.contact_id, "account": account, "person_id": c.person_id, "n": c.n,
             "speaker_id": c.speaker_id, "sweep": lease.sweep, "current_address": c.address,
             "merged_into": c.merged_into}
            for c in who.contacts
        ])  # fmt: skip
        _insert(db, contact_addresses, [
            {"contact_id": contact, "address": address, "from_sweep": first, "until_sweep": until}
            for contact, address, first, until in who.addresses
        ])  # fmt: skip
        _insert(db, contact_lineage, [
            {"contact_id": heir, "ancestor_id": ancestor, "up_to_sweep": up_to}
            for heir, ancestor, up_to in who.lineage
        ])  # fmt: skip
        _insert(db, links, [
            {"account": account, "object": "person", "remote_id": person, "contact_id": contact,
             "reason": "found again by adopt", "origin": "theirs", "since": lease.sweep,
             "last_seen_sweep": lease.sweep}
            for person, contact in who.links
        ])  # fmt: skip


def put_links(lease: Lease, found: Sequence[Link]) -> None:
    """Store which records stand for which contacts. Put the contacts first (`put_who`): links of
    others are left out. Of a record that is told of twice the first word holds."""
    known = _contacts(lease)
    _put(lease, links, [
        one._asdict() | {"reason": "found again by adopt", "origin": "theirs",
                         "since": lease.sweep, "last_seen_sweep": lease.sweep}
        for one in found if one.contact_id in known
    ])  # fmt: skip


def put_deeds(lease: Lease, happened: Sequence[Done]) -> int:
    """Store deeds as done and adopted, with their links; return how many were not known."""
    rows = [_deed_row(lease, deed) for deed in happened]
    before = _count(lease, deeds)
    _put(lease, deeds, rows)
    _put(lease, row_claims, [
        {"account": deed.account, "object": deed.object, "natural_key": deed.natural_key,
         "write_key": deed.write_key, "sync": lease.sync, "at": lease.state.now()}
        for deed in happened if deed.natural_key
    ])  # fmt: skip
    known = _contacts(lease)
    _put(lease, links, [
        {"account": deed.account, "object": deed.object, "remote_id": deed.remote_id,
         "contact_id": deed.subject, "reason": "recognised by its reference", "origin": "ours",
         "since": lease.sweep, "last_seen_sweep": lease.sweep}
        for deed in happened if deed.remote_id and deed.subject in known
    ])  # fmt: skip
    return _count(lease, deeds) - before


def put_members(lease: Lease, account: str, held: Sequence[Held]) -> None:
    """Store places on the list as acknowledged with what they hold."""
    _put(lease, settings, [
        {"account": account, "object": one.object, "subject": one.subject,
         "aspect": one.aspect, "sync": lease.sync, "desired": one.value,
         "desired_hash": value_hash(one.value), "acknowledged": one.value,
         "acknowledged_hash": value_hash(one.value), "generation": 1,
         "acknowledged_generation": 1, "verb": "update", "state": machine.DONE,
         "run_id": lease.run_id, "fence": lease.fence, "sweep": lease.fence,
         "wanted_sweep": lease.fence, "is_adopted": True,
         "reason": "found on the list by adopt"}
        for one in held
    ])  # fmt: skip


class Remarkable(NamedTuple):
    """Contacts that nobody could work out from the vendors' records, as rows for the keep file."""

    contacts: list[dict[str, Any]]
    addresses: list[dict[str, Any]]
    lineage: list[dict[str, Any]]
    links: list[dict[str, Any]]


def remarkable(
    state: State, account: str, also: Collection[str], *, key: bytes, linked: Collection[str] = ()
) -> Remarkable:  # fmt: skip
    """Return the contacts that moved, merged, changed hands or are in `also`, addresses hashed,
    and the records of the kinds `linked` that stand for them, ended links included."""
    with state.read() as db:
        chosen = set(db.scalars(_remarkable_ids(account))) | set(also)
        of_contacts = _among(db, contacts, chosen, account)
        of_addresses = _among(db, contact_addresses, chosen, account)
        of_links = [one for one in _among(db, links, chosen, account) if one.object in linked]
        lineage = db.execute(
            select(*contact_lineage.c)
            .join(contacts, contacts.c.contact_id == contact_lineage.c.contact_id)
            .where(contacts.c.account == account)
        ).all()
    return Remarkable(
        [
            {"account": account, "contact_id": c.contact_id, "person_id": c.person_id, "n": c.n,
             "speaker_id": c.speaker_id, "merged_into": c.merged_into,
             "address_hash": c.current_address and address_hash(key, c.current_address)}
            for c in of_contacts
        ],
        [
            {"account": account, "contact_id": a.contact_id,
             "address_hash": address_hash(key, a.address), "from_sweep": a.from_sweep,
             "until_sweep": a.until_sweep}
            for a in of_addresses
        ],
        [
            {"account": account, "contact_id": one.contact_id, "ancestor_id": one.ancestor_id,
             "up_to_sweep": one.up_to_sweep}
            for one in lineage
        ],
        [
            {"account": one.account, "object": one.object, "remote_id": one.remote_id,
             "contact_id": one.contact_id, "is_gone": one.gone_at is not None}
            for one in of_links
        ],
    )  # fmt: skip


_LIKE = f"{ADOPTION}%"


def _remarkable_ids(account: str) -> Any:
    several = (
        select(contact_addresses.c.contact_id)
        .group_by(contact_addresses.c.contact_id)
        .having(
            or_(
                func.count() > 1,
                func.max(contact_addresses.c.from_sweep) > 0,
                func.max(contact_addresses.c.until_sweep).is_not(None),
            )
        )
    )
    moved: ColumnElement[bool] = or_(
        contacts.c.n != 1,
        contacts.c.speaker_id.is_distinct_from(contacts.c.person_id),
        contacts.c.merged_into.is_not(None),
        contacts.c.contact_id.in_(several),
    )
    return select(contacts.c.contact_id).where(contacts.c.account == account, moved)


def _among(db: Connection, table: Table, ids: Collection[str], account: str) -> list[Any]:
    found: list[Any] = []
    for part in _chunks(sorted(ids)):
        query = select(*table.c).where(table.c.contact_id.in_(part))
        if table is contacts:
            query = query.where(table.c.account == account)
        found += db.execute(query.order_by(table.c.contact_id)).all()
    return found


def _is_unborn(db: Connection, sync: str, bot_id: str, died: Collection[int]) -> bool:
    query = select(bots.c.state, bots.c.counting_since)
    row = db.execute(query.where(bots.c.sync == sync, bots.c.bot_id == bot_id)).one_or_none()
    if row is None or row.counting_since in died:
        return True
    return bool(row.state == "new" and row.counting_since is None)


def _put_bot(
    db: Connection, lease: Lease, line: Mapping[str, Any], counting_since: int | None
) -> None:
    known = line["counting_since"]
    key = {"sync": lease.sync, "bot_id": line["bot_id"]}
    values = {
        "state": line["state"], "reason": line["reason"], "paused_by": line["paused_by"],
        "since": lease.state.now(), "confirmed_by": line["confirmed_by"],
        "confirmed_on": line["confirmed_on"] and date.fromisoformat(line["confirmed_on"]),
        "activated_at": line["activated_at"] and datetime.fromisoformat(line["activated_at"]),
        "counting_since": known if known is None or counting_since is None else counting_since,
    }  # fmt: skip
    statement = upsert(db, bots).values(**key, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["sync", "bot_id"], set_=values))
    for first, until in line["pauses"]:
        _insert(db, bot_pauses, [{**key, "from_sweep": first, "until_sweep": until}])
    for rule_id, (threshold, since) in line["rules"].items():
        rule = {"threshold": threshold, "effective_since": since}
        one = upsert(db, rules).values(**key, rule_id=rule_id, **rule)
        db.execute(
            one.on_conflict_do_update(index_elements=["sync", "bot_id", "rule_id"], set_=rule)
        )


def _deed_row(lease: Lease, deed: Done) -> dict[str, Any]:
    body = orjson.dumps(deed.body, option=orjson.OPT_SORT_KEYS)
    return {
        "write_key": deed.write_key, "account": deed.account, "operation": deed.operation,
        "object": deed.object, "subject": deed.subject, "sync": lease.sync,
        "natural_key": deed.natural_key,
        "bot_id": deed.bot_id, "rule_id": deed.rule_id, "marker": marker_of(deed.write_key),
        "body": deed.body, "body_hash": hashlib.sha256(body).hexdigest(),
        "reason": "restored by adopt", "state": machine.DONE, "run_id": lease.run_id,
        "fence": lease.fence, "settled_at": lease.state.now(), "said": deed.said,
        "remote_id": deed.remote_id, "is_adopted": True, "sweep": deed.sweep,
    }  # fmt: skip


def _contacts(lease: Lease) -> set[str]:
    with lease.state.read() as db:
        return set(db.scalars(select(contacts.c.contact_id)))


def _count(lease: Lease, table: Table) -> int:
    with lease.state.read() as db:
        query = select(func.count()).select_from(table).where(table.c.sync == lease.sync)
        return int(db.execute(query).scalar_one())


def _put(lease: Lease, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    for part in _chunks(rows):
        with lease.changing() as db:
            _insert(db, table, part)


def _insert(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        db.execute(upsert(db, table).on_conflict_do_nothing(), list(rows))


def _chunks(rows: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), CHUNK):
        yield list(rows[start : start + CHUNK])
