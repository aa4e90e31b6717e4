"""The database: its migrations, its refusals, what it keeps of times and values."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError, StatementError

from state import deeds
from state.database import open_state
from state.errors import StateTooNew
from state.migrations import known_versions, upgrade
from state.schema import HEAD, connections, cursors, horizons, metadata

ONE_DEED_OF_THE_FIRST_VERSION = """
    INSERT INTO deeds (write_key, account, operation, object, subject, sync, marker, body_hash,
                       state, is_adopted)
    VALUES ('note|1', 'acme', 'note', 'note', 'c1', 'acme', 'SL-1', 'x', 'done', FALSE)
"""


def test_migrations_build_exactly_the_tables_of_the_code(state):
    with state.read() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_the_code_expects():
    assert max(known_versions()) == HEAD


def test_opening_again_keeps_what_is_there(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    first = open_state(url)
    with first.write() as db:
        db.execute(
            cursors.insert().values(
                sync="acme",
                stream="persons",
                value={"at": 7},
                generation="g",
                moved_at=first.now(),
            )
        )
    first.close()
    with open_state(url).read() as db:
        assert db.scalar(text("SELECT count(*) FROM cursors")) == 1


def test_a_database_of_the_first_version_is_brought_up_to_date_with_its_deeds(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with create_engine(url).begin() as db:
        upgrade(db, "0001")
        db.execute(text(ONE_DEED_OF_THE_FIRST_VERSION))
    state = open_state(url)
    assert deeds.by_key(state, "note|1").natural_key == ""
    with state.read() as db:
        assert db.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
        assert db.execute(horizons.select()).all() == []


def test_a_database_newer_than_the_code_is_refused_with_a_sentence(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    newer = open_state(url)
    with newer.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer.close()
    with pytest.raises(StateTooNew, match=r"version 9999.*Update Syncline"):
        open_state(url)


def test_two_processes_may_open_a_new_database_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    code = f"from state.database import open_state; open_state({url!r})"
    root = Path(__file__).parents[2]
    starting = [
        subprocess.Popen([sys.executable, "-c", code], cwd=root, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [(p.communicate()[1], p.returncode) for p in starting] == [(b"", 0)] * 2


@pytest.mark.sqlite
def test_commits_are_synchronous_and_readers_do_not_wait(tmp_path):
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    with state.write() as writing:
        assert writing.scalar(text("PRAGMA synchronous")) == 2
        assert writing.scalar(text("PRAGMA journal_mode")) == "wal"
        assert writing.scalar(text("PRAGMA foreign_keys")) == 1
        with state.read() as reading:
            assert reading.scalar(text("SELECT count(*) FROM deeds")) == 0


@pytest.mark.sqlite
def test_a_writer_takes_the_lock_when_it_begins(tmp_path):
    path = tmp_path / "state.db"
    state = open_state(f"sqlite:///{path}")
    other = sqlite3.connect(path, timeout=0)
    with state.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")


def test_times_come_back_aware_and_in_utc(state):
    riga = timezone(timedelta(hours=2))
    with state.write() as db:
        db.execute(
            connections.insert().values(
                account="acme",
                vendor="pipedrive",
                state="ok",
                since=datetime(2026, 11, 2, 10, tzinfo=riga),
            )
        )
    with state.read() as db:
        assert db.scalar(connections.select().with_only_columns(connections.c.since)) == datetime(
            2026, 11, 2, 8, tzinfo=UTC
        )


def test_a_time_without_its_zone_is_refused(state):
    with pytest.raises(StatementError, match="without its zone"), state.write() as db:
        db.execute(
            connections.insert().values(
                account="acme",
                vendor="pipedrive",
                state="ok",
                since=datetime(2026, 11, 2),
            )
        )


def test_an_error_of_the_database_does_not_tell_the_values(state):
    row = {
        "account": "acme",
        "vendor": "v",
        "state": "ok",
        "since": state.now(),
        "said": "ann@x.lv",
    }
    with pytest.raises(SQLAlchemyError) as caught, state.write() as db:
        db.execute(connections.insert(), [row, row])
    assert "ann@x.lv" not in str(caught.value)
