"""Run the SQL models: one file, one SELECT, one table or view.

    build(db, "mailigen_pipedrive", "staging.pipedrive__persons", "resolve.winners")

makes each table anew, in the order given, from `transforms/<sync>/<stage>/<name>.sql`, or from
`transforms/<stage>/<name>.sql` what all syncs share: staging, part of the audit. `append` and
`count_up` add the rows of a model to a table that is kept. Nothing here opens a connection.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
# In a model's header: how what it selects is kept.
IS_A_VIEW = re.compile(r"^-- made +a view", re.MULTILINE)
STORED_AS = re.compile(r"^-- stored +as (\w+)", re.MULTILINE)


@cache
def sql_of(sync: str, table: str) -> str:
    """The SELECT behind a table; `KeyError` names a model that does not exist."""
    stage, name = table.split(".")
    for folder in (HERE / sync, HERE):
        path = folder / stage / f"{name}.sql"
        if path.is_file():
            return path.read_text()
    raise KeyError(f"no model {table} for {sync}: {name}.sql is not in {stage}/")


def build(db: duckdb.DuckDBPyConnection, sync: str, *tables: str) -> None:
    """Replace each table with what its model selects now; a view selects when it is read."""
    for table in tables:
        sql = sql_of(sync, table)
        with _stored(db, sql):
            _replace(db, "VIEW" if IS_A_VIEW.search(sql) else "TABLE", table, sql)


@contextmanager
def _stored(db: duckdb.DuckDBPyConnection, sql: str) -> Iterator[None]:
    """Texts are compressed as the header says; without a word DuckDB tries all ways it knows."""
    said = STORED_AS.search(sql)
    if said is None:
        yield
        return
    db.execute(f"SET force_compression = '{said[1]}'")
    try:
        yield
    finally:
        db.execute("RESET force_compression")


def _replace(db: duckdb.DuckDBPyConnection, kind: str, name: str, sql: str) -> None:
    """Also where another version made a table of what is a view now, or the other way round."""
    statement = f"CREATE OR REPLACE {kind} {name} AS {sql}"
    try:
        db.execute(statement)
    except duckdb.CatalogException as error:
        if "trying to replace with" not in str(error):
            raise
        db.execute(f"DROP {'TABLE' if kind == 'VIEW' else 'VIEW'} {name}")
        db.execute(statement)


def append(db: duckdb.DuckDBPyConnection, sync: str, table: str) -> int:
    """Add what the model selects to a table that is kept; return how many rows that was."""
    return int(number(db, f"INSERT INTO {table} BY NAME {sql_of(sync, table)}"))


def count_up(
    db: duckdb.DuckDBPyConnection, sync: str, table: str, key: Sequence[str], counted: str
) -> int:
    """Add what the model selects; a row whose key is there already grows by its count instead.

    By a join and not by an index: one over ten million rows takes a gigabyte that must stay in
    memory, and a run that appends to it fails where it has less.
    """
    same = " AND ".join(f"kept.{one} = new.{one}" for one in key)
    merge = f"""
        MERGE INTO {table} AS kept USING ({sql_of(sync, table)}) AS new ON {same}
        WHEN MATCHED THEN UPDATE SET {counted} = kept.{counted} + new.{counted}
        WHEN NOT MATCHED THEN INSERT BY NAME
    """
    return int(number(db, merge))


def number(db: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> float:
    """The one number a query returns, read to the end: DuckDB refuses other work on a
    connection whose last result was left half read."""
    ((found,),) = db.execute(query, list(values)).fetchall()
    return found or 0


def audits(sync: str) -> dict[str, str]:
    """The audits of a sync, by name: queries that return the guilty rows, or nothing."""
    return {path.stem: path.read_text() for path in sorted((HERE / sync / "audits").glob("*.sql"))}
