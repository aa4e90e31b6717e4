"""Every table the models read, empty, and ways to fill them: drawn, or by living through sweeps."""

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import duckdb
import pytest
from tables import cells, given

from pipelines.mailigen_pipedrive import seal, tables
from pipelines.mailigen_pipedrive.flow import WHO
from pipelines.mailigen_pipedrive.sweep import SYNC
from state import identity
from state.database import State, open_state
from state.history import HISTORY_TABLES
from state.lease import acquire, release
from transforms.build import build

CRM = "acme-crm"
DRAWN = {
    "staging.syncline__sweep": "sync:varchar | sweep:bigint | run_id:varchar | crm:varchar | engagement:varchar | list_key:varchar | read_at:timestamp",
    "staging.syncline__bots": "bot_id:varchar | selection:varchar | filter_id_pipedrive:bigint | is_active:boolean | is_suspended:boolean | counting_since:bigint | has_automations:boolean | is_waiting:boolean",
    "staging.syncline__notes": "bot_id:varchar | kind:varchar | counting_since:bigint",
    "staging.syncline__pauses": "bot_id:varchar | from_sweep:bigint | until_sweep:bigint",
    "staging.syncline__rules": "bot_id:varchar | rule_id:varchar | does:varchar | event:varchar | threshold:bigint | is_repeated:boolean | counting_since:bigint | effective_since:bigint | text:varchar | activity_type:varchar | owner_id_pipedrive:bigint | stage_id_pipedrive:bigint | value:double",
    "staging.syncline__fields": "merge_tag:varchar | entity:varchar | field_code:varchar | field_type:varchar | is_gone:boolean",
    "staging.syncline__contacts": "contact_id:varchar | email:varchar | person_id_pipedrive:bigint | founder_person_id:bigint | merged_into:varchar",
    "staging.syncline__addresses": "contact_id:varchar | email:varchar | from_sweep:bigint | until_sweep:bigint",
    "staging.syncline__lineage": "contact_id:varchar | ancestor_id:varchar | up_to_sweep:bigint",
    "staging.syncline__links": "person_id_pipedrive:bigint | contact_id:varchar",
    "staging.syncline__deeds": "write_key:varchar | sweep:bigint | state:varchar",
    "staging.syncline__members": "contact_id:varchar | email:varchar | merge_values:map(varchar,varchar) | state:varchar | written_at:timestamptz | is_verified:boolean",
    "staging.syncline__removed": "email:varchar",
    "staging.syncline__consent": "email:varchar | kind:varchar",
    "staging.pipedrive__persons": "person_id_pipedrive:bigint | name:varchar | owner_id_pipedrive:bigint | organization_id_pipedrive:bigint | phones:struct(value varchar, \"primary\" boolean)[] | last_mail_at:timestamp | last_activity_id_pipedrive:bigint | body:json",
    "staging.pipedrive__person_emails": "person_id_pipedrive:bigint | position:bigint | email:varchar | is_primary:boolean",
    "staging.pipedrive__filter_members": "filter_id_pipedrive:bigint | person_id_pipedrive:bigint",
    "staging.pipedrive__activities": "activity_id_pipedrive:bigint | done_at:timestamp",
    "staging.pipedrive__organizations": "organization_id_pipedrive:bigint | name:varchar | body:json",
    "staging.pipedrive__users": "user_id_pipedrive:bigint | name:varchar",
    "staging.pipedrive__field_options": "entity:varchar | field_code:varchar | option_id:varchar | label:varchar",
    "staging.pipedrive__confirmations": "person_id_pipedrive:bigint | is_gone:boolean",
    "staging.mailigen__members": "email:varchar | status:varchar",
    "staging.mailigen__campaigns": "campaign_id_mailigen:varchar | title:varchar | subject:varchar | sent_at:timestamp",
    "staging.mailigen__engagement": "campaign_id_mailigen:varchar | email:varchar | kind:varchar | link:varchar | sweep:bigint | times:bigint | happened_at:timestamp",
    "resolve.selected": "bot_id:varchar | person_id_pipedrive:bigint",
    "resolve.addresses": "person_id_pipedrive:bigint | email:varchar | skip_reason:varchar",
    "resolve.winners": "email:varchar | person_id_pipedrive:bigint | owner_id_pipedrive:bigint | bots:varchar[]",
    "resolve.identity": "email:varchar | person_id_pipedrive:bigint | decision:varchar | contact_id:varchar | from_contact_id:varchar",
    "resolve.contacts": "contact_id:varchar | email:varchar | person_id_pipedrive:bigint | owner_id_pipedrive:bigint | bots:varchar[] | automated_by:varchar[] | overridden:varchar[] | is_selected:boolean | is_gone:boolean",
    "resolve.holdings": "contact_id:varchar | email:varchar | from_sweep:bigint | until_sweep:bigint",
    "resolve.lineage": "contact_id:varchar | ancestor_id:varchar | up_to_sweep:bigint",
    "resolve.heirs": "contact_id:varchar | email:varchar | from_sweep:bigint | ancestor_id:varchar | up_to_sweep:bigint",
    "resolve.field_values": "contact_id:varchar | merge_tag:varchar | value:varchar",
    "resolve.consent": "contact_id:varchar | kind:varchar | reason:varchar",
    "resolve.contact_events": "contact_id:varchar | campaign_id_mailigen:varchar | email:varchar | kind:varchar | link:varchar | sweep:bigint | times:bigint | happened_at:timestamptz | first_seen_at:timestamptz | held_by:varchar | inherited_in:bigint",
    "resolve.fallbacks": "bot_id:varchar | contact_id:varchar | held_by:varchar | fell_back_in:bigint",
    "resolve.crossings": "bot_id:varchar | rule_id:varchar | contact_id:varchar | crossing:varchar | multiple:bigint | event_count:bigint | crossed_in_sweep:bigint | fell_back_in:bigint",
    "resolve.fired": "bot_id:varchar | rule_id:varchar | contact_id:varchar | crossing:varchar",
    "plan.members": "write_key:varchar | contact_id:varchar | action:varchar | email:varchar | after:json | reason:varchar",
    "plan.activities": "write_key:varchar | contact_id:varchar | owner_id_pipedrive:bigint",
    "plan.deals": "write_key:varchar",
    "plan.notes": "write_key:varchar",
    "plan.persons": "write_key:varchar | subject:varchar | action:varchar | email:varchar | reason:varchar",
    "staging.pipedrive__holders": "email:varchar | person_id_pipedrive:bigint",
    "staging.mailigen__newcomers": "email:varchar | status:varchar | shown_email:varchar | first_name:varchar | last_name:varchar | phone:varchar | source:varchar",
    "staging.syncline__new_subscribers": "owner_id_pipedrive:bigint | horizon_seconds:double",
    "staging.syncline__places": "contact_id:varchar | email:varchar | is_held:boolean | settled_at:timestamptz | doubt_at:timestamptz",
    "staging.syncline__created": "email:varchar | sync:varchar",
    "staging.syncline__joined": "email:varchar | address_hash:varchar | bar:varchar",
    "resolve.joined": "email:varchar | from_sweep:bigint",
    "resolve.newcomers": "email:varchar | from_sweep:bigint | bar:varchar | subject:varchar | create_key:varchar | link_key:varchar",
}  # fmt: skip
# What a row has in the columns a test does not draw.
UNDRAWN = {
    "staging.syncline__rules": {
        "does": "'activity'", "event": "'open'", "threshold": "1", "is_repeated": "false",
        "counting_since": "0", "effective_since": "-1", "text": "'{count} {campaign}'",
    },
    "staging.syncline__notes": {"counting_since": "0"},
    "staging.syncline__bots": {
        "selection": "'all'", "is_active": "true", "is_suspended": "false", "counting_since": "0",
        "has_automations": "true", "is_waiting": "false",
    },
    "staging.syncline__fields": {
        "entity": "'person'", "field_type": "'varchar'", "is_gone": "false",
    },
    "staging.syncline__members": {"state": "'done'", "is_verified": "FALSE"},
    "staging.pipedrive__person_emails": {"position": "1", "is_primary": "false"},
    "staging.mailigen__members": {"status": "'subscribed'"},
    "staging.mailigen__engagement": {"link": "''", "sweep": "1", "times": "1"},
    "resolve.winners": {"bots": "['all']"},
    "resolve.contacts": {
        "bots": "['all']", "automated_by": "['all']", "overridden": "[]",
        "is_selected": "true", "is_gone": "false",
    },
    "resolve.crossings": {"multiple": "1"},
    "resolve.holdings": {"from_sweep": "0"},
    "resolve.contact_events": {
        "campaign_id_mailigen": "'k1'", "email": "'ann@x.lv'", "kind": "'open'", "link": "''",
        "times": "1", "first_seen_at": "'2026-11-02'",
    },
    "history.events": {
        "campaign": "'k1'", "kind": "'open'", "link": "''", "times": "1",
        "first_seen_at": "'2026-11-02'",
    },
    "history.selections": {"from_sweep": "0"},
}  # fmt: skip

Draw = Callable[[str, str], None]
Rows = list[tuple[Any, ...]]


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    """All tables, empty but for the sweep, which is number 5."""
    opened = empty_tables()
    yield opened
    opened.close()


def empty_tables() -> duckdb.DuckDBPyConnection:
    db = duckdb.connect(config={"threads": "1"})
    db.execute("SET TimeZone = 'UTC'")
    for table, columns in DRAWN.items():
        given(db, table, columns)
    db.execute("CREATE SCHEMA history; CREATE SCHEMA raw")
    for statement in HISTORY_TABLES:
        db.execute(statement)
    for table, values in UNDRAWN.items():
        for column, value in values.items():
            db.execute(f"ALTER TABLE {table} ALTER {column} SET DEFAULT {value}")
    begin_sweep(db, 5)
    return db


def begin_sweep(db: duckdb.DuckDBPyConnection, number: int) -> None:
    db.execute("DELETE FROM staging.syncline__sweep")
    db.execute(
        "INSERT INTO staging.syncline__sweep VALUES "
        f"('acme', {number}, 'run', '{CRM}', 'acme-list', 'News', '2026-11-02 08:00')"
    )


@pytest.fixture
def draw(db: duckdb.DuckDBPyConnection) -> Draw:
    """Add drawn rows to a table: only the columns that matter; `''` is empty, `¦` a bar."""

    def drawn(table: str, text: str) -> None:
        names, *rows = [cells(line) for line in text.strip().splitlines()]
        marks = ", ".join("?" for _ in names)
        for row in rows:
            assert len(row) == len(names), f"{table}: {row}"
            db.execute(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",
                [None if not c else "" if c == "''" else c.replace("¦", "|") for c in row],
            )

    return drawn


@pytest.fixture
def built(db: duckdb.DuckDBPyConnection) -> Callable[[str, str], Rows]:
    """Build a model and return the columns asked for, every row, in order."""

    def rows(table: str, columns: str) -> Rows:
        build(db, SYNC, table)
        return db.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()

    return rows


class Seen(NamedTuple):
    """What one sweep resolved: by address, the decision and the contact."""

    decisions: dict[str, str]
    contacts: dict[str, str]


class Life:
    """An identity map that lives through sweeps: SQL decides, the state database remembers."""

    def __init__(self, db: duckdb.DuckDBPyConnection, state: State) -> None:
        self.db, self.state, self.number = db, state, 0

    def sweep(self, winners: Mapping[str, int]) -> Seen:
        """Live through one sweep in which these persons speak for these addresses."""
        lease = acquire(self.state, "acme", run_id=f"run-{self.number}")
        self.number = lease.sweep
        begin_sweep(self.db, lease.sweep)
        self.recall()
        self.db.execute("DELETE FROM resolve.winners")
        for email, person in winners.items():
            self.db.execute(
                "INSERT INTO resolve.winners (email, person_id_pipedrive) VALUES (?, ?)",
                [email, person],
            )
        build(self.db, SYNC, *WHO[1:])
        given_to_seal: Any = SimpleNamespace(db=self.db, crm_account=CRM)
        seal.remember_identity(given_to_seal, lease)
        release(lease)
        found = self.db.execute(
            "SELECT email, decision, contact_id FROM resolve.identity"
        ).fetchall()
        return Seen({e: d for e, d, _ in found}, {e: c for e, _, c in found})

    def recall(self) -> None:
        """Bring what the map remembers into SQL, with the queries that a run uses."""
        for name, read, query in (
            ("contacts", identity.read_contacts, tables.CONTACTS),
            ("addresses", identity.read_addresses, tables.ADDRESSES),
            ("lineage", identity.read_lineage, tables.LINEAGE),
            ("links", identity.read_links, tables.LINKS),
        ):
            self.db.register("arrived", read(self.state, CRM))
            self.db.execute(f"CREATE OR REPLACE TABLE staging.syncline__{name} AS {query}")
            self.db.unregister("arrived")


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def life(db: duckdb.DuckDBPyConnection, state: State) -> Life:
    return Life(db, state)


@pytest.fixture
def new_life() -> Iterator[Callable[[], Life]]:
    """Lives that begin with nothing, for as many histories as a test tries."""
    opened: list[Life] = []

    def begun() -> Life:
        end(opened)
        opened.append(Life(empty_tables(), open_state("sqlite://")))
        return opened[-1]

    yield begun
    end(opened)


def end(lives: list[Life]) -> None:
    while lives:
        one = lives.pop()
        one.db.close()
        one.state.close()
