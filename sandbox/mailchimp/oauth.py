"""The login host: a person lets an app in, and the app learns where the account lives.

authorize --Allow--> code (ten minutes, once) --> token, which lasts until it is revoked
   '---Deny--> error=access_denied

There are no scopes and no refresh tokens. What refusals look like beyond their status is
published nowhere; these are OAuth's own words (RFC 6749).
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from sandbox.vendor import Answer, Request

CLIENT_ID, CLIENT_SECRET = "sandbox-mailchimp-app", "sandbox-mailchimp-app-secret"
DATACENTER = "us6"
CODE_LIFE = timedelta(minutes=10)
HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}
PREFIX = "/oauth2/"


class Person(NamedTuple):
    """Who signs in: the account's owner, as `metadata` tells it."""

    account: str
    accountname: str
    user_id: int
    login_id: int
    login_name: str
    email: str


class Code(NamedTuple):
    account: str
    until: datetime
    redirect_uri: str


class Keys(Protocol):
    """Where tokens are keys like others."""

    def grant(self, token: str, account: str) -> None:
        """From now on the token opens the account of that name."""

    def opens(self, token: str) -> bool:
        """Whether it still does."""


class OAuth:
    """Codes and tokens of one app, for whoever has an account here. `people[0]` is signed in
    unless the authorize address says `user_id`."""

    def __init__(
        self,
        seed: int,
        people: tuple[Person, ...],
        keys: Keys,
    ) -> None:
        self._seed, self._people, self._keys = seed, people, keys
        self._count = 0
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, str] = {}

    def answer(self, request: Request) -> Answer | None:
        """The login host's pages; `None` for any other path."""
        match (request.method, request.path.rstrip("/")):
            case ("GET", "/oauth2/authorize"):
                return self._authorize(request)
            case ("POST", "/oauth2/token"):
                return self._give_token(request)
            case ("GET", "/oauth2/metadata"):
                return self._metadata(request)
        return None

    def _authorize(self, request: Request) -> Answer:
        """A page with two links, as a browser would be shown; `auto_approve` and `deny` are
        what they add."""
        query = dict(request.query)
        target = query.get("redirect_uri", "")
        if query.get("client_id") != CLIENT_ID:
            return _page(400, "This app is unknown (invalid_client).")
        if query.get("response_type") != "code":
            return _page(400, "response_type must be code (unsupported_response_type).")
        if not _is_address(target):
            return _page(400, "redirect_uri is no address of this app (redirect_uri_mismatch).")
        state = {"state": query["state"]} if "state" in query else {}
        if "deny" in query:
            return _back(target, {"error": "access_denied"} | state)
        if "auto_approve" not in query:
            return _consent_page(query)
        person = self._signed_in(query.get("user_id", ""))
        code = self._new("code")
        self._codes[code] = Code(person.account, request.at + CODE_LIFE, target)
        return _back(target, {"code": code} | state)

    def _give_token(self, request: Request) -> Answer:
        form = dict(parse_qsl(request.body.decode("latin-1")))
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _refusal(401, "invalid_client")
        if form.get("grant_type") != "authorization_code":
            return _refusal(400, "unsupported_grant_type")
        # Used up by this, whatever the answer.
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.until <= request.at:
            return _refusal(400, "invalid_grant")
        if form.get("redirect_uri") != code.redirect_uri:
            return _refusal(400, "redirect_uri_mismatch")
        token = hashlib.md5(self._new("token").encode(), usedforsecurity=False).hexdigest()
        self._tokens[token] = code.account
        self._keys.grant(token, code.account)
        return _json({"access_token": token, "expires_in": 0, "scope": None})

    def _metadata(self, request: Request) -> Answer:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        account = self._tokens.get(token.strip()) if kind.lower() in ("oauth", "bearer") else None
        if account is None or not self._keys.opens(token.strip()):
            return _refusal(401, "invalid_token")
        person = next(one for one in self._people if one.account == account)
        root = request.headers.get("x-sandbox-root", "")
        login = {
            "email": person.email,
            "avatar": None,
            "login_id": person.login_id,
            "login_name": person.login_name,
            "login_email": person.email,
        }
        return _json(
            {
                "dc": DATACENTER,
                "role": "owner",
                "accountname": person.accountname,
                "user_id": person.user_id,
                "login": login,
                "login_url": root,
                "api_endpoint": root,
            }
        )

    def _signed_in(self, user_id: str) -> Person:
        named = (one for one in self._people if str(one.user_id) == user_id)
        return next(named, self._people[0])

    def _new(self, kind: str) -> str:
        self._count += 1
        return hashlib.sha256(f"{self._seed}/{kind}/{self._count}".encode()).hexdigest()[:40]


def _back(target: str, more: Mapping[str, str]) -> Answer:
    joint = "&" if "?" in target else "?"
    return Answer(302, {"location": f"{target}{joint}{urlencode(more)}"}, b"")


def _consent_page(query: Mapping[str, str]) -> Answer:
    links = [
        f'<a href="authorize?{urlencode({**query, choice: "1"}).replace("&", "&amp;")}">{label}</a>'
        for choice, label in (("auto_approve", "Allow"), ("deny", "Cancel"))
    ]
    return Answer(200, HTML, f"<h1>Sandbox app</h1>{' '.join(links)}".encode())


def _is_address(target: str) -> bool:
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    # It becomes a header: what no header may hold would end the connection.
    is_plain = target.isascii() and target.isprintable() and " " not in target
    return parts.scheme in ("http", "https") and bool(parts.netloc) and is_plain


def _page(status: int, said: str) -> Answer:
    return Answer(status, HTML, f"<p>{said}</p>".encode())


def _json(value: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, JSON, orjson.dumps(value))


def _refusal(status: int, error: str) -> Answer:
    return _json({"error": error}, status)
