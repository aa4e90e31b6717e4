"""The steps that the audits of all kinds have in common; a kind's own audit.py calls them.

begin          where the last audit stopped, and what this one may spend
read_ledger    the ledger's side, and what is looked at
look           from that place on, until all is looked at or the share is used up
look_at_deeds  what was made in Pipedrive, by person and by id
put_found      audit.found, once a kind has compared
keep           the findings and what follows from them; the place is kept last
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

import duckdb
import orjson
import pyarrow as pa

from pipelines.accounts import Accounts
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
from pipelines.audit_run import Opened, refuse_unknown_sync
from pipelines.audit_tables import (
    BARRED,
    BREACHED_QUERY,
    CORRECT_QUERY,
    DEEDS,
    DOUBTED,
    EMPTY,
    LOOK_QUERY,
    MODELS,
    THINGS,
    known_query,
    left_query,
    put,
)
from pipelines.audit_words import by_people, by_people_in_short, look_up
from pipelines.definition import SyncDefinition
from pipelines.pipedrive_side.audit_reads import SET_UP, Books, Thing, looks_of
from pipelines.report import Finding, Outcome, Progress, Reporter, counted
from state import audits, consent, cursors, deeds, horizons
from state.lease import Lease
from state.staging import Work
from state.writers import writers
from transforms.build import build, number

CLOCK_SECONDS = 2.0  # the vendor's clock and its times are known in whole seconds
E = TypeVar("E")  # the client of an engagement platform
D = TypeVar("D", bound=SyncDefinition)


@dataclass
class Audit(Generic[D, E]):
    """What one audit carries from step to step."""

    sql: str  # the folder of its kind's models
    definition: D
    lease: Lease
    accounts: Accounts[E]
    work: Work
    home: Path
    key: bytes  # of the hashes of addresses
    outcome: Outcome
    report: Reporter
    round: Round
    now: datetime
    shares: Mapping[str, Share]  # by account
    reached: Place
    end: Place  # whoever has reached it has looked at all
    tables: tuple[str, ...]  # what may be due: each with write_key and is_due
    has_asked: bool = False  # who is subscribed of those that a write of ours may have
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
    def engagement_account(self) -> str:
        return self.definition.connections.engagement

    @property
    def horizon(self) -> float:
        """As configured: what was learned since must not hide what was late."""
        return self.accounts.configured[self.crm_account]


def begin(
    sql: str, definition: D, opened: Opened, end: Place, tables: tuple[str, ...]
) -> Audit[D, Any]:
    """Where the last audit stopped, and what this one may spend: a part of each account's day."""
    held, accounts, work, home, outcome, report = opened
    refuse_unknown_sync(held, work)
    now = held.state.now()
    cursor = cursors.read(held.state, definition.name, STREAM, work.history_generation)
    accounts.crm.me()  # the cheapest answer that tells the vendor's time
    this_round = Round.at(cursor, now)
    part = definition.audit.budget_share
    return Audit(
        sql=sql, definition=definition, lease=held, accounts=accounts, work=work, home=home,
        key=consent.read_key(home), outcome=outcome, report=report, round=this_round, now=now,
        shares={name: Share(budget, part) for name, budget in accounts.budgets.items()},
        reached=this_round.after, end=end, tables=(DEEDS, *tables),
    )  # fmt: skip


def read_ledger(one: Audit[D, E], settings: pa.Table, empty: Mapping[str, pa.Schema]) -> None:
    """Bring the ledger's side into the work file, and choose what is looked at.

    `settings` become audit.places, of which the kind's own tables are made; `empty` are the
    tables it fills later.
    """
    db, state, name = one.db, one.lease.state, one.definition.name
    longest = max(one.accounts.horizons.values())
    db.execute("CREATE OR REPLACE TABLE audit.round (since TIMESTAMPTZ, until TIMESTAMPTZ, "
               "remembered_since TIMESTAMPTZ, vendor_now TIMESTAMPTZ, horizon_seconds DOUBLE, "
               "late_after_seconds DOUBLE, longest_seconds DOUBLE, "
               "engagement_horizon_seconds DOUBLE)")  # fmt: skip
    db.execute(
        "INSERT INTO audit.round VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            one.round.since - timedelta(seconds=longest), one.round.until, one.now - REMEMBERED,
            one.accounts.crm.vendor_now(), one.accounts.horizons[one.crm_account],
            one.horizon / 2 + CLOCK_SECONDS, horizons.LONGEST,
            one.accounts.horizons[one.engagement_account],
        ],
    )  # fmt: skip
    put(db, "ledger", pa.concat_tables([deeds.read(state, writer) for writer in writers(name)]))
    put(db, "places", settings)
    for table, schema in {**EMPTY, **empty}.items():
        put(db, table, schema.empty_table())
    build(db, one.sql, *one.tables)


def look(one: Audit[D, E], *looks: Callable[[], None]) -> None:
    """Look at all there is to look at, in this order, as far as the shares go."""
    try:
        for each in looks:
            each()
    except ShareUsedUp as stop:
        put(one.db, "looked_at", _keys(one))
        one.left_count = int(number(one.db, left_query(one.tables)))
        one.outcome.findings.append(
            Finding("warn", "audit", f"{one.left_count} writes are left for the next one: {stop}")
        )


def look_at_deeds(one: Audit[D, E], set_up: Callable[[Books], Iterable[Thing]]) -> None:
    """Look at what was made in Pipedrive; `set_up` reads what set-up may have made twice."""
    books = Books(one.accounts.crm, one.shares[one.crm_account], one.things)
    looks = list(looks_of(one.db.execute(LOOK_QUERY).fetchall(), one.round.after))
    of_kind = {place: [k for k in looks if k.place[0] == place] for place in range(SET_UP + 1)}
    for number_of, each in enumerate(looks):
        if each.place[0] < SET_UP:
            books.look(each, of_kind[each.place[0]])
        else:
            one.things += set_up(books)
        one.looked_at += each.write_keys
        one.reached = each.place
        one.report(Progress("audit", "people's deeds looked at", number_of + 1, len(looks)))


def put_barred(one: Audit[D, E], doubted: Iterable[tuple[str, str]]) -> None:
    """Keep which addresses a doubtful write may have subscribed, by write key, and what bars
    them."""
    rows = [{"write_key": key, "email": email} for key, email in sorted(set(doubted))]
    put(one.db, "doubted", pa.Table.from_pylist(rows, DOUBTED))
    barred = consent.in_force(
        one.lease.state, one.engagement_account, sorted({row["email"] for row in rows}), key=one.key
    )
    put(one.db, "barred", pa.Table.from_pylist([each._asdict() for each in barred], BARRED))


def put_found(one: Audit[D, E], *models: str) -> None:
    """Compare what was met with the ledger; `models` are the kind's own tables of findings."""
    db = one.db
    put(db, "things", pa.Table.from_pylist([each._asdict() for each in one.things], THINGS))
    put(db, "looked_at", _keys(one))
    build(db, one.sql, *MODELS, *models)
    every = " UNION ALL ".join(f"FROM {table}" for table in ("audit.findings", *models))
    db.execute(f"CREATE OR REPLACE TABLE audit.found AS {every}")


def keep(one: Audit[D, E], not_subscribed: str) -> None:
    """Write down what was found and what follows from it; the place is kept last.

    `not_subscribed` asks for the addresses that were looked for and are not subscribed.
    """
    db, held, outcome = one.db, one.lease, one.outcome
    is_complete = one.reached >= one.end
    _mark_breaches(one, not_subscribed)
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


def _mark_breaches(one: Audit[D, E], not_subscribed: str) -> None:
    """Keep which bars no act of their own may be taken to lift, and which are mended."""
    state, account = one.lease.state, one.engagement_account
    if one.has_asked:
        for evidence, query in (
            (audits.MENDED, not_subscribed), (audits.BREACHED, BREACHED_QUERY),
        ):  # fmt: skip
            emails = [email for (email,) in one.db.execute(query).fetchall() if email]
            hashes = {consent.address_hash(one.key, email) for email in emails}
            if evidence == audits.MENDED:
                hashes &= audits.breached(state, one.home, account)
            audits.mark_bars(one.lease, one.home, account, hashes, evidence)
    has_breach = audits.breached(state, one.home, account)
    one.db.execute(known_query(one.tables), [bool(has_breach)])


def _weigh(one: Audit[D, E]) -> None:
    """How the audit ended: a person is needed while something is double or lost."""
    outcome, kept = one.outcome, open_findings(one.db)
    query = "SELECT finding, count(*) FROM audit.found GROUP BY ALL ORDER BY ALL"
    found = dict(one.db.execute(query).fetchall())
    outcome.counts = {
        "looked_at": len(one.looked_at), "left": one.left_count,
        **{f"found_{finding}": count for finding, count in found.items()}, **kept,
    }  # fmt: skip
    outcome.findings += by_people(one.db, one.lease, one.definition.connections)
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


def _keys(one: Audit[D, E]) -> pa.Table:
    return pa.table({"write_key": pa.array(one.looked_at, pa.string())})
