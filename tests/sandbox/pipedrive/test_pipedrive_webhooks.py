"""Webhooks over real HTTP."""

import base64
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pipedrive_desk import Desk


class Listener:
    """Receives webhooks; answers with `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.received: queue.Queue[tuple[dict[str, Any], str | None]] = queue.Queue()
        self.statuses: list[int] = []
        listener = self

        class Receive(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(listener.statuses.pop(0) if listener.statuses else 200)
                self.end_headers()
                listener.received.put((body, self.headers.get("authorization")))

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Receive)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self) -> dict[str, Any]:
        return self.received.get(timeout=5)[0]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()


def subscribe(crm: Desk, listener: Listener, action: str = "*", **more: Any) -> dict[str, Any]:
    body = {
        "subscription_url": listener.url,
        "event_action": action,
        "event_object": "person",
        "name": "test",
    }
    reply = crm.post("/v1/webhooks", body | more)
    assert reply.status == 201
    hook: dict[str, Any] = reply.result
    return hook


def test_a_persons_life_is_told_create_change_delete(crm: Desk, listener: Listener) -> None:
    subscribe(crm, listener, http_auth_user="me", http_auth_password="secret")
    person = crm.post("/api/v2/persons", {"name": "A B"}).result
    crm.patch(f"/api/v2/persons/{person['id']}", {"job_title": "Buyer"})
    crm.delete(f"/api/v2/persons/{person['id']}")
    created, authorization = listener.received.get(timeout=5)
    assert authorization == "Basic " + base64.b64encode(b"me:secret").decode()
    assert (created["meta"]["action"], created["meta"]["entity"]) == ("create", "person")
    assert (created["meta"]["entity_id"], created["previous"]) == (str(person["id"]), None)
    changed = listener.next()
    # The time of the change is of another second now and then.
    assert changed["previous"].keys() - {"update_time"} == {"job_title"}
    assert changed["previous"]["job_title"] is None
    assert changed["data"]["job_title"] == "Buyer"
    deleted = listener.next()
    assert (deleted["data"], deleted["previous"]["id"]) == (None, person["id"])


def test_a_failed_delivery_is_tried_again_on_the_sandbox_clock(
    crm: Desk, listener: Listener
) -> None:
    subscribe(crm, listener, "create")
    listener.statuses = [500, 500]
    crm.post("/api/v2/persons", {"name": "A B"})
    assert listener.next()["meta"]["attempt"] == 1
    wait_for_tries(crm, 1)
    crm.control("POST", "/clock", {"advance_s": 4})
    assert listener.next()["meta"]["attempt"] == 2
    wait_for_tries(crm, 2)
    crm.control("POST", "/clock", {"advance_s": 31})
    assert listener.next()["meta"]["attempt"] == 3


def wait_for_tries(crm: Desk, count: int) -> None:
    """The receiver has the request a moment before the sender has noted its answer."""
    while len(crm.control("GET", "/deliveries")) < count:
        pass


def test_webhooks_can_be_dropped_doubled_and_reordered(crm: Desk, listener: Listener) -> None:
    subscribe(crm, listener, "create")
    crm.fault("drop_webhook")
    crm.post("/api/v2/persons", {"name": "Dropped"})
    crm.fault("double_webhook")
    crm.post("/api/v2/persons", {"name": "Doubled"})
    crm.fault("reorder_webhooks")
    crm.post("/api/v2/persons", {"name": "First"})
    crm.post("/api/v2/persons", {"name": "Second"})
    names = [listener.next()["data"]["name"] for _ in range(4)]
    assert names == ["Doubled", "Doubled", "Second", "First"]


def test_webhooks_held_back_come_in_their_order_once_they_may(
    crm: Desk, listener: Listener
) -> None:
    subscribe(crm, listener, "create")
    crm.control("POST", "/deliveries", {"are_held": True})
    crm.post("/api/v2/persons", {"name": "First"})
    crm.post("/api/v2/persons", {"name": "Second"})
    assert crm.control("GET", "")["pending_deliveries"] == 2
    assert crm.control("GET", "/deliveries") == []
    crm.control("POST", "/deliveries", {"are_held": False})
    assert [listener.next()["data"]["name"] for _ in range(2)] == ["First", "Second"]


def test_a_merge_is_told_as_delete_and_change(crm: Desk, listener: Listener) -> None:
    subscribe(crm, listener)
    crm.call("PUT", "/v1/persons/1/merge", {"merge_with_id": 2})
    gone, kept = listener.next()["meta"], listener.next()["meta"]
    assert (gone["action"], gone["entity_id"], gone["merged_to_id"]) == ("delete", "1", "2")
    assert (kept["action"], kept["entity_id"], kept["merged_from_id"]) == ("change", "2", "1")


def test_nothing_is_ever_delivered_off_this_machine(crm: Desk, listener: Listener) -> None:
    subscribe(crm, listener, subscription_url="http://example.org/hook")
    crm.post("/api/v2/persons", {"name": "A B"})
    assert [d["status"] for d in crm.control("GET", "/deliveries")] == [-1]


def test_webhooks_are_checked_listed_and_deleted(crm: Desk, listener: Listener) -> None:
    hook = subscribe(crm, listener)
    assert [h["id"] for h in crm.get("/v1/webhooks").result] == [hook["id"]]
    assert crm.post("/v1/webhooks", {"name": "x", "event_action": "added"}).status == 400
    assert crm.delete(f"/v1/webhooks/{hook['id']}").body == {"status": "ok", "success": True}
    assert crm.delete(f"/v1/webhooks/{hook['id']}").status == 404
