"""What the error tree promises to those who catch, log and store it."""

import pickle

import pytest

from connectors import errors
from connectors.errors import (
    AlreadyThere,
    BadCredentials,
    Blocked,
    ConnectorError,
    OutcomeUnknown,
    Refused,
    StopTheSync,
    Throttled,
    TryAgain,
    quoted,
)

FAMILIES = (TryAgain, Refused, OutcomeUnknown, StopTheSync)


def every_class() -> list[type[ConnectorError]]:
    own = [thing for thing in vars(errors).values() if isinstance(thing, type)]
    return [kind for kind in own if issubclass(kind, ConnectorError) and kind is not ConnectorError]


@pytest.mark.parametrize("kind", every_class())
def test_every_error_is_filed_under_exactly_one_family(kind):
    assert sum(issubclass(kind, family) for family in FAMILIES) == 1


def test_the_message_names_vendor_call_words_and_request():
    error = Refused("pipedrive", "POST /api/v2/deals", "HTTP 400, title missing", request_id="r7")
    assert str(error) == "pipedrive: POST /api/v2/deals: HTTP 400, title missing [request r7]"


@pytest.mark.parametrize("kind", [kind for kind in every_class() if issubclass(kind, StopTheSync)])
def test_what_ends_a_run_names_the_next_step(kind):
    wait = {"retry_after": 1.0} if kind is Blocked else {}
    error = kind("pipedrive", "GET /v1/users/me", "HTTP 401", **wait)
    assert f"Next step: {error.next_step}." in str(error)


@pytest.mark.parametrize(
    "error",
    [
        Throttled("mailigen", "lists", "HTTP 429", retry_after=7.5),
        AlreadyThere("mailigen", "lists", "there", existing_id="9"),
        BadCredentials("mailigen", "lists", "no", next_step="turn the key"),
    ],
)
def test_errors_survive_the_way_between_processes(error):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Invalid Mailigen API Key: abc123", "Invalid Mailigen API Key: ***"),
        ("ann@x.lv is already subscribed", "(address) is already subscribed"),
        ("no such phone +371 2612 3456", "no such phone (phone)"),
        ("two\n  lines", "two lines"),
        ("x" * 400, "x" * 300 + "..."),
    ],
)
def test_what_the_vendor_said_is_quoted_without_anything_private(text, shown):
    assert quoted(text, "abc123") == shown
