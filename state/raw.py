"""Put vendors' records into DuckDB as they came, page by page.

A half-read walk never replaces a whole one: pages gather in a table of their
own and take their place when the last has arrived.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, Literal, TypeAlias

import duckdb
import orjson
import pyarrow as pa

ROWS_AT_ONCE = 10_000
FEW = 100  # so many arrive as parameters sooner than an Arrow table is registered
Row: TypeAlias = tuple[Any, ...]  # the keys' values, then the record as JSON
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
    written = ([_written(record, keys) for record in page] for page in pages)
    arrival = _Arrival(db, _checked(f"raw.{table}"), keys, (fetched_at, run_id))
    return arrival.put(_gathered(written), mode)


def put_written(
    db: duckdb.DuckDBPyConnection,
    table: str,
    pages: Iterable[Sequence[Row]],
    *,
    keys: Mapping[str, str],
    run_id: str,
    fetched_at: datetime,
    mode: Literal["replace", "merge"] = "replace",
) -> int:
    """The same for records that are texts already: tuples of the values of `keys`, then the JSON.

    While DuckDB takes some, the next are asked for: asking must leave `db` alone.
    """
    arrival = _Arrival(db, _checked(f"raw.{table}"), keys, (fetched_at, run_id))
    with ThreadPoolExecutor(1) as aside:
        return arrival.put(_gathered(pages), mode, aside)


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


def _gathered(pages: Iterable[Sequence[Row]]) -> Iterator[list[Row]]:
    """Join small pages: DuckDB takes ten thousand rows as fast as fifty."""
    waiting: list[Row] = []
    for page in pages:
        waiting.extend(page)
        if len(waiting) >= ROWS_AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _written(record: Mapping[str, Any], keys: Mapping[str, str]) -> Row:
    return (*(record.get(key) for key in keys), orjson.dumps(dict(record)).decode())


@dataclass
class _Arrival:
    """One table being filled: its name, its keys with their types, when and by which run."""

    db: duckdb.DuckDBPyConnection
    name: str
    keys: Mapping[str, str]
    stamp: tuple[datetime, str]

    @property
    def columns(self) -> str:
        typed = ", ".join(f'"{key}" {kind}' for key, kind in self.keys.items())
        return f"{typed}, body JSON, fetched_at TIMESTAMPTZ, run_id VARCHAR"

    def put(self, batches: Iterator[list[Row]], mode: str, aside: Executor | None = None) -> int:
        """Take all there is; each batch by `aside`, should there be one, while the next comes."""
        first, second = next(batches, []), next(batches, None)
        if not first:
            # Most tables of a quiet run are empty: one statement each.
            self.db.execute(f"{CREATE[mode]} {self.name} ({self.columns})")
            return 0
        if second is None and mode == "replace":
            # And most others come at once: whole already, they need not gather anywhere.
            rows = self._latest(first)
            self._take(f"CREATE OR REPLACE TABLE {self.name} AS", rows)
            return len(rows)
        arriving = f"{self.name}__arriving"
        try:
            self._take(f"CREATE OR REPLACE TABLE {arriving} AS", first)
            self._take_each(arriving, chain([second] if second else (), batches), aside)
            return _settle(self.db, self.name, self.columns, list(self.keys), mode)
        finally:
            self.db.execute(f"DROP TABLE IF EXISTS {arriving}")

    def _take_each(
        self, arriving: str, batches: Iterable[list[Row]], aside: Executor | None
    ) -> None:
        insert = partial(self._take, f"INSERT INTO {arriving}")
        taking: Future[None] | None = None
        try:
            for rows in batches:
                if aside is None:
                    insert(rows)
                    continue
                if taking is not None:
                    taking.result()
                taking = aside.submit(insert, rows)
        finally:
            if taking is not None:
                taking.result()

    def _latest(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Each record as it came last."""
        by_key = {tuple(map(_text, row[:-1])): row for row in rows}
        return list(by_key.values())

    def _take(self, into: str, rows: Sequence[Row]) -> None:
        """Put rows that just came where the statement says, in their order."""
        *keys, bodies = zip(*rows, strict=True)
        # As text, and cast by DuckDB: vendors send the same id as number here and as string there.
        columns = [[_text(value) for value in key] for key in keys]
        typed = (f'CAST("{key}" AS {kind}) AS "{key}"' for key, kind in self.keys.items())
        query = (
            f"{into} SELECT {', '.join(typed)}, body::JSON AS body, ?::TIMESTAMPTZ AS fetched_at, "
            "?::VARCHAR AS run_id"
        )
        names = (*self.keys, "body")
        if len(rows) <= FEW:
            listed = ", ".join(f'unnest(?::VARCHAR[]) AS "{name}"' for name in names)
            self.db.execute(f"{query} FROM (SELECT {listed})", [*self.stamp, *columns, [*bodies]])
            return
        arrays = [pa.array(column, pa.string()) for column in columns]
        # What was read or written as JSON DuckDB need not parse to believe that it is.
        written = pa.ExtensionArray.from_storage(pa.json_(), pa.array(bodies, pa.string()))
        self.db.register("syncline_page", pa.table([*arrays, written], names))
        # A third of the room, and a third of the time: DuckDB tries no other way of keeping them.
        self.db.execute("SET force_compression = 'zstd'")
        try:
            self.db.execute(f"{query} FROM syncline_page", list(self.stamp))
        finally:
            self.db.execute("RESET force_compression")
            self.db.unregister("syncline_page")


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
