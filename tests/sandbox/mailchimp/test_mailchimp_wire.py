"""Mailchimp's wire: four ways to name a key, problems, pages, parts of answers, times."""

import base64
import re

import orjson
import pytest
from mailchimp_desk import ACME_KEY, EMPTY_KEY, Desk

from sandbox.vendor import Request

BASIC = base64.b64encode(f"anybody:{ACME_KEY}".encode()).decode()
NO_USER = base64.b64encode(f":{ACME_KEY}".encode()).decode()
TOKENS = ("Bearer", "apikey", "OAuth")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


@pytest.mark.parametrize(
    "named",
    [f"Basic {BASIC}", f"Basic {NO_USER}", *(f"{how} {ACME_KEY}" for how in TOKENS)],
)
def test_a_key_is_taken_in_each_of_the_four_ways(desk: Desk, named: str) -> None:
    """MC-01"""
    answer = desk.send("GET", "/ping", authorization=named)
    assert orjson.loads(answer.body) == {"health_status": "Everything's Chimpy!"}


@pytest.mark.parametrize("named", ["", "Bearer wrong-us6", "Basic !!!", "Digest x", "Basic AAAA"])
def test_a_wrong_key_is_told_as_recorded(desk: Desk, named: str) -> None:
    """MC-01"""
    answer = desk.send("GET", "/lists", authorization=named)
    problem = orjson.loads(answer.body)
    assert (answer.status, problem["title"]) == (401, "API Key Invalid")
    assert problem["detail"] == (
        "Your API key may be invalid, or you've attempted to access the wrong datacenter."
    )


def test_a_disabled_key_says_so_until_it_is_enabled(desk: Desk) -> None:
    """MC-01, ALL-04"""
    desk.play("disable_key")
    assert desk.refusal("GET", "/ping")["detail"] == "API key has been disabled"
    desk.play("enable_key")
    assert desk.call("GET", "/ping")
    desk.play("disable_api")
    assert desk.refusal("GET", "/ping")["status"] == 403


def test_the_second_key_opens_an_account_without_an_audience(desk: Desk) -> None:
    """MC-01"""
    answer = desk.send("GET", "/lists", authorization=f"Bearer {EMPTY_KEY}")
    told = orjson.loads(answer.body)
    assert (told["lists"], told["total_items"]) == ([], 0)
    path = f"/lists/{desk.list_id}"
    assert desk.send("GET", path, authorization=f"Bearer {EMPTY_KEY}").status == 404


def test_a_problem_carries_the_headers_of_one(desk: Desk) -> None:
    answer = desk.send("GET", "/lists/0000000000")
    problem = orjson.loads(answer.body)
    assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
    assert answer.headers["x-request-id"] == problem.pop("instance")
    assert "ProblemDetailDocument.json" in answer.headers["link"]
    assert problem == {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": "Resource Not Found",
        "status": 404,
        "detail": "The requested resource could not be found.",
    }


def test_a_known_path_with_another_method_names_the_allowed_ones(desk: Desk) -> None:
    answer = desk.send("POST", "/ping")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert desk.send("GET", "/nothing/here").status == 404


def test_a_body_that_is_no_json_is_refused(desk: Desk) -> None:
    path = f"/lists/{desk.list_id}/members"
    assert desk.refusal("POST", path, b"{nope")["title"] == "JSON Parse Error"
    assert desk.refusal("POST", path, [])["errors"][0]["message"].startswith("Schema describes")


def test_the_method_may_be_overridden_on_a_post_alone(desk: Desk) -> None:
    desk.add("ann@x.lv")
    changed = desk.send(
        "POST", desk.path("ann@x.lv"), {"vip": True}, x_http_method_override="PATCH"
    )
    assert orjson.loads(changed.body)["vip"] is True
    assert desk.send("GET", "/ping", x_http_method_override="PATCH").status == 422


def test_count_and_offset_walk_through_everybody_once(desk: Desk) -> None:
    """ALL-09"""
    path = f"/lists/{desk.list_id}/members"
    everybody = desk.members()
    assert len(desk.call("GET", path)["members"]) == 10
    walked: list[str] = []
    for offset in range(0, len(everybody), 7):
        page = desk.call("GET", f"{path}?count=7&offset={offset}")
        walked += [member["email_address"] for member in page["members"]]
        assert page["total_items"] == len(everybody)
    assert walked == everybody
    assert desk.call("GET", f"{path}?offset=9999")["members"] == []


@pytest.mark.parametrize("query", ["count=-1", "count=ten", "offset=1.5", "sort_field=email"])
def test_a_query_that_makes_no_sense_is_refused(desk: Desk, query: str) -> None:
    assert desk.refusal("GET", f"/lists/{desk.list_id}/members?{query}")["status"] == 400


def test_more_than_a_thousand_is_cut_or_refused_as_assumed(desk: Desk) -> None:
    path = f"/lists/{desk.list_id}/members?count=1001"
    assert desk.call("GET", path)["members"]
    desk.assume("count_above_1000", "refuse")
    assert desk.refusal("GET", path)["errors"][0]["field"] == "count"


def test_fields_keeps_what_is_named_inside_arrays_too(desk: Desk) -> None:
    path = f"/lists/{desk.list_id}/members?count=2"
    told = desk.call("GET", f"{path}&fields=members.id,members.merge_fields.FNAME,total_items")
    assert set(told) == {"members", "total_items"}
    assert [set(member) for member in told["members"]] == [{"id", "merge_fields"}] * 2
    assert set(told["members"][0]["merge_fields"]) == {"FNAME"}


def test_exclude_fields_drops_what_is_named_inside_arrays_too(desk: Desk) -> None:
    path = f"/lists/{desk.list_id}/members?count=2"
    told = desk.call("GET", f"{path}&exclude_fields=members._links,_links,members.stats")
    assert "_links" not in told
    assert not {"_links", "stats"} & set(told["members"][0])
    assert "merge_fields" in told["members"][0]


def test_every_object_carries_links_to_itself(desk: Desk) -> None:
    told = desk.call("GET", f"/lists/{desk.list_id}/members?count=1")
    member = told["members"][0]
    (self,) = [link["href"] for link in member["_links"] if link["rel"] == "self"]
    assert self.endswith(f"/3.0/lists/{desk.list_id}/members/{member['id']}")
    assert {"upsert", "delete_permanent"} <= {link["rel"] for link in member["_links"]}
    for path in ("", "/lists", f"/lists/{desk.list_id}/segments", "/search-members?query=example"):
        assert desk.call("GET", path)["_links"]


def test_times_have_an_offset_and_empty_ones_are_empty_text(desk: Desk) -> None:
    shown = desk.add("ann@x.lv")
    assert MOMENT.fullmatch(shown["last_changed"])
    assert MOMENT.fullmatch(shown["timestamp_opt"])
    assert shown["timestamp_signup"] == ""


def test_an_answer_without_content_has_no_body(desk: Desk) -> None:
    desk.add("ann@x.lv")
    answer = desk.send("DELETE", desk.path("ann@x.lv"))
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize(
    ("assumed", "status", "has_body"),
    [("json", 429, True), ("bare_429", 429, False), ("bare_403", 403, False)],
)
def test_too_many_requests_are_told_as_assumed(
    desk: Desk, assumed: str, status: int, has_body: bool
) -> None:
    desk.assume("too_many_answer", assumed)
    request = Request("GET", "/3.0/ping", [], {}, b"", desk.clock.now())
    answer = desk.vendor.rate_limited(request)
    assert (answer.status, bool(answer.body)) == (status, has_body)
    assert "retry-after" not in answer.headers


def test_an_unknown_assumption_is_refused(desk: Desk) -> None:
    for name, value in (("no_such", True), ("post_on_archived", "maybe"), ("text_longest", -1)):
        with pytest.raises(ValueError):
            desk.assume(name, value)
    assert {"value", "default", "choices", "why"} == set(
        desk.vendor.assumptions()["post_on_archived"]
    )
