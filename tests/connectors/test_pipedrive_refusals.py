"""What every answer of Pipedrive's that is not the one we asked for means."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    BadCredentials,
    Blocked,
    Gone,
    NotAdministrator,
    OutcomeUnknown,
    PlanLimitReached,
    ReadFailed,
    Refused,
    StopTheSync,
    Throttled,
    TryAgain,
)
from connectors.pipedrive import wire
from connectors.pipedrive.refusals import BLOCK_S, has_calls_left, read_envelope

READ = wire.call("GET /api/v2/persons/{id}", remote_id=7)
WRITE = wire.call("POST /api/v2/activities", body={})
SETUP = wire.call("POST /api/v2/dealFields", body={})
HTML = b"<!doctype html><title>Sorry, you have been blocked</title>"
NO = b'{"success": false, "error": "no", "error_info": "see the docs"}'
CAPPED = b'{"success": false, "error": "no", "code": "feature_capping_deals_limit"}'
LIMIT = b'{"success": false, "error": "You have reached the limit of custom fields"}'
NOT_FOUND = b'{"success": false, "error": "Entity was not found"}'


@pytest.mark.parametrize(
    ("status", "content", "on_read", "on_write"),
    [
        (200, b"", ReadFailed, OutcomeUnknown),
        (200, HTML, ReadFailed, OutcomeUnknown),
        (200, b'{"success": true, "da', ReadFailed, OutcomeUnknown),
        (200, b"[]", ReadFailed, OutcomeUnknown),
        (200, b'{"data": []}', ReadFailed, OutcomeUnknown),
        (200, b'{"success": true, "data": NaN}', ReadFailed, OutcomeUnknown),
        (200, NO, ReadFailed, OutcomeUnknown),
        (204, b"", ReadFailed, OutcomeUnknown),
        (302, HTML, ReadFailed, OutcomeUnknown),
        (400, NO, Refused, Refused),
        (400, HTML, ReadFailed, OutcomeUnknown),
        (401, NO, BadCredentials, BadCredentials),
        (401, HTML, BadCredentials, BadCredentials),
        (402, NO, StopTheSync, StopTheSync),
        (403, NO, Refused, Refused),
        (403, b"", Refused, Refused),
        (403, HTML, Blocked, Blocked),
        (403, b"error code: 1020", Blocked, Blocked),
        (403, CAPPED, PlanLimitReached, PlanLimitReached),
        (403, LIMIT, PlanLimitReached, PlanLimitReached),
        (404, NOT_FOUND, Gone, Gone),
        (404, HTML, ReadFailed, OutcomeUnknown),
        (404, b"", ReadFailed, OutcomeUnknown),
        (408, NO, ReadFailed, OutcomeUnknown),
        (409, NO, Refused, Refused),
        (410, NO, Gone, Gone),
        (418, NO, ReadFailed, OutcomeUnknown),
        (422, NO, Refused, Refused),
        (425, NO, ReadFailed, OutcomeUnknown),
        (429, NO, Throttled, Throttled),
        (429, HTML, Throttled, Throttled),
        (500, NO, ReadFailed, OutcomeUnknown),
        (502, HTML, ReadFailed, OutcomeUnknown),
        (503, b"", ReadFailed, OutcomeUnknown),
    ],
)
def test_each_answer_is_filed_by_what_the_caller_does_next(status, content, on_read, on_write):
    for call, expected in ((READ, on_read), (WRITE, on_write)):
        with pytest.raises(expected) as caught:
            read_envelope(call, status, {}, content)
        assert caught.type is expected


def test_a_missing_permission_to_set_the_account_up_needs_an_administrator():
    with pytest.raises(NotAdministrator):
        read_envelope(SETUP, 403, {}, NO)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"x-ratelimit-reset": "3", "x-ratelimit-remaining": "0"}, 3.0),
        ({"retry-after": "7", "x-ratelimit-reset": "3"}, 7.0),
        (
            {
                "retry-after": "Sat, 21 Nov 2026 12:00:30 GMT",
                "date": "Sat, 21 Nov 2026 12:00:00 GMT",
            },
            30.0,
        ),
        ({"x-ratelimit-reset": "1795262400"}, 2.0),
        ({"retry-after": "-3"}, 2.0),
        ({"retry-after": "nan"}, 2.0),
        ({"retry-after": "soon"}, 2.0),
        ({}, 2.0),
    ],
)
def test_how_long_to_wait_is_taken_from_any_header_that_makes_sense(headers, wait):
    with pytest.raises(Throttled) as caught:
        read_envelope(WRITE, 429, headers, NO)
    assert caught.value.retry_after == wait


@pytest.mark.parametrize(
    ("left", "expected"), [("19", True), ("0", False), ("", False), ("nan", False), (None, False)]
)
def test_a_429_with_calls_left_in_its_window_hints_at_the_day(left, expected):
    headers = {} if left is None else {"x-ratelimit-remaining": left}
    assert has_calls_left(WRITE, headers) is expected
    search = wire.Call("GET", "GET /api/v2/persons/search", "/api/v2/persons/search")
    assert has_calls_left(search, headers) is False


def test_a_block_lasts_as_long_as_said_or_half_an_hour():
    for headers, wait in (({"retry-after": "90"}, 90.0), ({}, BLOCK_S)):
        with pytest.raises(Blocked) as caught:
            read_envelope(READ, 403, headers, HTML)
        assert caught.value.retry_after == wait


def test_the_token_never_gets_into_a_message():
    body = json.dumps({"success": False, "error": "token s3cr3t of ann@x.lv is unknown"}).encode()
    with pytest.raises(BadCredentials) as caught:
        read_envelope(READ, 401, {"x-correlation-id": "abc"}, body, token="s3cr3t")
    assert "s3cr3t" not in str(caught.value)
    assert "ann@x.lv" not in str(caught.value)
    assert "[request abc]" in str(caught.value)


def test_a_good_answer_is_handed_on_as_it_came():
    body = b'{"success": true, "data": [{"id": 1}], "additional_data": {"next_cursor": null}}'
    assert read_envelope(READ, 200, {}, body) == json.loads(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=9,
)
ENVELOPES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("success", "data", "additional_data", "error", "code"), JSON)
)
BODIES = (
    st.binary(max_size=99)
    | JSON.map(lambda v: json.dumps(v).encode())
    | ENVELOPES.map(lambda v: json.dumps(v).encode())
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "date", "x-ratelimit-reset", "x-ratelimit-remaining"]),
    st.text(max_size=12) | st.integers().map(str) | st.floats().map(str),
)
READERS = (wire.read_one, wire.read_id, wire.read_code, wire.read_list, wire.read_page)


@given(st.integers(100, 599), HEADERS, BODIES, st.sampled_from([READ, WRITE, SETUP]))
def test_whatever_comes_ends_in_a_value_or_in_one_of_the_four_families(
    status, headers, content, call
):
    try:
        envelope = read_envelope(call, status, headers, content)
    except (TryAgain, Refused, OutcomeUnknown, StopTheSync) as error:
        assert not (call.writes and isinstance(error, ReadFailed))
        return
    for read in READERS:
        try:
            read(call, envelope)
            wire.read_page_v1(call, envelope, 0)
            wire.is_administrator(envelope)
        except (ReadFailed, OutcomeUnknown) as error:
            assert isinstance(error, OutcomeUnknown) is call.writes


def test_a_body_nested_a_hundred_thousand_deep_is_only_unreadable():
    with pytest.raises(OutcomeUnknown):
        read_envelope(WRITE, 200, {}, b"[" * 100_000)
