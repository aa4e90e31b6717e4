"""The receiver over real HTTP: who is let in, what is stored, and when that is answered."""

import hmac
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import uvicorn

from connectors.pipedrive.webhooks import is_authorized
from state.errors import InboxUnusable
from state.inbox import Arrived, Inbox
from web.prompt import PromptProtocol
from web.receiver import LARGEST_BODY, Office, Source, receiver

ROOT = Path(__file__).parents[2]
KILLED_BETWEEN_STORING_AND_ANSWERING = """
import os, signal, socket, sys
from pathlib import Path
import uvicorn
from state.inbox import Inbox
from web.receiver import Office, Source, receiver

inbox = Inbox(Path(sys.argv[1]))
def store(arrived):
    inbox.put_all(arrived)
    os.kill(os.getpid(), signal.SIGKILL)
source = Source("acme", "m", lambda body, headers: True)
app = receiver({source.path: source}.get, Office(store, print))
uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None)).run([socket.socket(fileno=0)])
"""


SIGNED_FOR: list[bytes] = []  # bodies that were read to their end


def is_signed(body: bytes, headers: Mapping[str, str]) -> bool:
    """A vendor of the test's own: the receiver knows none."""
    SIGNED_FOR.append(body)
    return hmac.compare_digest(headers.get("x-signed", "").encode(), f"{len(body)} bytes".encode())


class Hasty(PromptProtocol):
    """Who waits a second for a head need not wait ten in a test."""

    longest_head_s = 1.0


class Door:
    """A receiver on a port of its own, and what it stored."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, bytes]] = []
        self.refused: list[str] = []
        self.commits: list[int] = []
        self.storing: Callable[[], object] = lambda: None
        sources = [Source("acme", "the list", is_signed), Source("other", "m", is_signed)]
        self.doors = {source.path: source for source in sources}
        app = receiver(
            self.doors.get, Office(self._store, lambda one: self.refused.append(one.sync))
        )
        self._bound = socket.create_server(("127.0.0.1", 0))
        self.address = self._bound.getsockname()
        self._server = uvicorn.Server(
            uvicorn.Config(app, http=Hasty, lifespan="off", log_config=None)
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._bound],))
        self._thread.start()
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.address[1]}", trust_env=False, timeout=20
        )

    def _store(self, arrived: Sequence[Arrived]) -> None:
        self.storing()
        self.commits.append(len(arrived))
        self.stored.extend((one.sync, one.body) for one in arrived)

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


def full() -> None:
    raise InboxUnusable("the disk is full")


def test_nothing_is_acknowledged_that_could_not_be_stored(door: Door) -> None:
    """ALL-12: the vendor may send it again"""

    door.storing = full
    assert door.post(b"{}") == 503


def test_what_comes_while_the_disk_is_busy_shares_the_next_commit(door: Door) -> None:
    """ALL-12: each is answered after its own commit, and nobody waits for a commit each"""
    SIGNED_FOR.clear()
    is_storing, may_store = threading.Event(), threading.Event()

    def wait() -> None:
        is_storing.set()
        may_store.wait(20)

    door.storing = wait
    with ThreadPoolExecutor(6) as callers:
        first = callers.submit(door.post, b"1")
        assert is_storing.wait(20)
        others = [callers.submit(door.post, body) for body in (b"22", b"333", b"4444")]
        assert door.http.get("/health").status_code == 200
        while len(SIGNED_FOR) < 4:
            assert not first.done()
        door.storing = lambda: None
        may_store.set()
        assert [one.result(20) for one in (first, *others)] == [200] * 4
    assert door.commits == [1, 3]


def test_a_failed_commit_acknowledges_none_of_those_that_shared_it(door: Door) -> None:
    """ALL-12: and the next one is stored as ever"""
    door.storing = full
    with ThreadPoolExecutor(3) as callers:
        assert list(callers.map(door.post, (b"1", b"22", b"333"))) == [503] * 3
    door.storing = lambda: None
    assert (door.post(b"4444"), door.stored) == (200, [("acme", b"4444")])


def test_who_sends_no_head_is_hung_up_on(door: Door) -> None:
    """ALL-12: at once, and after a first request alike; others are served meanwhile"""
    ask = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
    for before, said in ((b"", b""), (b"POST /hooks", b""), (ask + b"GET /he", b"200 OK")):
        with socket.create_connection(door.address, timeout=20) as caller:
            caller.sendall(before)
            assert door.post(b"{}") == 200
            told = b"".join(iter(lambda: caller.recv(4096), b""))
        assert said in told
        assert b"408 Request Timeout" in told


def test_a_body_that_dribbles_is_answered_408(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """ALL-12"""
    monkeypatch.setattr("web.receiver.LONGEST_BODY_S", 0.5)
    with socket.create_connection(door.address, timeout=20) as caller:
        caller.sendall(b"POST /hooks/other/m HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        assert b" 408 " in caller.recv(4096)
    assert door.stored == []


def test_more_than_the_memory_is_for_is_put_off(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ALL-12: whoever is not known yet may not fill it; afterwards there is room again"""
    monkeypatch.setattr("web.receiver.MOST_AT_ONCE", 10)
    assert [door.post(b"x" * 11), door.post(b"x" * 9)] == [503, 200]


def test_noise_instead_of_a_request_is_refused_and_others_are_served(door: Door) -> None:
    """ALL-12: malformed heads, a length that is none, a body in no pieces"""
    head = b"POST /hooks/other/m HTTP/1.1\r\nhost: x\r\n"
    for noise in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"HELLO\r\n\r\n", head + b"content-length: -1\r\n\r\n",
        head + b"transfer-encoding: chunked\r\n\r\nnope\r\n", b"GET \xff\xfe HTTP/1.1\r\n\r\n",
    ):  # fmt: skip
        with socket.create_connection(door.address, timeout=20) as caller:
            caller.sendall(noise)
            assert b" 200 " not in b"".join(iter(lambda: caller.recv(4096), b""))
        assert door.post(b"{}") == 200
    assert {body for _, body in door.stored} == {b"{}"}


@pytest.mark.parametrize(
    ("carried", "status"),
    [("Basic c3luY2xpbmU6czNjcmV0", 200), ("basic c3luY2xpbmU6czNjcmV0", 200), ("", 401),
     ("Basic c3luY2xpbmU6", 401), ("Basic ???", 401), ("Bearer c3luY2xpbmU6czNjcmV0", 401),
     ("Basic", 401), ("Basic \u00e9", 401)],
)  # fmt: skip
def test_a_vendor_that_signs_nothing_is_told_by_its_password(
    door: Door, carried: str, status: int
) -> None:
    """ALL-12: Pipedrive's webhooks carry HTTP Basic"""
    source = Source(
        "deals", "crm", lambda _, headers: is_authorized(headers.get("authorization"), "syncline", "s3cret")
    )  # fmt: skip
    door.doors[source.path] = source
    sent = {"authorization": carried.encode("latin-1")}
    assert door.http.post(source.path, content=b"{}", headers=sent).status_code == status
    assert [sync for sync, _ in door.stored] == (["deals"] if status == 200 else [])


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
