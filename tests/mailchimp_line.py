"""A line to the sandbox's Mailchimp: calls go over HTTP, and every exchange is checked.

Answers and accepted requests are held against the published contract (tests/contract), whatever
the test is about. `Ear` is where webhooks are heard.
"""

import io
import tarfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import httpx
import orjson

from sandbox.mailchimp.access import ACME_KEY
from sandbox.mailchimp.account import hash_of
from tests.contract.exchange import met
from tests.contract.mailchimp import MAILCHIMP

PATIENCE_S = 10


class Line:
    """`line.get("/lists")`; `line.control` talks to the sandbox itself."""

    def __init__(self, url: str, key: str = ACME_KEY) -> None:
        self.url, self.key = url, key
        self.http = httpx.Client(timeout=PATIENCE_S, trust_env=False)
        self.list_id = ""

    def reset(self) -> None:
        self.control("POST", "/reset", {"seed": 7, "people": 120})
        self.list_id = self.account()["lists"]["Newsletter"]

    def account(self) -> Any:
        return self.control("GET", "")["vendors"]["mailchimp"]

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """The answer as it came, good or bad."""
        answer = self.http.request(
            method,
            f"{self.url}/mailchimp/3.0{path}",
            params=query,
            json=body,
            headers={"authorization": f"Bearer {self.key}"},
        )
        if answer.status_code < 500 and not MAILCHIMP.why_absent():
            complaints = MAILCHIMP.hold(met(answer, f"{self.url}/mailchimp"))
            assert not complaints, complaints
        return answer

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The body of an answer that must be good; None for 204."""
        answer = self.send(method, path, body, **query)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def refusal(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.send(method, path, body)
        assert answer.status_code >= 400, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body)

    def member_path(self, email: str) -> str:
        return f"/lists/{self.list_id}/members/{hash_of(email)}"

    def add(self, email: str, status: str = "subscribed", **body: Any) -> Any:
        told = {"email_address": email, "status": status, **body}
        return self.post(f"/lists/{self.list_id}/members", told)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.url}/_sandbox{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def play(self, kind: str, **event: Any) -> Any:
        return self.control("POST", "/events/mailchimp", {"kind": kind, **event})

    def assume(self, name: str, value: Any) -> None:
        told = {"vendor": "mailchimp", "name": name, "value": value}
        self.control("POST", "/assumptions", told)

    def advance(self, seconds: float) -> None:
        self.control("POST", "/clock", {"advance_s": seconds})

    def book(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"/books/mailchimp/{name}")
        return found

    def effects(self, method: str) -> list[tuple[str, str]]:
        """Object and verb of every effect journaled under the method."""
        told = self.http.get(f"{self.url}/_sandbox/journal").text.splitlines()
        entries = [orjson.loads(line) for line in told]
        mine = [e for e in entries if e["vendor"] == "mailchimp" and e["method"] == method]
        return [(effect["object"], effect["verb"]) for e in mine for effect in e["effects"]]

    def results(self, url: str) -> list[dict[str, Any]]:
        """What the archive at the address holds, fetched by nobody in particular."""
        return unpacked(httpx.get(url, trust_env=False).content)


def unpacked(archive: bytes) -> list[dict[str, Any]]:
    """All results of a batch; folders and empty files are stepped over."""
    found: list[dict[str, Any]] = []
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for entry in tar:
            file = tar.extractfile(entry)
            content = file.read() if file else b""
            found += orjson.loads(content) if content else []
    return found


class Heard(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class Ear:
    """A receiver of webhooks on loopback. `status` is what POST is answered, `at_look` GET."""

    def __init__(self) -> None:
        self.status, self.at_look = 200, 200
        self.heard: list[Heard] = []
        self.looks: list[str] = []
        self._told = threading.Condition()
        self._server = HTTPServer(("127.0.0.1", 0), self._listener())
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def until(self, count: int) -> list[Heard]:
        """What was heard once there are so many; fails when they do not come."""
        with self._told:
            is_there = self._told.wait_for(lambda: len(self.heard) >= count, PATIENCE_S)
        assert is_there, [heard.form for heard in self.heard]
        return self.heard

    def kinds(self, count: int) -> list[str]:
        return [heard.form["type"] for heard in self.until(count)]

    def _listener(self) -> Callable[..., BaseHTTPRequestHandler]:
        ear = self

        class Listener(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ear.looks.append(self.headers["user-agent"])
                self._say(ear.at_look)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                self._say(ear.status)
                with ear._told:
                    ear.heard.append(Heard(self.path, named, body))
                    ear._told.notify_all()

            def _say(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Listener

    def __enter__(self) -> "Ear":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
