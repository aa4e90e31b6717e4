"""What Mailchimp's answers mean, by hand-made answers and those that were recorded of it."""

import json

import pytest

from connectors.errors import (
    AlreadyThere,
    BadCredentials,
    Barred,
    Blocked,
    Gone,
    Misfilled,
    NotAdministrator,
    OutcomeUnknown,
    PlanLimitReached,
    ReadFailed,
    Refused,
    Throttled,
)
from connectors.mailchimp import wire
from connectors.mailchimp.refusals import DISABLED_STEP, error_for, read_answer

KEY = "0123456789abcdef0123456789abcdef-us6"
READ = wire.call("GET /lists/{list}/members/{member}", "9", "h1")
WRITE = wire.call(
    "PATCH /lists/{list}/members/{member}", "9", "h1", body={"email_address": "New@x.lv"}
)
TAGS = wire.call("POST /lists/{list}/members/{member}/tags", "9", "h1", body={})
GLOSSARY = "https://mailchimp.com/developer/marketing/docs/errors/"
TAKEN = "a@x.lv is already a list member. Use PUT to insert or update list members."
COMPLIANCE = (
    "a@x.lv is in a compliance state due to unsubscribe, bounce, or compliance review and cannot "
    "be subscribed."
)
FORGOTTEN = (
    "a@x.lv was permanently deleted and cannot be re-imported. The contact must re-subscribe to "
    "get back on the list."
)
MANY_LISTS = (
    "a@x.lv has signed up to a lot of lists very recently; we're not allowing more signups for now."
)
NO_KEY = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
HTML = b"<html>Access denied</html>"


def problem(title, detail, **more):
    return json.dumps({"title": title, "detail": detail, "instance": "r-1", **more}).encode()


def named(status, content, call=WRITE):
    return error_for(call, status, {}, content, secrets=(KEY,))


@pytest.mark.parametrize(
    ("status", "content", "on_read", "on_write"),
    [
        (400, problem("Member Exists", TAKEN), AlreadyThere, AlreadyThere),
        (400, problem("Member In Compliance State", COMPLIANCE), Barred, Barred),
        (400, problem("Forgotten Email Not Subscribed", FORGOTTEN), Barred, Barred),
        (400, problem("Bad Request", 'This member\'s status is "cleaned."'), Barred, Barred),
        (400, problem("Bad Request", 'is already in this list with a status of "Unsubscribed".'),
         Barred, Barred),
        (400, problem("Bad Request", 'is already in this list with a status of "Subscribed".'),
         AlreadyThere, AlreadyThere),
        (400, problem("Bad Request", "a@x.lv has previously unsubscribed from this list and must "
                      "opt in again."), Barred, Barred),
        (400, problem("Bad Request", "was previously removed from this audience. To rejoin, "
                      "they'll need to sign up using a Mailchimp form."), Barred, Barred),
        (400, problem("Invalid Resource", "a@x.lv looks fake or invalid, please enter a real "
                      "email address."), Refused, Refused),
        (400, problem("Invalid Resource", "Please provide a valid email address."), Refused, Refused),
        (400, problem("Invalid Resource", MANY_LISTS), Refused, Refused),
        (400, problem("Bad Request", "Your plan's contact limit was reached. Please upgrade."),
         PlanLimitReached, PlanLimitReached),
        (403, problem("Forbidden", "Upgrade your plan to add more contacts."),
         PlanLimitReached, PlanLimitReached),
        (403, problem("Forbidden", "You may not do that."), NotAdministrator, NotAdministrator),
        (403, problem("Wrong Datacenter", "Another datacenter."), BadCredentials, BadCredentials),
        (403, problem("Forbidden", "API access has been disabled."), BadCredentials, BadCredentials),
        (403, HTML, Blocked, Blocked),
        (403, b"", Blocked, Blocked),
        (401, problem("API Key Invalid", NO_KEY), BadCredentials, BadCredentials),
        (401, b"", BadCredentials, BadCredentials),
        (404, problem("Resource Not Found", "The requested resource could not be found."), Gone, Gone),
        (404, HTML, ReadFailed, OutcomeUnknown),
        (404, b"{}", ReadFailed, OutcomeUnknown),
        (405, problem("Method Not Allowed", "This list member cannot be removed."), Refused, Refused),
        (422, problem("Invalid Method Override", "no"), Refused, Refused),
        (429, problem("TooManyRequests", "You have exceeded the limit of 10 simultaneous "
                      "connections."), Throttled, Throttled),
        (429, b"", Throttled, Throttled),
        (400, HTML, ReadFailed, OutcomeUnknown),
        (408, problem("Timeout", "x"), ReadFailed, OutcomeUnknown),
        (500, problem("Internal Server Error", "x"), ReadFailed, OutcomeUnknown),
        (502, HTML, ReadFailed, OutcomeUnknown),
        (503, b"", ReadFailed, OutcomeUnknown),
        (302, b"", ReadFailed, OutcomeUnknown),
        (599, problem("Member Exists", TAKEN), ReadFailed, OutcomeUnknown),
    ],
)  # fmt: skip
def test_every_answer_is_named_by_what_to_do_next(status, content, on_read, on_write):
    """ALL-04, ALL-06: the same families as for the other vendors"""
    for call, kind in ((READ, on_read), (WRITE, on_write)):
        assert type(named(status, content, call)) is kind


@pytest.mark.parametrize(
    ("title", "detail", "because"),
    [
        ("Member In Compliance State", COMPLIANCE, "left"),
        ("Forgotten Email Not Subscribed", FORGOTTEN, "forgotten"),
    ],
)
def test_an_address_held_back_says_by_what(title, detail, because):
    """ALL-08: both bar the address for good, and are remembered by different names"""
    assert named(400, problem(title, detail, type=GLOSSARY)).because == because
    assert named(400, problem(title, detail)).because == because  # newer captures lack the type


def test_a_wrong_merge_field_is_named_and_its_value_is_not():
    """ALL-04, ALL-11"""
    content = problem(
        "Invalid Resource", "Your merge fields were invalid.",
        errors=[{"field": "LTV", "message": "Please enter a number"},
                {"field": "MMERGE6", "message": "Please enter a value"}],
    )  # fmt: skip
    error = named(400, content)
    assert isinstance(error, Misfilled)
    assert error.fields == ("LTV", "MMERGE6")
    assert "LTV: Please enter a number" in str(error)


@pytest.mark.parametrize("errors", [None, "x", [7], [{}], [{"field": 7}], [{"field": ""}]])
def test_errors_nobody_can_read_leave_a_plain_refusal(errors):
    """ALL-04"""
    assert type(named(400, problem("Invalid Resource", "x", errors=errors))) is Refused


def test_an_address_that_is_taken_is_told_by_its_hash():
    """MC-10: the member that has it already"""
    error = named(400, problem("Member Exists", TAKEN))
    assert error.existing_id == wire.subscriber_hash("new@x.lv")
    assert named(400, problem("Member Exists", TAKEN), READ).existing_id == ""


def test_neither_addresses_nor_the_key_get_into_a_message():
    """ALL-11"""
    error = named(401, problem("API Key Invalid", f"{KEY} of ann@x.lv is no key"))
    assert "ann@x.lv" not in str(error)
    assert KEY not in str(error)
    hooks = wire.call("POST /lists/{list}/webhooks", "9", body={}, secret="s3cret")
    assert "s3cret" not in str(named(400, problem("Bad", "https://x.lv/?secret=s3cret"), hooks))


def test_a_disabled_key_is_told_from_a_wrong_one():
    """ALL-04: a person does different things about them"""
    disabled = named(401, problem("API Key Invalid", "API key has been disabled"))
    assert disabled.next_step == DISABLED_STEP
    assert named(401, problem("API Key Invalid", NO_KEY)).next_step == BadCredentials.next_step


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, 2.0), ({"retry-after": "7"}, 7.0), ({"retry-after": "soon"}, 2.0),
     ({"retry-after": "9" * 40}, 2.0), ({"retry-after": "-1"}, 2.0)],
)  # fmt: skip
def test_a_throttled_call_waits_a_little_since_nothing_says_how_long(headers, seconds):
    """ALL-04: the vendor sends no Retry-After"""
    assert error_for(READ, 429, headers, b"").retry_after == seconds


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'"yes"', HTML, b'{"a": ', b"\xff"])
def test_a_good_status_with_anything_but_an_object_is_no_good_answer(content):
    """ALL-06"""
    with pytest.raises(ReadFailed):
        read_answer(READ, 200, {}, content)
    with pytest.raises(OutcomeUnknown):
        read_answer(WRITE, 200, {}, content)


def test_only_calls_that_are_answered_with_nothing_may_be():
    """ALL-06"""
    assert read_answer(TAGS, 204, {}, b"") == {}
    assert read_answer(TAGS, 200, {}, b"{}") == {}
    with pytest.raises(OutcomeUnknown):
        read_answer(TAGS, 200, {}, HTML)
    with pytest.raises(OutcomeUnknown):
        read_answer(WRITE, 204, {}, b"")


def test_the_requests_id_is_in_the_message_for_the_vendors_support():
    """ALL-04"""
    assert "[request r-1]" in str(named(500, problem("x", "y")))
    assert "[request h-1]" in str(error_for(READ, 500, {"x-request-id": "h-1"}, b""))
