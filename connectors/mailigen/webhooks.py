"""What Mailigen sends by itself: is it really Mailigen, and what does it say.

A delivery is a doorbell: those about mails name no campaign, so what happened is read from the
reports. Only who left is worth acting on at once. Nothing here raises: whatever comes in over
the network is either understood or not.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Final, NamedTuple

from connectors.bodies import read_json

SIGNATURE: Final = "x-mailigen-signature"  # "sha1=" and the hex HMAC-SHA1 of the raw body
# What changes nothing a sync reads is left out: contact.update, for edits made on the list.
CONTACT_EVENTS: Final = ("contact.subscribe", "contact.unsubscribe", "email.change")
MAIL_EVENTS: Final = {"open": "email.open", "click": "email.click", "bounce": "email.bounce"}
# Without "api": what a sync writes must not wake it.
SOURCES: Final = ("subscriber", "admin")


class Row(NamedTuple):
    """Whom a delivery names, and on which list; '' where it does not say."""

    list_id: str
    email: str


class Delivery(NamedTuple):
    hook: str
    rows: tuple[Row, ...]


def is_signed(body: bytes, signature: str | None, secret: str) -> bool:
    """Whether the raw body was signed with this secret; takes the same time for every wrong one.

    Never, where there is no secret: anybody could sign with none.
    """
    if not secret or signature is None:
        return False
    expected = "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    # As bytes: comparing text refuses characters beyond ASCII with an error.
    return hmac.compare_digest(expected.encode(), signature.strip().encode(errors="replace"))


def read_delivery(body: bytes) -> Delivery | None:
    """Return what a delivery says; None when it says nothing we can read.

    >>> read_delivery(b'{"hook": "email.open", "data": [{"list": "9", "email": "a@x.lv"}]}')
    Delivery(hook='email.open', rows=(Row(list_id='9', email='a@x.lv'),))
    """
    try:
        told = read_json(body)
    except ValueError:
        return None
    if not isinstance(told, dict) or not isinstance(told.get("hook"), str):
        return None
    return Delivery(told["hook"], tuple(_rows(told.get("data"))))


def leavers(delivery: Delivery, list_id: str) -> list[str]:
    """Return who left this list; a row that names no list counts, one of another list does not."""
    if delivery.hook != "contact.unsubscribe":
        return []
    return [row.email for row in delivery.rows if row.email and row.list_id in ("", list_id)]


def _rows(told: object) -> Iterator[Row]:
    """PHP writes a list of one now and then as the one thing itself."""
    for row in told if isinstance(told, list) else [told]:
        if isinstance(row, dict):
            yield Row(_text(row.get("list")), _text(row.get("email")).strip())


def _text(value: object) -> str:
    is_plain = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if is_plain else ""
