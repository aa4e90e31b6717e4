"""Every state that a test asks SQLite for is a database of the test session's PostgreSQL.

The file a test names holds the name of its database: to delete, to copy or to look for the file
does what it did. A file that is something else already is left to SQLite, and so is a folder that
is not there: they are what a test is about.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

SERVER = "SYNCLINE_TESTS_POSTGRESQL"  # the address of its database `postgres`
MIGRATED, EMPTY = "migrated", "template1"
# Migrating takes half a second: all but the tests of it begin with tables.
WITHOUT_TABLES = "test_state_database"
TOLD = b"database "
LET_GO = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


def install(engine_of: Callable[[str], Any]) -> Callable[[str], Any]:
    """What to open a state's engine by instead."""
    from sqlalchemy.engine import make_url

    server = make_url(os.environ[SERVER])

    def opened(url: str) -> Any:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return engine_of(url)
        name = _database(parsed.database or "")
        if not name:
            return engine_of(url)
        return engine_of(server.set(database=name).render_as_string(hide_password=False))

    return opened


def _database(file: str) -> str:
    """The database that stands for a file, made when it is not there yet; '' for one of SQLite."""
    import psycopg

    with psycopg.connect(os.environ[SERVER], autocommit=True) as db:
        if file in ("", ":memory:"):
            return _made(db)
        path = Path(file).absolute()
        if not path.parent.is_dir():
            return ""
        # Whoever is first makes it, and the others use it.
        db.execute("SELECT pg_advisory_lock(1)")
        held = path.read_bytes()[:1000] if path.is_file() else b""
        if held and not held.startswith(TOLD):
            return ""
        name, _, place = held.removeprefix(TOLD).decode().partition(" ")
        if place == str(path):
            return name
        if name:  # a copy of another's file is a copy of its database, which nobody may be using
            db.execute(LET_GO, [name])
        name = _made(db, name)
        path.write_bytes(TOLD + f"{name} {path}".encode())
        return name


def _made(db: Any, like: str = "") -> str:
    """A new database, and its name."""
    is_empty = WITHOUT_TABLES in os.environ.get("PYTEST_CURRENT_TEST", "")
    template = like or (EMPTY if is_empty else MIGRATED)
    name = f"state_{uuid4().hex[:16]}"
    db.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return name
