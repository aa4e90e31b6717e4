"""Mailigen's one door, without opening it: calls as values, answers read.

Every call is a POST and, as far as is known, every answer HTTP 200, so neither
method nor status says what happened: `METHODS` says which calls write, and the
body whether it went well.

    body                                    on a read      on a write
    JSON value without "error"              (the value)    (the value)
    {"error", "code": 104}                  BadCredentials
    {"error"} about going too fast          Throttled
    {"error"} naming a limit                PlanLimitReached
    {"error"} naming a missing address      Gone
    {"error"} else                          Refused
    not JSON                                ReadFailed     OutcomeUnknown
    HTTP 429 / 403 page / 401               Throttled / Blocked / BadCredentials
    other HTTP status, 5xx with any body    ReadFailed     OutcomeUnknown
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from connectors.bodies import read_json
from connectors.errors import (
    BadCredentials,
    Blocked,
    ConnectorError,
    Gone,
    OutcomeUnknown,
    PlanLimitReached,
    ReadFailed,
    Refused,
    Throttled,
    quoted,
)
from connectors.mailigen.records import SHAPES
from connectors.shapes import misfit

VENDOR = "mailigen"
BATCH_ROWS = 100  # what the vendor's own shop module sends at a time
BATCH_FIELDS = 900  # PHP's max_input_vars is 1000 out of the box; the vendor's is unknown
MOST_MEMBERS = 15_000  # documented maximum of listMembers and of the bounce lists
BLOCK_S = 30.0  # nothing is known of blocks here; a guess
THROTTLE_S = 60.0  # nor of throttling; the shop module rests minutes after an error

METHODS: Final[dict[str, str]] = {
    "ping": "read",
    "getAccountDetails": "read",
    "lists": "read",
    "listCreate": "write",
    "listMergeVars": "read",
    "listMergeVarAdd": "write",
    "listMembers": "read",
    "listMemberInfo": "read",
    "listBatchSubscribe": "write",
    "listUpdateMember": "write",
    "listMemberDelete": "write",
    "campaigns": "read",
    "campaignStats": "read",
    "campaignOpened": "read",
    "campaignNotOpened": "read",
    "campaignClickStats": "read",
    "campaignClickStatsDetails": "read",
    "campaignHardBounces": "read",
    "campaignSoftBounces": "read",
    "campaignBlockedBounces": "read",
    "campaignTemporaryBounces": "read",
    "campaignGenericBounces": "read",
    "campaignBounceMessages": "read",
    "webhooks": "read",
    "webhookCreate": "write",
    "webhookUpdate": "write",
    "webhookDelete": "write",
}

BAD_KEY = 104  # the only code seen in a recorded answer
NOBODY = frozenset({215, 232})  # guessed from the vendor's model, MCAPI: not on the list, no such
_TOO_FAST = re.compile(r"\btoo (many|fast)\b|\brate limit|\bslow down\b|\bsimultaneous\b", re.I)
_LIMIT = re.compile(r"\b(limit|quota|upgrade)", re.I)
_NOBODY = re.compile(
    r"\b(e-?mail|address|subscriber|member|recipient|contact)\b.*"
    r"\b(not (on|in|found|subscribed|exist)|does not exist|doesn't exist|unknown)"
    r"|\b(no|no such|unknown) (e-?mail|address|subscriber|member|recipient|contact)\b"
    r"|\bis not (a member|subscribed)\b",
    re.I,
)


@dataclass(frozen=True)
class Call:
    """One request, not yet sent, and without the key. `secret` is in it and never in a message."""

    method: str
    fields: Mapping[str, object] = field(default_factory=dict)
    secret: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        return METHODS[self.method]

    @property
    def writes(self) -> bool:
        return self.kind == "write"


class Counted(NamedTuple):
    """A page that says how many rows there are in all."""

    total: int
    rows: list[Any]


class BatchAnswer(NamedTuple):
    """What became of a batch: rows taken, and per refused address (code, message).

    The messages are the vendor's own and may repeat the address: keep them out
    of logs.
    """

    success_count: int
    errors: dict[str, tuple[int, str]]


def read_answer(
    call: Call, status: int, headers: Mapping[str, str], content: bytes, *, key: str = ""
) -> Any:
    """Return the JSON value answered, or raise what the answer means.

    Header names are expected in lower case. `key` never gets into a message,
    though the vendor echoes the key it refuses.
    """
    try:
        body = read_json(content)
    except ValueError:
        raise _unread(call, status, headers) from None
    if isinstance(body, dict) and "error" in body:
        error = error_for(call, body, key=key)
        is_plain = isinstance(error, BadCredentials if call.writes else BadCredentials | Gone)
        if status < 500 or is_plain:
            raise error
        raise misread(call, f"HTTP {status}, {error.said}")
    if not 200 <= status < 300:
        raise _unread(call, status, headers)
    return body


def error_for(call: Call, body: Mapping[str, Any], *, key: str = "") -> ConnectorError:
    """Name an error object; only code 104 is known, the rest is read by its words."""
    code = whole(body.get("code"))
    text = str(body.get("error"))
    said = quoted(f"{text} (code {code})" if code is not None else text, key, call.secret)
    if code == BAD_KEY:
        # The key that comes back may be cut or changed, so it goes by its place.
        return BadCredentials(VENDOR, call.method, re.sub(r"(Key:).*", r"\1 *** (code 104)", said))
    if code in NOBODY or _NOBODY.search(text):
        return Gone(VENDOR, call.method, said)
    if _TOO_FAST.search(text):
        return Throttled(VENDOR, call.method, said, retry_after=THROTTLE_S)
    if _LIMIT.search(text):
        return PlanLimitReached(VENDOR, call.method, said)
    return Refused(VENDOR, call.method, said)


def _unread(call: Call, status: int, headers: Mapping[str, str]) -> ConnectorError:
    said = f"HTTP {status} with an answer nobody can read"
    if status == 429:
        wait = whole(headers.get("retry-after"))
        seconds = THROTTLE_S if wait is None or not 0 <= wait <= 86_400 else float(wait)
        return Throttled(VENDOR, call.method, said, retry_after=seconds)
    if status == 403:
        return Blocked(VENDOR, call.method, said, retry_after=BLOCK_S)
    if status == 401:
        return BadCredentials(VENDOR, call.method, said)
    return misread(call, said)


def misread(call: Call, said: str) -> ReadFailed | OutcomeUnknown:
    """Name an answer of a shape nobody foresaw."""
    return (OutcomeUnknown if call.writes else ReadFailed)(VENDOR, call.method, said)


def whole(value: object) -> int | None:
    """Read a count that may come as text; None when it is no whole number.

    >>> whole("12"), whole(12), whole("many"), whole(True)
    (12, 12, None, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_true(call: Call, body: object) -> None:
    """Accept the vendor's yes: true, or the word, or 1. Anything else is no answer."""
    if body is True or body in ("true", "1") or (body == 1 and isinstance(body, int)):
        return
    raise misread(call, "answered neither yes nor an error")


def read_id(call: Call, body: object) -> str:
    number = whole(body)
    text = str(number) if number is not None else body
    if not isinstance(text, str) or not text or text in ("true", "false", "0"):
        raise misread(call, "answered without the new id")
    return text


def read_object(call: Call, body: object) -> dict[str, Any]:
    if not isinstance(body, dict) or not body:
        raise misread(call, "answered with something other than an object")
    _must_fit(call, [body])
    return body


def read_rows(call: Call, body: object) -> list[dict[str, Any]]:
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise misread(call, "answered with something other than a list of records")
    _must_fit(call, body)
    return body


def _must_fit(call: Call, records: Sequence[Mapping[str, Any]]) -> None:
    if odd := misfit(records, SHAPES.get(call.method, {})):
        raise misread(call, f"answered with what cannot be used: {odd}")


def read_addresses(call: Call, body: object) -> list[str]:
    """Read a list of addresses, bare or as {"email"}."""
    if not isinstance(body, list):
        raise misread(call, "answered with something other than a list of addresses")
    found = [row.get("email") if isinstance(row, dict) else row for row in body]
    if not all(isinstance(address, str) and address for address in found):
        raise misread(call, "answered with a row that has no address")
    return [str(address) for address in found]


def read_counted(call: Call, body: object) -> Counted:
    """Read {"total", "data"}; PHP writes an empty one as []."""
    if body == [] and isinstance(body, list):
        return Counted(0, [])
    outer = body if isinstance(body, dict) else {}
    total, rows = whole(outer.get("total")), outer.get("data")
    if total is None or total < 0 or not isinstance(rows, list | None):
        raise misread(call, "answered without total and data")
    return Counted(total, rows or [])


def batches(rows: Sequence[Mapping[str, str]]) -> Iterator[list[Mapping[str, str]]]:
    """Cut rows into batches that a vendor on PHP reads whole.

    PHP drops form fields beyond a thousand without a word: the last rows would
    arrive with fewer values, or not at all.
    """
    batch: list[Mapping[str, str]] = []
    field_count = 0
    for row in rows:
        if batch and (len(batch) == BATCH_ROWS or field_count + len(row) > BATCH_FIELDS):
            yield batch
            batch, field_count = [], 0
        batch.append(row)
        field_count += len(row)
    if batch:
        yield batch


def read_batch(call: Call, body: object, sent: Sequence[Mapping[str, str]]) -> BatchAnswer:
    """Read what became of each row of a batch.

    Counts that do not add up to what was sent leave the batch open: rows that
    nobody mentioned may be on the list or not.
    """
    answer = read_object(call, body)
    taken, failed = whole(answer.get("success_count")), whole(answer.get("error_count"))
    rows = answer.get("errors") or []
    if taken is None or failed is None or not isinstance(rows, list):
        raise misread(call, "answered without counts")
    errors: dict[str, tuple[int, str]] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("email"), str):
            raise misread(call, "answered with an error that names no address")
        errors[row["email"]] = (whole(row.get("code")) or 0, str(row.get("message") or ""))
    if taken + failed != len(sent) or len(rows) != failed:
        told = f"sent {len(sent)} rows, told of {taken} taken and {failed} refused"
        raise misread(call, f"{told}, {len(rows)} of them named")
    if errors and not taken and all(_LIMIT.search(text) for _, text in errors.values()):
        said = quoted(f"none of {len(sent)} rows taken: {next(iter(errors.values()))[1]}")
        raise PlanLimitReached(VENDOR, call.method, said)
    return BatchAnswer(taken, errors)


def click_total(call: Call, body: object) -> int:
    """Add up the clicks of campaignClickStats: a list since 1.8, a map by URL before."""
    rows = list(body.values()) if isinstance(body, dict) else body
    total = 0
    for row in read_rows(call, rows):
        clicks = whole(row.get("clicks"))
        if clicks is None or clicks < 0:
            raise misread(call, "answered with a link without clicks")
        total += clicks
    return total
