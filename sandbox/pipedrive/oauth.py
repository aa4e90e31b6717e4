"""The app's way in: what oauth.pipedrive.com answers, and the grants it has given.

    authorize --Allow--> code (five minutes, once) --> access token (an hour)
       '---Cancel--> error=user_denied                 + refresh token (60 days from its last use)

A user's grants die together: by `revoke`, by the uninstalling of the app, or unused. The texts of
the refusals are the vendor's ("OAuth status codes"); the members around them are not published.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from sandbox.pipedrive.answers import WholeAnswerError, dump
from sandbox.pipedrive.assumptions import Assumptions
from sandbox.vendor import Answer, Request

CLIENT_ID, CLIENT_SECRET = "sandbox-app", "sandbox-app-secret"
CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(seconds=3599)
REFRESH_LIFE = timedelta(days=60)
SCOPE = "base contacts:full deals:full activities:full users:read search:read admin"
FORM = "application/x-www-form-urlencoded"
HTML = {"content-type": "text/html; charset=utf-8"}


class Grant(NamedTuple):
    user_id: int
    until: datetime
    redirect_uri: str = ""


class OAuth:
    """Codes and tokens of one app, for the users of one company."""

    def __init__(self, seed: int, users: list[int], assume: Assumptions) -> None:
        self._seed, self._users, self._assume = seed, users, assume
        self._count = 0
        self._codes: dict[str, Grant] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def user_of(self, access_token: str, at: datetime) -> int | None:
        """Whose access token it is; None for one that never was, has expired or was revoked."""
        grant = self._access.get(access_token)
        return grant.user_id if grant and grant.until > at else None

    def answer(self, request: Request, api_domain: str) -> Answer | None:
        """The OAuth endpoints; `None` for any other path."""
        match (request.method, request.path.rstrip("/")):
            case ("GET", "/oauth/authorize"):
                return self._authorize(request)
            case ("POST", "/oauth/token"):
                return self._give_tokens(request, api_domain)
            case ("POST", "/oauth/revoke"):
                return self._revoke(request)
        return None

    def forget(self, user_id: int) -> int:
        """The user uninstalls the app: nothing of theirs works any more. How many tokens died."""
        return sum(
            len([book.pop(token) for token in list(_of(book, user_id))])
            for book in (self._codes, self._access, self._refresh)
        )

    def expire(self, user_id: int, at: datetime, *, is_unused: bool) -> int:
        """The hour of the user's access tokens is over; with `is_unused` the 60 days as well."""
        books = (self._access, self._refresh) if is_unused else (self._access,)
        found = [(book, token) for book in books for token in _of(book, user_id)]
        for book, token in found:
            book[token] = book[token]._replace(until=at)
        return len(found)

    def _new(self, kind: str) -> str:
        self._count += 1
        drawn = hashlib.sha256(f"{self._seed}/{kind}/{self._count}".encode()).hexdigest()
        return f"{kind}-{drawn[:40]}"

    def _authorize(self, request: Request) -> Answer:
        """A page with two links, as a browser would be shown; `auto_approve` and `deny` are what
        they add, and `user_id` says who is signed in."""
        query = dict(request.query)
        target = query.get("redirect_uri", "")
        if query.get("client_id") != CLIENT_ID:
            raise _oauth_error("invalid_client", "Invalid client: client is invalid")
        if not _is_address(target):
            raise _oauth_error(
                "invalid_request", "Invalid request: redirect_uri is not a valid URI"
            )
        state = {"state": query["state"]} if "state" in query else {}
        if "deny" in query:
            echoed = state if self._assume["denial_echoes_state"] else {}
            return _back(target, {"error": "user_denied"} | echoed)
        if "auto_approve" not in query:
            return _consent_page(query)
        signed_in = query.get("user_id", "")
        user_id = (
            int(signed_in) if signed_in.isdecimal() and len(signed_in) < 10 else min(self._users)
        )
        code = self._new("code")
        self._codes[code] = Grant(user_id, request.at + CODE_LIFE, target)
        return _back(target, {"code": code} | state)

    def _give_tokens(self, request: Request, api_domain: str) -> Answer:
        form = _form(request)
        _check_client(request)
        match form.get("grant_type"):
            case None | "":
                raise _oauth_error("invalid_request", "Missing parameter: `grant_type`")
            case "authorization_code":
                user_id, refresh = self._exchanged(form, request.at), self._new("refresh")
            case "refresh_token":
                user_id, refresh = self._refreshed(form, request.at)
            case _:
                raise _oauth_error(
                    "unsupported_grant_type", "Unsupported grant type: `grant_type` is invalid"
                )
        access = self._new("access")
        self._access[access] = Grant(user_id, request.at + ACCESS_LIFE)
        self._refresh[refresh] = Grant(user_id, request.at + REFRESH_LIFE)
        return dump(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": int(ACCESS_LIFE.total_seconds()),
                "refresh_token": refresh,
                "scope": SCOPE,
                "api_domain": api_domain,
            }
        )

    def _exchanged(self, form: Mapping[str, str], at: datetime) -> int:
        """Whose code it was; it is used up by this, whatever the answer."""
        if not _is_address(form.get("redirect_uri", "")):
            raise _oauth_error(
                "invalid_request", "Invalid request: redirect_uri is not a valid URI"
            )
        grant = self._codes.pop(form.get("code", ""), None)
        if grant is None:
            raise _oauth_error("invalid_grant", "Invalid grant: authorization_code is invalid")
        if grant.until <= at:
            raise _oauth_error("invalid_grant", "Invalid grant: authorization_code has expired")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise _oauth_error("invalid_request", "Invalid request: redirect_uri is invalid")
        return grant.user_id

    def _refreshed(self, form: Mapping[str, str], at: datetime) -> tuple[int, str]:
        """Whose refresh token it is, and the one to use from now on."""
        token = form.get("refresh_token", "")
        grant = self._refresh.get(token)
        if grant is None or grant.until <= at:
            raise _oauth_error("invalid_grant", "Invalid grant: refresh_token is invalid")
        if not self._assume["former_access_lives_on"]:
            self.expire(grant.user_id, at, is_unused=False)
        if not self._assume["refresh_rotates"]:
            return grant.user_id, token
        del self._refresh[token]
        return grant.user_id, self._new("refresh")

    def _revoke(self, request: Request) -> Answer:
        """Access and refresh tokens of the user the token belongs to stop working (RFC 7009)."""
        form = _form(request)
        _check_client(request)
        token = form.get("token", "")
        grant = self._refresh.get(token) or self._access.get(token)
        if grant:
            self.forget(grant.user_id)
        return Answer(200, {}, b"")


def _of(book: Mapping[str, Grant], user_id: int) -> Iterator[str]:
    return (token for token, grant in book.items() if grant.user_id == user_id)


def _back(target: str, more: Mapping[str, str]) -> Answer:
    joint = "&" if "?" in target else "?"
    return Answer(302, {"location": f"{target}{joint}{urlencode(more)}"}, b"")


def _consent_page(query: Mapping[str, str]) -> Answer:
    links = [
        f'<a href="authorize?{urlencode({**query, choice: "1"}).replace("&", "&amp;")}">{label}</a>'
        for choice, label in (("auto_approve", "Allow and install"), ("deny", "Cancel"))
    ]
    return Answer(200, HTML, f"<h1>Sandbox app</h1>{' '.join(links)}".encode())


def _is_address(target: str) -> bool:
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    # It becomes a header: what no header may hold would end the connection.
    return parts.scheme in ("http", "https") and bool(parts.netloc) and _is_plain(target)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _form(request: Request) -> Mapping[str, str]:
    if FORM not in request.headers.get("content-type", ""):
        raise _oauth_error("invalid_request", f"Invalid request: content must be {FORM}")
    return dict(parse_qsl(request.body.decode("latin-1")))


def _check_client(request: Request) -> None:
    kind, _, coded = request.headers.get("authorization", "").partition(" ")
    try:
        named, colon, secret = base64.b64decode(coded, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        named = colon = secret = b""
    if kind.lower() != "basic" or not (named and colon and secret):
        raise _oauth_error("invalid_client", "Invalid client: cannot retrieve client credentials")
    if (named, secret) != (CLIENT_ID.encode(), CLIENT_SECRET.encode()):
        raise _oauth_error("invalid_client", "Invalid client: client is invalid")


def _oauth_error(error: str, message: str) -> WholeAnswerError:
    body: dict[str, Any] = {"success": False, "message": message, "error": error}
    return WholeAnswerError(400, body)
