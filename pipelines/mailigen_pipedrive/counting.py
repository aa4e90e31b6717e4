"""Count engagement: for everybody, or, in a long history, for those whose counts can have changed.

    few events                     everybody is counted: it takes less than finding out who need be
    many, and nothing is known     everybody; what each count was made of is remembered beside it
    many, and all but a few stand  those few, by the same SQL over a copy that holds only them

What a count is made of: the rules and pauses, the contact's own rows (`BASES`), the events. The
crossings carry in their comment what they were counted from; whoever makes that table anew in
another way leaves it without, and the next run counts everybody.
"""

from hashlib import sha256
from typing import NamedTuple

import duckdb
import orjson

from pipelines.mailigen_pipedrive.sweep import SYNC
from transforms.build import build, number, sql_of

MANY = 500_000  # events of a history; below, counting all of it takes a fifth of a second
MODELS = ("resolve.contact_events", "resolve.crossings")


class Events(NamedTuple):
    """How many there are up to a sweep, what their times add up to, and the same weighed by their
    sweeps: no deletion, and nothing put in later under an older sweep, leaves all as they were."""

    rows: int
    times: int
    weighed: int


class Counted(NamedTuple):
    """What the crossings were counted from. `rules` and `contacts` are digests, `events` are those
    up to `sweep`."""

    rules: str
    contacts: str
    sweep: int
    events: Events


def count(db: duckdb.DuckDBPyConnection, sweep: int, generation: str) -> None:
    """Make `resolve.crossings` for a sweep; `generation` is the history's."""
    if number(db, "SELECT count(*) FROM history.events") < MANY:
        build(db, SYNC, "resolve.crossings")
        return
    rules, contacts, before = _rules(db, generation), _contacts(db), _told(db)
    if (
        before is not None
        and before.rules == rules
        and before.sweep < sweep
        and before.events == _events(db, before.sweep)
    ):
        # Whoever dies from here on leaves crossings that nobody relies on.
        db.execute("COMMENT ON TABLE resolve.crossings IS NULL")
        db.execute(MET, [before.sweep])
        if before.contacts != contacts:
            db.execute(BASES)
            for statement in OTHERS:
                db.execute(statement)
        _count_again(db)
    else:
        build(db, SYNC, "resolve.crossings")
        db.execute(BASES)
        db.execute("CREATE OR REPLACE TABLE counted AS FROM bases")
    _tell(db, Counted(rules, contacts, sweep, _events(db, sweep)))


def _count_again(db: duckdb.DuckDBPyConnection) -> None:
    """Replace the crossings of those in `changed`."""
    db.execute("ATTACH ':memory:' AS few")
    try:
        for statement in COPIES:
            db.execute(statement)
        db.execute("USE few")
        build(db, SYNC, *MODELS)
    finally:
        db.execute("USE work")
    db.execute("DELETE FROM resolve.crossings WHERE contact_id IN (FROM changed)")
    db.execute("INSERT INTO resolve.crossings BY NAME FROM few.resolve.crossings")
    db.execute("DETACH few")


def _rules(db: duckdb.DuckDBPyConnection, generation: str) -> str:
    """All that every count depends on: rules, pauses, which history it is, how it is counted."""
    asked = (
        "SELECT bot_id, rule_id, event, threshold, is_repeated, counting_since, effective_since "
        "FROM staging.syncline__rules ORDER BY ALL",
        "FROM staging.syncline__pauses ORDER BY ALL",
    )
    made_of = [db.execute(query).fetchall() for query in asked]
    how = [*(sql_of(SYNC, model) for model in MODELS), BASES, DIGESTS, MET, OTHERS, COPIES]
    return _digest([made_of, how, generation, duckdb.__version__])


def _contacts(db: duckdb.DuckDBPyConnection) -> str:
    """All that single counts depend on; another one says that somebody's basis is another."""
    return _digest([db.execute(query).fetchall() for query in DIGESTS])


def _digest(of: object) -> str:
    return sha256(repr(of).encode()).hexdigest()


def _events(db: duckdb.DuckDBPyConnection, sweep: int) -> Events:
    query = (
        "SELECT count(*), coalesce(sum(times), 0)::BIGINT, "
        "coalesce(sum(sweep * times), 0)::BIGINT FROM history.events WHERE sweep <= ?"
    )
    return Events(*db.execute(query, [sweep]).fetchall()[0])


def _told(db: duckdb.DuckDBPyConnection) -> Counted | None:
    rows = db.execute(
        "SELECT comment FROM duckdb_tables() WHERE database_name = current_database() "
        "AND schema_name = 'resolve' AND table_name = 'crossings' AND comment IS NOT NULL"
    ).fetchall()
    if not rows:
        return None
    try:
        rules, contacts, sweep, *events = orjson.loads(rows[0][0])
        return Counted(rules, contacts, sweep, Events(*events))
    except (TypeError, ValueError):
        return None  # another version's, or somebody's own words


def _tell(db: duckdb.DuckDBPyConnection, counted: Counted) -> None:
    *others, events = counted
    told = orjson.dumps([*others, *events]).decode()  # digests and numbers: nothing to quote
    db.execute(f"COMMENT ON TABLE resolve.crossings IS '{told}'")


# What of a contact its counts depend on: the tables, and the columns beside `contact_id`. A row's
# hash is hashed once more, and hashes are added up: DuckDB joins the last column to the others by
# XOR, so that by XOR over rows several that change alike, or two that change places, would cancel.
PARTS = {
    "contacts": "is_selected, automated_by",
    "holdings": "email, from_sweep, until_sweep",
    "heirs": "email, from_sweep, ancestor_id, up_to_sweep",
    "fallbacks": "bot_id, held_by, fell_back_in",
}
DIGESTS = [
    f"SELECT count(*), sum(hash(hash(contact_id, {columns}))) FROM resolve.{name}"
    for name, columns in PARTS.items()
]
# The same as one number a contact: whatever of it is another, this is.
BASES = f"""
CREATE OR REPLACE TEMP TABLE bases AS
SELECT contact_id, sum(hash(part)) AS basis
FROM ({
    " UNION ALL ".join(
        f"SELECT contact_id, hash('{name}', {columns}) AS part FROM resolve.{name}"
        for name, columns in PARTS.items()
    )
})
GROUP BY contact_id
"""
MET = """
CREATE OR REPLACE TEMP TABLE changed AS
SELECT DISTINCT h.contact_id
FROM resolve.holdings AS h
SEMI JOIN (SELECT email FROM history.events WHERE sweep > ?) AS e ON e.email = h.email
"""
OTHERS = (
    """
    INSERT INTO changed
    SELECT contact_id
    FROM bases FULL JOIN counted USING (contact_id)
    WHERE bases.basis IS DISTINCT FROM counted.basis
    """,
    "DELETE FROM counted WHERE contact_id IN (FROM changed)",
    "INSERT INTO counted FROM bases WHERE contact_id IN (FROM changed)",
)
COPIES = (
    "CREATE SCHEMA few.resolve",
    "CREATE SCHEMA few.staging",
    *(
        f"CREATE TABLE few.resolve.{name} AS "
        f"FROM work.resolve.{name} WHERE contact_id IN (FROM changed)"
        for name in PARTS
    ),
    *(
        f"CREATE TABLE few.staging.{name} AS FROM work.staging.{name}"
        for name in ("syncline__rules", "syncline__pauses")
    ),
)
