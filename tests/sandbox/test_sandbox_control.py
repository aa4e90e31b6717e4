"""The control surface: journal, books, clock, reset, and one seed giving one world."""

import json
import signal
import subprocess
import sys

import httpx
from pipedrive_desk import CARA, Desk

from sandbox import server


def test_a_journal_line_has_the_promised_keys_and_no_token(crm: Desk) -> None:
    crm.http.get(f"{crm.url}/pipedrive/v1/users/me?api_token=sandbox-pipedrive-admin&x=1")
    (line,) = map(json.loads, crm.control("GET", "/journal"))
    assert sorted(line) == ["at", "effects", "method", "path", "seq", "status", "vendor"]
    assert (line["path"], line["status"], line["seq"]) == ("/v1/users/me?x=1", 200, 1)


def test_the_journal_can_be_read_from_where_one_left_off(crm: Desk) -> None:
    crm.get("/v1/users/me")
    crm.post("/api/v2/persons", {"name": "A B"})
    (line,) = map(json.loads, crm.control("GET", "/journal?after=1"))
    assert line["seq"] == 2
    assert line["effects"] == [{"object": "persons", "id": "121", "verb": "create"}]


def test_books_mark_deleted_records(crm: Desk) -> None:
    alive = next(p["id"] for p in crm.book("persons") if not p["_deleted"])
    crm.delete(f"/api/v2/persons/{alive}")
    marked = {p["id"]: p["_deleted"] for p in crm.book("persons")}
    assert marked[alive] is True
    assert crm.control("GET", "/books/pipedrive")["persons"]["with_deleted"] == 120


def test_a_played_event_is_journaled_as_play(crm: Desk) -> None:
    crm.control("POST", "/events/pipedrive", {"kind": "demote", "user": 102})
    line = json.loads(crm.control("GET", "/journal")[-1])
    assert line["method"] == "PLAY"
    assert line["effects"] == [{"object": "users", "id": "102", "verb": "update"}]


def test_the_clock_moves_forward_by_what_it_is_told(crm: Desk) -> None:
    before = crm.control("POST", "/clock", {"advance_s": 0})["now"]
    after = crm.control("POST", "/clock", {"advance_s": 86_400})["now"]
    assert after[:10] > before[:10]


def test_reset_forgets_everything_that_was_done(crm: Desk) -> None:
    crm.assume("seats", 1)
    crm.fault("delay")
    crm.post("/api/v2/persons", {"name": "A B"})
    crm.control("POST", "/clock", {"advance_s": 86_400})
    crm.control("POST", "/reset", {"seed": 7, "people": 50})
    assert crm.control("GET", "/journal") == []
    assert crm.control("GET", "/faults") == []
    assert crm.control("GET", "/assumptions")["pipedrive"]["seats"]["value"] == 10
    assert len(crm.book("persons")) == 50


def test_one_seed_gives_the_same_books_on_two_servers(crm: Desk) -> None:
    with server.start(seed=7, people=120, only="pipedrive") as second:
        for name in crm.control("GET", "/books/pipedrive"):
            other = httpx.get(f"{second.url}/_sandbox/books/pipedrive/{name}").json()
            assert other == crm.book(name)
        with server.start(seed=8, people=120, only="pipedrive") as third:
            other = httpx.get(f"{third.url}/_sandbox/books/pipedrive/persons").json()
            assert other != crm.book("persons")


def test_only_one_vendor_lives_at_the_root() -> None:
    with server.start(people=5, only="pipedrive") as alone:
        answer = httpx.get(f"{alone.url}/v1/users/me", headers={"x-api-token": CARA})
        assert answer.json()["data"]["email"] == "cara@acme.example"


def test_the_command_says_where_it_listens_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--people", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("listening on ")
        try:
            assert httpx.get(f"{url}/_sandbox").json()["people"] == 10
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) in (0, -signal.SIGTERM)
