"""No model compares everybody with everybody: what that costs shows only at a hundred thousand."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from transforms.build import sql_of

ROOT = Path(__file__).parents[2] / "transforms"
# The joins DuckDB takes where no column has to equal another.
SLOW = re.compile(r"─ (Blockwise Nl Join|Nested Loop Join|Ie Join|Piecewise Merge Join) ")
KINDS = ("mailchimp_pipedrive", "mailigen_pipedrive")


def slow_joins(db: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    plan = "".join(row[1] for row in db.execute(f"EXPLAIN {query}").fetchall())
    return set(SLOW.findall(plan))


def models(sync: str) -> Iterator[str]:
    for path in sorted((ROOT / sync).glob("*/*.sql")):
        if path.parent.name in ("resolve", "plan"):
            yield f"{path.parent.name}.{path.stem}"


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every table the models of a sync read and make."""
    if request.param == "mailchimp_pipedrive":
        from tests.transforms.mailchimp_pipedrive.world import World

        world = World()
        world.person(1, "ann@example.org", job_title="CTO")
        world.member("m1", "ann@example.org", JOB="CEO")
        world.flow("out", "filters", {1})
        world.plan()
        yield world.db
        world.db.close()
    else:
        from tests.transforms.mailigen_pipedrive.conftest import empty_tables

        opened = empty_tables()
        yield opened
        opened.close()


@pytest.mark.parametrize(
    ("filled", "sync"), [(kind, kind) for kind in KINDS], indirect=["filled"], ids=KINDS
)
def test_every_model_joins_by_what_is_equal(filled: duckdb.DuckDBPyConnection, sync: str) -> None:
    """ALL-02"""
    seen, slow = 0, {}
    for name in models(sync):
        try:
            joins = slow_joins(filled, sql_of(sync, name))
        except duckdb.CatalogException:
            continue  # a table that this test does not draw
        seen += 1
        if joins:
            slow[name] = joins
    assert seen >= len(list(models(sync))) * 0.8
    assert not slow


def test_a_join_by_an_or_is_seen() -> None:
    """ALL-02: this test can fail."""
    with duckdb.connect() as db:
        db.execute("CREATE TABLE people AS SELECT i AS person, i AS member FROM range(10) AS r(i)")
        query = "FROM people AS a JOIN people AS b ON a.person = b.person OR a.member = b.member"
        assert slow_joins(db, query)
        assert not slow_joins(db, "FROM people AS a JOIN people AS b ON a.person = b.person")
