"""What an audit brings into the work file for its SQL, and what it asks of it."""

from collections.abc import Mapping

import duckdb
import pyarrow as pa


def put(db: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Make audit.<name> of these rows."""
    db.register("arrived", rows)
    db.execute(f"CREATE OR REPLACE TABLE audit.{name} AS FROM arrived")
    db.unregister("arrived")


LISTED = pa.schema([("email", pa.string()), ("status", pa.string())])
ASKED = pa.schema([("email", pa.string()), ("is_there", pa.bool_()), ("shown", pa.string())])
BARRED = pa.schema([("address", pa.string()), ("kind", pa.string())])
THINGS = pa.schema(
    [
        ("object", pa.string()), ("remote_id", pa.string()), ("reference", pa.string()),
        ("is_deleted", pa.bool_()), ("added_at", pa.timestamp("us", tz="UTC")),
        ("shown", pa.string()),
    ]
)  # fmt: skip
# What an audit that stops early has not read is empty, not the last one's.
EMPTY: Mapping[str, str] = {
    "listed": "email VARCHAR, status VARCHAR",
    "asked": "email VARCHAR, is_there BOOLEAN, shown VARCHAR",
    "barred": "address VARCHAR, kind VARCHAR",
}
LOOK_QUERY = """
SELECT
    CASE WHEN is_marked THEN object ELSE 'set-up' END AS noun,
    CASE WHEN is_marked THEN person_id_pipedrive END AS person,
    list(write_key ORDER BY write_key),
    list(remote_id ORDER BY remote_id) FILTER (WHERE is_marked AND remote_id IS NOT NULL),
    min(sending_at)
FROM audit.deeds
WHERE is_due
GROUP BY ALL
"""
# Who is nowhere on the list first, then those longest not written.
ASK_QUERY = """
SELECT DISTINCT m.email, l.email IS NOT NULL AS is_listed
FROM audit.members AS m
LEFT JOIN audit.listed AS l ON l.email = m.email
WHERE m.is_due AND m.meant IS NOT NULL AND (l.status IS NULL OR l.status = 'subscribed')
ORDER BY is_listed, hash(m.email)
LIMIT ?
"""
# Of a deed met on the way a lower one may be living that was not read.
CORRECT_QUERY = """
SELECT o.write_key, o.lowest_living_id
FROM audit.ours AS o
INNER JOIN audit.looked_at AS l ON l.write_key = o.write_key
WHERE o.lowest_living_id IS DISTINCT FROM o.remote_id_in_ledger AND o.lowest_living_id IS NOT NULL
"""
LEFT_QUERY = """
SELECT count(*)
FROM (
    SELECT write_key FROM audit.deeds WHERE is_due
    UNION
    SELECT write_key FROM audit.members WHERE is_due
) AS due
WHERE write_key NOT IN (SELECT write_key FROM audit.looked_at)
"""
