"""What Mailchimp's answer means when it is not the one we asked for.

    status            body                            on a read      on a write
    2xx               JSON object (204: nothing)      (the object)   (the object)
    2xx               anything else                   ReadFailed     OutcomeUnknown
    400, 405, 422 ..  problem, "Member Exists"        AlreadyThere
                      compliance, forgotten, left     Barred: consent, held against the address
                      with `errors` of fields         Misfilled, which names the fields
                      about the plan's limit          PlanLimitReached
                      else (fake or odd address, ..)  Refused
    401               any                             BadCredentials
    403               problem about access            BadCredentials, NotAdministrator
    403               problem about the plan's limit  PlanLimitReached
    403               no problem, a page or nothing   Blocked
    404, 410          problem                         Gone
    429               any                             Throttled: before it was looked at
    everything else   any                             ReadFailed     OutcomeUnknown

A problem is the vendor's own JSON: with `title` or `detail`; newer ones lack `type`. A 404
without it is a wrong base URL or a proxy, and proves nothing gone.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from connectors.bodies import read_json
from connectors.errors import (
    AlreadyThere,
    BadCredentials,
    Barred,
    Blocked,
    ConnectorError,
    Gone,
    Misfilled,
    NotAdministrator,
    PlanLimitReached,
    Refused,
    Throttled,
    quoted,
)
from connectors.http import lost
from connectors.mailchimp.wire import SILENT, VENDOR, Call, subscriber_hash

# After these, with a problem, nothing was written. Any other status on a write (408, 425 and 5xx
# among them) leaves it open.
DEFINITE_NO: Final = frozenset({400, 405, 406, 409, 411, 412, 413, 414, 415, 422, 426, 431})
CONTACT_EXISTS: Final = "ERROR_CONTACT_EXISTS"
THROTTLE_S = 2.0  # nothing says how long: one of ten connections ends soon
BLOCK_S = 60.0  # nor how long a bare 403 lasts; our guess
LONGEST_SAID_S = 86_400.0
DISABLED_STEP = "the key was disabled: make another one in Mailchimp and put it into the secret"
ACCESS_STEP = "ask an administrator of the Mailchimp account why its API access is switched off"
ROLE_STEP = "use a key or a sign-in of a Mailchimp user who may manage audiences"

_EXISTS = re.compile(r'\bmember exists\b|already a list member|status of "subscribed', re.I)
_FORGOTTEN = re.compile(r"\bforgotten\b|permanently deleted", re.I)
_LEFT = re.compile(
    r'\bcompliance\b|status is "(?:cleaned|unsubscribed|archived)'
    r'|status of "(?:unsubscribed|cleaned|deleted|archived)'
    r"|previously (?:unsubscribed|removed)|must opt in again",
    re.I,
)
# What the vendor says of a full plan is not recorded anywhere we know: words, not codes.
_FULL = re.compile(
    r"\bupgrade\b|\b(?:plan|account|contacts?|subscribers?|audiences?)\b.*\b(?:limit|maximum)\b"
    r"|\b(?:limit|maximum)\b.*\b(?:plan|account|contacts?|subscribers?|audiences?)\b",
    re.I,
)


def read_answer(
    call: Call,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    secrets: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the object of a good answer, {} of a silent one; raise what any other one means.

    Header names are expected in lower case. `secrets` never get into a message.
    """
    if not 200 <= status < 300:
        raise error_for(call, status, headers, content, secrets=secrets)
    if call.name in SILENT and not content.strip():
        return {}
    body = _object(content)
    if body is None:
        said = f"HTTP {status}, answered with no JSON object"
        raise lost(VENDOR, call.name, said, call.writes, _request_id(headers, None, secrets))
    return body


def error_for(
    call: Call,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    secrets: tuple[str, ...] = (),
) -> ConnectorError:
    """Name the failure in a non-2xx answer by what the caller must do about it."""
    problem = _problem(content)
    said = quoted(_said(status, problem), *secrets, call.secret)
    request_id = _request_id(headers, problem, (*secrets, call.secret))
    if status == 429:
        wait = _wait(headers)
        return Throttled(VENDOR, call.name, said, retry_after=wait, request_id=request_id)
    if status == 401:
        step = DISABLED_STEP if "disabled" in said.lower() else ""
        return BadCredentials(VENDOR, call.name, said, next_step=step, request_id=request_id)
    if status == 403:
        return _forbidden(call, problem, said, request_id)
    if problem is not None and status in (404, 410):
        return Gone(VENDOR, call.name, said, request_id=request_id)
    if problem is not None and status in DEFINITE_NO:
        return _refusal(call, problem, said, request_id)
    return lost(VENDOR, call.name, said, call.writes, request_id)


def row_error(call: Call, row: Mapping[str, Any]) -> ConnectorError:
    """Name what a batch says of one row, by the same words; its address gets into no message."""
    email, code = str(row.get("email_address")), row.get("error_code")
    field = {"field": row.get("field"), "message": row.get("field_message")}
    problem = {
        "title": "Member Exists" if code == CONTACT_EXISTS else "",
        "detail": row.get("error"),
        "errors": [field],
    }
    words = [str(word) for word in (code, row.get("error")) if word]
    words += [f"{name}: {said}" for name, said in _field_errors(problem)]
    of_row = replace(call, body={"email_address": email})
    return _refusal(of_row, problem, quoted(f"row refused, {', '.join(words)}", email), "")


def _forbidden(
    call: Call, problem: Mapping[str, Any] | None, said: str, request_id: str
) -> ConnectorError:
    if problem is None:
        text = "HTTP 403 without a reason: the account's calls are blocked"
        return Blocked(VENDOR, call.name, text, retry_after=BLOCK_S, request_id=request_id)
    words = said.lower()
    if _FULL.search(said):
        return PlanLimitReached(VENDOR, call.name, said, request_id=request_id)
    if "datacenter" in words or "disabled" in words:
        step = ACCESS_STEP if "disabled" in words else ""
        return BadCredentials(VENDOR, call.name, said, next_step=step, request_id=request_id)
    return NotAdministrator(VENDOR, call.name, said, next_step=ROLE_STEP, request_id=request_id)


def _refusal(call: Call, problem: Mapping[str, Any], said: str, request_id: str) -> ConnectorError:
    """What a problem says of this one record. The title tells more than the status: each
    kind has been seen as 400."""
    words = f"{problem.get('title')} {problem.get('detail')}"
    fields = tuple(field for field, _ in _field_errors(problem))
    if _EXISTS.search(words):
        there = _hash_in(call)
        return AlreadyThere(VENDOR, call.name, said, existing_id=there, request_id=request_id)
    if _FORGOTTEN.search(words):
        return Barred(VENDOR, call.name, said, because="forgotten", request_id=request_id)
    if _LEFT.search(words):
        return Barred(VENDOR, call.name, said, because="left", request_id=request_id)
    if fields:
        return Misfilled(VENDOR, call.name, said, fields=fields, request_id=request_id)
    if _FULL.search(words):
        return PlanLimitReached(VENDOR, call.name, said, request_id=request_id)
    return Refused(VENDOR, call.name, said, request_id=request_id)


def _hash_in(call: Call) -> str:
    """The hash of the address the call was about to give to a member; '' when to none."""
    email = (call.body or {}).get("email_address")
    return subscriber_hash(email) if isinstance(email, str) and email.strip() else ""


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        body = read_json(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _problem(content: bytes) -> dict[str, Any] | None:
    body = _object(content) or {}
    is_one = any(isinstance(body.get(key), str) and body[key] for key in ("title", "detail"))
    return body if is_one else None


def _field_errors(problem: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = problem.get("errors")
    rows = [row for row in (told if isinstance(told, list) else []) if isinstance(row, dict)]
    pairs = [(row.get("field"), row.get("message")) for row in rows]
    return [(field, str(said)) for field, said in pairs if isinstance(field, str) and field]


def _said(status: int, problem: Mapping[str, Any] | None) -> str:
    words = [f"HTTP {status}"]
    for key in ("title", "detail"):
        if problem and isinstance(problem.get(key), str):
            words.append(str(problem[key]))
    words += [f"{field}: {said}" for field, said in _field_errors(problem or {})]
    return ", ".join(words)


def _request_id(
    headers: Mapping[str, str], problem: Mapping[str, Any] | None, secrets: tuple[str, ...]
) -> str:
    told = headers.get("x-request-id") or (problem or {}).get("instance")
    return quoted(told, *secrets) if isinstance(told, str) else ""


def _wait(headers: Mapping[str, str]) -> float:
    """The vendor sends no Retry-After; something in front of it may."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= LONGEST_SAID_S:
        return float(text)
    return THROTTLE_S
