"""Who may call: API tokens of users, and OAuth for apps.

An API token is one user's and lives until it is revoked. OAuth: a code (five minutes, once)
becomes an access token (an hour) and a refresh token that stays the same while it is used.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from sandbox.pipedrive.answers import RefusalError, WholeAnswerError, dump
from sandbox.pipedrive.call import is_number
from sandbox.vendor import Answer, Request

CLIENT_ID, CLIENT_SECRET = "sandbox-app", "sandbox-app-secret"
CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(seconds=3599)
REFRESH_LIFE = timedelta(days=60)
SCOPE = "base contacts:full deals:full activities:full users:read search:read admin"


class Grant(NamedTuple):
    user_id: int
    until: datetime
    redirect_uri: str = ""


class Access:
    """The doors of one company account."""

    def __init__(self, seed: int, api_tokens: dict[str, int]) -> None:
        self._seed = seed
        self._count = 0
        self.api_tokens = dict(api_tokens)
        self.revoked: set[str] = set()
        self._codes: dict[str, Grant] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def who(self, request: Request) -> tuple[str, int]:
        """The token as limits count it and its user; 401 when there is no such door."""
        query = dict(request.query)
        token = request.headers.get("x-api-token") or query.get("api_token") or ""
        bearer = request.headers.get("authorization", "")
        if token in self.api_tokens and token not in self.revoked:
            return token, self.api_tokens[token]
        grant = self._access.get(bearer.removeprefix("Bearer "))
        if not token and grant and grant.until > request.at:
            return bearer, grant.user_id
        raise RefusalError(401, "unauthorized access")

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

    def _new(self, kind: str) -> str:
        self._count += 1
        drawn = hashlib.sha256(f"{self._seed}/{kind}/{self._count}".encode()).hexdigest()
        return f"{kind}-{drawn[:40]}"

    def _authorize(self, request: Request) -> Answer:
        query = dict(request.query)
        target = query.get("redirect_uri", "")
        if query.get("client_id") != CLIENT_ID or not target:
            raise _oauth_error("invalid_client", "Client is invalid")
        if not (target.isascii() and target.isprintable()):
            raise _oauth_error("invalid_request", "redirect_uri is invalid")
        if query.get("auto_approve") is None:
            onward = urlencode({**query, "auto_approve": "1"}).replace("&", "&amp;")
            page = f'<h1>Sandbox app</h1><a href="authorize?{onward}">Allow and install</a>'
            return Answer(200, {"content-type": "text/html; charset=utf-8"}, page.encode())
        code = self._new("code")
        chosen = query.get("user_id", "")
        user_id = int(chosen) if is_number(chosen) else min(self.api_tokens.values())
        self._codes[code] = Grant(user_id, request.at + CODE_LIFE, target)
        back = {"code": code} | ({"state": query["state"]} if "state" in query else {})
        joint = "&" if "?" in target else "?"
        return Answer(302, {"location": f"{target}{joint}{urlencode(back)}"}, b"")

    def _give_tokens(self, request: Request, api_domain: str) -> Answer:
        form = _form(request)
        _check_client(request)
        match form.get("grant_type"):
            case "authorization_code":
                grant = self._codes.pop(form.get("code", ""), None)
                if grant is None or grant.until < request.at:
                    raise _oauth_error("invalid_grant", "Invalid or expired authorization_code")
                if form.get("redirect_uri") != grant.redirect_uri:
                    raise _oauth_error("invalid_grant", "redirect_uri is invalid")
                refresh = self._new("refresh")
            case "refresh_token":
                refresh = form.get("refresh_token", "")
                grant = self._refresh.get(refresh)
                if grant is None or grant.until < request.at:
                    raise _oauth_error("invalid_grant", "Invalid refresh_token")
            case _:
                raise _oauth_error("invalid_request", "grant_type is missing or not supported")
        access = self._new("access")
        self._access[access] = Grant(grant.user_id, request.at + ACCESS_LIFE)
        self._refresh[refresh] = Grant(grant.user_id, request.at + REFRESH_LIFE)
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

    def _revoke(self, request: Request) -> Answer:
        """Access and refresh tokens of the user the token belongs to stop working (RFC 7009)."""
        _check_client(request)
        token = _form(request).get("token", "")
        grant = self._refresh.get(token) or self._access.get(token)
        if grant:
            for book in (self._refresh, self._access):
                for key in [k for k, g in book.items() if g.user_id == grant.user_id]:
                    del book[key]
        return Answer(200, {}, b"")


def _form(request: Request) -> Mapping[str, str]:
    if "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
        raise _oauth_error(
            "invalid_request", "Content-Type must be application/x-www-form-urlencoded"
        )
    return dict(parse_qsl(request.body.decode("latin-1")))


def _check_client(request: Request) -> None:
    expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    if request.headers.get("authorization") != f"Basic {expected}":
        raise _oauth_error("invalid_client", "Client is invalid")


def _oauth_error(error: str, message: str) -> WholeAnswerError:
    body: dict[str, Any] = {"success": False, "message": message, "error": error}
    return WholeAnswerError(400, body)
