"""Persons as texts are the persons that everybody else reads, whatever a page looks like."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ConnectorError
from connectors.pipedrive import wire
from connectors.pipedrive.refusals import read_envelope
from connectors.pipedrive.written import plain_page, read_as_written, written_again

CALL = wire.call("GET /api/v2/persons")
ANN = {
    "id": 7, "name": "Ann Ozoliņa 🦆", "emails": [{"value": "ann@x.lv", "primary": True}],
    "phones": [], "custom_fields": {"3e123": None, "d83d": {"value": 1.5, "currency": "EUR"}},
}  # fmt: skip


def page(*records, **more):
    return {"success": True, "data": list(records), "additional_data": {"next_cursor": "x"}} | more


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def as_read(content, status=200):
    """The page as every other call reads it; an error as its text."""
    try:
        return written_again(wire.read_page(CALL, read_envelope(CALL, status, {}, content)))
    except ConnectorError as error:
        return type(error), str(error)


def as_kept(content, status=200):
    try:
        answer = read_as_written(CALL, status, {}, content)
        if isinstance(answer, wire.Page):
            return answer
        return written_again(wire.read_page(CALL, answer))
    except ConnectorError as error:
        return type(error), str(error)


def agree(content, status=200):
    kept, read = as_kept(content, status), as_read(content, status)
    if not isinstance(kept, wire.Page):
        return kept == read
    assert isinstance(read, wire.Page)
    shown = [(one.id, one.record()) for one in kept.records]
    return kept.next_mark == read.next_mark and shown == [
        (one.id, one.record()) for one in read.records
    ]


@pytest.mark.parametrize(
    "written", [orjson.dumps, lambda one: json.dumps(one, indent=1, ensure_ascii=False).encode()]
)
def test_an_ordinary_page_is_not_taken_apart(written):
    told = plain_page(written(page(ANN, ANN | {"id": 8, "emails": None})))
    assert told is not None
    assert (told.next_mark, [one.id for one in told.records]) == ("x", [7, 8])
    assert told.records[0].record() == ANN


def test_persons_as_written_are_the_persons(pipedrive):
    for filter_id in (None, pipedrive.filters()[0]["id"]):
        written = [one for some in pipedrive.persons_as_written(filter_id) for one in some]
        read = [one for some in pipedrive.persons(filter_id) for one in some]
        assert [one.record() for one in written] == read
        assert [one.id for one in written] == [one["id"] for one in read]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(page(ANN)).encode(),  # its duck is two escapes
        b'{"success": true, "data": [{"id": 1, "name": "Ann \\ud83d"}]}',
        b'{"success": true, "data": [{"id": 1, "name": "Ann \\u0000"}]}',
        b'{"success": true, "data": [{"id": 1, "name": "Ann \xff"}]}',
        orjson.dumps(page(ANN | {"more": deep(70)})),
        orjson.dumps(page(ANN | {"id": 0})),
        orjson.dumps(page(ANN | {"id": True})),
        orjson.dumps(page(ANN | {"id": "7"})),
        orjson.dumps(page(ANN | {"id": 7.0})),
        orjson.dumps(page(ANN | {"emails": {"value": "a"}})),
        orjson.dumps(page(ANN | {"emails": ["ann@x.lv"]})),
        orjson.dumps(page({"name": "Ann"})),
        orjson.dumps(page(7)),
        orjson.dumps(page(ANN, success=False)),
        orjson.dumps(page(ANN, success=1)),
        orjson.dumps(page(ANN, additional_data=[])),
        orjson.dumps(page(ANN, additional_data={"next_cursor": 7})),
        orjson.dumps({"success": True, "data": None}),
        orjson.dumps({"success": True}),
        b"[]", b"", b"<html>", orjson.dumps(page(ANN))[:-9],
    ],
)  # fmt: skip
def test_a_page_out_of_the_ordinary_is_read_as_every_other_call_reads_it(content):
    """ALL-04"""
    assert plain_page(content) is None
    assert agree(content)


@pytest.mark.parametrize("status", [200, 201, 301, 401, 403, 404, 429, 500])
def test_an_answer_that_is_no_page_is_the_same_refusal(status):
    """ALL-04"""
    assert agree(orjson.dumps(page(ANN)), status)
    assert agree(orjson.dumps({"success": False, "error": "no"}), status)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
WAYS = st.lists(st.dictionaries(st.sampled_from(["value", "primary"]), JSON), max_size=2)
RECORDS = st.fixed_dictionaries(
    {"id": st.integers(1, 2**63 - 1) | JSON},
    optional={"name": JSON, "emails": WAYS | JSON, "phones": st.none() | WAYS, "more": JSON},
)


@given(st.lists(RECORDS, max_size=3), st.booleans(), st.data())
def test_whatever_a_page_says_both_readers_hear_the_same(records, is_escaped, data):
    """ALL-04"""
    content = json.dumps(page(*records), ensure_ascii=is_escaped)
    written = content.encode(errors="surrogatepass")
    at = data.draw(st.integers(0, len(written)))
    spoilt = written[:at] + data.draw(st.binary(max_size=2)) + written[at:]
    assert agree(written)
    assert agree(spoilt)
