r"""What on-call sees and decides of the ledger: writes in doubt, and writes that were refused.

    find -----> Doubt ----settle----> done (it happened)  |  planned (send it again)
    refused --> Refusal --retry-----> due now, with all its tries back

Reading needs no lease and looks at all syncs; a change needs the lease of its sync. A person's
word on a doubt is in the keep file before it is in the database: no vendor can give it back.
No body and no natural key leaves this module: both hold addresses.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, or_, select, update

from state import audits, keep, machine
from state import deeds as deed_rows
from state import runs as run_rows
from state.database import State, upsert
from state.errors import NotAllowed
from state.lease import Lease
from state.schema import contacts, deeds, leases, links, settings, syncs
from state.writers import sync_of

Kind = Literal["deed", "setting"]
Verdict = Literal["happened", "send again"]

EVER = datetime.min.replace(tzinfo=UTC)
WINDOW = 500  # keys a statement: SQLite takes no more than some thousands of values
ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


@dataclass(frozen=True)
class Written:
    """One row of the ledger by what tells it apart, whatever became of it."""

    sync: str
    kind: Kind
    key: str  # a write key; of a setting `object|account|aspect|subject`
    reference: str  # SL-...; empty for a setting
    account: str
    operation: str
    object: str
    subject: str
    state: str
    bot_id: str
    said: str


@dataclass(frozen=True)
class Doubt(Written):
    """A write that may have happened. `since` is the vendor's time, when we gave up waiting."""

    since: datetime | None
    attempt: int
    run_id: str
    held_up: int  # other writes to the same subject that wait until this is known
    is_replaced: bool  # a setting whose value was planned anew since: what was sent is not kept


@dataclass(frozen=True)
class Refusal(Written):
    """A write the vendor said no to. Without `next_try_at` all its tries are used up."""

    tries: int
    next_try_at: datetime | None


class OnTheirWay(NamedTuple):
    """Writes that a run which still holds its sync is sending right now."""

    sync: str
    run_id: str
    host: str
    pid: int
    writes: int


def known_syncs(state: State) -> list[str]:
    """Names of the syncs that ever ran here. Ask before taking a lease: that makes a sync known."""
    with state.read() as db:
        return list(db.scalars(select(syncs.c.sync).order_by(syncs.c.sync)))


def find(state: State, names: Iterable[str]) -> list[Doubt]:
    """Return what is in doubt in these syncs, oldest first.

    What a run sends while it holds its sync is not in doubt: see `on_their_way`. A killed run
    counts as holding until its lease runs out or another takes it over.
    """
    found: list[Doubt] = []
    with state.read() as db:
        for name in names:
            fence = _running_fence(db, name, state.now())
            for table in (deeds, settings):
                query = select(table).where(table.c.sync == name, machine.in_doubt(table, fence))
                found += [_doubt(db, table, row, state.now()) for row in db.execute(query)]
    return sorted(found, key=lambda doubt: (doubt.since or EVER, doubt.key))


def count(state: State) -> dict[str, int]:
    """Return how many writes are in doubt by sync, its windows included; none: not there."""
    return dict(Counter(sync_of(doubt.sync) for doubt in find(state, known_syncs(state))))


def on_their_way(state: State, names: Iterable[str]) -> list[OnTheirWay]:
    """Return what runs that hold their sync are sending; such a run may have died just now."""
    found = []
    with state.read() as db:
        for name in names:
            query = select(leases).where(leases.c.name == f"sync:{name}")
            row = db.execute(query.where(leases.c.holder != "")).one_or_none()
            if row is None or row.expires_at <= state.now():
                continue
            sent = sum(
                _number(db, table, table.c.sync == name, table.c.state == machine.SENDING,
                        table.c.fence == row.fence)
                for table in (deeds, settings)
            )  # fmt: skip
            if sent:
                found.append(OnTheirWay(name, row.holder, row.host, row.pid, sent))
    return found


def refused(state: State, sync: str) -> list[Refusal]:
    """Return what the vendor refused and the plan still wants, in the order of planning."""
    found: list[Refusal] = []
    with state.read() as db:
        for table in (deeds, settings):
            query = select(table).where(table.c.sync == sync, table.c.state == machine.REFUSED)
            for row in db.execute(query.order_by(table.c.sweep, table.c.position)):
                tries = {"tries": row.tries, "next_try_at": row.next_try_at}
                found.append(Refusal(**_written(table, row), **tries))
    return found


def named(state: State, sync: str, name: str) -> Written | None:
    """Return the write of that key or SL- reference, whatever its state.

    A setting answers to the name that the history table of writes gives it as well.
    """
    by_name = or_(deeds.c.write_key == name, deeds.c.marker == name)
    with state.read() as db:
        row = db.execute(select(deeds).where(deeds.c.sync == sync, by_name)).first()
        if row is not None:
            return Written(**_written(deeds, row))
        # Accounts and aspects are names of the operator's and may hold anything: compared whole.
        ending, subject = name.partition("|")[2], name.rpartition("|")[2]
        query = select(settings).where(settings.c.sync == sync, settings.c.subject == subject)
        for row in db.execute(query):
            if _setting_key(row).partition("|")[2] == ending:
                return Written(**_written(settings, row))
    return None


def retry(lease: Lease, rows: Sequence[Refusal]) -> int:
    """Make refused rows due now, with all their tries back; return how many were still refused.

    The next run sends them if its bots run and, of settings, if its plan still wants them.
    """
    changed = _retry_deeds(lease, [row.key for row in rows if row.kind == "deed"])
    of_settings = [_parts(row) for row in rows if row.kind == "setting"]
    if of_settings:
        due = {"tries": 0, "next_try_at": lease.state.now()}
        still = (settings.c.sync == lease.sync, settings.c.state == machine.REFUSED)
        with lease.changing() as db:
            for key in of_settings:
                statement = update(settings).where(_has_key(settings, key), *still).values(**due)
                changed += db.execute(statement).rowcount
    return changed


def _retry_deeds(lease: Lease, keys: Sequence[str]) -> int:
    """`deeds.retry`, a window at a time."""
    return sum(
        deed_rows.retry(lease, keys[start : start + WINDOW])
        for start in range(0, len(keys), WINDOW)
    )


def settle(
    lease: Lease, doubt: Written, verdict: Verdict, *, by: str, home: Path, remote_id: str = ""
) -> None:
    """Take a person's word on one doubt. Raises NotAllowed for a row that is in none (any more).

    It is in the keep file before it is in the database; a commit that then fails leaves a line
    that says what a person decided, which is still true. "send again" waits for no horizon.
    """
    table = deeds if doubt.kind == "deed" else settings
    with lease.changing() as db:
        row = _row_in_doubt(db, lease, table, doubt)
        if verdict == "happened":
            _refuse_wrong_word(db, table, row, doubt, remote_id)
        _keep_word(home, lease, doubt, verdict, by, remote_id)
        _change(db, lease, table, row, verdict, f"settled by {by}: {verdict}", remote_id)
        run_rows.note_settling(db, lease, f"{doubt.key} settled by {by}: {verdict}")


def send_lost_again(lease: Lease, lost: Written, *, by: str, home: Path) -> None:
    """Plan a done deed once more, since a person says that the vendor has it no more."""
    _keep_word(home, lease, lost, "send again", by, "")
    with lease.changing() as db:
        audits.plan_again(db, lease, lost.key, said=f"lost, says {by}: send again")
        run_rows.note_settling(db, lease, f"{lost.key} called lost by {by}: send again")


def done_happened(lease: Lease, done: Written, *, by: str, home: Path, remote_id: str = "") -> None:
    """Let a done deed stand as a person says: one called lost, or another id for one settled so.

    A merge or a purge looks like a loss. The audit never asks for it again.
    """
    said = f"settled by {by}: happened"
    with lease.changing() as db:
        mine = and_(deeds.c.write_key == done.key, deeds.c.sync == lease.sync)
        row = db.execute(select(deeds).where(mine, deeds.c.state == machine.DONE)).one_or_none()
        if row is None:
            raise NotAllowed(f"{done.key} is not done any more; nothing was changed")
        _refuse_wrong_word(db, deeds, row, done, remote_id)
        why = "tied to another id" if is_by_hand(home, done) else "called lost"
        _keep_word(home, lease, done, "happened", by, remote_id)
        if remote_id:
            audits.end_link(db, lease, row)
        _change(db, lease, deeds, row, "happened", said, remote_id)
        run_rows.note_settling(db, lease, f"{done.key} {why}, {said}")


def is_by_hand(home: Path, written: Written) -> bool:
    """Whether a write is done because a person said so, here or before an adoption."""
    said = keep.words(home, sync_of(written.sync)).get(written.key, [{"verdict": None}])
    return written.state == machine.DONE and said[-1]["verdict"] == "happened"


def _keep_word(
    home: Path, lease: Lease, about: Written, verdict: Verdict, by: str, remote_id: str
) -> None:
    line = {
        "sync": sync_of(lease.sync), "kind": about.kind, "write_key": about.key,
        "reference": about.reference, "verdict": verdict, "remote_id": remote_id or None,
        "by": by, "at": lease.state.now().isoformat(),
    }  # fmt: skip
    keep.append(home, "settled", [line])


def _change(
    db: Connection, lease: Lease, table: Table, row: Row[Any], verdict: Verdict, said: str,
    remote_id: str,
) -> None:  # fmt: skip
    is_done = verdict == "happened"
    values: dict[str, Any] = {
        "state": machine.DONE if is_done else machine.PLANNED, "said": said,
        "settled_at": lease.state.now(), "run_id": lease.run_id, "fence": lease.fence,
    }  # fmt: skip
    if is_done:
        values |= {"is_adopted": True, "remote_id": remote_id or row.remote_id}
    if table is settings:
        # Whatever was said, a body that is late may still come: only the same may follow it.
        values |= {"doubt_hash": row.sending_hash, "doubt_at": row.sending_at}
    if table is settings and is_done:
        values |= {
            "acknowledged": table.c.desired, "acknowledged_hash": table.c.sending_hash,
            "acknowledged_generation": table.c.generation,
        }  # fmt: skip
    key = tuple(getattr(row, column.name) for column in machine.key_of(table))
    db.execute(update(table).where(_has_key(table, key)).values(**values))
    if is_done and remote_id:
        _link(db, lease, row, remote_id)


def _link(db: Connection, lease: Lease, row: Row[Any], remote_id: str) -> None:
    """Remember whose the found thing is. A subject that is no contact gets no link."""
    place = {"account": row.account, "object": row.object, "remote_id": remote_id}
    is_linked = db.scalar(
        select(links.c.contact_id).where(*(links.c[name] == value for name, value in place.items()))
    )
    contact = db.scalar(select(contacts.c.contact_id).where(contacts.c.contact_id == row.subject))
    if contact is not None and is_linked is None:
        words = {"contact_id": contact, "reason": "a person said so", "origin": "ours"}
        found = {**words, **place, "since": lease.sweep, "last_seen_sweep": lease.sweep}
        db.execute(upsert(db, links).values(found).on_conflict_do_nothing())
    elif is_linked == row.subject:
        db.execute(update(links).filter_by(**place).values(gone_at=None))


def _row_in_doubt(db: Connection, lease: Lease, table: Table, doubt: Written) -> Row[Any]:
    key = (doubt.key,) if doubt.kind == "deed" else _parts(doubt)
    row = db.execute(select(table).where(_has_key(table, key))).one_or_none()
    if row is None or row.sync != lease.sync:
        raise NotAllowed(f"{lease.sync} has no write {doubt.key}")
    is_left_behind = row.state == machine.SENDING and row.fence < lease.fence
    if row.state != machine.UNKNOWN and not is_left_behind:
        raise NotAllowed(
            f"{doubt.key} is {row.state}: only a write in doubt can be settled; nothing was changed"
        )
    return row


def _refuse_wrong_word(
    db: Connection, table: Table, row: Row[Any], doubt: Written, remote_id: str
) -> None:
    """A word that would make the ledger say something it cannot stand for is not taken."""
    if table is settings and row.desired_hash != row.sending_hash:
        raise NotAllowed(
            f"{doubt.key}: another value has been planned since, and what was sent is not kept: "
            "run the sync, which reads it back, or settle it with --send-again; nothing was changed"
        )
    if table is deeds and not row.subject and not remote_id:
        raise NotAllowed(
            f"{doubt.key} makes something that later writes are addressed to: "
            "say which it is with --id; nothing was changed"
        )
    if table is not deeds or not remote_id:
        return
    same = select(deeds.c.write_key).where(
        deeds.c.account == row.account, deeds.c.object == row.object,
        deeds.c.remote_id == remote_id, deeds.c.write_key != row.write_key,
    )  # fmt: skip
    if other := db.scalar(same):
        raise NotAllowed(
            f"{row.object} {remote_id} is what {other} made, so it cannot be what {doubt.key} "
            "made; nothing was changed"
        )


def _running_fence(db: Connection, sync: str, now: datetime) -> int:
    """The fence below which a `sending` row is nobody's any more."""
    row = db.execute(select(leases).where(leases.c.name == f"sync:{sync}")).one_or_none()
    if row is None:
        return 0
    is_held = bool(row.holder) and row.expires_at > now
    return int(row.fence) + (0 if is_held else 1)


def _doubt(db: Connection, table: Table, row: Row[Any], now: datetime) -> Doubt:
    return Doubt(
        **_written(table, row), since=row.sending_at, attempt=row.attempt,
        run_id=row.run_id or "", held_up=_held_up(db, table, row, now),
        is_replaced=table is settings and row.desired_hash != row.sending_hash,
    )  # fmt: skip


def _held_up(db: Connection, table: Table, row: Row[Any], now: datetime) -> int:
    if not row.subject:
        return 0
    same = [table.c.account == row.account, table.c.subject == row.subject]
    if table is settings:
        same.append(table.c.object == row.object)
    return _number(db, table, *same, machine.is_due(table, now))


def _written(table: Table, row: Row[Any]) -> dict[str, Any]:
    """The fields of Written. Never the body or the natural key."""
    alike = ("sync", "account", "object", "subject", "state")
    fields = {name: getattr(row, name) for name in alike} | {"said": without_addresses(row.said)}
    if table is deeds:
        own = {
            "kind": "deed", "key": row.write_key, "reference": row.marker,
            "operation": row.operation, "bot_id": row.bot_id,
        }  # fmt: skip
    else:
        flow = row.aspect.split("/")[1] if row.aspect.startswith(f"{sync_of(row.sync)}/") else ""
        own = {
            "kind": "setting", "key": _setting_key(row), "reference": "",
            "operation": row.verb, "bot_id": flow,  # its own settings are `sync/flow/...`
        }  # fmt: skip
    return fields | own


def without_addresses(said: str) -> str:
    """
    >>> without_addresses("ann@x.lv is on the list; see <bob@y.lv>.")
    '(address) is on the list; see <(address)>.'
    """
    return ADDRESS.sub("(address)", said)


def _setting_key(row: Row[Any]) -> str:
    return "|".join((row.object, row.account, row.aspect, row.subject))


def _has_key(table: Table, key: Sequence[str]) -> ColumnElement[bool]:
    columns = machine.key_of(table)
    return and_(*(column == part for column, part in zip(columns, key, strict=True)))


def _parts(setting: Written) -> tuple[str, ...]:
    """Take the key text apart again: the aspect is what stands between account and subject."""
    aspect = setting.key.removeprefix(f"{setting.object}|{setting.account}|")
    return (
        setting.account, setting.object, setting.subject,
        aspect.removesuffix(f"|{setting.subject}"),
    )  # fmt: skip


def _number(db: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return int(db.scalar(select(func.count()).select_from(table).where(and_(*where))) or 0)
