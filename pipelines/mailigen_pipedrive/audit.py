"""The nightly audit of a sync: what the ledger says was done, beside the vendors' own books.

Read from top to bottom. Nothing is written to a vendor. What is found is in history.findings;
what follows from it is told in docs/decisions, "The audit".
"""

import resource
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import duckdb
import orjson
import pyarrow as pa

from pipelines.accounts import Accounts, open_accounts
from pipelines.alerts import alert
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
from pipelines.mailigen_pipedrive.audit_reads import (
    LOOKS,
    MOST_ASKED,
    NOUNS,
    Books,
    Look,
    Thing,
    ask_members,
    look_at_list,
    set_up_things,
)
from pipelines.mailigen_pipedrive.audit_tables import (
    ASK_QUERY,
    ASKED,
    BARRED,
    CORRECT_QUERY,
    EMPTY,
    LEFT_QUERY,
    LISTED,
    LOOK_QUERY,
    THINGS,
    put,
)
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import EXPECTED
from pipelines.mailigen_pipedrive.sweep import SYNC
from pipelines.report import Finding, Outcome, Progress, Reporter
from pipelines.settings import Connections, Settings, read_settings
from pipelines.step import Step, plainly
from pipelines.surroundings import REAL, Surroundings
from state import audits, consent, cursors, deeds, horizons, lease, pins, runs, settings
from state.database import open_state
from state.errors import HistoryDamaged, LeaseHeld
from state.lease import Lease
from state.staging import Work, open_work, publish
from transforms.build import build, number

CLOCK_SECONDS = 2.0  # the vendor's clock and its times are known in whole seconds
FIELDS, LIST = len(NOUNS), len(NOUNS) + 1  # places after those of the nouns
assert LOOKS[FIELDS:] == ("set-up", "members")


@dataclass
class Audit:
    """What one audit carries from step to step."""

    definition: Definition
    lease: Lease
    accounts: Accounts
    work: Work
    outcome: Outcome
    report: Reporter
    round: Round
    now: datetime
    share: Share
    horizon: float  # as configured: what was learned since must not hide what was late
    reached: Place
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
        wanted = self.definition.list
        pin = pins.find(self.lease.state, self.list_account, "list", str(wanted.title or wanted.id))
        return pin.remote_id if pin else None


def audit_sync(
    definition: Definition,
    connections: Connections,
    *,
    report: Reporter,
    step: Step = plainly,
    run_id: str | None = None,
    settings: Settings | None = None,
    around: Surroundings = REAL,
) -> Outcome:
    """Audit one sync. While it runs the audit ends as skipped; every other end is an Outcome."""
    settings = settings or read_settings()
    settings.make_home()
    made_up = f"{around.now():%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    outcome = Outcome(f"{audits.PREFIX}{run_id or made_up}", definition.name)
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            state = open_state(settings.state_url, now=around.now)
            stack.callback(state.close)
            held = lease.acquire(state, definition.name, run_id=outcome.run_id)
            stack.enter_context(lease.keeping(held))
            outcome.sweep = held.sweep
            runs.start(held)
            outcome.outcome, outcome.said = "failed", "An error nobody foresaw ended the audit."
            try:
                accounts = stack.enter_context(
                    open_accounts(settings, connections, definition, state, around)
                )
                known = runs.standing(state, definition.name)
                expected = known.history_generation if known else None
                work = stack.enter_context(
                    open_work(settings.home, definition.name, expected_history=expected)
                )
                one = _begin(definition, held, accounts, work, outcome, report)
                _audit(one, step, consent.read_key(settings.home))
            except EXPECTED as error:
                _fail(outcome, error)
            finally:
                audits.finish(
                    held, outcome=outcome.outcome, exit_code=outcome.exit_code,
                    counts=outcome.counts, said=f"{outcome.said} {outcome.next_step}".strip(),
                )  # fmt: skip
    except LeaseHeld as error:
        outcome.outcome, outcome.said = "skipped", str(error)
        outcome.next_step = "Nothing was read; the next audit looks at what this one would have."
    except EXPECTED as error:
        _fail(outcome, error)
    outcome.seconds = round(time.monotonic() - began, 2)
    outcome.peak_memory_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    alert(definition, settings, outcome)
    return outcome


def _begin(
    definition: Definition, held: Lease, accounts: Accounts, work: Work, outcome: Outcome,
    report: Reporter,
) -> Audit:  # fmt: skip
    """Where the last audit stopped, and what this one may spend."""
    _refuse_older_state(held, work)
    now = held.state.now()
    cursor = cursors.read(held.state, definition.name, STREAM, work.history_generation)
    account = definition.connections.crm
    accounts.crm.me()  # the cheapest answer that tells the vendor's time
    this_round = Round.at(cursor, now)
    return Audit(
        definition=definition, lease=held, accounts=accounts, work=work, outcome=outcome,
        report=report, round=this_round, now=now,
        share=Share(accounts.budgets[account], definition.audit.budget_share),
        horizon=accounts.configured[account], reached=this_round.after,
    )  # fmt: skip


def _refuse_older_state(held: Lease, work: Work) -> None:
    """Held against a state that forgot the newest runs, the books would say nothing true."""
    newest = "SELECT run_id FROM history.runs ORDER BY sweep DESC LIMIT 1"
    for (run_id,) in work.db.execute(newest).fetchall():
        if not runs.is_known(held.state, run_id):
            raise HistoryDamaged(
                f"the history of {held.sync} has run {run_id}, the state database has not: "
                "nothing was audited. `syncline run` says what to do"
            )


def _audit(one: Audit, step: Step, key: bytes) -> None:
    """The audit, in the order it happens."""
    step("Read the ledger", _read_ledger, one)
    step("Look at what was done", _look, one, key)
    step("Compare", _compare, one)
    step("Keep what was found", _keep, one)
    publish(one.work)


def _read_ledger(one: Audit) -> None:
    """Bring the ledger's side into the work file, and choose what is looked at."""
    db, state, name = one.db, one.lease.state, one.definition.name
    longest = max(one.accounts.horizons.values())
    db.execute("CREATE OR REPLACE TABLE audit.round (since TIMESTAMPTZ, until TIMESTAMPTZ, "
               "remembered_since TIMESTAMPTZ, vendor_now TIMESTAMPTZ, horizon_seconds DOUBLE, "
               "late_after_seconds DOUBLE)")  # fmt: skip
    db.execute(
        "INSERT INTO audit.round VALUES (?, ?, ?, ?, ?, ?)",
        [
            one.round.since - timedelta(seconds=longest), one.round.until, one.now - REMEMBERED,
            one.accounts.crm.vendor_now(), one.accounts.horizons[one.crm_account],
            one.horizon / 2 + CLOCK_SECONDS,
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
    looks = _looks(one)
    for number_of, look in enumerate(looks):
        noun = look.place[0]
        if noun < FIELDS:
            books.look(look, [other for other in looks[number_of + 1 :] if other.place[0] == noun])
        else:
            books.look_at_fields()
            one.things += set_up_things(one.accounts.engagement, one.list_id)
        one.looked_at += look.write_keys
        one.reached = look.place
        one.report(Progress("audit", "people's deeds looked at", number_of + 1, len(looks)))


def _looks(one: Audit) -> list[Look]:
    rows = one.db.execute(LOOK_QUERY).fetchall()
    place_of = {noun: number_of for number_of, noun in enumerate(NOUNS)}
    found = [
        Look((place_of.get(noun, FIELDS), person or 0), keys, ids, since)
        for noun, person, keys, ids, since in rows
    ]
    return sorted((look for look in found if look.place > one.round.after), key=lambda k: k.place)


def _look_at_list(one: Audit, key: bytes) -> None:
    """Read who is on the list, and some members' values."""
    db, list_id = one.db, one.list_id
    due = db.execute("SELECT write_key, email FROM audit.members WHERE is_due").fetchall()
    if list_id is not None and due:
        engagement = one.accounts.engagement
        put(db, "listed", pa.Table.from_pylist(look_at_list(engagement, list_id), LISTED))
        emails = [row[0] for row in db.execute(ASK_QUERY, [MOST_ASKED]).fetchall()]
        asked = list(ask_members(engagement, list_id, emails))
        put(db, "asked", pa.Table.from_pylist(asked, ASKED))
        doubtful = db.execute("SELECT email FROM audit.members WHERE was_in_doubt").fetchall()
        barred = consent.in_force(
            one.lease.state, one.list_account, [email for (email,) in doubtful], key=key
        )
        put(db, "barred", pa.Table.from_pylist([each._asdict() for each in barred], BARRED))
    one.looked_at += [write_key for write_key, _ in due]
    one.reached = (LIST, 0)


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


def _keep(one: Audit) -> None:
    """Write down what was found and what follows from it; the place is kept last."""
    db, held, outcome = one.db, one.lease, one.outcome
    is_complete = one.reached >= (LIST, 0)
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
    for key, delay in db.execute("SELECT write_key, delay_seconds FROM audit.delays").fetchall():
        horizons.learn(
            held.state, one.crm_account, configured=one.horizon, delay=delay,
            said=f"{key} showed {delay:.0f} s after it was sent",
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
    outcome.counts = {
        "looked_at": len(one.looked_at),
        "left": one.left_count,
        **{f"found_{finding}": count for finding, count in one.db.execute(query).fetchall()},
        **kept,
    }
    outcome.cost = one.accounts.cost()
    told = ", ".join(f"{noun} {count}" for noun, count in kept.items() if count)
    outcome.outcome = "open" if told else "done"
    outcome.said = (
        f"Looked at {len(one.looked_at)} writes: {told or 'nothing double and nothing lost'}."
    )
    if one.left_count:
        outcome.said += f" {one.left_count} are left for the next audit."
    if told:
        outcome.next_step = (
            f'`syncline sql {outcome.sync} "from history.findings where closed_at is null"` lists '
            "them; docs/runbooks.md says what to do with each kind."
        )


def _count_left(one: Audit) -> int:
    names = pa.table({"write_key": pa.array(one.looked_at, pa.string())})
    put(one.db, "looked_at", names)
    return int(number(one.db, LEFT_QUERY))


def _fail(outcome: Outcome, error: Exception) -> None:
    outcome.outcome, outcome.said = "failed", str(error)
    outcome.next_step = "Nothing was changed; the next audit looks at what this one would have."
