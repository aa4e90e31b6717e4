"""Carry rows of the state database into DuckDB as Arrow tables."""

from functools import cache
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    Integer,
    Select,
    Text,
    cast,
)

from state.schema import Moment


def as_arrow(db: Connection, query: Select[Any]) -> pa.Table:
    """Return the rows of a query over plain columns, typed even when there are none.

    JSON columns arrive as text, so that DuckDB may read them as it likes.
    """
    shown, schema = _plain(tuple(query.selected_columns))
    rows = db.execute(query.with_only_columns(*shown)).all()
    by_column = zip(*rows, strict=True) if rows else [()] * len(shown)
    arrays = [
        pa.array(values, type=field.type) for field, values in zip(schema, by_column, strict=True)
    ]
    return pa.table(arrays, schema=schema)


@cache
def _plain(columns: tuple[Column[Any] | Any, ...]) -> tuple[list[Any], pa.Schema]:
    """The columns as they are asked for, and as they arrive. A table's columns never change."""
    shown = [
        cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column
        for column in columns
    ]
    return shown, pa.schema([(column.name, _arrow_type(column)) for column in columns])


def _arrow_type(column: Column[Any] | Any) -> pa.DataType:
    if isinstance(column.type, Moment):
        return pa.timestamp("us", tz="UTC")
    for kind, arrow_type in (
        (Boolean, pa.bool_()),
        (BigInteger, pa.int64()),
        (Integer, pa.int64()),
        (Float, pa.float64()),
        (Date, pa.date32()),
    ):
        if isinstance(column.type, kind):
            return arrow_type
    return pa.string()
