"""Questions to the published copy of a sync's tables: read only, whatever is asked.

published/<sync>.duckdb, replaced by each sweep; an open reader keeps the copy it opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from deployments.trouble import OperatorError

READS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class CannotAskError(OperatorError):
    """The question cannot be answered; the sentence says why."""


@dataclass(frozen=True)
class Answer:
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]

    def as_objects(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def published_file(home: Path, sync: str) -> Path:
    """The read copy of a sync; CannotAskError while no run has published one."""
    file = home / "published" / f"{sync}.duckdb"
    if not file.exists():
        raise CannotAskError(
            f"nothing is published for {sync} yet: {file} comes with its first run "
            f"(syncline run {sync})"
        )
    return file


def open_published(home: Path, sync: str) -> duckdb.DuckDBPyConnection:
    """The read copy, opened so that no query can write, fetch, or change that.

    Refused too is what only looks like reading: COPY TO and ATTACH reach other files.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    return duckdb.connect(str(published_file(home, sync)), read_only=True, config=settings)


def ask(home: Path, sync: str, query: str, parameters: Sequence[Any] = ()) -> Answer:
    """The answer to one SELECT."""
    with open_published(home, sync) as db:
        try:
            _refuse_all_but_one_select(db, query)
            result = db.execute(query, list(parameters))
            return Answer([column[0] for column in result.description or []], result.fetchall())
        except duckdb.Error as error:
            raise CannotAskError(_first_lines(error)) from error


def _refuse_all_but_one_select(db: duckdb.DuckDBPyConnection, query: str) -> None:
    statements = db.extract_statements(query)
    if len(statements) != 1:
        raise CannotAskError(f"one query at a time, please; this is {len(statements)}")
    if statements[0].type not in READS:
        verb = query.split(maxsplit=1)[0].upper()
        raise CannotAskError(
            f"{verb} is refused: the published copy is for reading, and the next run replaces it"
        )


def _first_lines(error: duckdb.Error) -> str:
    """DuckDB's sentence and its suggestion, without the drawing of the query."""
    lines = str(error).splitlines()
    return " ".join(line.strip() for line in lines if line.strip() and "LINE 1:" not in line)[:500]
