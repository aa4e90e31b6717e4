"""Every state that a test asks SQLite for is a database of the test session's PostgreSQL.

The file a test names holds the name of its database: to delete, to copy or to look for the file
does what it did. A file that is something else already is left to SQLite, and so is a folder that
is not there: they are what a test is about.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

SERVER = "SYNCLINE_TESTS_POSTGRESQL"  # the address of its database `postgres`
MIGRATED, EMPTY = "migrated", "template1"
# Migrating takes half a second: all but the tests of it begin with tables.
WITHOUT_TABLES = "test_state_database"
TOLD = b"database "


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
    if file in ("", ":memory:"):
        return made()
    path = Path(file)
    if not path.is_file() or not path.stat().st_size:
        if not path.parent.is_dir():
            return ""
        fresh = path.with_name(f".{path.name}.{uuid4().hex}")
        fresh.write_bytes(TOLD + made().encode())
        if path.is_file():
            fresh.replace(path)
        else:
            with suppress(FileExistsError):  # whoever is first made it, and the others use it
                path.hardlink_to(fresh)
            fresh.unlink()
    held = path.read_bytes()[:100]
    return held.removeprefix(TOLD).decode() if held.startswith(TOLD) else ""


def made() -> str:
    """A new database, and its name."""
    import psycopg

    name = f"state_{uuid4().hex[:16]}"
    is_empty = WITHOUT_TABLES in os.environ.get("PYTEST_CURRENT_TEST", "")
    template = EMPTY if is_empty else MIGRATED
    with psycopg.connect(os.environ[SERVER], autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return name
