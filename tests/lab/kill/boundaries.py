"""Number the places where a process can die so that something durable or remote differs.

    state   inside each transaction of the state database right before its commit, and after it
    duckdb  before and after each commit of several statements and the closing of the files; after
            each statement that commits by itself (before it nothing differs), attaches or detaches
    file    before and after a file takes its name: the published copy, the key of the hashes;
            after a file is removed
    keep    before and after each append to the keep file
    inbox   before and after a person is taken out of the deliveries
    http    before a request leaves, when its answer's head came (the vendor has handled it),
            when the answer was read

Installed in the process that is to die; the product is wrapped and not changed. Only the main
thread numbers: a lease that is renewed beside it would make each run's numbers its own.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import duckdb
import httpx

from state import keep
from state.database import State
from state.inbox import Inbox

WRITING = ("CREATE", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "ATTACH", "DETACH", "COMMIT",
           "CHECKPOINT")  # fmt: skip
TRANSPARENT = ("contextlib.py", "boundaries.py", "lease.py")  # frames that only pass a commit on


class Boundary(NamedTuple):
    number: int
    kind: str
    what: str


class Boundaries:
    """Counts what this process passes, and sends it `by` at number `at`; 0 lets it live."""

    def __init__(self, at: int = 0, by: signal.Signals = signal.SIGKILL) -> None:
        self.passed: list[Boundary] = []
        self._at, self._by = at, by
        self._counted = threading.get_ident()

    def reach(self, kind: str, what: str) -> None:
        """Be at a boundary; the caller does not get control back when it is the last one."""
        if threading.get_ident() != self._counted:
            return
        self.passed.append(Boundary(len(self.passed) + 1, kind, what))
        if len(self.passed) == self._at:
            os.kill(os.getpid(), self._by)

    @contextmanager
    def around(self, kind: str, what: str) -> Iterator[None]:
        """A boundary on each side; none behind what failed."""
        self.reach(kind, f"before {what}")
        yield
        self.reach(kind, f"after {what}")

    @contextmanager
    def installed(self, home: Path) -> Iterator[None]:
        """Watch this process; what happens to files outside `home` is nobody's state."""
        with ExitStack() as stack:
            for target, name, watched in (
                (State, "write", self._watched_write(State.write)),
                (duckdb, "connect", self._watched_connect(duckdb.connect)),
                (keep, "append", self._watched_append(keep.append)),
                (Path, "replace", self._watched_naming(Path.replace, home)),
                (Path, "hardlink_to", self._watched_naming(Path.hardlink_to, home)),
                (Path, "unlink", self._watched_removal(Path.unlink, home)),
                (Inbox, "forget_person", self._watched_forgetting(Inbox.forget_person)),
            ):
                stack.enter_context(patch.object(target, name, watched))
            yield

    def _watched_write(self, write: Callable[[State], Any]) -> Callable[[State], Any]:
        @contextmanager
        def watched(state: State) -> Iterator[Any]:
            what = _caller()
            with write(state) as db:
                yield db
                self.reach("state", f"before the commit of {what}")
            self.reach("state", f"after the commit of {what}")

        return watched

    def _watched_connect(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **more: WatchedDuckDB(connect(*args, **more), self)

    def _watched_append(self, append: Callable[..., None]) -> Callable[..., None]:
        def watched(home: Path, subject: Any, rows: Any) -> None:
            if not rows:
                return
            with self.around("keep", f"{len(rows)} lines of {subject}"):
                append(home, subject, rows)

        return watched

    def _watched_naming(
        self, naming: Callable[[Path, Any], Any], home: Path
    ) -> Callable[[Path, Any], Any]:
        def watched(path: Path, target: Any) -> Any:
            if not path.is_relative_to(home):
                return naming(path, target)
            named = target if path.name.startswith(".") else path
            with self.around("file", f"{Path(named).name} takes its name"):
                return naming(path, target)

        return watched

    def _watched_removal(
        self, unlink: Callable[[Path, bool], None], home: Path
    ) -> Callable[..., None]:
        def watched(path: Path, missing_ok: bool = False) -> None:
            was_there = path.is_relative_to(home) and path.exists()
            # What was on its way to a name has one that differs from run to run.
            named = "what was on its way" if path.name.startswith(".") else path.name
            unlink(path, missing_ok)
            if was_there:
                self.reach("file", f"after {named} is removed")

        return watched

    def _watched_forgetting(self, forget: Callable[..., int]) -> Callable[..., int]:
        def watched(inbox: Inbox, addresses: Any) -> int:
            with self.around("inbox", "a person is taken out of the deliveries"):
                return forget(inbox, addresses)

        return watched


class WatchedDuckDB:
    """A DuckDB connection whose commits are boundaries; everything else is passed through."""

    def __init__(self, db: Any, boundaries: Boundaries) -> None:
        self._db, self._boundaries = db, boundaries
        self._is_open = False  # a transaction is

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def __enter__(self) -> "WatchedDuckDB":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, query: str, *values: Any) -> Any:
        return self._committing(self._db.execute, query, *values)

    def executemany(self, query: str, *values: Any) -> Any:
        return self._committing(self._db.executemany, query, *values)

    def close(self) -> None:
        with self._boundaries.around("duckdb", "closing the files"):
            self._db.close()

    def _committing(self, execute: Callable[..., Any], query: str, *values: Any) -> Any:
        words = query.split()
        verb = words[0].upper()
        if verb == "BEGIN":
            self._is_open = True
        if verb == "COMMIT":
            self._is_open = False
        if self._is_open or verb not in WRITING:
            return execute(query, *values)
        if verb == "COMMIT":
            with self._boundaries.around("duckdb", "COMMIT"):
                return execute(query, *values)
        done = execute(query, *values)
        self._boundaries.reach("duckdb", f"after {told(words)}")
        return done


def told(words: list[str]) -> str:
    """The head of a statement, without paths: `CREATE TABLE work.plan.notes`.

    >>> told("CREATE OR REPLACE TABLE plan.notes AS SELECT 1".split())
    'CREATE TABLE plan.notes'
    """
    noise = ("OR", "REPLACE", "IF", "NOT", "EXISTS")
    kept = [word for word in words if word.upper() not in noise and "/" not in word]
    return " ".join(kept[:3])


class WatchedTransport(httpx.BaseTransport):
    """A real connection; the three boundaries of each exchange."""

    def __init__(self, boundaries: Boundaries) -> None:
        limits = httpx.Limits(max_connections=10, keepalive_expiry=2.0)
        self._inner = httpx.HTTPTransport(limits=limits)
        self._boundaries = boundaries

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        what = _call_name(request)
        self._boundaries.reach("http", f"before {what}")
        answer = self._inner.handle_request(request)
        self._boundaries.reach("http", f"handled, not read: {what}")
        assert isinstance(answer.stream, httpx.SyncByteStream)
        answer.stream = _WatchedBody(
            answer.stream, lambda: self._boundaries.reach("http", f"answer read: {what}")
        )
        return answer

    def close(self) -> None:
        self._inner.close()


class _WatchedBody(httpx.SyncByteStream):
    """The body of an answer; `was_read` is called when its last byte has come."""

    def __init__(self, inner: httpx.SyncByteStream, was_read: Callable[[], None]) -> None:
        self._inner, self._was_read = inner, was_read

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner
        self._was_read()

    def close(self) -> None:
        self._inner.close()


def open_watched_http(boundaries: Boundaries) -> httpx.Client:
    """As the product opens its own, but for the watching and for a proxy in the environment."""
    return httpx.Client(
        transport=WatchedTransport(boundaries),
        timeout=httpx.Timeout(30.0, connect=5.0),
        follow_redirects=False,
    )


def _call_name(request: httpx.Request) -> str:
    method = request.url.params.get("method")  # Mailigen's calls share one path
    return f"{request.method} {request.url.path}" + (f" {method}" if method else "")


def _caller() -> str:
    frame = sys._getframe(1)
    while frame.f_back and Path(frame.f_code.co_filename).name in TRANSPARENT:
        if frame.f_code.co_name in ("acquire", "release", "renew"):
            break
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"
