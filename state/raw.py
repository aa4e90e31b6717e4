"""Put vendors' records into DuckDB as they came, page by page.

A half-read walk never replaces a whole one: pages gather in a table of their
own and take their place when the last has arrived.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Literal

import duckdb
import orjson
import pyarrow as pa

ROWS_AT_ONCE = 10_000
FEW = 100  # so many arrive as parameters sooner than an Arrow table is registered
TABLE = re.compile(r"[a-z]+\.[a-z0-9_]+")
CREATE = {"replace": "CREATE OR REPLACE TABLE", "merge": "CREATE TABLE IF NOT EXISTS"}


def put_raw(
    db: duckdb.DuckDBPyConnection,
    table: str,
    pages: Iterable[Sequence[Mapping[str, Any]]],
    *,
    keys: Mapping[str, str],
    run_id: str,
    fetched_at: datetime,
    mode: Literal["replace", "merge"] = "replace",
) -> int:
    """Store pages of records in `raw.<table>`; return how many different records came.

    `keys` names the fields that become columns of their own, with their DuckDB
    types; together they identify a record. The rest is in `body`. A record
    that came twice (pages shift while being read) is kept as it came last.
    `merge` leaves what did not come again; `replace` drops it.
    """
    name, stamp = _checked(f"raw.{table}"), (fetched_at, run_id)
    arriving = f"{name}__arriving"
    typed = ", ".join(f'"{key}" {kind}' for key, kind in keys.items())
    columns = f"{typed}, body JSON, fetched_at TIMESTAMPTZ, run_id VARCHAR"
    batches = iter(_gathered(pages))
    first, second = next(batches, []), next(batches, None)
    if not first:
        # Most tables of a quiet run are empty: one statement each.
        db.execute(f"{CREATE[mode]} {name} ({columns})")
        return 0
    if second is None and mode == "replace":
        # And most others come at once: whole already, they need not gather anywhere.
        return _replace(db, name, keys, _latest(first, keys), stamp)
    try:
        is_first = True
        for rows in chain([first], [second] if second else (), batches):
            _insert(db, arriving, keys, rows, stamp, is_first=is_first)
            is_first = False
        return _settle(db, name, columns, list(keys), mode)
    finally:
        db.execute(f"DROP TABLE IF EXISTS {arriving}")


def put_table(db: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    """Replace `schema.table` by an Arrow table: how state enters SQL."""
    db.register("syncline_rows", rows)
    try:
        db.execute(f"CREATE OR REPLACE TABLE {_checked(table)} AS FROM syncline_rows")
    finally:
        db.unregister("syncline_rows")


def _checked(table: str) -> str:
    if not TABLE.fullmatch(table):
        raise ValueError(f"{table!r} is not the name of a table")
    return table


def _gathered(pages: Iterable[Sequence[Mapping[str, Any]]]) -> Iterable[list[Mapping[str, Any]]]:
    """Join small pages: DuckDB takes ten thousand rows as fast as fifty."""
    waiting: list[Mapping[str, Any]] = []
    for page in pages:
        waiting.extend(page)
        if len(waiting) >= ROWS_AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _latest(rows: list[Mapping[str, Any]], keys: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    """Each record as it came last."""
    by_key = {tuple(_text(row.get(key)) for key in keys): row for row in rows}
    return list(by_key.values())


def _replace(
    db: duckdb.DuckDBPyConnection, name: str, keys: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]], stamp: tuple[datetime, str],
) -> int:  # fmt: skip
    _take(db, f"CREATE OR REPLACE TABLE {name} AS SELECT {_typed(keys)}", keys, rows, stamp)
    return len(rows)


def _insert(
    db: duckdb.DuckDBPyConnection, arriving: str, keys: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]], stamp: tuple[datetime, str], *, is_first: bool,
) -> None:  # fmt: skip
    into = f"CREATE OR REPLACE TABLE {arriving} AS" if is_first else f"INSERT INTO {arriving}"
    _take(db, f"{into} SELECT {_typed(keys)}", keys, rows, stamp)


def _typed(keys: Mapping[str, str]) -> str:
    listed = ", ".join(f'CAST("{key}" AS {kind}) AS "{key}"' for key, kind in keys.items())
    return f"{listed}, body::JSON AS body, ?::TIMESTAMPTZ AS fetched_at, ?::VARCHAR AS run_id"


def _take(
    db: duckdb.DuckDBPyConnection, query: str, keys: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]], stamp: tuple[datetime, str],
) -> None:  # fmt: skip
    """Run a query over rows that just came, in their order."""
    # As text, and cast by DuckDB: vendors send the same id as number here and as string there.
    columns = [[_text(row.get(key)) for row in rows] for key in keys]
    bodies = [orjson.dumps(dict(row)).decode() for row in rows]
    if len(rows) <= FEW:
        listed = ", ".join(f'unnest(?::VARCHAR[]) AS "{name}"' for name in (*keys, "body"))
        db.execute(f"{query} FROM (SELECT {listed})", [*stamp, *columns, bodies])
        return
    arrays = [pa.array(column, pa.string()) for column in columns]
    # What orjson wrote DuckDB need not parse to believe that it is JSON.
    written = pa.ExtensionArray.from_storage(pa.json_(), pa.array(bodies, pa.string()))
    db.register("syncline_page", pa.table([*arrays, written], [*keys, "body"]))
    try:
        db.execute(f"{query} FROM syncline_page", list(stamp))
    finally:
        db.unregister("syncline_page")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _settle(
    db: duckdb.DuckDBPyConnection, name: str, columns: str, keys: list[str], mode: str
) -> int:
    arriving, quoted = f"{name}__arriving", ", ".join(f'"{key}"' for key in keys)
    # Rows lie as they arrived. Few come twice: the others need not be looked at for it.
    db.execute(
        f"DELETE FROM {arriving} AS a USING (SELECT {quoted}, max(rowid) AS last FROM {arriving} "
        f"GROUP BY ALL HAVING count(*) > 1) AS b WHERE {_same('a', 'b', keys)} AND a.rowid < b.last"
    )
    ((count,),) = db.execute(f"SELECT count(*) FROM {arriving}").fetchall()
    if mode == "replace":
        db.execute("BEGIN")
        db.execute(f"DROP TABLE IF EXISTS {name}")
        db.execute(f"ALTER TABLE {arriving} RENAME TO {name.partition('.')[2]}")
        db.execute("COMMIT")
        return int(count)
    db.execute(f"{CREATE[mode]} {name} ({columns})")
    db.execute("BEGIN")
    same = _same("old", "new", keys)
    db.execute(f"DELETE FROM {name} AS old USING {arriving} AS new WHERE {same}")
    db.execute(f"INSERT INTO {name} FROM {arriving}")
    db.execute("COMMIT")
    return int(count)


def _same(one: str, other: str, keys: list[str]) -> str:
    return " AND ".join(f'{one}."{key}" IS NOT DISTINCT FROM {other}."{key}"' for key in keys)
