"""Questions to the published copy of a sync's tables: read only, whatever is asked.

published/<sync>.duckdb, replaced by each sweep; an open reader keeps the copy it opened.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from deployments.trouble import OperatorError, UsageTrouble

READS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class CannotAskError(UsageTrouble):
    """The question must be put otherwise; the sentence says why."""


class NothingPublishedError(OperatorError):
    """There is nothing to ask yet."""


@dataclass(frozen=True)
class Answer:
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]

    def as_objects(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def published_file(home: Path, sync: str) -> Path:
    """The read copy of a sync; NothingPublishedError while no run has published one."""
    file = home / "published" / f"{sync}.duckdb"
    if not file.exists():
        raise NothingPublishedError(
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
            raise CannotAskError(_in_lines(error)) from error


def _refuse_all_but_one_select(db: duckdb.DuckDBPyConnection, query: str) -> None:
    statements = db.extract_statements(query)
    if len(statements) != 1:
        raise CannotAskError(f"one query at a time, please; this is {len(statements)}")
    if statements[0].type not in READS:
        verb = query.split(maxsplit=1)[0].upper()
        raise CannotAskError(
            f"{verb} is refused: the published copy is for reading, and the next run replaces it"
        )


def _in_lines(error: duckdb.Error) -> str:
    """DuckDB's sentence and its suggestion in one line; below it, as it draws them, the line of the
    query and the carets under what is wrong in it."""
    sentence: list[str] = []
    drawing: list[str] = []
    for line in str(error).splitlines():
        is_drawn = bool(drawing) or re.match(r"LINE \d+:", line)
        (drawing if is_drawn else sentence).append(line)
    return "\n".join([" ".join(" ".join(sentence).split())[:500], *drawing])
