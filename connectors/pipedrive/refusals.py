"""What Pipedrive's answer means when it is not the one we asked for.

    status            body                            on a read      on a write
    2xx               JSON object, success true       (the envelope) (the envelope)
    2xx               anything else                   ReadFailed     OutcomeUnknown
    401               any                             BadCredentials
    402               any                             StopTheSync (account closed)
    403               not JSON                        Blocked
    403               code feature_capping_*, "limit" PlanLimitReached
    403               "Scope and URL mismatch"        NotAdministrator (the app lacks a scope)
    403               else                            NotAdministrator if it needs one, else Refused
    404, 410          JSON error                      Gone
    429               any                             Throttled (the client counts them)
    other definite no JSON error                      Refused
    everything else   any                             ReadFailed     OutcomeUnknown

A 404 counts as Gone only when the vendor's application said it: a wrong base
URL or a proxy answers 404 too, and Gone is what deletes are planned from.
"""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from connectors.bodies import read_json
from connectors.dates import http_time
from connectors.errors import (
    BadCredentials,
    Blocked,
    ConnectorError,
    Gone,
    NotAdministrator,
    OutcomeUnknown,
    PlanLimitReached,
    ReadFailed,
    Refused,
    StopTheSync,
    Throttled,
    quoted,
)
from connectors.pipedrive.wire import NEEDS_ADMIN, VENDOR, Call

# After these, with an error object, nothing was written. Any other status on a write
# (408, 425 and 5xx among them) leaves it open.
DEFINITE_NO = frozenset({400, 405, 406, 409, 411, 412, 413, 414, 415, 422, 431})
BURST_WINDOW_S = 2.0  # the documented rolling window, waited when no header names another
LONGEST_SEEN_S = 86_400.0  # a "reset" beyond a day is not a duration
BLOCK_S = 30.0  # how long a block lasts is nowhere documented: the next run asks once, and stops
SCOPES_STEP = (
    "give the app the scopes that connectors/pipedrive/README.md lists, then connect it again"
)
_LIMIT = re.compile(
    r"\blimit\b.*\b(reach|exceed|upgrade|plan)|\b(reach|exceed|upgrade)\w*\b.*\blimit\b", re.I
)


def read_envelope(
    call: Call,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    token: str = "",
) -> dict[str, Any]:
    """Return the envelope of a good answer; raise what any other one means.

    Header names are expected in lower case. `token` never gets into a message.
    """
    body = _object(content)
    if 200 <= status < 300:
        if body is not None and body.get("success") is True:
            return body
        said = "answered without success" if body is not None else "answered with no JSON object"
        raise _open_end(call, f"HTTP {status}, {said}", request_id_of(headers))
    raise error_for(call, status, headers, content, token=token)


def error_for(
    call: Call,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    token: str = "",
) -> ConnectorError:
    """Name the failure in a non-2xx answer by what the caller must do about it."""
    body = _object(content)
    said = _said(status, body, token, call.secret)
    request_id = request_id_of(headers)
    if status == 429:
        wait = wait_of(headers, BURST_WINDOW_S)
        return Throttled(VENDOR, call.name, said, retry_after=wait, request_id=request_id)
    if status == 401:
        return BadCredentials(VENDOR, call.name, said, request_id=request_id)
    if status == 402:
        step = "renew the Pipedrive subscription: the company's account is closed"
        return StopTheSync(VENDOR, call.name, said, next_step=step, request_id=request_id)
    if status == 403:
        return _forbidden(call, headers, content, said)
    if body is not None and (body.get("success") is False or "error" in body):
        if status in (404, 410):
            return Gone(VENDOR, call.name, said, request_id=request_id)
        if status in DEFINITE_NO:
            return Refused(VENDOR, call.name, said, request_id=request_id)
    return _open_end(call, said, request_id)


def has_calls_left(call: Call, headers: Mapping[str, str]) -> bool:
    """Say whether a 429 came although its window still had calls.

    No header tells the burst limit from the day's, but such a refusal is hardly
    about the window. Searches have a narrower window of their own, which the
    header does not count.
    """
    left = _number(headers.get("x-ratelimit-remaining", ""))
    return call.kind != "search" and left is not None and left > 0


def _forbidden(call: Call, headers: Mapping[str, str], content: bytes, said: str) -> ConnectorError:
    body = _object(content)
    request_id = request_id_of(headers)
    if body is None and content.strip():
        wait = wait_of(headers, BLOCK_S)
        text = "HTTP 403 with a page instead of JSON: the company's calls are blocked"
        return Blocked(VENDOR, call.name, text, retry_after=wait, request_id=request_id)
    code = str((body or {}).get("code") or "")
    if code.startswith("feature_capping") or _LIMIT.search(said):
        return PlanLimitReached(VENDOR, call.name, said, request_id=request_id)
    if "scope and url mismatch" in said.lower():
        return NotAdministrator(
            VENDOR, call.name, said, next_step=SCOPES_STEP, request_id=request_id
        )
    if call.name in NEEDS_ADMIN:
        return NotAdministrator(VENDOR, call.name, said, request_id=request_id)
    return Refused(VENDOR, call.name, said, request_id=request_id)


def _open_end(call: Call, said: str, request_id: str) -> ReadFailed | OutcomeUnknown:
    family = OutcomeUnknown if call.writes else ReadFailed
    return family(VENDOR, call.name, said, request_id=request_id)


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        body = read_json(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _said(status: int, body: Mapping[str, Any] | None, *secrets: str) -> str:
    words = [f"HTTP {status}"]
    for key in ("error", "code"):
        if body and isinstance(body.get(key), str | int):
            words.append(str(body[key]))
    fields = body.get("errors") if body else None  # webhooks have these, and no `error`
    for field, said in fields.items() if isinstance(fields, dict) else ():
        words.append(f"{field}: {said[0] if isinstance(said, list) and said else said}")
    return quoted(", ".join(words), *secrets)


def request_id_of(headers: Mapping[str, str]) -> str:
    return quoted(headers.get("x-correlation-id") or headers.get("x-request-id") or "")


def wait_of(headers: Mapping[str, str], default: float) -> float:
    """Return the seconds to wait: Retry-After, else x-ratelimit-reset (seconds, by
    users' reports), else `default`. Anything implausible counts as not said."""
    for name in ("retry-after", "x-ratelimit-reset"):
        seconds = _number(headers.get(name, ""))
        if seconds is None and name == "retry-after":
            seconds = _until(headers.get(name, ""), headers.get("date", ""))
        if seconds is not None and 0 <= seconds <= LONGEST_SEEN_S:
            return seconds
    return default


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _until(then: str, now: str) -> float | None:
    """Seconds between two HTTP dates; both are the vendor's, so no clock is needed."""
    later, earlier = http_time(then), http_time(now)
    return (later - earlier).total_seconds() if later and earlier else None
