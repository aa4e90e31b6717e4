"""The file of received webhooks: what was acknowledged is there, whatever happens next."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from state.errors import InboxUnusable
from state.inbox import Arrived, Inbox, Waiting

DIES_RIGHT_AFTER_STORING = """
import os, signal, sys
from pathlib import Path
from typing import Any
from state.inbox import Inbox
Inbox(Path(sys.argv[1])).put("acme", "m", b"body")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    opened = Inbox(tmp_path)
    yield opened
    opened.close()


def bodies(inbox: Inbox, *syncs: str) -> list[bytes]:
    return [one.body for one in inbox.unread(syncs)]


def test_what_was_stored_survives_the_process_that_stored_it(tmp_path: Path) -> None:
    """ALL-12"""
    command = [sys.executable, "-c", DIES_RIGHT_AFTER_STORING, str(tmp_path)]
    root = Path(__file__).parents[2]
    ended = subprocess.run(command, cwd=root, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    inbox = Inbox(tmp_path)
    assert bodies(inbox, "acme") == [b"body"]
    inbox.close()


def test_the_file_is_its_owners_alone_and_forgets_what_is_dismissed(
    inbox: Inbox, tmp_path: Path
) -> None:
    """ALL-11: bodies hold addresses"""
    assert (tmp_path / "inbox.db").stat().st_mode & 0o777 == 0o600
    last = inbox.put("acme", "m", b"ann@x.lv")
    for one in list(inbox.unread(["acme"])):
        inbox.mark_read([one])
    inbox.dismiss("acme", last)
    inbox.close()  # folds the log of writes into the file
    assert b"ann@x.lv" not in (tmp_path / "inbox.db").read_bytes()


def test_what_is_read_waits_until_it_is_dismissed(inbox: Inbox) -> None:
    """ALL-12: each sync for itself, up to an id, and never what nobody has read"""
    first = inbox.put("acme", "m", b"1")
    inbox.put("other", "m", b"2")
    inbox.mark_read(inbox.unread(["acme"]))
    second = inbox.put("acme", "m", b"3")
    assert bodies(inbox, "acme", "other") == [b"2", b"3"]
    stored = inbox._db.execute("SELECT body FROM deliveries").fetchall()
    assert stored == [(b"",), (b"2",), (b"3",)], "who was read of is not kept"
    assert inbox.waiting(["acme", "other", "third"]) == {
        "acme": Waiting(2, second), "other": Waiting(1, first + 1),
    }  # fmt: skip
    inbox.dismiss("acme", second)
    assert inbox.waiting(["acme"]) == {"acme": Waiting(1, second)}


def test_an_id_is_never_given_twice(inbox: Inbox) -> None:
    """ALL-12: what came after a run began must not be taken for what came before"""
    first = inbox.put("acme", "m", b"1")
    inbox.mark_read(inbox.unread(["acme"]))
    inbox.dismiss("acme", first)
    assert inbox.put("acme", "m", b"2") > first


def test_an_inbox_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    """ALL-12: nobody may acknowledge then"""
    with pytest.raises(InboxUnusable, match="cannot be opened"):
        Inbox(tmp_path / "no such folder")
    (tmp_path / "inbox.db").write_bytes(b"this is no database, and longer than its head" * 9)
    with pytest.raises(InboxUnusable, match="cannot be opened"):
        Inbox(tmp_path)


def test_a_file_that_another_writes_for_too_long_is_not_waited_for(
    inbox: Inbox, tmp_path: Path
) -> None:
    """ALL-12"""
    other = sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    inbox._db.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(InboxUnusable, match="cannot be used"):
        inbox.put("acme", "m", b"1")
    other.close()


def test_what_came_in_together_is_stored_together_or_not_at_all(tmp_path: Path) -> None:
    """ALL-12: one commit, and ids in the order they came"""
    inbox = Inbox(tmp_path)
    together = [Arrived("acme", "m", body) for body in (b"1", b"2", b"3")]
    assert inbox.put_all(together) == [1, 2, 3]
    spoilt: list[Any] = [*together, Arrived("acme", "m", None)]  # type: ignore[arg-type]
    with pytest.raises(InboxUnusable):
        inbox.put_all(spoilt)
    assert bodies(inbox, "acme") == [b"1", b"2", b"3"]
    inbox.put("acme", "m", b"4")
    inbox.mark_read(inbox.unread(["acme"], most=2))
    assert bodies(inbox, "acme") == [b"3", b"4"]
    inbox.close()
