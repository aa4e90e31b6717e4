"""The receiver over real HTTP: who is let in, what is stored, and when that is answered."""

import hmac
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
import uvicorn

from state.errors import InboxUnusable
from state.inbox import Inbox
from web.receiver import LARGEST_BODY, Office, Source, receiver

ROOT = Path(__file__).parents[2]
KILLED_BETWEEN_STORING_AND_ANSWERING = """
import os, signal, socket, sys
from pathlib import Path
import uvicorn
from state.inbox import Inbox
from web.receiver import Office, Source, receiver

inbox = Inbox(Path(sys.argv[1]))
def store(source, body):
    inbox.put(source.sync, source.account, body)
    os.kill(os.getpid(), signal.SIGKILL)
source = Source("acme", "m", lambda body, headers: True)
app = receiver({source.path: source}.get, Office(store, print))
uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None)).run([socket.socket(fileno=0)])
"""


def is_signed(body: bytes, headers: Mapping[str, str]) -> bool:
    """A vendor of the test's own: the receiver knows none."""
    return hmac.compare_digest(headers.get("x-signed", "").encode(), f"{len(body)} bytes".encode())


class Door:
    """A receiver on a port of its own, and what it stored."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, bytes]] = []
        self.refused: list[str] = []
        self.storing: Callable[[], object] = lambda: None
        sources = [Source("acme", "the list", is_signed), Source("other", "m", is_signed)]
        self.doors = {source.path: source for source in sources}
        app = receiver(
            self.doors.get, Office(self._store, lambda one: self.refused.append(one.sync))
        )
        self._bound = socket.create_server(("127.0.0.1", 0))
        self.address = self._bound.getsockname()
        self._server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        self._thread = threading.Thread(target=self._server.run, args=([self._bound],))
        self._thread.start()
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.address[1]}", trust_env=False, timeout=20
        )

    def _store(self, source: Source, body: bytes) -> None:
        self.storing()
        self.stored.append((source.sync, body))

    def post(self, body: bytes, path: str = "/hooks/acme/the%20list", **headers: str) -> int:
        signed = {"x-signed": f"{len(body)} bytes"}
        return self.http.post(path, content=body, headers=signed | headers).status_code

    def close(self) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join()
        self._bound.close()


@pytest.fixture
def door() -> Iterator[Door]:
    opened = Door()
    yield opened
    opened.close()


def test_a_signed_delivery_is_stored_as_it_came(door: Door) -> None:
    """ALL-12: for its own sync and byte for byte, also when nobody can read it"""
    assert [door.post(b"\xff{"), door.post(b"{}", "/hooks/other/m")] == [200, 200]
    assert door.stored == [("acme", b"\xff{"), ("other", b"{}")]


@pytest.mark.parametrize("signed", ["", "3 bytes", "2 byte", "\u00e9"])
def test_an_unsigned_delivery_is_answered_401_and_stores_nothing(door: Door, signed: str) -> None:
    """ALL-12"""
    answer = door.http.post(
        "/hooks/acme/the%20list", content=b"{}", headers={"x-signed": signed.encode("latin-1")}
    )
    assert (answer.status_code, door.stored, door.refused) == (401, [], ["acme"])


def test_a_look_before_delivering_and_the_health_are_answered(door: Door) -> None:
    """ALL-12: some vendors ask with GET whether anybody is there"""
    paths = ("/hooks/acme/the%20list", "/health")
    assert [door.http.get(path).status_code for path in paths] == [200, 200]


@pytest.mark.parametrize("path", ["/", "/hooks/acme", "/hooks/acme/m", "/hooks/../health/x"])
def test_nobody_listens_anywhere_else(door: Door, path: str) -> None:
    """ALL-12"""
    assert door.post(b"{}", path) == 404
    assert door.stored == []


def test_a_body_over_the_limit_is_refused_before_it_is_signed_for(door: Door) -> None:
    """ALL-12: by its stated length, and by what comes when none is stated"""
    large = b"x" * (LARGEST_BODY + 1)
    assert door.post(large) == 413

    def parts() -> Iterator[bytes]:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    signed = {"x-signed": f"{len(large)} bytes"}
    try:
        answer = door.http.post("/hooks/other/m", content=parts(), headers=signed)
        assert answer.status_code == 413
    except (httpx.WriteError, httpx.ReadError):
        pass  # closed in the middle of the body: refused just as well
    assert door.post(b"x" * LARGEST_BODY) == 200
    assert [len(body) for _, body in door.stored] == [LARGEST_BODY]
    assert door.refused == []


def test_a_body_that_breaks_off_stores_nothing(door: Door) -> None:
    """ALL-12"""
    with socket.create_connection(door.address) as caller:
        head = "POST /hooks/other/m HTTP/1.1\r\nhost: x\r\nx-signed: 9 bytes\r\ncontent-length: 9"
        caller.sendall(head.encode() + b"\r\n\r\n{}")
    assert door.post(b"{}") == 200
    assert [body for _, body in door.stored] == [b"{}"]


def test_nothing_is_acknowledged_that_could_not_be_stored(door: Door) -> None:
    """ALL-12: the vendor may send it again"""

    def full() -> None:
        raise InboxUnusable("the disk is full")

    door.storing = full
    assert door.post(b"{}") == 503


def test_the_answer_waits_for_the_disk_and_for_nothing_else(door: Door) -> None:
    """ALL-12: while one delivery is being stored others are answered"""
    is_stored, is_storing = threading.Event(), threading.Event()
    slow: list[int] = []

    def wait() -> None:
        is_storing.set()
        is_stored.wait(20)

    door.storing = wait
    url = f"http://127.0.0.1:{door.address[1]}/hooks/acme/the%20list"
    first = threading.Thread(
        target=lambda: slow.append(
            httpx.post(url, content=b"1", headers={"x-signed": "1 bytes"}, timeout=20).status_code
        )
    )
    first.start()
    assert is_storing.wait(20)
    door.storing = lambda: None
    began = time.monotonic()
    assert door.post(b"22") == 200
    assert time.monotonic() - began < 5
    assert slow == []
    is_stored.set()
    first.join()
    assert slow == [200]


def test_a_delivery_is_kept_when_the_process_dies_before_it_answers(tmp_path: Path) -> None:
    """ALL-12: stored first; the vendor, unanswered, may send it once more, which is no harm"""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        dying = subprocess.Popen(
            [sys.executable, "-c", KILLED_BETWEEN_STORING_AND_ANSWERING, str(tmp_path)],
            cwd=ROOT, stdin=bound, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/hooks/acme/m"
        with pytest.raises(httpx.TransportError):
            httpx.post(url, content=b"body", timeout=60, trust_env=False)
    assert dying.wait(60) == -signal.SIGKILL
    inbox = Inbox(tmp_path)
    assert [one.body for one in inbox.unread(["acme"])] == [b"body"]
    inbox.close()


def test_a_door_opens_and_closes_while_it_listens(door: Door) -> None:
    """ALL-12: a sync that is deleted, or whose account is another now"""
    path, closed = next(iter(door.doors.items()))
    del door.doors[path]
    assert door.post(b"{}") == 404
    door.doors[path] = closed
    assert door.post(b"{}") == 200
    assert len(door.stored) == 1
