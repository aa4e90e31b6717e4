"""The address a browser is sent back to after somebody let an app in (or did not).

    GET /callback?state=ours&code=...     taken, answered once the caller knows what came of it
    GET /callback?error=...               taken as well: a denial may come without a state
    GET /callback?state=another           400, and waited on: it is not the answer to our question
    anything else                         404

Loopback only, for minutes only, one visit only. It knows no vendor, and keeps nothing.
"""

import hmac
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self, cast
from urllib.parse import parse_qsl, urlsplit

PATH = "/callback"
LOOK_SECONDS = 0.2
VISIT_SECONDS = 10  # browsers open connections ahead and send nothing on them
LAST_WORD = "Syncline ended before it could tell what became of this. Look at its terminal."


class PortTakenError(Exception):
    """Nothing can be received at the port."""


class NobodyCameError(Exception):
    """The time is up and no browser has come back."""


class Visit:
    """The one callback that fits. Whoever took it owes the browser an answer."""

    def __init__(self, code: str, error: str) -> None:
        self.code, self.error = code, error
        self._answer: Queue[tuple[int, str]] = Queue()
        self._is_sent = Event()

    def answer(self, status: int, sentence: str) -> None:
        """Show the browser a sentence; returns when it is on its way. Only the first one counts."""
        self._answer.put((status, sentence))
        self._is_sent.wait(VISIT_SECONDS)

    def said(self) -> tuple[int, str]:
        return self._answer.get()

    def sent(self) -> None:
        self._is_sent.set()


class Callback:
    """A port that is open while the block runs."""

    def __init__(self, port: int, state: str) -> None:
        """`state` is the word that only an answer to our own question knows."""
        self._state, self._arrived = state.encode(), Queue[Visit]()
        self._visit: Visit | None = None
        self._one = Lock()
        try:
            self._server = _Door(("127.0.0.1", port), _Caller)
        except OSError as error:
            raise PortTakenError(f"port {port} cannot be opened: {error.strerror}") from error
        self._server.callback = self
        self.url = f"http://127.0.0.1:{self._server.server_port}{PATH}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._visit is not None:
            self._visit.answer(500, LAST_WORD)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self, *, until: float, seconds: Callable[[], float]) -> Visit:
        """Return the visit that fits; NobodyCameError when `seconds()` has passed `until`."""
        while seconds() < until:
            try:
                return self._arrived.get(timeout=LOOK_SECONDS)
            except Empty:
                continue
        raise NobodyCameError

    def take(self, query: dict[str, str]) -> Visit | tuple[int, str]:
        """The visit, to be answered later; or what to answer at once."""
        given, denied = query.get("state"), query.get("error", "")
        fits = given is not None and hmac.compare_digest(given.encode(), self._state)
        if not fits and not (denied and given is None):
            return 400, "This is not the answer to the question Syncline has asked. It waits on."
        if not denied and not query.get("code"):
            return 400, "This answer has neither a code nor an error. Syncline waits on."
        with self._one:
            if self._visit is not None:
                return 409, "Syncline has had its answer already. Look at its terminal."
            self._visit = Visit(query.get("code", ""), denied)
        self._arrived.put(self._visit)
        return self._visit


class _Door(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a connection that sends nothing must not hold up the end
    callback: Callback

    def handle_error(self, request: object, client_address: object) -> None:
        """Somebody hung up, or sent what is no request: not the operator's matter."""


class _Caller(BaseHTTPRequestHandler):
    """One request of a browser. Nothing of it is logged: the code is in its address."""

    timeout = VISIT_SECONDS
    server_version, sys_version = "Syncline", ""

    def do_GET(self) -> None:
        try:
            address = urlsplit(self.path)
            query = dict(parse_qsl(address.query, keep_blank_values=True))
        except ValueError:
            self._say(400, "This is no address Syncline understands.")
            return
        if address.path != PATH:
            self._say(404, "Nothing is here.")
            return
        taken = cast(_Door, self.server).callback.take(query)
        if isinstance(taken, Visit):
            try:
                self._say(*taken.said())
            finally:
                taken.sent()  # a browser that has gone by now holds nobody up
        else:
            self._say(*taken)

    def log_message(self, *_: object) -> None:
        """Nothing to stderr."""

    def _say(self, status: int, sentence: str) -> None:
        page = f"<!doctype html><title>Syncline</title><p>{escape(sentence)}</p>\n".encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(page)))
        self.send_header("cache-control", "no-store")
        self.send_header("referrer-policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)
        self.wfile.flush()
