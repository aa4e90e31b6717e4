"""Who signed a delivery of Mailigen's, and what it says: by hand-made vectors, without a socket."""

import hashlib
import json
from typing import Any

import pytest

from connectors.mailigen.webhooks import Delivery, Row, is_signed, leavers, read_delivery

BODY = b'{"hook":"contact.subscribe","data":[{"list":"9","email":"ann@x.lv"}]}'
SECRET = "0f7c2b1e9a4d48d3"
# Made with another program: printf %s BODY | openssl dgst -sha1 -hmac SECRET
SIGNED = "sha1=ea029b457e7dcfe596f4fcccff18f678e2c377d6"


def signature(secret: bytes, body: bytes) -> str:
    """HMAC as RFC 2104 defines it, from the hash alone."""
    key = hashlib.sha1(secret).digest() if len(secret) > 64 else secret
    key = key.ljust(64, b"\0")
    inner = hashlib.sha1(bytes(k ^ 0x36 for k in key) + body).digest()
    return "sha1=" + hashlib.sha1(bytes(k ^ 0x5C for k in key) + inner).hexdigest()


def test_a_signature_made_elsewhere_is_accepted() -> None:
    """ALL-12: by openssl, by RFC 2202's second test case, and by the definition of HMAC"""
    assert is_signed(BODY, SIGNED, SECRET)
    rfc = "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
    assert is_signed(b"what do ya want for nothing?", rfc, "Jefe")
    long_secret = "k" * 100
    assert is_signed(b"\xff\x00", signature(long_secret.encode(), b"\xff\x00"), long_secret)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha1=",
        SIGNED[:-1],
        SIGNED + "0",
        SIGNED.removeprefix("sha1="),
        SIGNED.replace("sha1", "sha256"),
        signature(b"another secret", BODY),
        signature(SECRET.encode(), BODY + b" "),
        "sha1=\u00e9\ud800",
    ],
)
def test_anything_but_the_signature_of_these_very_bytes_is_refused(header: str | None) -> None:
    """ALL-12: missing, truncated, longer, by another secret or hash, of another body"""
    assert not is_signed(BODY, header, SECRET)


def test_without_a_secret_nothing_is_signed() -> None:
    """ALL-12"""
    assert not is_signed(BODY, signature(b"", BODY), "")


@pytest.mark.parametrize(
    ("told", "rows"),
    [
        (
            [{"list": "9", "email": " a@x.lv "}, {"email": "b@x.lv"}],
            [("9", "a@x.lv"), ("", "b@x.lv")],
        ),
        ({"list": 9, "email": "a@x.lv"}, [("9", "a@x.lv")]),
        (None, []),
        ([["a@x.lv"], None, 7], []),
        ([{"list": True, "email": {"of": 1}}], [("", "")]),
    ],
)
def test_rows_are_read_as_far_as_they_can_be(told: Any, rows: list[tuple[str, str]]) -> None:
    """ALL-12"""
    body = json.dumps({"hook": "email.open", "data": told}).encode()
    assert read_delivery(body) == Delivery("email.open", tuple(Row(*row) for row in rows))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"data": []}', b'{"hook": 7}', b"\xff\xfe", b"[" * 100_000],
)
def test_a_body_nobody_can_read_says_nothing_and_raises_nothing(body: bytes) -> None:
    """ALL-12"""
    assert read_delivery(body) is None


@pytest.mark.parametrize(
    ("hook", "list_id", "left"),
    [
        ("contact.unsubscribe", "9", ["a@x.lv"]),
        ("contact.unsubscribe", "8", []),
        ("contact.unsubscribe", "", ["a@x.lv"]),
        ("contact.subscribe", "9", []),
        ("email.bounce", "9", []),
    ],
)
def test_only_who_unsubscribed_from_this_list_left_it(
    hook: str, list_id: str, left: list[str]
) -> None:
    """ALL-08, ALL-12: a row that names no list counts, one of another list does not"""
    delivery = Delivery(hook, (Row(list_id, "a@x.lv"), Row(list_id, "")))
    assert leavers(delivery, "9") == left
