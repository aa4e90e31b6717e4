"""Mailigen over real HTTP: the journal, lost answers, played events and delivered webhooks."""

import hashlib
import hmac
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import orjson
import pytest

from sandbox import server

KEY = "sandbox-mailigen-key"


class Client:
    """Calls Mailigen as its PHP class does, and the control surface beside it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False)
        told = self.http.get("/_sandbox").json()["vendors"]["mailigen"]
        self.list_id = told["lists"]["Newsletter"]
        self.campaigns = told["campaigns"]

    def call(self, method: str, **fields: str) -> Any:
        query = {"output": "json", "method": method}
        answer = self.http.post("/mailigen/1.8/", params=query, data={"apikey": KEY, **fields})
        assert answer.status_code == 200
        return answer.json()

    def play(self, **event: Any) -> httpx.Response:
        return self.http.post("/_sandbox/events/mailigen", json=event)

    def journal(self) -> list[dict[str, Any]]:
        lines = self.http.get("/_sandbox/journal?after=0").text.splitlines()
        return [orjson.loads(line) for line in lines]


@pytest.fixture(scope="module")
def running() -> Iterator[server.Running]:
    with server.start(people=60) as running:
        yield running


@pytest.fixture
def client(running: server.Running) -> Client:
    httpx.post(f"{running.url}/_sandbox/reset", json={"seed": 7, "people": 60}, trust_env=False)
    return Client(running.url)


@pytest.fixture
def letters() -> Iterator[tuple[str, "queue.Queue[tuple[str, bytes]]"]]:
    """A web server that keeps each post's signature and body."""
    received: queue.Queue[tuple[str, bytes]] = queue.Queue()

    class Box(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put((self.headers["X-Mailigen-Signature"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    box = HTTPServer(("127.0.0.1", 0), Box)
    thread = threading.Thread(target=box.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{box.server_port}/hook", received
    box.shutdown()
    thread.join()
    box.server_close()


def test_a_subscription_is_one_effect_in_the_journal(client: Client) -> None:
    fields = {"id": client.list_id, "email_address": "a@x.lv", "double_optin": "0"}
    assert client.call("listSubscribe", **fields) == "true"
    line = client.journal()[-1]
    assert [(e["object"], e["verb"]) for e in line["effects"]] == [("members", "create")]
    assert KEY not in orjson.dumps(line).decode()


def test_a_lost_answer_has_been_committed_all_the_same(client: Client) -> None:
    fault = {"kind": "lost_answer", "vendor": "mailigen", "path": "/1.8/listSubscribe"}
    client.http.post("/_sandbox/faults", json=fault)
    fields = {"id": client.list_id, "email_address": "a@x.lv", "double_optin": "0"}
    with pytest.raises(httpx.TransportError):
        client.call("listSubscribe", **fields)
    assert client.call("listSubscribe", **fields)["code"] == 214


def test_a_batch_that_breaks_off_leaves_its_first_rows_on_the_list(client: Client) -> None:
    fault = {"kind": "break_off", "vendor": "mailigen", "path": "/1.8/listBatch", "rows": 2}
    client.http.post("/_sandbox/faults", json=fault)
    rows = {f"batch[{i}][EMAIL]": f"{name}@x.lv" for i, name in enumerate("abc")}
    with pytest.raises(httpx.RemoteProtocolError):
        client.call("listBatchSubscribe", id=client.list_id, double_optin="0", **rows)
    members = client.http.get("/_sandbox/books/mailigen/members").json()
    assert [m["email"] for m in members if m["email"].endswith("@x.lv")] == ["a@x.lv", "b@x.lv"]


def test_a_played_open_is_counted_and_a_wrong_one_is_refused_by_name(client: Client) -> None:
    email = client.call("listMembers", id=client.list_id)[0]["email"]
    cid = client.campaigns["Customer story"]
    before = client.call("campaignStats", cid=cid)["opens"]
    client.play(kind="open", campaign=cid, email=email, times=2)
    assert client.call("campaignStats", cid=cid)["opens"] == before + 2
    refused = client.play(kind="open", campaign=cid, email="nobody@x.lv")
    assert (refused.status_code, "nobody@x.lv" in refused.text) == (400, True)


def test_a_webhook_arrives_signed(
    client: Client, letters: tuple[str, "queue.Queue[tuple[str, bytes]]"]
) -> None:
    url, received = letters
    options = {
        "list_id": client.list_id,
        "url": url,
        "secret_key": "s3",
        "events][0": "contact.subscribe",
    }
    fields = {f"options[{name}]": value for name, value in options.items()}
    client.call("webhookCreate", title="Hook", **fields)
    client.play(kind="subscribe", email="a@x.lv")
    signature, body = received.get(timeout=10)
    assert signature == "sha1=" + hmac.new(b"s3", body, hashlib.sha1).hexdigest()
    assert orjson.loads(body)["data"][0]["email"] == "a@x.lv"


def test_a_scheduled_campaign_is_sent_when_the_clock_is_advanced(client: Client) -> None:
    content = {"type": "html", "content[html]": "<p>Hello</p>"}
    options = {
        "list_id": client.list_id,
        "subject": "Late",
        "from_email": "n@acme.example",
        "from_name": "N",
    }
    fields = {f"options[{name}]": value for name, value in options.items()}
    cid = client.call("campaignCreate", **content, **fields)
    assert client.call("campaignSchedule", cid=cid, schedule_time="2099-01-01 00:00:00") == "true"
    client.http.post("/_sandbox/clock", json={"advance_s": 100 * 366 * 86400})
    assert client.call("campaigns", **{"filters[campaign_id]": cid})[0]["status"] == "sent"


def test_the_books_can_be_read_and_every_assumption_says_why(client: Client) -> None:
    members = client.http.get("/_sandbox/books/mailigen/members").json()
    assert {"email", "status", "merges", "_deleted"} <= set(members[0])
    switched = {"vendor": "mailigen", "name": "opened_limit_max", "value": 50}
    assert client.http.post("/_sandbox/assumptions", json=switched).status_code == 200
    shown = client.http.get("/_sandbox/assumptions").json()["mailigen"]["opened_limit_max"]
    assert (shown["value"], shown["default"]) == (50, 1000)
