"""What an audit may change in the ledger, and what is remembered of audits.

An audit is a run of its sync: it holds the lease and has a sweep number. How the sync itself
ended last is left as it was.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from state import keep, machine
from state.database import State
from state.errors import WrongState
from state.lease import Lease
from state.schema import consent, contact_addresses, deeds, links, runs, settings

PREFIX = "audit-"  # begins the run ids of audits, and of nothing else
# What is said of a bar, in the state and in the keep file, once somebody barred was found
# subscribed by us, and once that was put right.
BREACHED = "subscribed by a late write of ours, not by an act of their own"
MENDED = "subscribed by a late write of ours, and taken off the list since"
# What stands for somebody's place on a list or in an audience, and how its write keys begin.
PLACES = {"list_member": "member", "audience_member": "audience_member"}
CHUNK = 500  # hashes a statement


class LastAudit(NamedTuple):
    """How the newest finished audit of a sync ended."""

    ended_at: datetime
    outcome: str
    counts: Mapping[str, Any]


def correct_ids(lease: Lease, ids: Mapping[str, str]) -> None:
    """Let each of these done deeds stand for another thing of its reference: {key: remote id}."""
    with lease.changing() as db:
        for key, remote_id in ids.items():
            done = and_(deeds.c.write_key == key, deeds.c.state == machine.DONE)
            if db.execute(update(deeds).where(done).values(remote_id=remote_id)).rowcount != 1:
                raise WrongState("another thing's", [key])


def plan_again(db: Connection, lease: Lease, key: str, *, said: str) -> None:
    """Let the next run send a done deed once more, under its key: a person says it is lost.

    WrongState unless it is done. Its link ends, and what it was is no longer known here.
    """
    mine = and_(deeds.c.write_key == key, deeds.c.sync == lease.sync)
    row = db.execute(select(deeds).where(mine, deeds.c.state == machine.DONE)).one_or_none()
    if row is None:
        raise WrongState("planned", [key])
    end_link(db, lease, row)
    db.execute(
        update(deeds)
        .where(mine)
        .values(
            state=machine.PLANNED, remote_id=None, is_adopted=False, said=said,
            settled_at=None, tries=0, next_try_at=None,
        )
    )  # fmt: skip


def end_link(db: Connection, lease: Lease, row: Row[Any]) -> None:
    """Note that the thing a deed was tied to is not, or not any more, what it made."""
    is_its = (
        links.c.account == row.account, links.c.object == row.object,
        links.c.remote_id == row.remote_id,
    )  # fmt: skip
    db.execute(update(links).where(*is_its).values(gone_at=lease.state.now()))


class Doubted(NamedTuple):
    """An address that a write in doubt may have subscribed, and the place it was for."""

    sync: str
    write_key: str
    address: str


def doubted(
    state: State, account: str, since: datetime,
    *, may_subscribe: Callable[[Any], bool] = lambda _: True,
) -> set[Doubted]:  # fmt: skip
    """Return every address whose place on a list was in doubt since then, whichever sync's it is.

    Former addresses too: the doubtful write may have been for one that was changed meanwhile.
    `may_subscribe` tells of a body whether it may have put somebody there; of one that is not
    known any more, nobody can tell.
    """
    is_open = machine.is_in(settings, machine.SENDING, machine.UNKNOWN)
    places = select(settings).where(
        settings.c.account == account, settings.c.object.in_(PLACES),
        or_(settings.c.doubt_at >= since, is_open),
    )  # fmt: skip
    with state.read() as db:
        rows = [row for row in db.execute(places) if _may(row, may_subscribe)]
        subjects = {row.subject for row in rows}
        of_contact: dict[str, set[str]] = {}
        for part in _chunks(subjects):
            query = select(contact_addresses.c.contact_id, contact_addresses.c.address)
            for contact, address in db.execute(
                query.where(contact_addresses.c.contact_id.in_(part))
            ):
                of_contact.setdefault(contact, set()).add(address)
    return {
        Doubted(
            row.sync,
            f"{PLACES[row.object]}|{account}|{row.aspect}|{row.subject}",
            address.strip().lower(),
        )
        for row in rows
        for address in {*of_contact.get(row.subject, ()), *_addresses(row)}
    }


def _may(row: Any, may_subscribe: Callable[[Any], bool]) -> bool:
    """Whether the body in doubt, or one of those in doubt, may have subscribed somebody."""
    known = {row.desired_hash: row.desired, row.acknowledged_hash: row.acknowledged}
    doubtful = {row.doubt_hash}
    if row.state in (machine.SENDING, machine.UNKNOWN):
        doubtful.add(row.sending_hash)
    return any(one not in known or may_subscribe(known[one]) for one in doubtful - {None})


def _addresses(row: Any) -> Iterator[str]:
    if row.natural_key:
        yield row.natural_key
    for value in (row.desired, row.acknowledged):
        if isinstance(value, dict) and value.get("email"):
            yield str(value["email"])


def breached(state: State, home: Path, account: str) -> set[str]:
    """Return the hashes of addresses whose subscription was found to be ours, not their own act.

    The keep file counts as well: an adoption has nothing else to know it from.
    """
    told: set[str] = set()
    for line in keep.read(home):
        if line.get("account") != account or line.get("subject") not in ("consent", "lifted"):
            continue
        if line["subject"] == "consent" and line.get("evidence") == BREACHED:
            told.add(line["address_hash"])
        else:
            told.discard(line["address_hash"])
    query = select(consent.c.address_hash).where(
        consent.c.account == account, consent.c.evidence == BREACHED, consent.c.lifted_at.is_(None)
    )
    with state.read() as db:
        return told | set(db.scalars(query))


def mark_bars(
    lease: Lease, home: Path, account: str, hashes: Collection[str], evidence: str
) -> None:
    """Say BREACHED or MENDED of the bars in force on these addresses, once."""
    for part in _chunks(hashes):
        which = and_(
            consent.c.account == account, consent.c.address_hash.in_(part),
            consent.c.lifted_at.is_(None), consent.c.evidence != evidence,
        )  # fmt: skip
        with lease.changing() as db:
            rows = db.execute(select(consent.c.address_hash, consent.c.kind).where(which)).all()
            keep.append(home, "consent", [
                {"account": account, "address_hash": row.address_hash, "kind": row.kind,
                 "evidence": evidence, "at": lease.state.now().isoformat()}
                for row in rows
            ])  # fmt: skip
            db.execute(update(consent).where(which).values(evidence=evidence))


def _chunks(values: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def latest(state: State) -> dict[str, LastAudit]:
    """Return the newest audit of each sync that read the books to some end."""
    is_audit = and_(runs.c.run_id.startswith(PREFIX), runs.c.outcome.in_(("done", "open")))
    newest = select(runs.c.sync, func.max(runs.c.sweep).label("sweep")).where(is_audit)
    last = newest.group_by(runs.c.sync).subquery()
    query = select(runs.c.sync, runs.c.ended_at, runs.c.outcome, runs.c.counts).join(
        last, and_(runs.c.sync == last.c.sync, runs.c.sweep == last.c.sweep)
    )
    with state.read() as db:
        return {sync: LastAudit(*row) for sync, *row in db.execute(query)}
