"""Open the state database: one SQLite file, or PostgreSQL when several workers share it.

    with state.read() as db:  ...   a snapshot, never blocks a writer
    with state.write() as db: ...   one durable commit, or nothing

On SQLite a writing transaction takes the write lock when it begins, so it
cannot find out half-way that somebody else got there first. On PostgreSQL it
locks the rows it decides by: docs/decisions/0010-postgresql.md says which.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, text
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    TimeoutError,
)
from sqlalchemy.pool import StaticPool

from state.errors import NotAllowed, StateSilent, StateTooNew
from state.schema import HEAD

BUSY_SECONDS = 10
TROUBLED = (OperationalError, InterfaceError, InternalError, TimeoutError)  # not what we asked
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}  # SQLite's reads are nothing else
# Whatever the server's own settings are. A machine that vanished lets go of its locks in a minute.
RELIED_ON = {
    "timezone": "UTC", "synchronous_commit": "on", "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s", "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
}  # fmt: skip


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
        with _answering(), self.engine.connect() as opened:
            connection = opened if _is_sqlite(opened) else opened.execution_options(**SNAPSHOT)
            with connection.begin():
                _begin(connection, "BEGIN")
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are durable together when the block ends.

        Never call a vendor inside: others' writes may wait for this one. Raises StateSilent when
        the database is away, or another's write does not end.
        """
        with _answering(), self.engine.connect() as connection, connection.begin():
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


def take_turns(db: Connection, about: str) -> None:
    """Until the commit nobody else is past here in a write about this; on SQLite nobody is in any.

    Statements after it see what those before committed.
    """
    if not _is_sqlite(db):
        number = int.from_bytes(sha256(about.encode()).digest()[:8], signed=True)
        db.execute(_TURN, {"number": number})


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


_TURN = text("SELECT pg_advisory_xact_lock(:number)")


def _insert(dialect: Dialect, table: Table) -> Any:
    # Only the dialect in use is imported: the other takes longer than opening the database.
    return import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)


def _engine(url: str) -> Engine:
    # orjson: a sealed plan writes three JSON columns a row, and json.dumps was half of its time.
    options: dict[str, Any] = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        "hide_parameters": True,  # an error's text would carry addresses into the log
    }
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(
            _by_psycopg(parsed), isolation_level="READ COMMITTED", pool_pre_ping=True, **options
        )
    if parsed.get_backend_name() != "sqlite":
        raise ArgumentError(parsed.drivername)
    if parsed.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool
    engine = create_engine(
        url, connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS}, **options
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _by_psycopg(parsed: URL) -> URL:
    """The address with the driver that is installed here, and what we rely on."""
    own = " ".join(f"-c {name}={value}" for name, value in RELIED_ON.items())
    asked = parsed.query.get("options", "")
    options = f"{asked if isinstance(asked, str) else ' '.join(asked)} {own}".lstrip()
    settings = {"options": options, "connect_timeout": str(BUSY_SECONDS)}
    return parsed.set(drivername="postgresql+psycopg").update_query_dict(settings)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except TROUBLED as error:
        said = getattr(error, "orig", None) or error
        raise StateSilent(str(said).strip().partition("\n")[0]) from error


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


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
    if _is_sqlite(connection):
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
        take_turns(db, "migration")
        found = _version_of(db)
        if found is not None and found not in known_versions():
            raise StateTooNew(
                f"The state database is at version {found}; this installation knows up to {HEAD}. "
                "Update Syncline, or restore the backup taken before the update."
            )
        if found != HEAD:
            upgrade(db)
