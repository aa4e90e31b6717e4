"""Open the state database: one SQLite file, or PostgreSQL when several workers share it.

    with state.read() as db:  ...   a snapshot, never blocks a writer
    with state.write() as db: ...   one durable commit, or nothing

On SQLite a writing transaction takes the write lock when it begins, so it
cannot find out half-way that somebody else got there first.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from state.errors import NotAllowed, StateTooNew
from state.schema import HEAD

BUSY_SECONDS = 10


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class State:
    """The open database and the clock that goes with it."""

    engine: Engine = field(repr=False)
    now: Callable[[], datetime] = field(default=utc_now, repr=False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection whose reads agree with each other. Writing on it may fail."""
        with self.engine.connect() as connection, connection.begin():
            _begin(connection, "BEGIN")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are durable together when the block ends.

        Never call a vendor inside: everybody else's writes wait for this one.
        """
        with self.engine.connect() as connection, connection.begin():
            _begin(connection, "BEGIN IMMEDIATE")
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def open_state(url: str, *, now: Callable[[], datetime] = utc_now) -> State:
    """Open the database and bring its tables up to date.

    Two processes may open a new database at once: one migrates, the other
    waits. `sqlite://` lives in memory, on one connection, for tests only:
    a read inside a write of the same state fails there.
    """
    try:
        engine = _engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        kind = url.partition(":")[0]
        raise NotAllowed(
            f"SYNCLINE_STATE_URL begins with {kind!r}, which no driver here knows: write one like "
            "postgresql://..., or unset it for a file in SYNCLINE_HOME"
        ) from error
    state = State(engine, now)
    if _version(state) != HEAD:
        _migrate(state)
    return state


def upsert(db: Connection, table: Table) -> Any:
    """Return an INSERT that knows ON CONFLICT, in the dialect of the connection.

    The two dialects' statements share their methods but no type. Each execution compiles it
    anew; what runs once per written row is an `Upsert`.
    """
    return _insert(db.dialect, table)


class Upsert:
    """An INSERT with ON CONFLICT that is built and compiled once: SQLAlchemy 2.0 caches none.

    `finish` gets the dialect's INSERT and returns it with its clause. Rows bring the `columns`,
    and beside them whatever parameters the clause names.
    """

    def __init__(
        self, table: Table, columns: Collection[str], finish: Callable[[Any], Any]
    ) -> None:
        self._table, self._columns, self._finish = table, list(columns), finish
        # By engine: what is compiled holds its dialect, and would keep a key of its own alive.
        self._compiled: WeakKeyDictionary[Engine, Any] = WeakKeyDictionary()

    def run(self, db: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows, which may be none."""
        if not rows:
            return
        found = self._compiled.get(db.engine)
        if found is None:
            statement = self._finish(_insert(db.dialect, self._table))
            found = statement.compile(dialect=db.dialect, column_keys=self._columns)
            self._compiled[db.engine] = found
        db.execute(found, rows)


def _insert(dialect: Dialect, table: Table) -> Any:
    return sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)


def _engine(url: str) -> Engine:
    # orjson: a sealed plan writes three JSON columns a row, and json.dumps was half of its time.
    options: dict[str, Any] = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        "hide_parameters": True,  # an error's text would carry addresses into the log
    }
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, **options)
    if parsed.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool
    engine = create_engine(
        url, connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS}, **options
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: it would begin them too late, and deferred.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection, how: str) -> None:
    # Not as a listener to SQLAlchemy's "begin": with one, every statement costs a third more.
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(how)


def _version(state: State) -> str | None:
    with state.read() as db:
        return _version_of(db)


def _version_of(db: Connection) -> str | None:
    if not inspect(db).has_table("alembic_version"):
        return None
    found: str | None = db.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _migrate(state: State) -> None:
    from state.migrations import known_versions, upgrade  # alembic costs 0.3 s; rarely needed

    with state.write() as db:
        if db.dialect.name == "postgresql":
            # SQLite's write lock already keeps a second migration out.
            db.execute(text("SELECT pg_advisory_xact_lock(7305)"))
        found = _version_of(db)
        if found is not None and found not in known_versions():
            raise StateTooNew(
                f"The state database is at version {found}; this installation knows up to {HEAD}. "
                "Update Syncline, or restore the backup taken before the update."
            )
        if found != HEAD:
            upgrade(db)
