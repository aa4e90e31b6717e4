"""What Pipedrive sends by itself: is it really Pipedrive, and what does it say.

Pipedrive signs nothing. A webhook is given a user and a password when it is made, and every
delivery carries them as HTTP Basic; nothing proves that its body is Pipedrive's as well, so a
delivery is a doorbell, and what happened is read.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from connectors.bodies import read_json
from connectors.pipedrive.passages import vendor_time

AUTHORIZATION = "authorization"
MOST_BYTES = 2**20  # a deal with ten thousand characters in every custom field is half of it


class Delivery(NamedTuple):
    """One event, version 2. `now` is the record after it (None when deleted) and `before` what
    it was (of a change: the changed members alone; None of a new one)."""

    action: str  # create | change | delete
    entity: str  # deal, person, ...
    entity_id: int
    at: datetime | None
    user_id: int | None
    source: str  # app | api
    now: Mapping[str, Any] | None
    before: Mapping[str, Any] | None
    merged_to: int | None = None  # of a delete that was a merge: who lives on


def is_authorized(header: str | None, user: str, password: str) -> bool:
    """Whether a delivery carries this user and password; the same time for every wrong one.

    Never, where there is no password: anybody could send none.

    >>> is_authorized("Basic c3luY2xpbmU6czNjcmV0", "syncline", "s3cret")
    True
    """
    if not password or header is None:
        return False
    scheme, _, told = header.strip().partition(" ")
    try:
        carried = base64.b64decode(told.strip(), validate=True)
    except (binascii.Error, ValueError):
        carried = b""
    is_same = hmac.compare_digest(carried, f"{user}:{password}".encode())
    return is_same and scheme.lower() == "basic"


def read_delivery(body: bytes) -> Delivery | None:
    """Return what a delivery of version 2 says; None when it says nothing we can read.

    Ids in it are text. What custom fields look like in `now` is not published: read the record.

    >>> told = b'{"meta": {"action": "change", "entity": "deal", "entity_id": "7"}, "data": {}}'
    >>> read_delivery(told).entity_id
    7
    """
    try:
        told = read_json(body) if len(body) <= MOST_BYTES else None
    except ValueError:
        return None
    meta = told.get("meta") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(meta, dict):
        return None
    entity_id, action, entity = _id(meta.get("entity_id")), meta.get("action"), meta.get("entity")
    if entity_id is None or not isinstance(action, str) or not isinstance(entity, str):
        return None
    source = meta.get("change_source")
    return Delivery(
        action, entity, entity_id, vendor_time(meta.get("timestamp")), _id(meta.get("user_id")),
        source if isinstance(source, str) else "", _object(told.get("data")),
        _object(told.get("previous")), _id(meta.get("merged_to_id")),
    )  # fmt: skip


def _object(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None


def _id(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
