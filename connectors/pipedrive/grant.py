"""What Pipedrive's OAuth server says: tokens, or why there are none. Pure.

    200   all of it understood                  Grant
    200   anything else                         ReadFailed
    400   invalid_grant                         GrantEnded: a person signs in again
    400   invalid_client                        UnknownApp: the app's id or secret
    400   else                                  StopTheSync: the app's settings, or ours
    401   any                                   UnknownApp: the app's id or secret
    403   a page                                Blocked
    429   any                                   Throttled
    else  any                                   ReadFailed: nobody has to do anything yet

Asking again does no harm at Pipedrive, which gives the same refresh token back; were it to rotate
them, an answer that is lost loses the grant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

import httpx

from connectors.bodies import read_json
from connectors.errors import (
    Blocked,
    ConnectorError,
    GrantEnded,
    ReadFailed,
    StopTheSync,
    Throttled,
    UnknownApp,
    quoted,
)
from connectors.http import address_of, is_loopback
from connectors.pipedrive.credential import fits_a_header
from connectors.pipedrive.refusals import BLOCK_S, BURST_WINDOW_S, request_id_of, wait_of
from connectors.pipedrive.wire import VENDOR

LONGEST_LIFE_S = 10 * 365 * 86_400.0  # "seconds" above it are a moment, or nonsense
APP_STEP = "put the app's client id and client secret (Developer Hub) into the connection's secrets"
SETTINGS_STEP = "compare the app's settings in Pipedrive's Developer Hub, its callback URL first"
# One scope of each group is enough; a group without any means calls that are refused later.
NEEDED_SCOPES = (
    ("base",), ("users:read",), ("contacts:full",), ("deals:full",), ("activities:full",),
    ("admin", "deal-fields:full"),
)  # fmt: skip


@dataclass(frozen=True)
class Grant:
    """What one administrator let the app do. Tokens are kept out of every `repr`."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    api_domain: str
    expires_at: datetime
    scope: str

    def as_object(self) -> dict[str, Any]:
        """What is encrypted and kept."""
        return {
            "access_token": self.access_token, "refresh_token": self.refresh_token,
            "api_domain": self.api_domain, "expires_at": self.expires_at.isoformat(),
            "scope": self.scope,
        }  # fmt: skip

    @classmethod
    def revived(cls, kept: Mapping[str, Any]) -> Self:
        return cls(
            kept["access_token"], kept["refresh_token"], kept["api_domain"],
            datetime.fromisoformat(kept["expires_at"]), kept["scope"],
        )  # fmt: skip

    def missing_scopes(self) -> list[str]:
        """Scopes a sync needs that the app was not given; empty when the vendor told none.

        >>> from datetime import UTC, datetime
        >>> told = "base,users:read,contacts:full,deals:full,admin"
        >>> Grant("a", "r", "https://x.example", datetime.now(UTC), told).missing_scopes()
        ['activities:full']
        """
        given = set(self.scope.replace(",", " ").split())
        return [group[0] for group in NEEDED_SCOPES if given and not given & set(group)]


def read_grant(
    answer: httpx.Response,
    *,
    asked_at: datetime,
    former: Grant | None = None,
    secrets: tuple[str, ...] = (),
) -> Grant:
    """Return the grant of an answer to `POST /oauth/token`, or raise what it means.

    Its life is counted from before the question. What a refresh leaves out stays as it was.
    """
    call = "POST /oauth/token"
    if not 200 <= answer.status_code < 300:
        raise error_of(call, answer, secrets)
    told = _object(answer.content)
    kept = former.as_object() if former else {}
    access, seconds = told.get("access_token"), told.get("expires_in")
    refresh = told.get("refresh_token", kept.get("refresh_token"))
    api, scope = told.get("api_domain", kept.get("api_domain")), told.get("scope", "")
    for name, value in (("access_token", access), ("refresh_token", refresh)):
        if not isinstance(value, str) or not fits_a_header(value):
            raise _misread(call, answer, f"answered without a usable {name}")
    if str(told.get("token_type", "bearer")).lower() != "bearer":
        raise _misread(call, answer, "answered with tokens of a type we do not know")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise _misread(call, answer, "answered without expires_in")
    if not 0 < seconds <= LONGEST_LIFE_S:
        raise _misread(call, answer, "answered with an expires_in that cannot be")
    return Grant(
        access_token=str(access), refresh_token=str(refresh),
        api_domain=_api_of(call, answer, api),
        expires_at=asked_at + timedelta(seconds=seconds),
        scope=scope if isinstance(scope, str) else "",
    )  # fmt: skip


def error_of(call: str, answer: httpx.Response, secrets: tuple[str, ...]) -> ConnectorError:
    """Name an answer that is not 2xx by what the caller must do about it."""
    status, body, headers = answer.status_code, _object(answer.content), answer.headers
    kind, said = str(body.get("error") or ""), _said(status, body, secrets)
    request_id = request_id_of(headers)
    if status == 429:
        wait = wait_of(headers, BURST_WINDOW_S)
        return Throttled(VENDOR, call, said, retry_after=wait, request_id=request_id)
    if status == 403 and not body and answer.content.strip():
        said = "HTTP 403 with a page instead of JSON: the calls are blocked"
        wait = wait_of(headers, BLOCK_S)
        return Blocked(VENDOR, call, said, retry_after=wait, request_id=request_id)
    if status not in (400, 401) or (status == 400 and not body):
        return ReadFailed(VENDOR, call, said, request_id=request_id)
    words = f"{kind} {body.get('message')}".lower().replace("_", " ")
    if status == 400 and "invalid grant" in words:
        return GrantEnded(VENDOR, call, said, request_id=request_id)
    if status == 401 or "invalid client" in words:
        return UnknownApp(VENDOR, call, said, next_step=APP_STEP, request_id=request_id)
    return StopTheSync(VENDOR, call, said, next_step=SETTINGS_STEP, request_id=request_id)


def _api_of(call: str, answer: httpx.Response, api: object) -> str:
    """The address later calls carry the token to: never over an open line."""
    try:
        address = address_of(str(api or ""), "api_domain")
    except ValueError as error:
        raise _misread(call, answer, "answered without a usable api_domain") from error
    url = httpx.URL(address)
    if url.scheme != "https" and not is_loopback(url.host):
        raise _misread(call, answer, f"answered with an api_domain without TLS ({url.host})")
    return address


def _misread(call: str, answer: httpx.Response, said: str) -> ReadFailed:
    said = f"HTTP {answer.status_code}, {said}"
    return ReadFailed(VENDOR, call, said, request_id=request_id_of(answer.headers))


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = read_json(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _said(status: int, body: Mapping[str, Any], secrets: tuple[str, ...]) -> str:
    words = [str(body[key]) for key in ("message", "error") if isinstance(body.get(key), str)]
    return quoted(", ".join([f"HTTP {status}", *words[:1]]), *secrets)
