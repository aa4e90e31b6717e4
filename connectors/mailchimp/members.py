"""What may be said of a contact when it is written, and what a batch of new ones was answered.

    new address      POST, which refuses whoever is there; POST /lists/{list}, `update_existing` off
    existing member  PATCH: values and address. Its status has no place in any of these bodies

A status is written where a contact comes into being, and nowhere else (consent is a ratchet).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from connectors.errors import ConnectorError
from connectors.mailchimp.refusals import row_error
from connectors.mailchimp.wire import Call, misread, subscriber_hash
from connectors.shapes import is_count

BATCH_ROWS: Final = 500  # documented
JOINING: Final = "subscribed"  # what MC-13 has confirmed; never "pending", which sends mail

# A merge value; an address is an object of its own.
Value = str | int | float | Mapping[str, str]
Values = Mapping[str, Value]


@dataclass(frozen=True)
class NewMember:
    """Somebody who is not in the audience, not even archived: look before you say so."""

    email: str = field(repr=False)
    values: Values = field(default_factory=dict, repr=False)
    tags: tuple[str, ...] = ()  # by name; of a batch's rows they are left out


class BatchAnswer(NamedTuple):
    """What became of a batch, by the hash of each address. Of `errors` each is what a call for
    that row alone would have raised: AlreadyThere, Barred, Misfilled, PlanLimitReached, Refused."""

    created: frozenset[str]
    errors: dict[str, ConnectorError]


def new_body(member: NewMember) -> dict[str, Any]:
    """The body of a POST: refused for an address the audience knows in any state."""
    body: dict[str, Any] = {
        "email_address": member.email.strip(),
        "status": JOINING,
        "merge_fields": dict(member.values),
    }
    return body | ({"tags": list(member.tags)} if member.tags else {})


def update_body(values: Values, new_email: str | None = None) -> dict[str, Any]:
    """The body of a PATCH. Tags in `values` are merge tags, whatever they are called."""
    body: dict[str, Any] = {"merge_fields": dict(values)} if values else {}
    if new_email is not None:
        if not new_email.strip():
            raise ValueError("a member cannot move to an empty address")
        body["email_address"] = new_email.strip()
    if not body:
        raise ValueError("nothing to write")
    return body


def batch_body(rows: Sequence[NewMember]) -> dict[str, Any]:
    """The body of a batch of new addresses; ValueError for one the vendor would not read whole."""
    hashes = {subscriber_hash(row.email) for row in rows}
    if not 0 < len(rows) <= BATCH_ROWS or len(hashes) != len(rows):
        raise ValueError(f"a batch has up to {BATCH_ROWS} rows, each of another address")
    members = [
        {
            "email_address": row.email.strip(),
            "status": JOINING,
            "merge_fields": dict(row.values),
        }
        for row in rows
    ]
    # Both flags are said although off is their default: one that changes would re-subscribe.
    return {"members": members, "update_existing": False, "sync_tags": False}


def read_batch(call: Call, body: Mapping[str, Any], rows: Sequence[NewMember]) -> BatchAnswer:
    """Read what became of each row; 200 says nothing of it.

    A row that nobody mentioned may be in the audience or not, and one that was updated should
    not have been: either leaves the whole batch open.
    """
    sent = {subscriber_hash(row.email) for row in rows}
    created = frozenset(_hashes(call, body, "new_members"))
    errors = {
        subscriber_hash(row["email_address"]): row_error(call, row)
        for row in _rows(call, body, "errors")
    }
    counts = [body.get(key) for key in ("total_created", "error_count")]
    if not all(is_count(count) for count in counts):
        raise misread(call, "answered without counts")
    if [int(str(count)) for count in counts] != [len(created), len(errors)]:
        raise misread(call, "answered with counts that are not those of its rows")
    if created | set(errors) != sent or created & set(errors):
        told = f"sent {len(sent)} rows, told of {len(created)} created and {len(errors)} refused"
        raise misread(call, told)
    if body.get("updated_members") or body.get("total_updated"):
        raise misread(call, "updated members, which was not asked for")
    return BatchAnswer(created, errors)


def _hashes(call: Call, body: Mapping[str, Any], key: str) -> list[str]:
    """By the address as it was answered; its own `id` is the same, where it is there."""
    return [subscriber_hash(row["email_address"]) for row in _rows(call, body, key)]


def _rows(call: Call, body: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    rows = body.get(key)
    if not isinstance(rows, list):
        raise misread(call, f"answered without {key}")
    for row in rows:
        email = row.get("email_address") if isinstance(row, dict) else None
        if not isinstance(email, str) or not email.strip():
            raise misread(call, f"answered with one of {key} that names no address")
    return rows
