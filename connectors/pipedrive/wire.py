"""Pipedrive's HTTP, without doing any: requests as values, answers read.

Nothing here opens a socket, sleeps or reads a clock, so every rule in this
file is tested by calling it. An answer goes through `read_envelope` first,
then through the reader for its shape; each returns a value or raises one of
the four families.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from connectors.errors import OutcomeUnknown, ReadFailed
from connectors.pipedrive.costs import COSTS
from connectors.pipedrive.records import SHAPES
from connectors.shapes import misfit

T = TypeVar("T")

VENDOR = "pipedrive"
PAGE_LIMIT = 500  # the documented maximum; a call costs the same whatever it brings
MOST_IDS = 100  # `ids` of the list calls

# Setting up an account needs its administrator, so "no permission" here is not
# about one record.
NEEDS_ADMIN = frozenset(
    {
        "POST /api/v2/dealFields", "GET /v1/webhooks", "POST /v1/webhooks",
        "DELETE /v1/webhooks/{id}",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One request, not yet sent. `name` is its path with places instead of ids; `secret` is in
    the body, and never in a message."""

    method: str
    name: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    secret: str = field(default="", repr=False)

    @property
    def cost(self) -> int:
        return COSTS[self.name]

    @property
    def kind(self) -> str:
        if self.method != "GET":
            return "write"
        return "search" if self.path.endswith("/search") else "read"

    @property
    def writes(self) -> bool:
        return self.kind == "write"

    @property
    def content(self) -> bytes | None:
        """The body as JSON in ASCII: half a surrogate pair in a name must not stop a run."""
        return None if self.body is None else json.dumps(self.body).encode("ascii")


class Page(NamedTuple, Generic[T]):
    records: list[T]
    next_mark: str | None  # cursor (v2) or start (v1); None: this was the last page


def call(
    name: str,
    *,
    body: Mapping[str, Any] | None = None,
    remote_id: int | None = None,
    secret: str = "",
    **query: object,
) -> Call:
    """Build the request called `name`, e.g. "GET /api/v2/persons/{id}".

    Query values that are None are left out; times must know their zone.

    >>> call("GET /api/v2/persons", limit=500, filter_id=None).query
    (('limit', '500'),)
    """
    method, _, path = name.partition(" ")
    if remote_id is not None:
        path = path.replace("{id}", str(remote_id))
    pairs = tuple((key, _query_text(value)) for key, value in query.items() if value is not None)
    return Call(method, name, path, pairs, body, secret)


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return str(value)


def rfc3339(at: datetime) -> str:
    """Write a time as Pipedrive's v2 does, in UTC and whole seconds.

    A time without a zone is a mistake here: read as local time it would move
    `updated_since` by hours, and records would be missed in silence.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def misread(call: Call, said: str) -> ReadFailed | OutcomeUnknown:
    """Name an answer of a shape nobody foresaw."""
    return (OutcomeUnknown if call.writes else ReadFailed)(VENDOR, call.name, said)


def read_one(call: Call, envelope: Mapping[str, Any]) -> dict[str, Any]:
    record = envelope.get("data")
    if not isinstance(record, dict) or not record:
        raise misread(call, "answered without a record")
    if not call.writes:  # of what was written the id is enough
        _must_fit(call, [record])
    return record


def read_id(call: Call, envelope: Mapping[str, Any]) -> int:
    """Return the id of what was just written."""
    remote_id = read_one(call, envelope).get("id")
    if isinstance(remote_id, bool) or not isinstance(remote_id, int) or remote_id < 1:
        raise misread(call, "answered without the new record's id")
    return remote_id


def read_code(call: Call, envelope: Mapping[str, Any]) -> str:
    """Return the code of the field that was just created."""
    code = read_one(call, envelope).get("field_code")
    if not isinstance(code, str) or not code:
        raise misread(call, "answered without the new field's code")
    return code


def read_list(call: Call, envelope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the records of a list; `"data": null` is how v1 says "none".

    A missing `data` is not an empty list: taken for one, it would look like
    everybody having left.
    """
    if "data" not in envelope:
        raise misread(call, "answered without data")
    records = envelope["data"]
    if records is None:
        return []
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise misread(call, "answered with something other than a list of records")
    _must_fit(call, records)
    return records


def _must_fit(call: Call, records: Sequence[Mapping[str, Any]]) -> None:
    if odd := misfit(records, SHAPES.get(call.name, {})):
        raise misread(call, f"answered with what cannot be used: {odd}")


def read_page(call: Call, envelope: Mapping[str, Any]) -> Page[dict[str, Any]]:
    """Read one page of a v2 list; `additional_data` may be missing on the last."""
    records = read_list(call, envelope)
    more = _additional(call, envelope)
    mark = more.get("next_cursor")
    if mark is not None and not isinstance(mark, str):
        raise misread(call, "answered with a page marker that is no text")
    return Page(records, mark or None)


def read_page_v1(call: Call, envelope: Mapping[str, Any], start: int) -> Page[dict[str, Any]]:
    """Read one page of a v1 list that began at `start`.

    The vendor has two envelopes: `pagination{...}` with `next_start`, and the
    same keys flat without it, where the next start is ours to compute.
    """
    records = read_list(call, envelope)
    more = _additional(call, envelope)
    place = more.get("pagination", more)
    if not isinstance(place, dict):
        raise misread(call, "answered with a pagination nobody can read")
    if not place.get("more_items_in_collection"):
        return Page(records, None)
    following = place.get("next_start", start + len(records))
    if isinstance(following, bool) or not isinstance(following, int) or following <= start:
        raise misread(call, "answered with a next page that does not lie ahead")
    return Page(records, str(following))


def _additional(call: Call, envelope: Mapping[str, Any]) -> dict[str, Any]:
    more = envelope.get("additional_data") or {}
    if not isinstance(more, dict):
        raise misread(call, "answered with additional_data that is no object")
    return more


def is_administrator(me: Mapping[str, Any]) -> bool:
    """Say whether users/me describes an administrator.

    The contract has no `is_admin`, only `access` by app, and its own example
    of a plain user has admin access to "global": so every one of the CRM's own
    apps that is listed must be held. Older accounts send `is_admin`; it wins.
    """
    if "is_admin" in me:
        return me["is_admin"] in (True, 1, "1")
    access = me.get("access")
    own = [
        entry.get("admin") is True
        for entry in (access if isinstance(access, list) else [])
        if isinstance(entry, dict) and entry.get("app") in ("global", "sales", "account_settings")
    ]
    return bool(own) and all(own)
