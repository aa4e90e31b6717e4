"""Each kind of fault, over real HTTP: what the caller sees, and what was committed all the same."""

import httpx
import pytest
from pipedrive_desk import Desk

NOTE = {"content": "hello", "person_id": 1}


def last_line(crm: Desk) -> dict[str, object]:
    import json

    line: dict[str, object] = json.loads(crm.control("GET", "/journal")[-1])
    return line


def note_count(crm: Desk) -> int:
    return len(crm.book("notes"))


def test_a_lost_request_changes_nothing_and_is_journaled_without_effects(crm: Desk) -> None:
    crm.fault("lost_request", method="POST", path="/v1/notes")
    with pytest.raises(httpx.RemoteProtocolError):
        crm.post("/v1/notes", NOTE)
    assert note_count(crm) == 0
    assert (last_line(crm)["status"], last_line(crm)["effects"]) == (0, [])


def test_a_lost_answer_is_committed_although_no_byte_came_back(crm: Desk) -> None:
    crm.fault("lost_answer", method="POST", path="*/notes")
    with pytest.raises(httpx.RemoteProtocolError):
        crm.post("/v1/notes", NOTE)
    assert note_count(crm) == 1
    line = last_line(crm)
    assert line["status"] == 0
    assert line["effects"] == [{"object": "notes", "id": "1", "verb": "create"}]


def test_a_late_commit_happens_when_the_clock_gets_there(crm: Desk) -> None:
    crm.fault("late_commit", method="POST", path="/v1/notes", delay_s=90)
    with pytest.raises(httpx.RemoteProtocolError):
        crm.post("/v1/notes", NOTE)
    crm.control("POST", "/clock", {"advance_s": 80})
    assert note_count(crm) == 0
    crm.control("POST", "/clock", {"advance_s": 20})
    assert note_count(crm) == 1
    assert last_line(crm)["effects"] == [{"object": "notes", "id": "1", "verb": "create"}]


def test_a_truncated_answer_promises_more_than_it_brings(crm: Desk) -> None:
    crm.fault("truncate", path="/api/v2/persons")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        crm.get("/api/v2/persons")


def test_a_status_fault_answers_what_it_was_given_and_commits_only_when_told(crm: Desk) -> None:
    crm.fault("status", status=503, headers={"Retry-After": "7"}, body={"sorry": True})
    reply = crm.post("/v1/notes", NOTE)
    assert (reply.status, reply.headers["retry-after"], reply.body) == (503, "7", {"sorry": True})
    assert note_count(crm) == 0
    crm.fault("status", status=502, body="<html>bad gateway</html>", after_commit=True)
    assert crm.post("/v1/notes", NOTE).status == 502
    assert note_count(crm) == 1


def test_a_delayed_answer_outlasts_the_callers_patience_but_is_committed(crm: Desk) -> None:
    crm.http.timeout = httpx.Timeout(0.2)
    crm.fault("delay", method="POST", delay_s=0.6)
    with pytest.raises(httpx.ReadTimeout):
        crm.post("/v1/notes", NOTE)
    assert note_count(crm) == 1


def test_rate_limit_and_block_page_look_like_the_vendors_own(crm: Desk) -> None:
    crm.fault("rate_limit")
    reply = crm.get("/v1/users/me")
    assert (reply.status, reply.headers["x-ratelimit-limit"]) == (429, "100")
    crm.fault("html_403")
    blocked = crm.get("/v1/users/me")
    assert (blocked.status, blocked.body) == (403, None)
    assert "text/html" in blocked.headers["content-type"]


def test_stale_search_does_not_see_a_person_that_the_list_sees(crm: Desk) -> None:
    person = crm.post("/api/v2/persons", {"name": "Zebra Newcomer"}).result
    crm.fault("stale_search", path="/api/v2/persons/search", lag_s=600)
    assert crm.get("/api/v2/persons/search", term="zebra").result["items"] == []
    assert [p["id"] for p in crm.get("/api/v2/persons", ids=person["id"]).result] == [person["id"]]
    assert len(crm.get("/api/v2/persons/search", term="zebra").result["items"]) == 1


def test_faults_count_down_and_the_list_says_how_often_each_fired(crm: Desk) -> None:
    crm.fault("status", status=500, path="/v1/users", times=2, after=1)
    statuses = [crm.get("/v1/users/me").status for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    left = crm.control("GET", "/faults")
    assert [(f["kind"], f["times"], f["fired"]) for f in left] == [("status", 0, 2)]
    crm.control("DELETE", "/faults")
    assert crm.control("GET", "/faults") == []


def test_a_fault_with_a_misspelt_key_is_refused_by_name(crm: Desk) -> None:
    answer = crm.http.post(f"{crm.url}/_sandbox/faults", json={"kind": "delay", "seconds": 3})
    assert answer.status_code == 400
    assert "seconds" in answer.json()["error"]


def raw(crm: Desk, method: str, path: str, body: object = None) -> httpx.Response:
    """What comes over the wire, held against no contract: it does not keep to one."""
    headers = {"x-api-token": crm.token}
    return crm.http.request(method, f"{crm.url}/pipedrive{path}", json=body, headers=headers)


def test_a_garbled_answer_has_members_of_other_types_and_was_committed(crm: Desk) -> None:
    crm.fault("garble", path="/api/v2/persons", member="data.*.id", body="seven")
    found = raw(crm, "GET", "/api/v2/persons?limit=3").json()["data"]
    assert {person["id"] for person in found} == {"seven"}
    crm.fault("garble", method="POST", path="/v1/notes", member="", body=[])
    assert raw(crm, "POST", "/v1/notes", NOTE).json() == []
    assert note_count(crm) == 1


def test_noise_is_the_same_for_the_same_seed(crm: Desk) -> None:
    crm.fault("noise", path="/v1/users/me", seed=3, times=2)
    first, second = (raw(crm, "GET", "/v1/users/me").content for _ in range(2))
    assert first == second
    assert len(first) == 200
