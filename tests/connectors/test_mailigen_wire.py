"""Mailigen's forms and answers, as values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    BadCredentials,
    Blocked,
    Gone,
    OutcomeUnknown,
    PlanLimitReached,
    ReadFailed,
    Refused,
    StopTheSync,
    Throttled,
    TryAgain,
)
from connectors.mailigen import wire
from connectors.mailigen.form import encode_form

READ = wire.Call("lists")
WRITE = wire.Call("listBatchSubscribe")
HTML = b"<html>maintenance</html>"


def error(text: str, code: object = 0) -> bytes:
    return json.dumps({"error": text, "code": code}).encode()


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"id": "7"}, b"id=7"),
        ({"update_existing": False, "req": True}, b"update_existing=0&req=1"),
        ({"merge_vars": {"FNAME": "Ann & Bo"}}, b"merge_vars%5BFNAME%5D=Ann+%26+Bo"),
        (
            {"batch": [{"EMAIL": "a@x.lv"}, {"EMAIL": "b@x.lv"}]},
            b"batch%5B0%5D%5BEMAIL%5D=a%40x.lv&batch%5B1%5D%5BEMAIL%5D=b%40x.lv",
        ),
        ({"options": {"events": ["open"]}}, b"options%5Bevents%5D%5B0%5D=open"),
        ({"status": None, "filters": {}, "rows": [], "deep": {"a": None}}, b""),
        ({"name": "Āboliņš"}, b"name=%C4%80boli%C5%86%C5%A1"),
        ({"name": "broken \ud83d"}, b"name=broken+%3F"),
        ({"start": 0}, b"start=0"),
    ],
)
def test_fields_are_nested_the_way_php_reads_them(fields, body):
    assert encode_form(fields) == body


def test_a_bracket_in_a_name_cannot_move_a_value_elsewhere():
    with pytest.raises(ValueError, match="cannot be the name"):
        encode_form({"merge_vars": {"A][status": "subscribed"}})


@pytest.mark.parametrize(
    ("status", "content", "on_read", "on_write"),
    [
        (200, b"", ReadFailed, OutcomeUnknown),
        (200, HTML, ReadFailed, OutcomeUnknown),
        (200, b'{"success_count": 3, "err', ReadFailed, OutcomeUnknown),
        (200, error("Invalid Mailigen API Key: x", 104), BadCredentials, BadCredentials),
        (500, error("Invalid Mailigen API Key: x", 104), BadCredentials, BadCredentials),
        (200, error("Subscriber limit of your plan reached"), PlanLimitReached, PlanLimitReached),
        (200, error("Please upgrade your plan"), PlanLimitReached, PlanLimitReached),
        (200, error("Rate limit exceeded: too many requests"), Throttled, Throttled),
        (200, error("E-mail quota used"), PlanLimitReached, PlanLimitReached),
        (200, error("There is no member a@x.lv", 232), Gone, Gone),
        (200, error("There is no member a@x.lv in this list"), Gone, Gone),
        (200, error("Email address a@x.lv does not exist"), Gone, Gone),
        (200, error("a@x.lv is not a member of the list", 215), Gone, Gone),
        (200, error("Invalid List ID: nope", 200), Refused, Refused),
        (400, error("Invalid List ID: nope", 200), Refused, Refused),
        (200, error("whatever", None), Refused, Refused),
        (500, error("Internal error", 1), ReadFailed, OutcomeUnknown),
        (500, error("There is no member a@x.lv", 232), Gone, OutcomeUnknown),
        (503, b'"later"', ReadFailed, OutcomeUnknown),
        (302, HTML, ReadFailed, OutcomeUnknown),
        (404, HTML, ReadFailed, OutcomeUnknown),
        (408, b"", ReadFailed, OutcomeUnknown),
        (401, b"", BadCredentials, BadCredentials),
        (403, HTML, Blocked, Blocked),
        (429, b"", Throttled, Throttled),
    ],
)
def test_each_answer_is_filed_by_what_the_caller_does_next(status, content, on_read, on_write):
    for call, expected in ((READ, on_read), (WRITE, on_write)):
        with pytest.raises(expected) as caught:
            wire.read_answer(call, status, {}, content)
        assert caught.type is expected


@pytest.mark.parametrize("echoed", ["s3cr3tkey", "s3cr3t", "S3CR3TKEY"])
def test_the_key_the_vendor_echoes_is_masked_even_when_cut_or_changed(echoed):
    content = error(f"Invalid Mailigen API Key: {echoed}", 104)
    with pytest.raises(BadCredentials) as caught:
        wire.read_answer(READ, 200, {}, content, key="s3cr3tkey")
    assert "s3cr3t" not in str(caught.value).casefold()


@pytest.mark.parametrize("body", [True, "true", "1", 1])
def test_yes_has_several_spellings(body):
    wire.read_true(WRITE, body)


@pytest.mark.parametrize("body", [False, "false", None, [], {}, 0, 2, 1.0, "", "ok"])
def test_anything_but_yes_leaves_a_write_open(body):
    with pytest.raises(OutcomeUnknown):
        wire.read_true(WRITE, body)


@pytest.mark.parametrize(("body", "new_id"), [("194be8bf", "194be8bf"), (4711, "4711")])
def test_new_ids_are_text(body, new_id):
    assert wire.read_id(WRITE, body) == new_id


@pytest.mark.parametrize("body", [True, "true", "", None, [], 0, {"id": "7"}])
def test_a_create_answered_without_an_id_stays_open(body):
    with pytest.raises(OutcomeUnknown):
        wire.read_id(WRITE, body)


ROWS = [{"EMAIL": "a@x.lv"}, {"EMAIL": "b@x.lv"}]


def test_a_batch_tells_each_refused_row_apart():
    row = {"email": "b@x.lv", "code": "214", "message": "already subscribed"}
    body = {"success_count": 1, "error_count": 1, "errors": [row]}
    answer = wire.read_batch(WRITE, body, ROWS)
    assert answer == (1, {"b@x.lv": (214, "already subscribed")})


@pytest.mark.parametrize(
    "body",
    [
        {"success_count": 1, "error_count": 0, "errors": []},
        {"success_count": 1, "error_count": 1, "errors": []},
        {"success_count": 1, "error_count": 1, "errors": [{"message": "bad row"}]},
        {"success_count": 2},
        {"success_count": 2, "error_count": 0, "errors": "none"},
        [],
        True,
    ],
)
def test_a_batch_that_does_not_add_up_stays_open(body):
    with pytest.raises(OutcomeUnknown):
        wire.read_batch(WRITE, body, ROWS)


def test_a_batch_refused_for_the_plans_limit_as_a_whole_ends_the_run():
    row = {"code": 120, "message": "Subscriber limit of your plan is reached. Please upgrade."}
    rows = [{**row, "email": sent["EMAIL"]} for sent in ROWS]
    with pytest.raises(PlanLimitReached, match="none of 2 rows"):
        body = {"success_count": 0, "error_count": 2, "errors": rows}
        wire.read_batch(WRITE, body, ROWS)
    body = {"success_count": 1, "error_count": 1, "errors": rows[1:]}
    assert wire.read_batch(WRITE, body, ROWS).success_count == 1


def test_batches_stay_below_a_hundred_rows_and_phps_thousand_fields():
    row = {f"TAG{n}": "x" for n in range(20)}
    assert [len(batch) for batch in wire.batches([row] * 100)] == [45, 45, 10]
    assert [len(batch) for batch in wire.batches([{"EMAIL": "a@x.lv"}] * 250)] == [100, 100, 50]
    assert list(wire.batches([])) == []


@pytest.mark.parametrize(
    ("body", "total"),
    [
        ([{"clicks": 3}, {"clicks": "4"}], 7),
        ({"http://x.lv": {"clicks": 3, "unique": 1}}, 3),
        ([], 0),
        ({}, 0),
    ],
)
def test_clicks_add_up_in_both_shapes(body, total):
    assert wire.click_total(wire.Call("campaignClickStats"), body) == total


KEYS = st.sampled_from(
    ["error", "code", "total", "data", "email", "success_count", "error_count", "errors", "clicks"]
) | st.text(max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=9,
)
READERS = (
    wire.read_true,
    wire.read_id,
    wire.read_object,
    wire.read_rows,
    wire.read_addresses,
    wire.read_counted,
    wire.click_total,
    lambda call, body: wire.read_batch(call, body, ROWS),
)


@given(
    st.integers(100, 599),
    st.dictionaries(st.just("retry-after"), st.text(max_size=9) | st.integers().map(str)),
    st.binary(max_size=99) | JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([READ, WRITE]),
)
def test_whatever_comes_ends_in_a_value_or_in_one_of_the_four_families(
    status, headers, content, call
):
    try:
        body = wire.read_answer(call, status, headers, content)
    except (TryAgain, Refused, OutcomeUnknown, StopTheSync) as error:
        assert not (call.writes and isinstance(error, ReadFailed))
        return
    for read in READERS:
        try:
            read(call, body)
        except (ReadFailed, OutcomeUnknown, PlanLimitReached) as error:
            assert not isinstance(error, ReadFailed if call.writes else OutcomeUnknown)
