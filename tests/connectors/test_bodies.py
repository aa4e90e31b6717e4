"""What a vendor may answer and no later stage could hold: mended or refused where it comes in."""

import json

import pytest

from connectors.bodies import DEEPEST, read_json
from connectors.dates import http_time
from connectors.errors import OutcomeUnknown, ReadFailed
from connectors.mailigen import wire as mailigen
from connectors.mailigen.webhooks import leavers, read_delivery
from connectors.pipedrive import wire as pipedrive


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'{"name": "Ann \ud83d", "\ud83d": 1}', {"name": "Ann ?", "?": 1}),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"a\u0000b"', "a?b"),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"[123456789012345678901234567890]", [123456789012345678901234567890.0]),
        (b"[" * DEEPEST + b"]" * DEEPEST, json.loads("[" * DEEPEST + "]" * DEEPEST)),
    ],
)
def test_what_can_be_kept_is_read(body: bytes, value: object) -> None:
    """ALL-04: one broken name stops no run"""
    assert read_json(body) == value


@pytest.mark.parametrize(
    "body",
    [b"", b"nope", b"[NaN]", b"[1e999]", b"\xff", b"[" + b"9" * 400 + b"]",
     b"[" * 65 + b"]" * 65, b"[" * 990 + b"]" * 990, b'{"a":' * 9000 + b"1" + b"}" * 9000],
)  # fmt: skip
def test_what_nobody_can_keep_is_no_json(body: bytes) -> None:
    """ALL-04"""
    with pytest.raises(ValueError):
        read_json(body)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "Mon, 01 Jan 2024 00:00:00 +99999999999999", "Fri, 31 Dec 9999 23:59:59 GMT",
     "Mon, 32 Jan 2024 25:61:61 GMT"],
)  # fmt: skip
def test_a_date_out_of_the_calendar_moves_no_clock(text: str) -> None:
    """ALL-04: it would carry every horizon with it"""
    assert http_time(text) is None


@pytest.mark.parametrize(
    ("name", "record", "said"),
    [
        ("GET /api/v2/persons", {"id": "7"}, "record 2 has no usable id"),
        ("GET /api/v2/persons", {"id": 2**63}, "record 2 has no usable id"),
        ("GET /api/v2/persons", {"id": 7, "emails": "ann@x.lv"}, "record 2 has no usable emails"),
        ("GET /v1/users", {}, "record 2 has no usable id"),
        ("GET /api/v2/personFields", {"field_code": "a", "field_name": "A", "field_type": "enum",
                                      "options": [{"id": 1}]}, "record 2 has no usable options"),
    ],
)  # fmt: skip
def test_a_record_without_what_later_counts_is_told_by_place_and_member(
    name: str, record: dict[str, object], said: str
) -> None:
    """ALL-04, ALL-11: never by its value"""
    whole = {"id": 1, "field_code": "b", "field_name": "B", "field_type": "text"}
    with pytest.raises(ReadFailed, match=said) as caught:
        pipedrive.read_list(pipedrive.call(name), {"data": [whole, record]})
    assert "ann@x.lv" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "body"),
    [("lists", [{"id": []}]), ("lists", [{"id": "1", "member_count": "many"}]),
     ("listMembers", [{"timestamp": "x"}]), ("campaigns", [{"id": None}]),
     ("listMergeVars", [{"tag": 7}])],
)  # fmt: skip
def test_a_mailigen_row_without_what_later_counts_is_a_failed_read(
    method: str, body: object
) -> None:
    """ALL-04"""
    with pytest.raises(ReadFailed, match="record 1 has no usable"):
        mailigen.read_rows(mailigen.Call(method), body)


@pytest.mark.parametrize("merges", ["x", [1], {"FNAME": ["Ann"]}])
def test_a_member_whose_values_are_no_values_is_a_failed_read(merges: object) -> None:
    """ALL-04"""
    with pytest.raises(ReadFailed, match="merges"):
        mailigen.read_object(mailigen.Call("listMemberInfo"), {"email": "a@x.lv", "merges": merges})


def test_an_odd_member_of_what_was_written_does_not_make_it_unwritten() -> None:
    """ALL-06: the id is enough; without one nobody knows"""
    call = pipedrive.call("POST /v1/notes", body={})
    assert pipedrive.read_id(call, {"data": {"id": 5, "emails": "x"}}) == 5
    with pytest.raises(OutcomeUnknown):
        pipedrive.read_id(call, {"data": {"id": "5"}})


def test_a_delivery_with_half_an_emoji_is_read_and_can_be_kept() -> None:
    """ALL-12: it ended the listener, at every start anew"""
    body = rb'{"hook": "contact.unsubscribe", "data": [{"email": "a\ud83d@x.lv"}]}'
    delivery = read_delivery(body)
    assert delivery is not None
    assert [one.encode() for one in leavers(delivery, "9")] == [b"a?@x.lv"]
