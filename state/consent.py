"""Who left, bounced, was removed or forgotten: a ratchet no sync turns back.

    absent < unsubscribed < bounced < removed < erased < forgotten

`absent` is whoever was not on the list when a lost state was rebuilt without
the keep file: nobody knows whether they left. A weaker kind never replaces a
stronger one. Only an act of the person's own (a form, a confirmation) lifts an
entry, and nothing lifts `erased` (by somebody in the platform, where the rest of the person may
live on) or `forgotten` (on request, here: whose records are taken in no more).
Addresses are kept as keyed hashes; the key is a file of its own, so the table
alone says nothing about anybody.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, case, or_, select, update

from state import keep
from state.arrow import ArrowTable, as_arrow
from state.database import State, upsert
from state.errors import NotAllowed
from state.lease import Lease
from state.schema import consent as table
from state.schema import pins

T = TypeVar("T")
Record = TypeVar("Record", bound=Mapping[str, Any])
Kind = Literal["absent", "unsubscribed", "bounced", "removed", "erased", "forgotten"]

RANKS = {
    "absent": 1, "unsubscribed": 2, "bounced": 3, "removed": 4, "erased": 5, "forgotten": 6,
}  # fmt: skip
FOR_GOOD = ("erased", "forgotten")  # what nothing lifts
CHUNK = 5_000
KEY_PIN = "consent key"  # the kind of pin that says which keys an account's hashes are by


class Seen(NamedTuple):
    """What was seen of one address, and by what: a list's status, a webhook's id, a command."""

    address: str
    kind: Kind
    evidence: str
    contact_id: str | None = None


class Entry(NamedTuple):
    """One row as the keep file has it: the address only as its hash."""

    account: str
    address_hash: str
    kind: str
    evidence: str
    at: datetime


class InForce(NamedTuple):
    address: str
    kind: Kind
    contact_id: str | None
    first_seen_at: datetime


class Erased(NamedTuple):
    """Whose records are taken in no more: addresses as hashes, and the key they are by."""

    hashes: frozenset[str]
    key: bytes = b""

    def without(self, records: Iterable[Record]) -> Iterator[Record]:
        """Leave out the records of vendors that have such an address, as any of theirs."""
        return self.without_written(records, lambda record: record)

    def without_written(
        self, records: Iterable[T], read: Callable[[T], Mapping[str, Any]]
    ) -> Iterator[T]:
        """The same for records that must be read first, should anybody have been erased."""
        return (one for one in records if not (self.hashes and self._has(read(one))))

    def _has(self, record: Mapping[str, Any]) -> bool:
        return any(address_hash(self.key, one) in self.hashes for one in _addresses_in(record))


def read_key(home: Path) -> bytes:
    """Return the key of the address hashes, made when missing. Back it up with the state.

    With another key nobody who left is recognised any more.
    """
    path = home / "consent.key"
    try:
        return bytes.fromhex(path.read_text())
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
    # Written aside and linked: of two processes that make a key at once, one wins and both read it.
    fresh = path.with_name(f".consent.key.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(os.urandom(32).hex())
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return bytes.fromhex(path.read_text())
    finally:
        fresh.unlink()
    return bytes.fromhex(path.read_text())


def key_for(state: State, account: str, home: Path) -> bytes:
    """As `read_key`. NotAllowed when the account's opt-outs in the state are by other keys: nobody
    who left would be recognised, and all would be subscribed again."""
    key = read_key(home)
    noted = select(pins.c.name).where(pins.c.account == account, pins.c.kind == KEY_PIN)
    with state.read() as db:
        known = set(db.scalars(noted))
    if known and keep.fingerprint(key) not in known:
        raise NotAllowed(
            f"the opt-outs of {account} are hashed with another consent.key than the one in this "
            "SYNCLINE_HOME, and nobody who left would be recognised: copy that file from the home "
            "that has worked with this state, or from its backup"
        )
    return key


def address_hash(key: bytes, address: str) -> str:
    """Hash an address, a telephone number or the like; case and outer blanks do not count."""
    return hmac.digest(key, address.strip().lower().encode(), hashlib.sha256).hex()


def record(
    state: State, account: str, seen: Iterable[Seen], *, key: bytes, home: Path | None
) -> int:
    """Remember what was seen; return how many entries are new or stronger.

    Goes to the keep file of `home` first: consent must outlive the database.
    """
    now, changed = state.now(), 0
    entries = [(each, address_hash(key, each.address)) for each in seen]
    for start in range(0, len(entries), CHUNK):
        part = entries[start : start + CHUNK]
        fresh = _stronger(state, account, part)
        if not fresh:
            continue
        if home is not None:
            keep.append(home, "consent", [
                {"account": account, "address_hash": hashed, "kind": each.kind,
                 "evidence": each.evidence, "at": now.isoformat()}
                for each, hashed in fresh
            ])  # fmt: skip
        with state.write() as db:
            _note_key(db, account, key, now)
            # In one order, whoever writes: two syncs of one account see the same people leave.
            db.execute(_ratchet(upsert(db, table)), [
                {"account": account, "address_hash": hashed, "contact_id": each.contact_id,
                 "kind": each.kind, "evidence": each.evidence, "first_seen_at": now,
                 "lifted_at": None}
                for each, hashed in sorted(fresh, key=lambda one: one[1])
            ])  # fmt: skip
        changed += len(fresh)
    return changed


def left_again(
    state: State, account: str, addresses: Sequence[str], *, key: bytes, home: Path | None
) -> int:
    """Date what stands against these addresses anew, as seen just now; return how many stand.

    A sweep lifts a bar when it reads the address as subscribed, unless the bar is younger than
    its reading. Somebody who came back and left again within one sweep has an old bar; if the
    sweep has lifted it since it was looked at, it stands again.
    """
    hashes = [address_hash(key, address) for address in addresses]
    now, mine = state.now(), (table.c.account == account, table.c.address_hash.in_(hashes))
    lifted = select(table.c.address_hash, table.c.kind).where(*mine, table.c.lifted_at.is_not(None))
    with state.write() as db:
        stand_again = db.execute(lifted.with_for_update()).all()
        if home is not None and stand_again:
            keep.append(home, "consent", [
                {"account": account, "address_hash": hashed, "kind": kind,
                 "evidence": "left again", "at": now.isoformat()}
                for hashed, kind in stand_again
            ])  # fmt: skip
        dated = update(table).where(*mine).values(first_seen_at=now, lifted_at=None)
        return db.execute(dated).rowcount


def lift(state: State, account: str, addresses: Sequence[str], *, key: bytes, evidence: str,
         home: Path | None, settled_by: datetime) -> int:  # fmt: skip
    """Count people as subscribed again after an act of their own; return how many.

    `evidence` names the act, `settled_by` is until when what was read of them holds: a bar that a
    webhook has dated anew since stands. Who was erased or forgotten stays so.
    """
    changed, now = 0, state.now()
    for start in range(0, len(addresses), CHUNK):
        hashes = [address_hash(key, address) for address in addresses[start : start + CHUNK]]
        standing = (
            table.c.account == account, table.c.kind.not_in(FOR_GOOD),
            table.c.lifted_at.is_(None), table.c.first_seen_at <= settled_by,
        )  # fmt: skip
        mine = select(table.c.address_hash).where(*standing, table.c.address_hash.in_(hashes))
        with state.write() as db:
            lifted = db.scalars(mine.order_by(table.c.address_hash).with_for_update()).all()
            if home is not None and lifted:
                keep.append(home, "lifted", [
                    {"account": account, "address_hash": each, "evidence": evidence,
                     "at": now.isoformat()}
                    for each in lifted
                ])  # fmt: skip
            statement = update(table).where(*standing, table.c.address_hash.in_(lifted))
            changed += db.execute(statement.values(lifted_at=now, evidence=evidence)).rowcount
    return changed


def put_back(lease: Lease, entries: Sequence[Entry], *, key: bytes) -> None:
    """Store what the keep file had, hashes by this key. What is known and stronger stays."""
    for start in range(0, len(entries), CHUNK):
        part = entries[start : start + CHUNK]
        with lease.changing() as db:
            for account in {each.account for each in part}:
                _note_key(db, account, key, lease.state.now())
            db.execute(_ratchet(upsert(db, table)), [
                {"account": each.account, "address_hash": each.address_hash, "contact_id": None,
                 "kind": each.kind, "evidence": each.evidence, "first_seen_at": each.at,
                 "lifted_at": None}
                for each in part
            ])  # fmt: skip


def all_in_force(state: State, *, key: bytes) -> list[Entry] | None:
    """Return the entries in force of all accounts; None if some may be by another key."""
    columns = (table.c[name] for name in ("account", "address_hash", "kind", "evidence"))
    query = select(*columns, table.c.first_seen_at).where(table.c.lifted_at.is_(None))
    noted = select(pins.c.account, pins.c.name).where(pins.c.kind == KEY_PIN)
    keys: dict[str, set[str]] = {}
    with state.read() as db:
        entries = [Entry(*row) for row in db.execute(query)]
        for account, fingerprint in db.execute(noted):
            keys.setdefault(account, set()).add(fingerprint)
    ours = {keep.fingerprint(key)}
    if any(keys.get(account) != ours for account in {each.account for each in entries}):
        return None
    return entries


def erased(state: State, account: str, *, key: bytes) -> Erased:
    """Return who was erased on request and must not be taken in again."""
    query = select(table.c.address_hash).where(
        table.c.account == account, table.c.kind == "forgotten", table.c.lifted_at.is_(None)
    )
    with state.read() as db:
        return Erased(frozenset(db.scalars(query)), key)


def in_force(state: State, account: str, addresses: Sequence[str], *, key: bytes) -> list[InForce]:
    """Return what stands against these addresses."""
    query = select(table.c.address_hash, table.c.kind, table.c.contact_id, table.c.first_seen_at)
    standing = query.where(table.c.account == account, table.c.lifted_at.is_(None))
    with state.read() as db:
        if len(addresses) > CHUNK:  # all that stands is read sooner than so many are asked for
            against = db.execute(standing).all()
            by_hash = _by_hash(addresses, key) if against else {}
        else:
            by_hash = _by_hash(addresses, key)
            against = db.execute(standing.where(table.c.address_hash.in_(by_hash))).all()
    return [
        InForce(by_hash[hashed], kind, contact_id, first_seen_at)
        for hashed, kind, contact_id, first_seen_at in against
        if hashed in by_hash
    ]


def _by_hash(addresses: Sequence[str], key: bytes) -> dict[str, str]:
    return {address_hash(key, address): address for address in addresses}


def read(state: State, account: str) -> ArrowTable:
    """Return the entries in force, addresses as hashes; for addresses ask `in_force`."""
    query = select(*table.c).where(table.c.account == account, table.c.lifted_at.is_(None))
    with state.read() as db:
        return as_arrow(db, query)


def _addresses_in(record: Mapping[str, Any]) -> Iterator[str]:
    """The addresses of a person, a member or an event, as the vendors name them."""
    for name in ("email", "shown_email", "emails", "email_address"):
        held = record.get(name)
        entries = held if isinstance(held, list) else [held]
        for one in entries:
            value = one.get("value") if isinstance(one, dict) else one
            if isinstance(value, str):
                yield value


def _stronger(
    state: State, account: str, entries: Sequence[tuple[Seen, str]]
) -> list[tuple[Seen, str]]:
    """Leave out what is known already: every sweep sees everybody who ever left."""
    hashes = [hashed for _, hashed in entries]
    query = select(table.c.address_hash, table.c.kind).where(
        table.c.account == account, table.c.address_hash.in_(hashes), table.c.lifted_at.is_(None)
    )
    with state.read() as db:
        known = {row.address_hash: RANKS[row.kind] for row in db.execute(query)}
    return [(each, hashed) for each, hashed in entries if RANKS[each.kind] > known.get(hashed, 0)]


def _note_key(db: Connection, account: str, key: bytes, now: datetime) -> None:
    """A hash does not tell its key, and a lost key is made anew without a word."""
    fingerprint = keep.fingerprint(key)
    pin = {"account": account, "kind": KEY_PIN, "name": fingerprint, "remote_id": fingerprint,
           "label": "hashes of opt-outs are by it", "pinned_at": now}  # fmt: skip
    db.execute(upsert(db, pins).values(**pin).on_conflict_do_nothing())


def _ratchet(insert: Any) -> Any:
    new = insert.excluded
    names = ("kind", "evidence", "contact_id", "first_seen_at", "lifted_at")
    return insert.on_conflict_do_update(
        index_elements=["account", "address_hash"],
        set_={name: new[name] for name in names},
        where=or_(table.c.lifted_at.is_not(None), _rank(new.kind) > _rank(table.c.kind)),
    )


def _rank(kind: ColumnElement[Any]) -> ColumnElement[int]:
    return case(*[(kind == name, rank) for name, rank in RANKS.items()], else_=0)
