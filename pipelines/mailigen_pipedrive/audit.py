"""The nightly audit of a sync: what the ledger says was done, beside the vendors' own books.

Read from top to bottom. Nothing is written to a vendor. What is found is in history.findings;
what follows from it is told in docs/decisions, "The audit".
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa

from connectors.mailigen import Mailigen
from pipelines.accounts import Accounts, open_accounts
from pipelines.audit import (
    REMEMBERED,
    STREAM,
    Place,
    Round,
    Share,
    ShareUsedUp,
    keep_findings,
    open_findings,
)
from pipelines.audit_run import AuditCourse, Opened, refuse_unknown_sync
from pipelines.mailigen_pipedrive.audit_reads import (
    LOOKS,
    MOST_ASKED,
    NOUNS,
    Books,
    Thing,
    ask_members,
    look_at_list,
    looks_of,
    set_up_things,
)
from pipelines.mailigen_pipedrive.audit_tables import (
    ASK_QUERY,
    ASKED,
    BARRED,
    BREACHED_QUERY,
    CORRECT_QUERY,
    DOUBTED,
    EMPTY,
    KNOWN_QUERY,
    LEFT_QUERY,
    LISTED,
    LOOK_QUERY,
    NOT_SUBSCRIBED_QUERY,
    THINGS,
    put,
)
from pipelines.mailigen_pipedrive.audit_words import by_people, by_people_in_short, look_up
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.naming import list_id_of
from pipelines.mailigen_pipedrive.signing_in import recognise
from pipelines.mailigen_pipedrive.sweep import SYNC
from pipelines.report import Finding, Outcome, Progress, Reporter, counted
from pipelines.step import Step
from state import audits, consent, cursors, deeds, horizons, settings
from state.lease import Lease
from state.staging import Work
from transforms.build import build, number

CLOCK_SECONDS = 2.0  # the vendor's clock and its times are known in whole seconds
FIELDS, LIST = len(NOUNS), len(NOUNS) + 1  # places after those of the nouns
assert LOOKS[FIELDS:] == ("set-up", "members")


@dataclass
class Audit:
    """What one audit carries from step to step."""

    definition: Definition
    lease: Lease
    accounts: Accounts[Mailigen]
    work: Work
    home: Path
    outcome: Outcome
    report: Reporter
    round: Round
    now: datetime
    share: Share
    horizon: float  # as configured: what was learned since must not hide what was late
    reached: Place
    is_list_read: bool = False
    left_count: int = 0
    looked_at: list[str] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)

    @property
    def db(self) -> duckdb.DuckDBPyConnection:
        return self.work.db

    @property
    def crm_account(self) -> str:
        return self.definition.connections.crm

    @property
    def list_account(self) -> str:
        return self.definition.connections.engagement

    @property
    def list_id(self) -> str | None:
        return list_id_of(self.lease.state, self.definition)


def _hold_against_the_books(definition: Definition, opened: Opened, step: Step) -> None:
    recognise(definition, opened.accounts)
    _audit(_begin(definition, opened), step, consent.read_key(opened.home))


def _begin(definition: Definition, opened: Opened) -> Audit:
    """Where the last audit stopped, and what this one may spend."""
    held, accounts, work, home, outcome, report = opened
    refuse_unknown_sync(held, work)
    now = held.state.now()
    cursor = cursors.read(held.state, definition.name, STREAM, work.history_generation)
    account = definition.connections.crm
    accounts.crm.me()  # the cheapest answer that tells the vendor's time
    this_round = Round.at(cursor, now)
    return Audit(
        definition=definition, lease=held, accounts=accounts, work=work, home=home,
        outcome=outcome, report=report, round=this_round, now=now,
        share=Share(accounts.budgets[account], definition.audit.budget_share),
        horizon=accounts.configured[account], reached=this_round.after,
    )  # fmt: skip


def _audit(one: Audit, step: Step, key: bytes) -> None:
    """The audit, in the order it happens."""
    step("Read the ledger", _read_ledger, one)
    step("Look at what was done", _look, one, key)
    step("Compare", _compare, one)
    step("Keep what was found", _keep, one, key)


def _read_ledger(one: Audit) -> None:
    """Bring the ledger's side into the work file, and choose what is looked at."""
    db, state, name = one.db, one.lease.state, one.definition.name
    longest = max(one.accounts.horizons.values())
    db.execute("CREATE OR REPLACE TABLE audit.round (since TIMESTAMPTZ, until TIMESTAMPTZ, "
               "remembered_since TIMESTAMPTZ, vendor_now TIMESTAMPTZ, horizon_seconds DOUBLE, "
               "late_after_seconds DOUBLE, longest_seconds DOUBLE)")  # fmt: skip
    db.execute(
        "INSERT INTO audit.round VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            one.round.since - timedelta(seconds=longest), one.round.until, one.now - REMEMBERED,
            one.accounts.crm.vendor_now(), one.accounts.horizons[one.crm_account],
            one.horizon / 2 + CLOCK_SECONDS, horizons.LONGEST,
        ],
    )  # fmt: skip
    put(db, "ledger", deeds.read(state, name))
    put(db, "places", settings.read(state, name))
    for table, columns in EMPTY.items():
        db.execute(f"CREATE OR REPLACE TABLE audit.{table} ({columns})")
    build(db, SYNC, "audit.deeds", "audit.members")


def _look(one: Audit, key: bytes) -> None:
    """Look at people's deeds and at the list, from where the last audit stopped."""
    try:
        _look_at_deeds(one)
        _look_at_list(one, key)
    except ShareUsedUp as stop:
        one.left_count = _count_left(one)
        one.outcome.findings.append(
            Finding("warn", "audit", f"{one.left_count} writes are left for the next one: {stop}")
        )


def _look_at_deeds(one: Audit) -> None:
    books = Books(one.accounts.crm, one.share, one.things)
    looks = list(looks_of(one.db.execute(LOOK_QUERY).fetchall(), one.round.after))
    of_kind = {place: [k for k in looks if k.place[0] == place] for place in range(FIELDS + 1)}
    for number_of, look in enumerate(looks):
        if look.place[0] < FIELDS:
            books.look(look, of_kind[look.place[0]])
        else:
            books.look_at_fields()
            one.things += set_up_things(one.accounts.engagement, one.list_id)
        one.looked_at += look.write_keys
        one.reached = look.place
        one.report(Progress("audit", "people's deeds looked at", number_of + 1, len(looks)))


def _look_at_list(one: Audit, key: bytes) -> None:
    """Read who is on the list, and some members' values."""
    db, list_id, engagement = one.db, one.list_id, one.accounts.engagement
    due = db.execute("SELECT write_key, email FROM audit.members WHERE is_due").fetchall()
    marked = audits.breached(one.lease.state, one.home, one.list_account)
    if list_id is not None and (due or marked):
        put(db, "listed", pa.Table.from_pylist(look_at_list(engagement, list_id), LISTED))
        one.is_list_read = True
        emails = [row[0] for row in db.execute(ASK_QUERY, [MOST_ASKED]).fetchall()]
        asked = list(ask_members(engagement, list_id, emails))
        put(db, "asked", pa.Table.from_pylist(asked, ASKED))
        _look_for_barred(one, key, marked)
    one.looked_at += [write_key for write_key, _ in due]
    one.reached = (LIST, 0, 0)


def _look_for_barred(one: Audit, key: bytes, marked: set[str]) -> None:
    """Which addresses a doubtful write may have subscribed, or was found to, and what bars them."""
    state, account, name = one.lease.state, one.list_account, one.definition.name
    in_doubt = audits.doubted(state, account, one.now - REMEMBERED)
    doubted = {(place.write_key, place.address) for place in in_doubt if place.sync == name}
    doubted |= {
        (write_key, email)
        for write_key, email in one.db.execute("SELECT write_key, email FROM audit.members")
        .fetchall() if marked and consent.address_hash(key, email or "") in marked
    }  # fmt: skip
    rows = [{"write_key": write_key, "email": email} for write_key, email in sorted(doubted)]
    put(one.db, "doubted", pa.Table.from_pylist(rows, DOUBTED))
    barred = consent.in_force(state, account, sorted({email for _, email in doubted}), key=key)
    put(one.db, "barred", pa.Table.from_pylist([each._asdict() for each in barred], BARRED))


def _compare(one: Audit) -> None:
    db = one.db
    put(db, "things", pa.Table.from_pylist([each._asdict() for each in one.things], THINGS))
    put(db, "looked_at", pa.table({"write_key": pa.array(one.looked_at, pa.string())}))
    build(db, SYNC, "audit.met", "audit.ours", "audit.delays", "audit.findings",
          "audit.member_findings")  # fmt: skip
    db.execute(
        "CREATE OR REPLACE TABLE audit.found AS "
        "FROM audit.findings UNION ALL FROM audit.member_findings"
    )


def _mark_breaches(one: Audit, key: bytes) -> None:
    """Keep which bars no act of their own may be taken to lift, and which are mended."""
    if one.is_list_read:
        for evidence, query in (
            (audits.MENDED, NOT_SUBSCRIBED_QUERY), (audits.BREACHED, BREACHED_QUERY),
        ):  # fmt: skip
            emails = [email for (email,) in one.db.execute(query).fetchall() if email]
            hashes = {consent.address_hash(key, email) for email in emails}
            if evidence == audits.MENDED:
                hashes &= audits.breached(one.lease.state, one.home, one.list_account)
            audits.mark_bars(one.lease, one.home, one.list_account, hashes, evidence)
    has_breach = audits.breached(one.lease.state, one.home, one.list_account)
    one.db.execute(KNOWN_QUERY, [bool(has_breach)])


def _keep(one: Audit, key: bytes) -> None:
    """Write down what was found and what follows from it; the place is kept last."""
    db, held, outcome = one.db, one.lease, one.outcome
    is_complete = one.reached >= (LIST, 0, 0)
    _mark_breaches(one, key)
    db.execute("BEGIN")
    keep_findings(db, held.run_id, one.now, is_complete=is_complete)
    _weigh(one)
    db.execute(
        "INSERT INTO history.runs VALUES (?, ?, ?, ?, now(), ?, ?, ?, ?)",
        [
            held.run_id, held.sync, held.sweep, one.now, outcome.outcome, outcome.exit_code,
            orjson.dumps(outcome.counts).decode(), outcome.said,
        ],
    )  # fmt: skip
    db.execute("COMMIT")
    audits.correct_ids(held, dict(db.execute(CORRECT_QUERY).fetchall()))
    delays = db.execute("SELECT write_key, delay_seconds, sending_at FROM audit.delays")
    for write_key, delay, sending_at in delays.fetchall():
        horizons.learn(
            held.state, one.crm_account, configured=one.horizon, delay=delay, at=sending_at,
            said=f"{write_key} showed {delay:.0f} s after it was sent",
        )  # fmt: skip
    after = None if is_complete else one.reached
    with held.changing() as connection:
        cursors.move(
            connection, held,
            cursors.Cursor(STREAM, one.round.cursor(after), one.work.history_generation),
        )  # fmt: skip


def _weigh(one: Audit) -> None:
    """How the audit ended: a person is needed while something is double or lost."""
    outcome, kept = one.outcome, open_findings(one.db)
    query = "SELECT finding, count(*) FROM audit.found GROUP BY ALL ORDER BY ALL"
    found = dict(one.db.execute(query).fetchall())
    outcome.counts = {
        "looked_at": len(one.looked_at), "left": one.left_count,
        **{f"found_{finding}": count for finding, count in found.items()}, **kept,
    }  # fmt: skip
    outcome.findings += by_people(one.db, one.lease, one.crm_account)
    outcome.cost = one.accounts.cost()
    told = ", ".join(f"{noun} {count}" for noun, count in kept.items() if count)
    outcome.outcome = "open" if told else "done"
    told_first = told or "nothing double and nothing lost"
    looked_at = counted(len(one.looked_at), "write")
    outcome.said = f"Looked at {looked_at}: {told_first}{by_people_in_short(found)}."
    if one.left_count:
        outcome.said += f" {one.left_count} are left for the next audit."
    if told:
        outcome.next_step = (
            f"`{look_up(outcome.sync)}` lists them; docs/runbooks.md says what to do with each."
        )


def _count_left(one: Audit) -> int:
    names = pa.table({"write_key": pa.array(one.looked_at, pa.string())})
    put(one.db, "looked_at", names)
    return int(number(one.db, LEFT_QUERY))


COURSE: AuditCourse[Definition] = AuditCourse(open_accounts, _hold_against_the_books)
audit_sync = COURSE.audit
