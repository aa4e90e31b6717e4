"""One run as a process that can die: numbered boundaries, and what happens at them.

    boundary n -->  the act somebody does at that moment (an edit, another run, a pause)
               -->  death: from here on nothing of the run reaches state, files or vendors

A dead process unwinds through the product's `finally` blocks like any exception would; each of
them that tries to write, to read or to send dies again at once, as if it had never been reached.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import duckdb
from sqlalchemy import Connection

from state.database import State

Moment = Callable[[], object]


class Death(BaseException):
    """The process is gone. Derived so that no `except` of the product's can hold it up."""


@dataclass
class Process:
    """A run's life. `at` maps the number of a boundary to what somebody does then."""

    number: int
    dies_at: int = 0  # 0: it lives
    at: dict[int, Moment] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    is_dead: bool = False
    noted: Moment = lambda: None  # called when a commit of state is through

    def boundary(self, name: str, *, is_amid: bool = False) -> None:
        """Pass one boundary; the caller does not get control back from the last one.

        `is_amid` a transaction one can only die: what others do then comes at the next one.
        """
        self.live()
        self.passed.append(name)
        if len(self.passed) == self.dies_at:
            self.is_dead = True
            raise Death
        due = [] if is_amid else sorted(n for n in self.at if n <= len(self.passed))
        for moment in [self.at.pop(n) for n in due]:
            moment()

    def live(self) -> None:
        """Go on, unless the process is dead."""
        if self.is_dead:
            raise Death


@dataclass(frozen=True)
class WatchedState(State):
    """The state database as one process uses it; closing it leaves the shared engine open."""

    process: Process = field(default_factory=lambda: Process(0), repr=False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self.process.live()
        # Nobody else is on this database: its reads agree without a transaction of their own.
        with self.engine.connect() as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Connection]:
        # Not inside: a crash between is a transaction that never was.
        self.process.boundary("before a commit of state")
        with super().write() as db:
            yield db
        self.process.noted()
        self.process.boundary("after a commit of state")

    def close(self) -> None:
        """The next run needs the database, and the statements it has compiled."""


class WatchedFiles:
    """A DuckDB connection as one process uses it: each COMMIT is between two boundaries."""

    def __init__(self, db: duckdb.DuckDBPyConnection, process: Process) -> None:
        self._db, self._process = db, process

    def execute(self, query: str, *values: Any) -> duckdb.DuckDBPyConnection:
        if query != "COMMIT":
            self._process.live()
            return self._db.execute(parsed(query), *values)
        self._process.boundary("before a commit of DuckDB")
        result = self._db.execute(query)
        self._process.boundary("after a commit of DuckDB")
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


@cache
def parsed(query: str) -> duckdb.Statement:
    """The query, read once: a schedule's SQL is always the same, and reading it takes a fifth."""
    (statement,) = duckdb.extract_statements(query)
    return statement
