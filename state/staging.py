"""The DuckDB files of a sync: a work file that may be deleted, a history that may not.

    folder      <sync>.duckdb holds
    work        raw, staging, resolve, plan, audit   recomputed at will
    history     attached as `history`                kept for good
    published   all of it, one file                  replaced whole, for readers

`history.events` means the attached file's table in a run and the schema's
table in the published copy, so one query text works in both.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from state.errors import FileHeld, HistoryDamaged, NotAllowed
from state.history import EVENTS_HAVE_A_KEY, HISTORY_TABLES, WITHOUT_THE_KEY

WORK_SCHEMAS = ("raw", "staging", "resolve", "plan", "audit")
ABOUT = "CREATE TABLE IF NOT EXISTS {place}about (generation VARCHAR, created_at TIMESTAMPTZ)"


@dataclass(frozen=True)
class Work:
    """A sync's open files. `generation` is what cursors vouch for: a new file has a new one."""

    db: duckdb.DuckDBPyConnection = field(repr=False)
    home: Path
    sync: str
    generation: str
    history_generation: str


# DuckDB shares a table among threads by the group: at its own 122,880 a hundred thousand contacts
# would keep one busy.
ROW_GROUP = 20_480


@contextmanager
def open_work(
    home: Path,
    sync: str,
    *,
    memory_limit: str = "448MB",
    threads: int = 2,
    expected_history: str | None = None,
) -> Iterator[Work]:
    """Open a sync's work file with its history attached, creating what is missing.

    A damaged work file is replaced by an empty one. A damaged history file,
    or another than `expected_history` (the generation the state database
    knows), raises HistoryDamaged; an open one elsewhere raises FileHeld.
    """
    if sync in (*WORK_SCHEMAS, "history"):
        # DuckDB calls a file's database by the file's name: `raw.x` would mean two things.
        raise NotAllowed(f"a sync cannot be called {sync!r}: that is the name of a stage")
    path, past = _path(home, "work", sync), _path(home, "history", sync)
    db = duckdb.connect(config=_config(home, memory_limit, threads))
    try:
        # Not in the connection's settings: they are read before the zones are loaded.
        db.execute("SET TimeZone = 'UTC'")
        _open_or_replace(db, path)
        _attach_history(db, past)
        generation = _begin_work(db)
        history_generation = _begin_history(db)
        if expected_history not in (None, history_generation):
            raise HistoryDamaged(
                f"{past} is not the history this sync had (it is {history_generation}, "
                f"the state database knows {expected_history}). {_remedy(home, past)}"
            )
        yield Work(db, home, sync, generation, history_generation)
    finally:
        db.close()


@contextmanager
def open_scratch(home: Path, sync: str, *, memory_limit: str = "1GB") -> Iterator[Work]:
    """Open an empty work file with a copy of the history as published, deleted afterwards.

    For a dry run: it holds nobody up and no cursor vouches for it, so
    everything is read anew.
    """
    with (
        tempfile.TemporaryDirectory(prefix="syncline-plan-") as folder,
        open_work(Path(folder), sync, memory_limit=memory_limit) as work,
    ):
        published = published_path(home, sync)
        if published.exists():
            _copy_history(work.db, published, "history")
        elif _path(home, "history", sync).exists():
            # Held by a run that has published nothing yet: then there is nothing to know of it.
            with suppress(FileHeld):
                _copy_history(work.db, _path(home, "history", sync), "main")
        yield work


class WindowFiles:
    """Files in memory beside the published copy, `published`, for one window after another.

    For plans of a few people: they hold up no run, and readers and runs do not hold them up. The
    connection is kept, since opening one takes longer than most windows' queries.
    """

    def __init__(self, home: Path, sync: str, *, memory_limit: str = "512MB") -> None:
        self._home, self._sync = home, sync
        self._db = duckdb.connect(config=_config(home, memory_limit, 1))
        self._db.execute("SET TimeZone = 'UTC'")
        self._resting = str(self._db.execute("SELECT current_database()").fetchall()[0][0])
        self._attached: object = None

    def renew(self) -> Work | None:
        """Empty files, beside the copy as it is published now; None where there is none.

        What the window before left is gone, and its `Work` must not be used any more.
        """
        published = published_path(self._home, self._sync)
        try:
            stat = published.stat()
        except FileNotFoundError:
            return None
        db = self._db
        db.execute(f"USE {self._resting}")
        for name in ("work", "history"):
            db.execute(f"DETACH DATABASE IF EXISTS {name}")
        if (copy := (stat.st_ino, stat.st_mtime_ns, stat.st_size)) != self._attached:
            # Before the new one is looked for: a copy that cannot be attached leaves none.
            self._attached = None
            db.execute("DETACH DATABASE IF EXISTS published")
            db.execute(f"ATTACH {_quoted(published)} AS published (READ_ONLY)")
            self._attached = copy
        db.execute("ATTACH ':memory:' AS work; USE work; ATTACH ':memory:' AS history")
        generation = _begin_work(db)
        return Work(db, self._home, self._sync, generation, _begin_history(db))

    def close(self) -> None:
        self._db.close()


def publish(work: Work) -> Path:
    """Replace the read copy by what the files hold now; readers see the old one or the new."""
    target = published_path(work.home, work.sync)
    target.parent.mkdir(parents=True, exist_ok=True)
    arriving = target.with_name(f".{target.name}.{os.getpid()}.{uuid4().hex[:8]}")
    try:
        # Groups that are full are written at once; larger ones would wait in memory for the commit.
        work.db.execute(f"ATTACH {_quoted(arriving)} AS published (ROW_GROUP_SIZE {ROW_GROUP})")
        try:
            _copy_all(work.db)
        finally:
            work.db.execute("DETACH published")
        _copy_views(work.db, arriving)
        _sync_to_disk(arriving)
        arriving.replace(target)
    finally:
        arriving.unlink(missing_ok=True)
    return target


def remove_work(home: Path, sync: str) -> None:
    """Delete a sync's work file; the next run makes another and reads everything."""
    path = _path(home, "work", sync)
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def compact_history(home: Path, sync: str) -> None:
    """Write a sync's history anew: rows that were deleted are in the file no more."""
    past = _path(home, "history", sync)
    arriving = past.with_name(f".{past.name}.{os.getpid()}.{uuid4().hex[:8]}")
    db = duckdb.connect()
    try:
        db.execute(f"ATTACH {_quoted(past)} AS history (READ_ONLY)")
        db.execute(f"ATTACH {_quoted(arriving)} AS compacted")
        db.execute("COPY FROM DATABASE history TO compacted")
        db.execute("DETACH compacted")
        _sync_to_disk(arriving)
        arriving.replace(past)
    except duckdb.Error as error:
        _raise_if_held(past, error)
        raise
    finally:
        db.close()
        arriving.unlink(missing_ok=True)


def published_path(home: Path, sync: str) -> Path:
    """Say where readers find a sync's tables. Open it read-only."""
    return home / "published" / f"{sync}.duckdb"


def _path(home: Path, folder: str, sync: str) -> Path:
    path = home / folder / f"{sync}.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _config(home: Path, memory_limit: str, threads: int) -> dict[str, Any]:
    spill = home / "work" / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    return {
        "memory_limit": memory_limit, "threads": str(threads), "temp_directory": str(spill),
    }  # fmt: skip


def _open_or_replace(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attach the work file under a name that is not the sync's, so that queries may rely on it."""
    statement = f"ATTACH {_quoted(path)} AS work (ROW_GROUP_SIZE {ROW_GROUP})"
    try:
        db.execute(statement)
    except duckdb.Error as error:
        _raise_if_held(path, error)
        if not path.exists():
            raise
        # Nothing in it is lost: the generation changes, so the next run reads everything.
        path.unlink()
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
        db.execute(statement)
    db.execute("USE work")


def _attach_history(db: duckdb.DuckDBPyConnection, past: Path) -> None:
    try:
        db.execute(f"ATTACH {_quoted(past)} AS history")
    except duckdb.Error as error:
        _raise_if_held(past, error)
        home = past.parent.parent
        raise HistoryDamaged(
            f"{past} cannot be read ({type(error).__name__}). {_remedy(home, past)}"
        ) from error


def _remedy(home: Path, past: Path) -> str:
    backups = sorted(home.glob(f"backup*/**/{past.name}"), key=lambda file: file.stat().st_mtime)
    newest = f"the newest found is {backups[-1]}" if backups else "none was found under this home"
    return (
        "It cannot be recomputed: restore it together with the state database from one backup "
        f"({newest}), then start the sync again. Nothing was changed."
    )


def _raise_if_held(path: Path, error: duckdb.Error) -> None:
    """DuckDB has no class of its own for a held lock; its message names the process."""
    said = str(error)
    if "lock" not in said.lower():
        return
    number = said.partition("PID ")[2].split(")")[0].split(" ")[0]
    by = f"process {number}" if number.isdigit() else "another process"
    raise FileHeld(
        f"{path.name} is open in {by}. For questions use the published copy; "
        "a sync that is running gives the file back when it ends."
    ) from error


def _begin_work(db: duckdb.DuckDBPyConnection) -> str:
    for schema in WORK_SCHEMAS:
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    return _generation(db, "work.main.")


def _begin_history(db: duckdb.DuckDBPyConnection) -> str:
    for statement in HISTORY_TABLES:
        db.execute(statement)
    if db.execute(EVENTS_HAVE_A_KEY).fetchone() != (0,):
        for statement in WITHOUT_THE_KEY:
            db.execute(statement)
    return _generation(db, "history.main.")


def _generation(db: duckdb.DuckDBPyConnection, place: str) -> str:
    """Read the file's own name for itself, giving it one when it is new."""
    db.execute(ABOUT.format(place=place))
    found = db.execute(f"SELECT generation FROM {place}about").fetchall()
    if not found:
        found = [(uuid4().hex,)]
        db.execute(f"INSERT INTO {place}about VALUES (?, now())", list(found[0]))
    return str(found[0][0])


def _copy_all(db: duckdb.DuckDBPyConnection) -> None:
    # One commit, not one a table: each would wait for the disk.
    db.execute("BEGIN")
    try:
        for schema in (*WORK_SCHEMAS, "history"):
            db.execute(f"CREATE SCHEMA published.{schema}")
        for catalog, schema, table in _tables(db, "work", "history"):
            if (catalog, schema) == ("work", "main"):
                continue  # what runs remember for themselves
            # Inside the copy, history is a schema; here it is a file whose schema is main.
            target = "history" if catalog == "history" else schema
            db.execute(
                f'CREATE TABLE published.{target}."{table}" AS FROM "{catalog}".{schema}."{table}"'
            )
        db.execute("COMMIT")
    except duckdb.Error:
        db.execute("ROLLBACK")
        raise


def _copy_views(db: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Make the work file's views in the copy; one that does not fit its tables is left out.

    By a connection to nothing else, where `history` can only be the copy's schema: so the view
    reads the copy it is in, whatever that is attached as. (Not beside a database called `history`:
    DuckDB says then that the name is ambiguous.)
    """
    views = db.execute(
        "SELECT sql FROM duckdb_views() WHERE database_name = 'work' AND NOT internal"
    ).fetchall()
    if not views:
        return
    with duckdb.connect() as copy:
        # In the groups it was written in: another size would have all of it written anew.
        copy.execute(f"ATTACH {_quoted(file)} AS copied (ROW_GROUP_SIZE {ROW_GROUP}); USE copied")
        for (statement,) in views:
            # Another version made the tables below it; the next run makes it anew.
            with suppress(duckdb.BinderException, duckdb.CatalogException):
                copy.execute(statement)


def _tables(db: duckdb.DuckDBPyConnection, *catalogs: str) -> list[tuple[str, str, str]]:
    return db.execute(
        "SELECT database_name, schema_name, table_name FROM duckdb_tables() "
        "WHERE list_contains(?, database_name) ORDER BY ALL",
        [list(catalogs)],
    ).fetchall()


def _copy_history(db: duckdb.DuckDBPyConnection, file: Path, inside: str) -> None:
    """Take over the history tables of a file, which are in the schema `inside`."""
    try:
        db.execute(f"ATTACH {_quoted(file)} AS published (READ_ONLY)")
    except duckdb.Error as error:
        _raise_if_held(file, error)
        raise
    for _, schema, table in _tables(db, "published"):
        if schema == inside:
            # Row by row into the tables that are there: a copy made by a query has no keys.
            db.execute(f'DELETE FROM history.main."{table}"')
            db.execute(
                f'INSERT INTO history.main."{table}" BY NAME FROM published.{inside}."{table}"'
            )
    db.execute("DETACH published")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _sync_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
