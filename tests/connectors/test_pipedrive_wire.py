"""Pipedrive's requests and answers, as values."""

from datetime import datetime, timedelta, timezone

import pytest

from connectors.errors import OutcomeUnknown, ReadFailed
from connectors.pipedrive import wire
from connectors.pipedrive.costs import COSTS
from tests.contract.pipedrive import PIPEDRIVE

READ = wire.call("GET /api/v2/persons")
WRITE = wire.call("POST /api/v2/deals", body={"title": "x"})


def test_a_request_leaves_out_what_nobody_asked_for():
    since = datetime(2026, 11, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    call = wire.call(
        "GET /api/v2/persons", filter_id=None, updated_since=since, ids=(1, 2), done=False
    )
    assert call.query == (
        ("updated_since", "2026-11-01T10:00:00Z"),
        ("ids", "1,2"),
        ("done", "false"),
    )


def test_a_time_without_a_zone_is_refused_before_it_loses_records():
    with pytest.raises(ValueError, match="no time zone"):
        wire.call("GET /api/v2/persons", updated_since=datetime(2026, 11, 1))


def test_ids_go_into_the_path_and_not_into_the_name():
    call = wire.call("GET /v1/filters/{id}", remote_id=12)
    assert (call.path, call.name, call.cost) == ("/v1/filters/12", "GET /v1/filters/{id}", 2)


def test_a_body_with_half_an_emoji_still_becomes_json():
    body = wire.call("POST /api/v2/deals", body={"title": "\ud83d"}).content
    assert body == b'{"title": "\\ud83d"}'


def test_only_posts_and_patches_write():
    kinds = {name: wire.call(name).kind for name in COSTS}
    assert {name for name in kinds if kinds[name] == "write"} == {
        name for name in COSTS if not name.startswith("GET")
    }


def test_a_page_goes_on_while_there_is_a_cursor():
    body = {"data": [{"id": 1}], "additional_data": {"next_cursor": "c"}}
    assert wire.read_page(READ, body) == ([{"id": 1}], "c")


@pytest.mark.parametrize(
    "end", [{}, {"additional_data": None}, {"additional_data": {"next_cursor": None}}]
)
def test_the_last_page_may_say_so_in_three_ways(end):
    assert wire.read_page(READ, {"data": None, **end}) == ([], None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": {}},
        {"data": "all"},
        {"data": [1]},
        {"data": [], "additional_data": 7},
        {"data": [], "additional_data": {"next_cursor": 7}},
    ],
)
def test_a_page_of_another_shape_is_a_failed_read_and_never_an_empty_one(body):
    with pytest.raises(ReadFailed):
        wire.read_page(READ, body)


@pytest.mark.parametrize(
    ("more", "following"),
    [
        ({"pagination": {"more_items_in_collection": True, "next_start": 500}}, "500"),
        ({"more_items_in_collection": True, "start": 0, "limit": 2}, "2"),
        ({"pagination": {"more_items_in_collection": False}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_v1_pages_are_followed_in_both_envelopes(more, following):
    body = {"data": [{"id": 1}, {"id": 2}], "additional_data": more}
    assert wire.read_page_v1(READ, body, 0).next_mark == following


def test_v1_pages_that_do_not_move_on_are_a_failed_read():
    body = {
        "data": [],
        "additional_data": {"pagination": {"more_items_in_collection": True, "next_start": 500}},
    }
    with pytest.raises(ReadFailed):
        wire.read_page_v1(READ, body, 500)


@pytest.mark.parametrize("data", [None, {}, [], {"id": "7"}, {"id": True}, {"id": 0}, {"key": 1}])
def test_a_create_answered_without_an_id_stays_open(data):
    with pytest.raises(OutcomeUnknown):
        wire.read_id(WRITE, {"success": True, "data": data})


def test_a_new_field_answered_without_its_code_stays_open():
    with pytest.raises(OutcomeUnknown):
        wire.read_code(WRITE, {"success": True, "data": {"id": 4}})


@pytest.mark.parametrize(
    ("me", "expected"),
    [
        ({"is_admin": 1}, True),
        ({"is_admin": False, "access": [{"app": "global", "admin": True}]}, False),
        ({"access": [{"app": "global", "admin": True}, {"app": "sales", "admin": True}]}, True),
        ({"access": [{"app": "global", "admin": True}, {"app": "sales", "admin": False}]}, False),
        ({"access": [{"app": "campaigns", "admin": True}]}, False),
        ({"access": []}, False),
        ({"access": "all"}, False),
        ({}, False),
    ],
)
def test_an_administrator_holds_every_crm_app_that_is_listed(me, expected):
    assert wire.is_administrator(me) is expected


@pytest.mark.skipif(bool(PIPEDRIVE.why_absent()), reason=PIPEDRIVE.why_absent())
def test_our_costs_are_the_contracts():
    prefixes = {"v1": "/v1", "v2": "/api/v2"}
    published = {
        f"{method} {prefixes[version]}{path}": operation.cost
        for (version, method, path), operation in PIPEDRIVE.known.items()
    }
    assert {name: published[name] for name in COSTS} == COSTS
