"""Whether a delivery is Mailchimp's, and what it says: by hand-made vectors, without a socket."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mailchimp import webhooks
from connectors.mailchimp.webhooks import (
    CampaignDone,
    Changed,
    Cleaned,
    DeliveryError,
    Joined,
    Left,
    Moved,
    is_signed,
    knows_secret,
    read_delivery,
)

BODY = b"type=unsubscribe&data[email]=ann%40x.lv"
SECRET = "0f7c2b1e9a4d48d3"
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
# Made with another program: printf '%s.%s' 1795341600 BODY | openssl dgst -sha256 -hmac SECRET
HEX = "c3256ba2d8e94d0297faee5c88b646195fef65208c79abb520329db6d326980a"
SIGNED = f"t=1795341600,v1={HEX}"


def form(kind, fired_at="2026-11-22 10:00:00", **parts):
    fields = {f"data[{key}]": value for key, value in parts.items()}
    return urlencode({"type": kind, "fired_at": fired_at, **fields}).encode()


@pytest.mark.parametrize(
    "header", [SIGNED, f" t=1795341600 , v1={HEX} ", f"{SIGNED},v2=x", f"v1=00,{SIGNED}"]
)
def test_a_signature_made_elsewhere_is_accepted(header):
    """ALL-12: by openssl"""
    assert is_signed(BODY, header, SECRET, AT)


@pytest.mark.parametrize("late", [-300, 0, 300])
def test_a_signature_is_good_for_five_minutes(late):
    """ALL-12: either way, for clocks differ"""
    assert is_signed(BODY, SIGNED, SECRET, AT + timedelta(seconds=late))


@pytest.mark.parametrize(
    ("body", "header", "secret", "late"),
    [
        (BODY, None, SECRET, 0),
        (BODY, "", SECRET, 0),
        (BODY, f"v1={HEX}", SECRET, 0),
        (BODY, "t=1795341600", SECRET, 0),
        (BODY, f"t=1795341600,v1={HEX[:-1]}", SECRET, 0),
        (BODY, f"t=1795341601,v1={HEX}", SECRET, 0),
        (BODY, f"t=1795341600,t=1795341600,v1={HEX}", SECRET, 0),
        (BODY, f"t=soon,v1={HEX}", SECRET, 0),
        (BODY, f"t=\u0661795341600,v1={HEX}", SECRET, 0),
        (BODY, f"t={'9' * 400},v1={HEX}", SECRET, 0),
        (BODY, "t=1795341600,v1=\u00e9\ud800", SECRET, 0),
        (BODY + b"&", SIGNED, SECRET, 0),
        (BODY, SIGNED, "another", 0),
        (BODY, SIGNED, "", 0),
        (BODY, SIGNED, SECRET, 301),
        (BODY, SIGNED, SECRET, -301),
    ],
)
def test_anything_but_a_fresh_signature_of_these_very_bytes_is_refused(body, header, secret, late):
    """ALL-12: replayed, forged, of another body, or with no secret to sign with"""
    assert not is_signed(body, header, secret, AT + timedelta(seconds=late))


@pytest.mark.parametrize(
    ("told", "secret", "known"),
    [("s3cret", "s3cret", True), ("s3cre", "s3cret", False), (None, "s3cret", False),
     ("", "", False), ("\u00e9\ud800", "s3cret", False)],
)  # fmt: skip
def test_the_secret_in_the_address_is_the_one_or_it_is_not(told, secret, known):
    """ALL-12"""
    assert knows_secret(told, secret) is known


def test_our_webhooks_carry_a_secret_and_do_not_ring_for_our_own_writes():
    """ALL-12, MC-02: source api is what would make a loop"""
    made = webhooks.settings("https://x.example/hook", "a&b")
    assert made["url"] == "https://x.example/hook?secret=a%26b"
    assert made["sources"] == {"user": True, "admin": True, "api": False}


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (
            form("subscribe", id="x", list_id="9", email=" a@x.lv ", **{"merges][FNAME": "Ann & Bo",
                 "merges][GROUPINGS][0][name": "x"}),
            Joined("9", AT, "a@x.lv", {"FNAME": "Ann & Bo"}),
        ),
        (form("profile", list_id="9", email="a@x.lv"), Changed("9", AT, "a@x.lv", {})),
        (
            form("unsubscribe", list_id="9", email="a@x.lv", action="unsub", reason="manual"),
            Left("9", AT, "a@x.lv", "unsub", "manual"),
        ),
        (form("unsubscribe", list_id="9", email="a@x.lv"), Left("9", AT, "a@x.lv", "", "")),
        (
            form("upemail", list_id="9", new_id="n", new_email="b@x.lv", old_email="a@x.lv"),
            Moved("9", AT, "a@x.lv", "b@x.lv"),
        ),
        (
            form("cleaned", list_id="9", campaign_id="7", reason="hard", email="a@x.lv"),
            Cleaned("9", AT, "a@x.lv", "hard"),
        ),
        (form("campaign", list_id="9", id="7", status="sent"), CampaignDone("9", AT, "7", "sent")),
        (form("cleaned", "long ago", list_id="9", email="a@x.lv"), Cleaned("9", None, "a@x.lv", "")),
        (form("cleaned", "0001-01-01 00:00:00", list_id="9", email="a@x.lv"),
         Cleaned("9", None, "a@x.lv", "")),
    ],
)  # fmt: skip
def test_each_kind_of_event_is_read_from_its_form(body, event):
    """MC-04, MC-08, ALL-08"""
    assert read_delivery(body) == event


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"type=subscribe", form("subscribe", list_id="9"), form("nonsense", list_id="9"),
        form("profile", email="a@x.lv"), form("upemail", list_id="9", new_email="b@x.lv"),
        b"\xff\xfe\x00", b"a&" * 3000, b"type=cleaned&" + b"x" * 300_000,
    ],
)  # fmt: skip
def test_what_nobody_can_read_is_one_error_that_repeats_nothing_of_it(body):
    """ALL-11, ALL-12"""
    with pytest.raises(DeliveryError) as caught:
        read_delivery(body)
    assert "x.lv" not in str(caught.value)


@given(
    st.binary(max_size=200)
    | st.text(max_size=60).map(lambda t: f"type=profile&{t}".encode("utf-8", "replace"))
)
def test_whatever_comes_in_is_an_event_or_that_one_error(body):
    """ALL-04, ALL-12"""
    try:
        read_delivery(body)
    except DeliveryError:
        return
