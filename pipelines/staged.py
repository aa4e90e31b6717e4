"""Bring what SQL needs to know of settings and state into DuckDB, as staging.syncline__*.

Nothing enters a query as a template: it is a table like any other.
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa


def of_rows(
    db: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Make a small table in one statement; `columns` are names with their types."""
    typed = [column.rsplit(" ", 1) for column in columns.split(", ")]
    listed = ", ".join(f"unnest(?::{kind}[]) AS {column}" for column, kind in typed)
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in typed]
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__{name} AS SELECT {listed}", values)


def of_arrow(db: duckdb.DuckDBPyConnection, name: str, table: pa.Table, query: str) -> None:
    """Make staging.syncline__<name> of what the query makes of these rows, called `arrived`."""
    db.register("arrived", table)
    db.execute(f"CREATE OR REPLACE TABLE staging.syncline__{name} AS {query}")
    db.unregister("arrived")
