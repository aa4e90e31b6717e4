"""Check the data between stages: column expectations, and audits in SQL.

DuckDB counts what breaks each expectation, in one pass a table; Great Expectations judges
the counts. An expectation that could not be evaluated is a fault of ours, not bad data, and
is reported as such. Audits are queries that return the guilty rows: `STOP:` ends the run
before its first write, `WARN:` is told.
"""

from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from transforms.build import audits

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition

GUILTY_SHOWN = 20
JUDGING = Lock()  # several syncs of one process share what judges them


class Expected(NamedTuple):
    """One expectation of a table: `broken_by` is a SQL condition on a row that breaks it."""

    table: str
    name: str
    broken_by: str
    is_fatal: bool = True


class Checked(NamedTuple):
    """One check's result; `rows` names guilty rows by their keys, never by their values."""

    stage: str
    name: str
    is_ok: bool
    is_fatal: bool
    broken_count: int
    said: str


class CheckFailedError(Exception):
    """The data is not fit to be written from; nothing was written. `checked` is all that was."""

    def __init__(self, said: str, checked: Sequence[Checked]) -> None:
        self.checked = list(checked)
        super().__init__(said)


def unique(table: str, *columns: str) -> Expected:
    """The columns together name one row."""
    keys = ", ".join(columns)
    condition = f"count(*) OVER (PARTITION BY {keys}) > 1"
    return Expected(table, f"{keys} is unique", condition)


def filled(table: str, column: str) -> Expected:
    return Expected(table, f"{column} is filled", f"{column} IS NULL")


def among(table: str, column: str, values: Sequence[str]) -> Expected:
    listed = ", ".join(f"'{v}'" for v in values)
    return Expected(table, f"{column} is known", f"{column} NOT IN ({listed})")


def expect(
    db: duckdb.DuckDBPyConnection, stage: str, expected: Sequence[Expected]
) -> list[Checked]:
    """Evaluate the expectations of a stage; raise CheckFailedError when a fatal one is broken."""
    counts = _broken(db, expected)
    verdicts = _judge(expected, counts)
    checked = [
        Checked(stage, f"{one.table}: {one.name}", ok, one.is_fatal, n, said)
        for one, n, (ok, said) in zip(expected, counts, verdicts, strict=True)
    ]
    _stop_if_broken(checked)
    return checked


def audit(db: duckdb.DuckDBPyConnection, sync: str) -> list[Checked]:
    """Run the sync's audits; raise CheckFailedError when a STOP audit returns rows."""
    checked = []
    for name, query in audits(sync).items():
        guilty = db.execute(query).fetchall()
        first = query.splitlines()[0]
        level, sentence = first.removeprefix("-- ").split(": ", 1)
        shown = ", ".join(str(row[0]) for row in guilty[:GUILTY_SHOWN]) if level == "STOP" else ""
        said = (
            f"{sentence} ({len(guilty)} rows{': ' + shown if shown and '@' not in shown else ''})"
        )
        checked.append(
            Checked("plan", name, not guilty, level == "STOP", len(guilty), said if guilty else "")
        )
    _stop_if_broken(checked)
    return checked


def _broken(db: duckdb.DuckDBPyConnection, expected: Sequence[Expected]) -> list[int]:
    """The broken rows of each expectation, counted in one pass a table."""
    by_table: dict[str, list[Expected]] = {}
    for one in expected:
        by_table.setdefault(one.table, []).append(one)
    counts: dict[Expected, int] = {}
    for table, together in by_table.items():
        flags = ", ".join(f"{one.broken_by} AS b{n}" for n, one in enumerate(together))
        sums = ", ".join(f"count(*) FILTER (WHERE b{n})" for n in range(len(together)))
        (found,) = db.execute(f"SELECT {sums} FROM (SELECT {flags} FROM {table})").fetchall()
        counts |= dict(zip(together, found, strict=True))
    return [counts[one] for one in expected]


def _judge(expected: Sequence[Expected], counts: Sequence[int]) -> list[tuple[bool, str]]:
    """Let Great Expectations judge a stage's profile: a row per check, with its broken rows."""
    import pandas as pd

    names = [f"{one.table}: {one.name}" for one in expected]
    frame = pd.DataFrame({"check": names, "broken_rows": counts})
    named = {"result_format": "COMPLETE", "unexpected_index_column_names": ["check"]}
    with JUDGING:
        batches, suite = _court()
        batch = batches.get_batch({"dataframe": frame})
        (result,) = batch.validate(suite, result_format=named).results
    raised: Any = result.exception_info or {}
    if raised.get("raised_exception"):
        told = f"could not be evaluated: {raised.get('exception_message')}"
        return [(False, told) for _ in names]
    broken = {row["check"] for row in result.result.get("unexpected_index_list") or ()}
    return [(name not in broken, "") for name in names]


@cache
def _court() -> tuple["BatchDefinition[Any]", "ExpectationSuite"]:
    """What judges the profiles of all stages: making it costs ten times as much as using it.

    One expectation over all rows, for the same reason: one of its own for each check is dearer.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    # Progress bars would go to stderr, among the errors.
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = context.suites.add(gx.ExpectationSuite(name="checks"))
    suite.add_expectation(
        gx.expectations.ExpectColumnValuesToBeBetween(
            column="broken_rows", min_value=0, max_value=0
        )
    )
    asset = context.data_sources.add_pandas("stages").add_dataframe_asset("profile")
    return asset.add_batch_definition_whole_dataframe("whole"), suite


def _stop_if_broken(checked: Sequence[Checked]) -> None:
    broken = [c for c in checked if c.is_fatal and not c.is_ok]
    if broken:
        sentences = [c.said or f"{c.name}: broken by {c.broken_count} rows" for c in broken]
        raise CheckFailedError("; ".join(sentences), checked)
