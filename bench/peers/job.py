"""The job every contestant is given: a table of forty rows, each to become one note."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

ROW_COUNT = 40
TOKEN, KEY = "sandbox-pipedrive-admin", "sandbox-mailigen-key"  # the sandbox's, open to everybody


class JobRow(NamedTuple):
    """One row of the source. `text` is unique: the judge tells notes apart by it."""

    id: int
    person_id: int
    text: str


def job_rows(person_ids: Sequence[int], count: int = ROW_COUNT) -> list[JobRow]:
    """So many rows, each about somebody else; ValueError when there are fewer people.

    >>> job_rows(range(101, 141))[1]
    JobRow(id=2, person_id=102, text='row-0002')
    """
    if len(person_ids) < count:
        raise ValueError(f"{len(person_ids)} people are too few for {count} rows")
    return [JobRow(n, person_ids[n - 1], f"row-{n:04d}") for n in range(1, count + 1)]


def write_source(path: Path, rows: Sequence[JobRow]) -> None:
    """Put the rows where every contestant reads them: an SQLite file, table `events`."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, "
            "text TEXT NOT NULL)"
        )
        db.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)


def read_source(path: Path) -> list[JobRow]:
    """The rows in order of their ids."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT id, person_id, text FROM events ORDER BY id")
        return [JobRow(*row) for row in found]
