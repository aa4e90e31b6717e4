"""Batches: many calls in one, done later, their results fetched from an open address."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from mailchimp_line import Ear, Line

from sandbox.server import Running


@pytest.fixture
def line(running: Running) -> Iterator[Line]:
    talking = Line(running.url)
    talking.reset()
    yield talking
    talking.http.close()


def adding(line: Line, email: str, operation_id: str = "") -> dict[str, Any]:
    body = orjson.dumps({"email_address": email, "status": "subscribed"}).decode()
    told = {"method": "POST", "path": f"/lists/{line.list_id}/members", "body": body}
    return told | ({"operation_id": operation_id} if operation_id else {})


def start(line: Line, *operations: dict[str, Any]) -> str:
    return str(line.post("/batches", {"operations": list(operations)})["id"])


def test_a_batch_goes_through_every_status_on_the_sandboxs_clock(line: Line) -> None:
    """MC-10: what is sent in a batch is done when the batch is, not when it is accepted."""
    line.assume("batch_step_s", 60)
    line.assume("batch_operations_a_step", 1)
    batch_id = start(line, adding(line, "one@new.example"), adding(line, "two@new.example"))
    seen = []
    for _ in range(6):
        batch = line.get(f"/batches/{batch_id}")
        seen.append((batch["status"], batch["finished_operations"]))
        line.advance(60)
    assert seen == [
        ("pending", 0), ("preprocessing", 0), ("started", 0), ("started", 1), ("finalizing", 2),
        ("finished", 2),
    ]  # fmt: skip


def test_operations_are_done_by_the_same_calls_and_each_is_an_effect(line: Line) -> None:
    """ALL-06: a batch's writes are in the books and in the journal like any others."""
    line.assume("batch_step_s", 0)
    start(line, adding(line, "one@new.example"), adding(line, "two@new.example"))
    assert line.get(line.member_path("two@new.example"))["status"] == "subscribed"
    assert line.effects("CLOCK").count(("members", "create")) == 2


def test_results_come_as_an_archive_from_an_address_that_asks_no_key(line: Line) -> None:
    """ALL-06: who failed, and why, is known by operation id alone."""
    line.assume("batch_step_s", 0)
    batch_id = start(
        line,
        adding(line, "one@new.example", "first"),
        adding(line, "one@new.example", "again"),
        {"method": "GET", "path": "/lists", "params": {"fields": "total_items"}},
        {"method": "DELETE", "path": line.member_path("one@new.example").lstrip("/")},
        {"method": "GET", "path": "/3.0/lists"},
    )
    batch = line.get(f"/batches/{batch_id}")
    assert (batch["status"], batch["errored_operations"]) == ("finished", 2)
    results = line.results(batch["response_body_url"])
    assert [(r["operation_id"], r["status_code"]) for r in results] == [
        ("first", 200), ("again", 400), (None, 200), (None, 204), (None, 404),
    ]  # fmt: skip
    assert orjson.loads(results[1]["response"])["title"] == "Member Exists"
    assert orjson.loads(results[2]["response"]) == {"total_items": 2}
    assert results[3]["response"] == ""


def test_the_archive_holds_a_folder_and_an_empty_file(line: Line) -> None:
    """ALL-06: readers that take every entry for JSON have to meet their match."""
    line.assume("batch_step_s", 0)
    url = line.get(f"/batches/{start(line, adding(line, 'a@new.example'))}")["response_body_url"]
    with_empty = httpx.get(url, trust_env=False).content
    line.assume("batch_has_empty_file", False)
    assert len(httpx.get(url, trust_env=False).content) < len(with_empty)
    assert len(line.results(url)) == 1


def test_the_address_of_the_results_works_for_minutes_and_each_look_gives_a_new_one(
    line: Line,
) -> None:
    """ALL-11: an address that anybody may open does not stay open."""
    line.assume("batch_step_s", 0)
    batch_id = start(line, adding(line, "a@new.example"))
    url = line.get(f"/batches/{batch_id}")["response_body_url"]
    line.advance(601)
    assert httpx.get(url, trust_env=False).status_code == 403
    assert httpx.get(url.replace("Signature=", "Signature=0"), trust_env=False).status_code == 403
    assert line.results(line.get(f"/batches/{batch_id}")["response_body_url"])


def test_a_batch_that_has_expired_is_not_found(line: Line) -> None:
    """ALL-04: who looks too late cannot learn what became of it."""
    line.assume("batch_step_s", 0)
    batch_id = start(line, adding(line, "a@new.example"))
    assert line.get("/batches")["total_items"] == 1
    line.advance(8 * 86400)
    assert line.refusal("GET", f"/batches/{batch_id}")["status"] == 404
    assert line.get("/batches")["total_items"] == 0


def test_one_batch_runs_at_a_time_and_the_next_waits(line: Line) -> None:
    """ALL-06: batches do not overtake each other."""
    line.assume("batch_step_s", 60)
    first, second = (
        start(line, adding(line, "a@new.example")),
        start(line, adding(line, "b@new.example")),
    )
    line.advance(180)
    statuses = {b["id"]: b["status"] for b in line.get("/batches")["batches"]}
    assert statuses == {first: "finalizing", second: "pending"}
    line.advance(300)
    assert line.get(f"/batches/{second}")["status"] == "finished"


def test_a_deleted_batch_stops_and_what_it_had_done_stays_done(line: Line) -> None:
    """ALL-06: deleting a batch takes nothing back, and the next one runs."""
    line.assume("batch_step_s", 60)
    line.assume("batch_operations_a_step", 1)
    first = start(line, adding(line, "a@new.example"), adding(line, "b@new.example"))
    second = start(line, adding(line, "c@new.example"))
    line.advance(180)
    line.call("DELETE", f"/batches/{first}")
    line.advance(600)
    assert line.refusal("GET", f"/batches/{first}")["status"] == 404
    assert line.get(line.member_path("a@new.example"))
    assert line.refusal("GET", line.member_path("b@new.example"))["status"] == 404
    assert line.get(f"/batches/{second}")["status"] == "finished"
    third = start(line, adding(line, "d@new.example"))
    line.advance(600)
    assert line.get(f"/batches/{third}")["finished_operations"] == 1


def test_a_body_that_is_no_text_is_refused_by_the_place_of_its_operation(line: Line) -> None:
    """ALL-06: a batch is refused whole before anything of it is done."""
    wrong = {"method": "POST", "path": "/lists", "body": {"name": "x"}}
    said = line.refusal("POST", "/batches", {"operations": [adding(line, "a@new.example"), wrong]})
    assert said["errors"] == [
        {"field": "operations.item:1.body",
         "message": "Schema describes string, object found instead"}
    ]  # fmt: skip
    fields = [
        line.refusal("POST", "/batches", body)["errors"][0]["field"]
        for body in (
            {}, {"operations": []}, {"operations": "x"}, {"operations": [1]},
            {"operations": [{"method": "HEAD", "path": "/"}]}, {"operations": [{"method": "GET"}]},
        )
    ]  # fmt: skip
    assert fields == [
        "operations", "operations", "operations", "operations.item:0", "operations.item:0.method",
        "operations.item:0.path",
    ]  # fmt: skip


def test_too_many_operations_and_too_many_open_batches_are_refused(line: Line) -> None:
    """ALL-07: the vendor's limits hold, and are assumptions where they were only heard of."""
    line.assume("batch_step_s", 3600)
    line.assume("batch_operations_most", 2)
    line.assume("batch_open_most", 2)
    one = {"method": "GET", "path": "/ping"}
    assert line.refusal("POST", "/batches", {"operations": [one] * 3})["status"] == 400
    start(line, one)
    start(line, one)
    assert line.refusal("POST", "/batches", {"operations": [one]})["status"] == 429


def test_a_batch_within_a_batch_is_refused_in_its_result(line: Line) -> None:
    """ALL-06: an assumption both ways."""
    line.assume("batch_step_s", 0)
    body = orjson.dumps({"operations": [{"method": "GET", "path": "/ping"}]}).decode()
    nested = {"method": "POST", "path": "/batches", "body": body}
    url = line.get(f"/batches/{start(line, nested)}")["response_body_url"]
    assert line.results(url)[0]["status_code"] == 400
    line.assume("batch_in_batch", "run")
    url = line.get(f"/batches/{start(line, nested)}")["response_body_url"]
    assert line.results(url)[0]["status_code"] == 200
    assert line.get("/batches")["total_items"] == 3


def test_a_finished_batch_calls_back_as_a_form(line: Line) -> None:
    """ALL-12: the call-back names the batch and where its results are."""
    line.assume("batch_step_s", 0)
    with Ear() as ear:
        hook = line.post("/batch-webhooks", {"url": ear.url, "enabled": True})
        batch_id = start(line, adding(line, "a@new.example"))
        line.get("/batches")
        form = ear.until(1)[0].form
        assert form["type"] == "batch_operation_completed"
        assert (form["data[id]"], form["data[status]"]) == (batch_id, "finished")
        assert len(line.results(form["data[response_body_url]"])) == 1
        changed = line.call("PATCH", f"/batch-webhooks/{hook['id']}", {"enabled": False})
        assert changed["enabled"] is False
        start(line, adding(line, "b@new.example"))
        line.get("/batches")
        line.call("DELETE", f"/batch-webhooks/{hook['id']}")
        assert line.get("/batch-webhooks")["total_items"] == 0
        assert len(ear.heard) == 1
