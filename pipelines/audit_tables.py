"""What an audit of any kind brings into the work file for its SQL, and what it asks of it.

audit.things, audit.deeds and what follows from them are every kind's; audit.doubted, audit.barred
and audit.listed have the same columns whichever platform they are of.
"""

from collections.abc import Collection, Mapping

import duckdb
import pyarrow as pa

DEEDS = "audit.deeds"
# In this order, out of audit.ledger and audit.things.
MODELS = ("audit.met", "audit.ours", "audit.delays", "audit.findings")
LISTED = pa.schema([("email", pa.string()), ("status", pa.string())])
DOUBTED = pa.schema([("write_key", pa.string()), ("email", pa.string())])
BARRED = pa.schema(
    [("address", pa.string()), ("kind", pa.string()),
     ("first_seen_at", pa.timestamp("us", tz="UTC"))]
)  # fmt: skip
THINGS = pa.schema(
    [
        ("object", pa.string()), ("remote_id", pa.string()), ("reference", pa.string()),
        ("is_deleted", pa.bool_()), ("added_at", pa.timestamp("us", tz="UTC")),
        ("shown", pa.string()),
    ]
)  # fmt: skip
# What an audit that stops early has not read is empty, not the last one's.
EMPTY: Mapping[str, pa.Schema] = {"listed": LISTED, "barred": BARRED, "doubted": DOUBTED}


def put(db: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Make audit.<name> of these rows."""
    db.register("arrived", rows)
    db.execute(f"CREATE OR REPLACE TABLE audit.{name} AS FROM arrived")
    db.unregister("arrived")


def left_query(tables: Collection[str]) -> str:
    """How many writes that are due in these tables nobody looked at."""
    due = " UNION ".join(f"SELECT write_key FROM {table} WHERE is_due" for table in tables)
    return (
        f"SELECT count(*) FROM ({due}) AS due "
        "WHERE write_key NOT IN (SELECT write_key FROM audit.looked_at)"
    )


def known_query(tables: Collection[str]) -> str:
    """Make audit.known: what a finding may still be about. A breach: as long as one stands (?)."""
    written = " UNION ".join(f"SELECT write_key FROM {table}" for table in tables)
    return (
        f"CREATE OR REPLACE TABLE audit.known AS {written} UNION "
        "SELECT write_key FROM history.findings WHERE finding = 'breach' AND ?"
    )


# In the order of their places. Who cannot be found by a person is looked for by id.
LOOK_QUERY = """
SELECT
    CASE WHEN is_marked THEN noun ELSE 'set-up' END AS looked_for,
    CASE WHEN is_marked THEN coalesce(person_id_pipedrive, 0) ELSE 0 END AS person,
    CASE WHEN is_marked THEN coalesce(try_cast(known_ids[1] AS BIGINT), 0) ELSE 0 END AS first_id,
    list(write_key ORDER BY write_key),
    CASE WHEN is_marked THEN flatten(list(known_ids ORDER BY write_key)) ELSE [] END,
    min(sending_at),
    list(DISTINCT reference) FILTER (WHERE noun = 'person' AND was_resent)
FROM audit.deeds
WHERE is_due
GROUP BY looked_for, person, first_id, is_marked
ORDER BY ALL
"""
BREACHED_QUERY = """
SELECT DISTINCT d.email
FROM audit.found AS f
INNER JOIN audit.doubted AS d ON d.write_key = f.write_key
INNER JOIN audit.barred AS b ON b.address = d.email
INNER JOIN audit.listed AS l ON l.email = d.email AND l.status = 'subscribed'
WHERE f.finding = 'breach'
"""
# Of a deed met on the way a lower one may be living that was not read.
CORRECT_QUERY = """
SELECT o.write_key, o.lowest_living_id
FROM audit.ours AS o
INNER JOIN audit.looked_at AS l ON l.write_key = o.write_key
WHERE o.lowest_living_id IS DISTINCT FROM o.remote_id_in_ledger AND o.lowest_living_id IS NOT NULL
"""
