"""The nightly audit of flows: what the ledger says was done, beside the vendors' own books.

Read from top to bottom. Nothing is written to a vendor. What is found is in history.findings;
what follows from it is told in docs/decisions, "The audit". Both writers' work is looked at,
that of sweeps and that of windows.

    deeds    persons and filters that were made     by person and by id
    members  fields and tags, in audiences          by contact_id, a place for each setting
    persons  fields, in Pipedrive                   by id, a hundred a call
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from connectors.mailchimp import Mailchimp
from pipelines.audit import REMEMBERED
from pipelines.audit_run import AuditCourse, Opened
from pipelines.audit_steps import (
    Audit,
    begin,
    keep,
    look,
    look_at_deeds,
    put_barred,
    put_found,
    read_ledger,
)
from pipelines.audit_tables import LISTED, put
from pipelines.mailchimp_pipedrive.accounts import open_accounts
from pipelines.mailchimp_pipedrive.audit_reads import (
    ASKED,
    PAGE,
    Due,
    Members,
    look_at_persons,
)
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.naming import recognise
from pipelines.mailchimp_pipedrive.opt_outs import may_subscribe
from pipelines.mailchimp_pipedrive.sweep import SYNC
from pipelines.mailchimp_pipedrive.tables import MEMBER, PERSON, write_held
from pipelines.pipedrive_side.audit_reads import SET_UP, Books, Thing
from pipelines.report import Progress
from pipelines.step import Step
from state import audits, consent, settings
from state.writers import writers
from transforms.build import build

MEMBERS, PERSONS = SET_UP + 1, SET_UP + 2  # places after those of the deeds
END = (PERSONS + 1, 0, 0)
Audited = Audit[Definition, Mailchimp]
Json = dict[str, Any]


@dataclass
class Read:
    """What was read of members and persons, and which addresses a doubt is about."""

    asked: list[Json] = field(default_factory=list)
    doubted: list[tuple[str, str]] = field(default_factory=list)


def _hold_against_the_books(definition: Definition, opened: Opened, step: Step) -> None:
    """The audit, in the order it happens."""
    recognise(definition, opened.accounts)
    one: Audited = begin(SYNC, definition, opened, END, ("audit.settings",))
    read = Read()
    step("Read the ledger", _read_ledger, one)
    step("Look at what was done", _look, one, read)
    step("Compare", _compare, one, read)
    step("Keep what was found", keep, one, NOT_SUBSCRIBED)


def _read_ledger(one: Audited) -> None:
    """The settings of both writers; what counts as said last of each pair of fields is with it."""
    state, name = one.lease.state, one.definition.name
    rows = pa.concat_tables([settings.read(state, writer) for writer in writers(name)])
    read_ledger(one, rows, {"asked": ASKED})
    write_held(one.db, rows)
    build(one.db, SYNC, "resolve.agreements")


def _look(one: Audited, read: Read) -> None:
    """Look from where the last audit stopped."""
    look(
        one,
        lambda: look_at_deeds(one, _look_at_set_up),
        lambda: _look_at_members(one, read),
        lambda: _look_at_persons(one, read),
    )
    one.has_asked = True


def _look_at_set_up(books: Books) -> Iterable[Thing]:
    books.look_at_set_up(has_fields=False)
    return ()


def _look_at_members(one: Audited, read: Read) -> None:
    """Look for each member that was written, and for whoever a doubtful write may have made."""
    doubted = _doubted(one)
    _make_due(one, {key for key, _ in doubted})
    due = [
        each._replace(addresses=sorted(email for key, email in doubted if key == each.write_key))
        for each in _due(one, MEMBER, MEMBERS)
    ]
    members = Members(one.accounts.engagement, one.shares[one.engagement_account])
    members.list_changes(due)
    for number_of, each in enumerate(due):
        read.asked += list(members.look(each))  # all of it, or the share ends before it
        read.doubted += [(each.write_key, email) for email in each.addresses]
        one.looked_at.append(each.write_key)
        one.reached = (MEMBERS, each.place, 0)
        one.report(Progress("audit", "members looked at", number_of + 1, len(due)))
    one.reached = max(one.reached, (PERSONS, 0, 0))


def _look_at_persons(one: Audited, read: Read) -> None:
    due = list(_due(one, PERSON, PERSONS))
    for start in range(0, len(due), PAGE):
        part = due[start : start + PAGE]
        read.asked += look_at_persons(one.accounts.crm, one.shares[one.crm_account], part)
        one.looked_at += [each.write_key for each in part]
        one.reached = (PERSONS, part[-1].place, 0)
        one.report(Progress("audit", "persons looked at", start + len(part), len(due)))
    one.reached = END


def _due(one: Audited, noun: str, place: int) -> Iterator[Due]:
    """What is due of one object, in the order of its places, after where the last audit was."""
    for *row, said in one.db.execute(DUE, [noun]).fetchall():
        found = Due._make([*row, orjson.loads(said or "{}"), ()])
        if (place, found.place, 0) > one.round.after:
            yield found


def _doubted(one: Audited) -> set[tuple[str, str]]:
    """Which addresses a write in doubt may have subscribed, or was found to; by write key."""
    state, account = one.lease.state, one.engagement_account
    in_doubt = audits.doubted(state, account, one.now - REMEMBERED, may_subscribe=may_subscribe)
    ours = writers(one.definition.name)
    found = {(place.write_key, place.address) for place in in_doubt if place.sync in ours}
    if marked := audits.breached(state, one.home, account):
        for write_key, email in one.db.execute(ADDRESSES, [MEMBER]).fetchall():
            if consent.address_hash(one.key, email) in marked:
                found.add((write_key, email))
    return found


def _make_due(one: Audited, keys: set[str]) -> None:
    """A doubt is looked at whatever the round; so is a breach, until it is mended."""
    one.db.execute(
        "UPDATE audit.settings SET is_due = TRUE WHERE list_contains(?::VARCHAR[], write_key)",
        [sorted(keys)],
    )


def _compare(one: Audited, read: Read) -> None:
    put(one.db, "asked", pa.Table.from_pylist(read.asked, ASKED))
    put_barred(one, read.doubted)
    addresses = {email for _, email in read.doubted}
    listed = {(row["email"], row["status"]) for row in read.asked if row["email"] in addresses}
    rows = [{"email": email, "status": status} for email, status in sorted(listed)]
    put(one.db, "listed", pa.Table.from_pylist(rows, LISTED))
    build(one.db, SYNC, "audit.gone", "audit.edits")
    put_found(one, "audit.setting_findings")


DUE = """
SELECT
    s.write_key, s.place, s.list_id_mailchimp, s.member_id_mailchimp, s.email, s.tag,
    s.person_id_pipedrive, s.sent_at,
    coalesce(s.taken_back::VARCHAR, p.acknowledged)
FROM audit.settings AS s
INNER JOIN audit.places AS p
    ON concat_ws('|', p.object, p.account, p.aspect, p.subject) = s.write_key
WHERE s.is_due AND s.object = ?
ORDER BY s.place
"""
ADDRESSES = "SELECT write_key, email FROM audit.settings WHERE object = ? AND email IS NOT NULL"
# Of those that were asked for: an audience is never read whole.
NOT_SUBSCRIBED = """
SELECT email FROM audit.doubted
EXCEPT
SELECT email FROM audit.listed WHERE status = 'subscribed'
"""
COURSE: AuditCourse[Definition] = AuditCourse(open_accounts, _hold_against_the_books)
audit_sync = COURSE.audit
