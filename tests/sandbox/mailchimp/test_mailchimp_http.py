"""Mailchimp over real HTTP: where it lives, faults in front of it, the journal."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from mailchimp_desk import ACME_KEY, hash_of

from sandbox import server

PUT = {"email_address": "ann@x.lv", "status_if_new": "subscribed"}


@pytest.fixture(scope="module")
def running() -> Iterator[server.Running]:
    with server.start(people=60) as started:
        yield started


class Client:
    """Calls Mailchimp as a client does, and the control surface beside it."""

    def __init__(self, url: str) -> None:
        self.control = httpx.Client(base_url=f"{url}/_sandbox", trust_env=False)
        self.control.post("/reset", json={"seed": 7, "people": 60})
        told = self.control.get("").json()["vendors"]["mailchimp"]
        root = f"{url}{told['mounted_at']}{told['path']}"
        self.api = httpx.Client(base_url=root, auth=("any", ACME_KEY), trust_env=False)
        self.ann = f"/lists/{told['lists']['Newsletter']}/members/{hash_of('ann@x.lv')}"

    def fault(self, kind: str, **more: Any) -> None:
        order = {"kind": kind, "vendor": "mailchimp", **more}
        self.control.post("/faults", json=order).raise_for_status()

    def journal(self) -> list[dict[str, Any]]:
        lines = self.control.get("/journal").text.splitlines()
        return [orjson.loads(line) for line in lines]


@pytest.fixture
def client(running: server.Running) -> Client:
    return Client(running.url)


def test_a_write_is_one_line_of_the_journal_without_the_key(client: Client) -> None:
    """ALL-11"""
    assert client.api.put(client.ann, json=PUT).status_code == 200
    (line,) = client.journal()
    assert (line["method"], line["status"]) == ("PUT", 200)
    assert [effect["object"] for effect in line["effects"]] == ["members"]
    assert ACME_KEY not in str(line)


def test_a_lost_answer_has_written_all_the_same(client: Client) -> None:
    """ALL-06"""
    client.fault("lost_answer", method="PUT")
    with pytest.raises(httpx.RemoteProtocolError):
        client.api.put(client.ann, json=PUT)
    assert client.api.get(client.ann).json()["status"] == "subscribed"


def test_the_rate_limit_and_the_block_page_are_the_vendors_own(client: Client) -> None:
    client.fault("rate_limit")
    limited = client.api.get("/ping")
    assert (limited.status_code, limited.json()["title"]) == (429, "Too Many Requests")
    client.fault("html_403")
    assert client.api.get("/ping").headers["content-type"].startswith("text/html")


def test_an_event_is_played_over_the_control_surface(client: Client) -> None:
    event = {"kind": "subscribe", "email": "ann@x.lv"}
    assert client.control.post("/events/mailchimp", json=event).json()["status"] == "subscribed"
    assert client.journal()[-1]["method"] == "PLAY"
    assert client.api.get(client.ann).status_code == 200
    refused = client.control.post("/events/mailchimp", json={"kind": "dance"})
    assert refused.status_code == 400


def test_a_plain_address_in_the_path_arrives_as_it_was_written(client: Client) -> None:
    path = client.ann.rpartition("/")[0] + "/ann%2Bnews@x.lv"
    body = {**PUT, "email_address": "ann+news@x.lv"}
    assert client.api.put(path, json=body).json()["email_address"] == "ann+news@x.lv"
    assert client.api.get(path).status_code == 200
    assert client.api.get(f"{path}x").status_code == 404


def test_an_answer_of_204_has_no_body_on_the_wire(client: Client) -> None:
    client.api.put(client.ann, json=PUT)
    answer = client.api.delete(client.ann)
    assert (answer.status_code, answer.content) == (204, b"")


def test_alone_it_lives_at_the_root() -> None:
    with server.start(people=5, only="mailchimp") as alone:
        answer = httpx.get(f"{alone.url}/3.0/ping", auth=("any", ACME_KEY), trust_env=False)
        assert answer.json() == {"health_status": "Everything's Chimpy!"}
        told = httpx.get(f"{alone.url}/_sandbox", trust_env=False).json()
        assert list(told["vendors"]) == ["mailchimp"]
        outside = httpx.get(f"{alone.url}/2.0/ping", auth=("any", ACME_KEY), trust_env=False)
        assert outside.status_code == 404
