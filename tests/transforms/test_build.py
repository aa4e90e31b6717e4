"""How a model's header says that its table is kept."""

import duckdb
import pytest

from transforms import build as builder
from transforms.build import build, sql_of


def forced(db):
    return db.sql("SELECT current_setting('force_compression')").fetchall()


@pytest.fixture
def db():
    with duckdb.connect() as db:
        db.execute("CREATE SCHEMA staging; CREATE SCHEMA raw")
        yield db


def test_a_header_says_how_texts_are_compressed_while_its_table_is_made(db, monkeypatch):
    assert "-- stored  as zstd" in sql_of("mailigen_pipedrive", "staging.pipedrive__persons")
    before = forced(db)
    seen = []

    def watched(db, kind, name, sql):
        seen.append((kind, forced(db)))

    monkeypatch.setattr(builder, "_replace", watched)
    build(db, "mailigen_pipedrive", "staging.pipedrive__persons", "staging.mailigen__members")
    assert [kind for kind, _ in seen] == ["TABLE", "TABLE"]
    assert [setting for _, setting in seen] == [[("zstd",)], before]
    assert forced(db) == before


def test_a_table_that_cannot_be_made_leaves_the_setting_alone(db):
    before = forced(db)
    with pytest.raises(duckdb.CatalogException):  # its raw table is not there
        build(db, "mailigen_pipedrive", "staging.pipedrive__persons")
    assert forced(db) == before
