"""The nightly audit of a sync: what the ledger says was done, beside the vendors' own books.

Read from top to bottom. Nothing is written to a vendor. What is found is in history.findings;
what follows from it is told in docs/decisions, "The audit".
"""

from collections.abc import Iterable
from functools import partial

import pyarrow as pa

from connectors.mailigen import Mailigen
from pipelines.accounts import open_accounts
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
from pipelines.mailigen_pipedrive.audit_reads import (
    MOST_ASKED,
    ask_members,
    look_at_list,
    set_up_things,
)
from pipelines.mailigen_pipedrive.audit_tables import ASK_QUERY, ASKED, NOT_SUBSCRIBED_QUERY
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.naming import list_id_of
from pipelines.mailigen_pipedrive.signing_in import recognise
from pipelines.mailigen_pipedrive.sweep import SYNC
from pipelines.pipedrive_side.audit_reads import SET_UP, Books, Thing
from pipelines.step import Step
from state import audits, consent, settings

LIST = (SET_UP + 1, 0, 0)  # the place of the list: it is looked at as a whole, last of all
Audited = Audit[Definition, Mailigen]


def _hold_against_the_books(definition: Definition, opened: Opened, step: Step) -> None:
    """The audit, in the order it happens."""
    recognise(definition, opened.accounts)
    one: Audited = begin(SYNC, definition, opened, LIST, ("audit.members",))
    step("Read the ledger", _read_ledger, one)
    step("Look at what was done", _look, one)
    step("Compare", put_found, one, "audit.member_findings")
    step("Keep what was found", keep, one, NOT_SUBSCRIBED_QUERY)


def _read_ledger(one: Audited) -> None:
    read_ledger(one, settings.read(one.lease.state, one.definition.name), {"asked": ASKED})


def _look(one: Audited) -> None:
    """Look at people's deeds and at the list, from where the last audit stopped."""
    list_id = list_id_of(one.lease.state, one.definition)
    look(
        one,
        lambda: look_at_deeds(one, partial(_look_at_set_up, one, list_id)),
        lambda: _look_at_list(one, list_id),
    )


def _look_at_set_up(one: Audited, list_id: str | None, books: Books) -> Iterable[Thing]:
    books.look_at_set_up(has_fields=True)
    return set_up_things(one.accounts.engagement, list_id)


def _look_at_list(one: Audited, list_id: str | None) -> None:
    """Read who is on the list, and some members' values."""
    db, engagement = one.db, one.accounts.engagement
    due = db.execute("SELECT write_key, email FROM audit.members WHERE is_due").fetchall()
    marked = audits.breached(one.lease.state, one.home, one.engagement_account)
    if list_id is not None and (due or marked):
        put(db, "listed", pa.Table.from_pylist(look_at_list(engagement, list_id), LISTED))
        one.has_asked = True
        emails = [row[0] for row in db.execute(ASK_QUERY, [MOST_ASKED]).fetchall()]
        asked = list(ask_members(engagement, list_id, emails))
        put(db, "asked", pa.Table.from_pylist(asked, ASKED))
        _look_for_barred(one, marked)
    one.looked_at += [write_key for write_key, _ in due]
    one.reached = LIST


def _look_for_barred(one: Audited, marked: set[str]) -> None:
    """Which addresses a doubtful write may have subscribed, or was found to."""
    in_doubt = audits.doubted(one.lease.state, one.engagement_account, one.now - REMEMBERED)
    doubted = {
        (place.write_key, place.address) for place in in_doubt if place.sync == one.definition.name
    }
    members = one.db.execute("SELECT write_key, email FROM audit.members").fetchall()
    doubted |= {
        (write_key, email) for write_key, email in members
        if marked and consent.address_hash(one.key, email or "") in marked
    }  # fmt: skip
    put_barred(one, doubted)


COURSE: AuditCourse[Definition] = AuditCourse(open_accounts, _hold_against_the_books)
audit_sync = COURSE.audit
