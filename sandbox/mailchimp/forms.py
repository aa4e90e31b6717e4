"""Webhook bodies: form-encoded, nested names in brackets, and how they are signed."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

SIGNATURE = "x-mailchimp-signature"
FORM = "application/x-www-form-urlencoded"


def encode(kind: str, at: datetime, told: Mapping[str, Any]) -> bytes:
    """The body of one delivery. `fired_at` bears no zone; it is GMT.

    >>> encode("upemail", datetime(2026, 1, 31, 9, tzinfo=UTC), {"new_email": "a@x.lv"})
    b'type=upemail&fired_at=2026-01-31+09%3A00%3A00&data%5Bnew_email%5D=a%40x.lv'
    """
    fired = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return urlencode([("type", kind), ("fired_at", fired), *_pairs("data", told)]).encode()


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """PHP's way with nested values: empty lists and objects leave no trace.

    >>> list(_pairs("data", {"merges": {"FNAME": "Ann"}, "groups": ["a"], "vip": True}))
    [('data[merges][FNAME]', 'Ann'), ('data[groups][0]', 'a'), ('data[vip]', '1')]
    """
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _pairs(f"{name}[{key}]", part)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _pairs(f"{name}[{place}]", part)
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The signature header's value: who receives it refuses a time more than five minutes off."""
    stamp = int(at.timestamp())
    signed = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return f"t={stamp},v1={signed.hexdigest()}"
