"""Webhooks as they came in, from the moment they are acknowledged until a run has seen to them.

    put (durable, then the vendor is answered) -> unread -> read: -> dismissed, after a run
                                                            no body  that began later has ended
                                        '---- dropped: older than a week, or the sync is deleted

A file of its own beside the state database: a delivery is stored within milliseconds, whatever
holds the state's write lock, and the state may be PostgreSQL far away.
"""

import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_plus

from state.database import utc_now
from state.errors import InboxUnusable

FILE = "inbox.db"
LONGEST_KEPT = timedelta(days=7)  # a body holds addresses; by then many sweeps have read the same
BUSY_SECONDS = 5  # less than a vendor waits for its answer
TABLE = """
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sync TEXT NOT NULL,
    account TEXT NOT NULL,
    received_at TEXT NOT NULL,
    is_read INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL
)
"""
INSERT = "INSERT INTO deliveries (sync, account, received_at, body) VALUES (?, ?, ?, ?)"


class Delivery(NamedTuple):
    """One delivery: whom it is for, and what was received, byte for byte."""

    id: int
    sync: str
    account: str
    body: bytes


class Arrived(NamedTuple):
    """A delivery that is not stored yet: whom it is for, and what was received."""

    sync: str
    account: str
    body: bytes


class Waiting(NamedTuple):
    """How many deliveries of a sync are in the inbox, and the newest of them."""

    deliveries: int
    last_id: int


class Inbox:
    """The open file. Any thread may use it; several processes may have it open."""

    def __init__(self, home: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self._now, self._turn = now, threading.Lock()
        path = home / FILE
        try:
            # Bodies hold addresses: the file is its owner's before anything is in it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(
                path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
            # What was dismissed is overwritten, not only forgotten.
            pragmas = ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
            for pragma in pragmas:
                self._db.execute(f"PRAGMA {pragma}")
            self._db.execute(TABLE)
        except (OSError, sqlite3.Error) as error:
            raise InboxUnusable(f"the inbox {path} cannot be opened: {error}") from error

    def close(self) -> None:
        self._db.close()

    def put(self, sync: str, account: str, body: bytes) -> int:
        """Store a delivery and return its id; it is on the disk when this returns."""
        return self.put_all([Arrived(sync, account, body)])[0]

    def put_all(self, arrived: Sequence[Arrived]) -> list[int]:
        """Store what came in together with one commit: all of it, or, with InboxUnusable, none."""
        at = self._now().isoformat()
        with self._asking() as db, _one_commit(db):
            asked = [db.execute(INSERT, (one.sync, one.account, at, one.body)) for one in arrived]
            return [int(one.lastrowid or 0) for one in asked]

    def unread(self, syncs: Collection[str], most: int = 500) -> Iterator[Delivery]:
        """Yield what nobody has read yet, oldest first, at most so many."""
        query = f"""
            SELECT id, sync, account, body FROM deliveries
            WHERE is_read = 0 AND sync IN ({_marks(syncs)}) ORDER BY id LIMIT ?
        """
        with self._asking() as db:
            rows = db.execute(query, [*syncs, most]).fetchall()
        yield from (Delivery(*row) for row in rows)

    def mark_read(self, deliveries: Iterable[Delivery]) -> None:
        """What they say was taken in. They stay until they are dismissed, to ring; their bodies,
        which hold addresses, go."""
        ids = [[one.id] for one in deliveries]
        with self._asking() as db, _one_commit(db):
            db.executemany("UPDATE deliveries SET is_read = 1, body = x'' WHERE id = ?", ids)

    def waiting(self, syncs: Collection[str]) -> dict[str, Waiting]:
        """Return what is in the inbox, read or not, of those syncs that have something in it."""
        query = f"""
            SELECT sync, count(*), max(id) FROM deliveries
            WHERE sync IN ({_marks(syncs)}) GROUP BY sync
        """
        with self._asking() as db:
            return {sync: Waiting(*rest) for sync, *rest in db.execute(query, [*syncs])}

    def counts(self) -> dict[str, int]:
        """Return how many deliveries wait, of every sync that has some."""
        query = "SELECT sync, count(*) FROM deliveries GROUP BY sync"
        with self._asking() as db:
            return dict(db.execute(query).fetchall())

    def dismiss(self, sync: str, up_to: int) -> None:
        """Take out what was read of a sync, up to an id: a run that began after it has ended."""
        with self._asking() as db:
            db.execute(
                "DELETE FROM deliveries WHERE sync = ? AND id <= ? AND is_read = 1", [sync, up_to]
            )

    def forget(self, sync: str) -> int:
        """Take out everything of a sync that is deleted, read or not; return how many."""
        with self._asking() as db:
            return db.execute("DELETE FROM deliveries WHERE sync = ?", [sync]).rowcount

    def forget_person(self, addresses: Collection[str]) -> int:
        """Empty the deliveries that name one of these addresses; return how many. They ring on:
        what they say beside that, the next run reads."""
        count = 0
        with self._asking() as db, _one_commit(db):
            for number, body in db.execute("SELECT id, body FROM deliveries").fetchall():
                told = unquote_plus(bytes(body).decode("utf-8", "replace")).lower()
                if any(one in told for one in addresses):
                    emptied = "UPDATE deliveries SET is_read = 1, body = x'' WHERE id = ?"
                    count += db.execute(emptied, [number]).rowcount
        return count

    def drop_old(self, age: timedelta = LONGEST_KEPT) -> dict[str, int]:
        """Take out what came in longer ago, of any sync, read or not; return how many of each.

        Take in first what can be: who left is told by an unread delivery alone.
        """
        before = [(self._now() - age).isoformat()]
        with self._asking() as db:
            gone = db.execute(
                "DELETE FROM deliveries WHERE received_at < ? RETURNING sync", before
            ).fetchall()
        return dict(Counter(sync for (sync,) in gone))

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._turn:
                yield self._db
        except sqlite3.Error as error:
            raise InboxUnusable(f"the inbox cannot be used: {error}") from error


@contextmanager
def _one_commit(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of it or nothing, on the disk at the end of the block."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    finally:
        if db.in_transaction:  # a full disk has rolled back already
            db.execute("ROLLBACK")


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" for _ in values)
