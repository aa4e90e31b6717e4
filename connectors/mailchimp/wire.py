"""Mailchimp's HTTP, without doing any: requests as values, answers of 2xx read.

What any other answer means is in refusals.py. Nothing here opens a socket, sleeps or reads a
clock, so every rule in this file is tested by calling it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from connectors.errors import OutcomeUnknown, ReadFailed
from connectors.mailchimp.records import COLLECTIONS, SHAPES
from connectors.shapes import is_count, misfit

VENDOR = "mailchimp"
PAGE_COUNT = 1000  # the documented maximum of `count`; without it the vendor serves 10

# Everything we ask of the vendor. What archives or deletes a member is not among it.
READS: Final = frozenset({
    "GET /", "GET /lists", "GET /lists/{list}", "GET /lists/{list}/merge-fields",
    "GET /lists/{list}/members", "GET /lists/{list}/members/{member}",
    "GET /lists/{list}/members/{member}/tags", "GET /lists/{list}/segments",
    "GET /lists/{list}/segments/{segment}", "GET /lists/{list}/segments/{segment}/members",
    "GET /lists/{list}/webhooks", "GET /batches", "GET /batches/{batch}",
})  # fmt: skip
WRITES: Final = frozenset({
    "POST /lists/{list}/members", "PATCH /lists/{list}/members/{member}",
    "POST /lists/{list}/members/{member}/tags", "POST /lists/{list}", "POST /batches",
    "POST /lists/{list}/webhooks", "PATCH /lists/{list}/webhooks/{webhook}",
    "DELETE /lists/{list}/webhooks/{webhook}",
})  # fmt: skip
# These are answered 204, with nothing in it.
SILENT: Final = frozenset(
    {"POST /lists/{list}/members/{member}/tags", "DELETE /lists/{list}/webhooks/{webhook}"}
)


@dataclass(frozen=True)
class Call:
    """One request, not yet sent and without the credential. `name` is its path with places
    instead of ids: no address gets into a message. `secret` is in the body, and never there."""

    method: str
    name: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    secret: str = field(default="", repr=False)

    @property
    def writes(self) -> bool:
        return self.name in WRITES

    @property
    def kind(self) -> str:
        return "write" if self.writes else "read"

    @property
    def content(self) -> bytes | None:
        """The body as JSON in ASCII: half a surrogate pair in a name must not stop a run."""
        return None if self.body is None else as_json(self.body).encode("ascii")


class Page(NamedTuple):
    total: int
    records: list[dict[str, Any]]


def call(
    name: str,
    *ids: str | int,
    body: Mapping[str, Any] | None = None,
    secret: str = "",
    **query: object,
) -> Call:
    """Build the request called `name`, its places filled with `ids` in their order.

    Query values that are None are left out; times must know their zone.

    >>> call("GET /lists/{list}/members", "9/..", count=10, status=None).path
    '/lists/9%2F../members'
    """
    if name not in READS | WRITES:
        raise ValueError(f"{name} is not among our calls")
    method, _, path = name.partition(" ")
    if not all(str(one) for one in ids):
        raise ValueError(f"{name}: an empty id would make another call of it")
    left = iter(ids)
    path = re.sub(r"\{\w+\}", lambda _: quote(str(next(left)), safe=""), path)
    pairs = tuple((key, _query_text(value)) for key, value in query.items() if value is not None)
    return Call(method, name, path, pairs, body, secret)


def as_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, allow_nan=False)


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return iso_time(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)


def iso_time(at: datetime) -> str:
    """Write a time as the vendor does: UTC, whole seconds, an offset and no Z.

    >>> iso_time(datetime(2026, 11, 22, 10, tzinfo=UTC))
    '2026-11-22T10:00:00+00:00'
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC).replace(microsecond=0).isoformat()


def subscriber_hash(email: str) -> str:
    """Return what stands for an address in a path: the MD5 of its lower case.

    From an address in any other writing the vendor makes a second identity, and says
    "Member Exists" to it.

    >>> subscriber_hash("Urist.McVankab@freddiesjokes.com")
    '62eeb292278cc15f5817cb78f7790b08'
    """
    plain = email.strip().lower()
    if not plain:
        raise ValueError("an empty address has no hash")
    return hashlib.md5(plain.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def member_id(who: str) -> str:
    """What stands for a member in a path: the hash of an address, or a contact_id as it is.

    A contact_id stays the member's through every change of address; of a member that moved
    meanwhile the hash of the old address finds nobody.
    """
    return subscriber_hash(who) if "@" in who else who


def misread(call: Call, said: str) -> ReadFailed | OutcomeUnknown:
    """Name an answer of a shape nobody foresaw."""
    return (OutcomeUnknown if call.writes else ReadFailed)(VENDOR, call.name, said)


def read_one(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record that was answered, when it has what we go on with."""
    if odd := misfit([body], SHAPES.get(call.name, {})):
        raise misread(call, f"answered with what cannot be used: {odd}")
    return dict(body)


def read_page(call: Call, body: Mapping[str, Any]) -> Page:
    """Return one page of a collection and how many the vendor says there are in all.

    A missing list is not an empty one: taken for one, it would look like everybody having left.
    """
    records, total = body.get(COLLECTIONS[call.name]), body.get("total_items")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise misread(call, "answered without a list of records")
    if not is_count(total):
        raise misread(call, "answered without total_items")
    if odd := misfit(records, SHAPES[call.name]):
        raise misread(call, f"answered with what cannot be used: {odd}")
    return Page(int(str(total)), records)
