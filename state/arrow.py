"""Carry rows of the state database into DuckDB as Arrow tables.

pyarrow is imported by whoever first reads one: commands that need none start without it.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

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

if TYPE_CHECKING:
    import pyarrow as pa

ArrowTable: TypeAlias = "pa.Table"

ROWS_AT_ONCE = 10_000


def as_arrow(db: Connection, query: Select[Any]) -> ArrowTable:
    """Return the rows of a query over plain columns, typed even when there are none.

    JSON columns arrive as text, so that DuckDB may read them as it likes.
    """
    import pyarrow as pa

    shown, schema = _plain(tuple(query.selected_columns))
    answer = db.execute(query.with_only_columns(*shown))
    # The driver's own rows: of a hundred thousand none becomes a Row, nor a text a datetime.
    cursor: Any = answer.cursor
    batches = []
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        arrays = [
            _array(values, field.type)
            for field, values in zip(schema, zip(*rows, strict=True), strict=True)
        ]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    answer.close()
    return pa.Table.from_batches(batches, schema)


def _array(values: Sequence[Any], wanted: "pa.DataType") -> "pa.Array":
    """SQLite tells times as text in UTC without saying so, and what is true as 1."""
    import pyarrow as pa

    if pa.types.is_string(wanted):
        return pa.array(values, wanted)
    told = pa.array(values)
    if pa.types.is_timestamp(wanted) and pa.types.is_string(told.type):
        told = told.cast(pa.timestamp("us"))
    return told.cast(wanted)


@cache
def _plain(columns: tuple[Column[Any] | Any, ...]) -> tuple[list[Any], "pa.Schema"]:
    """The columns as they are asked for, and as they arrive. A table's columns never change."""
    import pyarrow as pa

    shown = [
        cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column
        for column in columns
    ]
    return shown, pa.schema([(column.name, _arrow_type(column)) for column in columns])


def _arrow_type(column: Column[Any] | Any) -> "pa.DataType":
    import pyarrow as pa

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
