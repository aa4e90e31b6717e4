"""Expectations and audits: what is broken is counted, named and stops the run, or is only told."""

from collections.abc import Iterator

import duckdb
import pytest
from tables import given

from pipelines.checks import CheckFailedError, Expected, among, expect, filled, unique


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        given(opened, "staging.people", """
            person_id:bigint | email:varchar    | tier:varchar
            1                | ann@acme.example | gold
            2                | ann@acme.example | tin
            3                |                  | gold
        """)  # fmt: skip
        yield opened


def test_what_holds_is_reported_as_well_as_what_does_not(db: duckdb.DuckDBPyConnection) -> None:
    checked = expect(
        db, "staging",
        [unique("staging.people", "person_id"), filled("staging.people", "person_id")],
    )  # fmt: skip

    assert [(c.stage, c.name, c.is_ok, c.broken_count) for c in checked] == [
        ("staging", "staging.people: person_id is unique", True, 0),
        ("staging", "staging.people: person_id is filled", True, 0),
    ]


@pytest.mark.parametrize(
    ("expected", "count"),
    [
        (unique("staging.people", "email"), 2),
        (filled("staging.people", "email"), 1),
        (among("staging.people", "tier", ["gold", "silver"]), 1),
    ],
    ids=["unique", "filled", "among"],
)
def test_a_broken_expectation_stops_and_counts_its_rows_without_showing_them(
    db: duckdb.DuckDBPyConnection, expected: Expected, count: int
) -> None:
    with pytest.raises(CheckFailedError, match=f"broken by {count} rows") as stopped:
        expect(db, "staging", [filled("staging.people", "person_id"), expected])

    assert "@" not in str(stopped.value)
    assert [c.is_ok for c in stopped.value.checked] == [True, False]


def test_a_warning_is_told_and_stops_nothing(db: duckdb.DuckDBPyConnection) -> None:
    mild = Expected("staging.people", "has an address", "email IS NULL", is_fatal=False)

    (checked,) = expect(db, "staging", [mild])

    assert (checked.is_ok, checked.is_fatal, checked.broken_count) == (False, False, 1)


def test_an_empty_table_breaks_nothing(db: duckdb.DuckDBPyConnection) -> None:
    db.execute("DELETE FROM staging.people")

    (checked,) = expect(db, "staging", [unique("staging.people", "email")])

    assert checked.is_ok
