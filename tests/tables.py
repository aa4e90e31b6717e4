"""Draw a table in a test the way it is read.

The first line names the columns with their DuckDB types, every further line is
a row; an empty cell is NULL. Cells are text that DuckDB casts, so a list is
written `[a, b]` and a struct `{'k': v}`; a cell cannot contain `|`.
"""

import duckdb


def given(db: duckdb.DuckDBPyConnection, table: str, text: str) -> None:
    """Make `table` (`schema.name`, the schema too) hold exactly the rows drawn.

    >>> db = duckdb.connect()
    >>> given(db, "raw.people", '''
    ...     person_id:bigint | emails:varchar[]
    ...     1                | [ann@x.lv, a@x.lv]
    ...     2                |
    ... ''')
    >>> db.sql("SELECT * FROM raw.people").fetchall()
    [(1, ['ann@x.lv', 'a@x.lv']), (2, None)]
    """
    head, *rows = [cells(line) for line in text.strip().splitlines()]
    schema = table.partition(".")[0]
    columns = ", ".join(column.replace(":", " ", 1) for column in head)
    db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    db.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"{table}: {len(head)} columns, but a row has {len(row)}: {row}")
        marks = ", ".join("?" for _ in row)
        db.execute(f"INSERT INTO {table} VALUES ({marks})", [cell or None for cell in row])


def cells(line: str) -> list[str]:
    """Split one drawn line into what stands between its bars."""
    return [cell.strip() for cell in line.split("|")]
