"""Carry rows of the state database into DuckDB as Arrow tables."""

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
    columns = list(query.selected_columns)
    shown = [
        cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column
        for column in columns
    ]
    rows = db.execute(query.with_only_columns(*shown)).all()
    by_column = zip(*rows, strict=True) if rows else [()] * len(columns)
    arrays = [
        pa.array(values, type=_arrow_type(column))
        for column, values in zip(columns, by_column, strict=True)
    ]
    return pa.table(arrays, names=[column.name for column in columns])


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
