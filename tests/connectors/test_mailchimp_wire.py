"""Mailchimp's requests and good answers, as values."""

import inspect
import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    AlreadyThere,
    Barred,
    Misfilled,
    OutcomeUnknown,
    PlanLimitReached,
    ReadFailed,
    Refused,
)
from connectors.mailchimp import Mailchimp, MemberLook, MemberUpdate, NewMember, members, wire
from connectors.mailchimp.batches import batch_body
from connectors.mailchimp.credential import api_key, oauth_token

MEMBERS = wire.call("GET /lists/{list}/members", "9")
BATCH = wire.call("POST /lists/{list}", "9", body={})
MEMBER = {"id": "h1", "contact_id": "c1", "email_address": "a@x.lv", "status": "subscribed"}


@pytest.mark.parametrize("email", ["Ann@X.lv", " ann@x.LV ", "ann@x.lv"])
def test_an_address_has_one_hash_however_it_is_written(email):
    """MC-10: from another writing the vendor would make a second identity"""
    assert wire.subscriber_hash(email) == wire.subscriber_hash("ann@x.lv")


def test_the_hash_is_the_one_of_the_vendors_own_example():
    """MC-10: urist.mcvankab@freddiesjokes.com, as the vendor's pages have it"""
    told = wire.subscriber_hash("Urist.McVankab@freddiesjokes.com")
    assert told == "62eeb292278cc15f5817cb78f7790b08"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_address_or_id_makes_no_call_of_another_kind(empty):
    """ALL-06: /lists//members would be a call to somewhere else"""
    with pytest.raises(ValueError, match="empty"):
        wire.subscriber_hash(empty)
    with pytest.raises(ValueError, match="empty id"):
        wire.call("GET /lists/{list}", "")


def test_an_id_stays_in_its_place_of_the_path():
    """ALL-06"""
    told = wire.call("GET /lists/{list}/segments/{segment}/members", "a/../b?c", 7, count=1000)
    assert told.path == "/lists/a%2F..%2Fb%3Fc/segments/7/members"
    assert told.query == (("count", "1000"),)


def test_a_time_is_written_with_its_offset_and_never_without_a_zone():
    """MC-08: read as local time, `since_last_changed` would miss hours"""
    riga = datetime(2026, 11, 22, 12, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert wire.iso_time(riga) == "2026-11-22T10:00:00+00:00"
    with pytest.raises(ValueError, match="no time zone"):
        wire.iso_time(datetime(2026, 11, 22))


def test_neither_archiving_nor_deleting_a_member_is_among_our_calls():
    """MC-06, MC-11: there is no verb that takes anybody out of an audience"""
    taking = [name for name in wire.WRITES if name.startswith("DELETE") or "actions" in name]
    assert taking == ["DELETE /lists/{list}/webhooks/{webhook}"]
    with pytest.raises(ValueError, match="not among our calls"):
        wire.call("DELETE /lists/{list}/members/{member}", "9", "h1")


# Consent

VALUES = st.dictionaries(
    st.sampled_from(["status", "status_if_new", "FNAME", "email_address"]) | st.text(max_size=5),
    st.text(max_size=5) | st.integers(-9, 9) | st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
)  # fmt: skip


@given(VALUES.filter(bool))
def test_no_value_can_become_the_status_of_an_existing_member(values):
    """ALL-08: whatever the fields are called, they stay merge fields"""
    body = members.update_body(values)
    assert set(body) == {"merge_fields"}
    told = json.loads(
        batch_body([MemberUpdate("1", "9", "a@x.lv", values, "b@x.lv")])["operations"][0]["body"]
    )
    assert set(told) == {"merge_fields", "email_address"}


def test_no_verb_for_existing_members_has_a_place_for_a_status():
    """ALL-08: the signatures themselves"""
    verbs = (Mailchimp.update_member, Mailchimp.move_member, Mailchimp.tag_member, MemberUpdate)
    for verb in (*verbs, MemberLook, Mailchimp.add_member, Mailchimp.subscribe_batch, NewMember):
        assert not [name for name in inspect.signature(verb).parameters if "status" in name]
    public = {
        name for name, _ in inspect.getmembers(Mailchimp, inspect.isfunction) if name[0] != "_"
    }
    assert not [name for name in public if "archive" in name or "unsubscribe" in name]


def test_a_new_member_is_subscribed_and_brings_its_tags():
    """MC-13: a POST, which refuses whoever is there in any state (ALL-08)"""
    body = members.new_body(NewMember(" Ann@x.lv ", {"FNAME": "Ann"}, ("From CRM",)))
    assert body == {
        "email_address": "Ann@x.lv", "status": "subscribed", "merge_fields": {"FNAME": "Ann"},
        "tags": ["From CRM"],
    }  # fmt: skip


def test_a_batch_of_new_members_updates_nobody_and_takes_no_tags_away():
    """MC-13, ALL-08"""
    body = members.batch_body([NewMember("a@x.lv"), NewMember("b@x.lv")])
    assert (body["update_existing"], body["sync_tags"]) == (False, False)
    assert {row["status"] for row in body["members"]} == {"subscribed"}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [NewMember(f"{n}@x.lv") for n in range(501)],
        [NewMember("a@x.lv"), NewMember("A@x.lv ")],
    ],
    ids=["none", "too many", "one address twice"],
)
def test_a_batch_the_vendor_would_not_read_whole_is_never_sent(rows):
    """ALL-06"""
    with pytest.raises(ValueError, match="a batch has"):
        members.batch_body(rows)


@pytest.mark.parametrize(("values", "email"), [({}, None), ({"FNAME": "A"}, " ")])
def test_an_update_of_nothing_is_never_sent(values, email):
    """ALL-06"""
    with pytest.raises(ValueError, match=r"nothing|empty"):
        members.update_body(values, email)


def test_an_operation_of_a_batch_is_a_read_or_a_change_of_values():
    """ALL-08"""
    told = batch_body(
        [MemberLook("a", "9", "a@x.lv"), MemberUpdate("b", "9", "a@x.lv", {"X": "1"})]
    )
    assert [one["method"] for one in told["operations"]] == ["GET", "PATCH"]
    look, update = (one["params"] for one in told["operations"])
    assert (set(look), update) == ({"fields"}, {})
    lenient = MemberUpdate("b", "9", "a@x.lv", {"X": "1"}, skip_merge_validation=True)
    assert batch_body([lenient])["operations"][0]["params"] == {"skip_merge_validation": "true"}
    for twice in ([], [MemberLook("a", "9", "a@x.lv")] * 2, [MemberLook("", "9", "a@x.lv")]):
        with pytest.raises(ValueError, match="a batch has"):
            batch_body(twice)


# Answers


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"members": None, "total_items": 0},
        {"members": []},
        {"members": [], "total_items": -1},
        {"members": ["a"], "total_items": 1},
        {"members": [{**MEMBER, "id": 7}], "total_items": 1},
        {"members": [{**MEMBER, "merge_fields": {"X": [1]}}], "total_items": 1},
        {"members": [{**MEMBER, "contact_id": ""}], "total_items": 1},
    ],
)
def test_a_page_that_is_not_one_is_no_empty_audience(body):
    """ALL-09: taken for one, it would look like everybody having left"""
    with pytest.raises(ReadFailed):
        wire.read_page(MEMBERS, body)


def test_a_page_tells_how_many_there_are_in_all():
    """ALL-09"""
    assert wire.read_page(MEMBERS, {"members": [MEMBER], "total_items": 7}) == (7, [MEMBER])


ROWS = [NewMember("a@x.lv"), NewMember("b@x.lv")]
A, B = (wire.subscriber_hash(row.email) for row in ROWS)
THERE = {"email_address": "B@x.lv", "error": "is there", "error_code": "ERROR_CONTACT_EXISTS"}


def answered(**parts):
    told = {"new_members": [{"email_address": "a@x.lv"}], "updated_members": [], "errors": [THERE],
            "total_created": 1, "total_updated": 0, "error_count": 1}  # fmt: skip
    return {**told, **parts}


def test_a_batch_tells_of_each_row_although_it_was_answered_200():
    """ALL-06: a refused row is refused, and takes nobody with it"""
    answer = members.read_batch(BATCH, answered(), ROWS)
    assert (answer.created, set(answer.errors)) == ({A}, {B})
    assert isinstance(answer.errors[B], AlreadyThere)
    assert answer.errors[B].existing_id == B


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"error_code": "ERROR_CONTACT_EXISTS"}, AlreadyThere),
        ({"error_code": "ERROR_GENERIC", "error": "B@x.lv is in a compliance state"}, Barred),
        ({"error": "B@x.lv was permanently deleted and cannot be re-imported."}, Barred),
        ({"error": "x", "field": "LTV", "field_message": "Please enter a number"}, Misfilled),
        ({"error": "Your plan's contact limit was reached."}, PlanLimitReached),
        ({"error": "B@x.lv looks fake or invalid"}, Refused),
        ({"error": None, "field": 7, "error_code": ["x"]}, Refused),
    ],
)
def test_a_row_is_refused_by_the_same_names_as_a_call_would_be(row, kind):
    """ALL-06, ALL-08, ALL-11: consent is held against the address, and it is in no message"""
    told = answered(errors=[{"email_address": "B@x.lv", **row}])
    error = members.read_batch(BATCH, told, ROWS).errors[B]
    assert type(error) is kind
    assert "x.lv" not in str(error)


@pytest.mark.parametrize(
    "parts",
    [
        {"errors": []},
        {"errors": None},
        {"errors": [{"error": "no address"}]},
        {"new_members": []},
        {"new_members": [{"email_address": "c@x.lv"}]},
        {"error_count": 2},
        {"total_created": None},
        {"updated_members": [{"email_address": "b@x.lv"}]},
        {"total_updated": 1},
    ],
)
def test_a_batch_that_does_not_add_up_is_unknown(parts):
    """ALL-06: rows that nobody mentioned may be in the audience or not"""
    with pytest.raises(OutcomeUnknown):
        members.read_batch(BATCH, answered(**parts), ROWS)


# Credentials


def test_a_key_names_its_datacenter_and_shows_itself_nowhere():
    """MC-01, ALL-11"""
    login = api_key("0123456789abcdef0123456789abcdef-us21")
    assert login.api == "https://us21.api.mailchimp.com"
    assert "0123456789" not in repr(login)
    assert "t0ken" not in repr(oauth_token("t0ken", "https://us6.api.mailchimp.com"))


@pytest.mark.parametrize("key", ["abc", "abc-", "abc-evil.example", "abc-us6/x", "abc-US6"])
def test_what_follows_the_dash_is_a_datacenter_or_no_host(key):
    """ALL-11: it becomes part of the host the key is sent to"""
    assert api_key(key).api == ""
