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
DOUBTED = pa.schema([("write_key", pa.string()), ("email", pa.string())])
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
    "doubted": "write_key VARCHAR, email VARCHAR",
}
# In the order of their places (audit_reads). Who cannot be found by a person is looked for by id.
LOOK_QUERY = """
SELECT
    CASE WHEN is_marked THEN object ELSE 'set-up' END AS noun,
    CASE WHEN is_marked THEN coalesce(person_id_pipedrive, 0) ELSE 0 END AS person,
    CASE WHEN is_marked THEN coalesce(try_cast(known_ids[1] AS BIGINT), 0) ELSE 0 END AS first_id,
    list(write_key ORDER BY write_key),
    CASE WHEN is_marked THEN flatten(list(known_ids ORDER BY write_key)) ELSE [] END,
    min(sending_at),
    list(DISTINCT reference) FILTER (WHERE object = 'person' AND was_resent)
FROM audit.deeds
WHERE is_due
GROUP BY noun, person, first_id, is_marked
ORDER BY ALL
"""
# What a finding may still be about.
KNOWN_QUERY = """
CREATE OR REPLACE TABLE audit.known AS
SELECT write_key FROM audit.deeds
UNION
SELECT write_key FROM audit.members
UNION
SELECT write_key FROM history.findings WHERE finding = 'breach' AND ?
"""
BREACHED_QUERY = """
SELECT DISTINCT d.email
FROM audit.found AS f
INNER JOIN audit.doubted AS d ON d.write_key = f.write_key
INNER JOIN audit.barred AS b ON b.address = d.email
INNER JOIN audit.listed AS l ON l.email = d.email AND l.status = 'subscribed'
WHERE f.finding = 'breach'
"""
# Whoever of ours, or of the list, is not subscribed.
NOT_SUBSCRIBED_QUERY = """
SELECT email FROM audit.members
UNION
SELECT email FROM audit.doubted
UNION
SELECT email FROM audit.listed
EXCEPT
SELECT email FROM audit.listed WHERE status = 'subscribed'
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
