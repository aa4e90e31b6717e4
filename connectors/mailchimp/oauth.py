"""Talk to Mailchimp's sign-in server, as the app that somebody let into an account.

    authorize_url --> (a person, a browser) --> exchange --> token --metadata--> Login

There are no scopes, and tokens neither end nor are renewed: what a person withdraws is seen by
the next call's 401. Only the metadata tells in which datacenter the account is.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx

from connectors.bodies import read_json
from connectors.errors import (
    BadCredentials,
    ConnectorError,
    GrantEnded,
    ReadFailed,
    StopTheSync,
    Throttled,
    UnknownApp,
    quoted,
)
from connectors.http import address_of, is_loopback, send
from connectors.mailchimp.credential import Login, fits_a_header, oauth_token
from connectors.mailchimp.refusals import THROTTLE_S
from connectors.mailchimp.wire import VENDOR

LOGIN_URL = "https://login.mailchimp.com"
SETTINGS_STEP = "compare the app's settings at Mailchimp, its redirect address first"


class Account(NamedTuple):
    """Whose account a token opens, and how to call it."""

    login: Login
    datacenter: str
    name: str


class App:
    """One app registered at Mailchimp."""

    def __init__(
        self, *, client_id: str, client_secret: str, http: httpx.Client, login_url: str = LOGIN_URL
    ) -> None:
        if not fits_a_header(client_id) or not fits_a_header(client_secret):
            said = "client id or secret is empty, or has characters none has"
            raise UnknownApp(VENDOR, "app", said)
        self._url, self._http = address_of(login_url, "login_url"), http
        self._client_id, self._client_secret = client_id, client_secret

    def authorize_url(self, redirect_url: str, state: str) -> str:
        """Where a browser goes so that somebody may let the app in."""
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_url,
            "state": state,
        }
        return f"{self._url}/oauth2/authorize?{urlencode(query)}"

    def exchange(self, code: str, redirect_url: str) -> str:
        """Return the token a code stands for; a code is good once."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "redirect_uri": redirect_url,
            "code": code,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        request = httpx.Request(
            "POST", f"{self._url}/oauth2/token", headers=headers, content=urlencode(form).encode()
        )
        return read_token(self._ask(request), (self._client_secret, code))

    def account(self, token: str) -> Account:
        """Return whose account the token opens; GrantEnded when it opens none any more."""
        if not fits_a_header(token):
            raise BadCredentials(VENDOR, "token", "empty, or with characters no token has")
        # Under its own scheme: the one place where "Bearer" is not said to do.
        headers = {"authorization": f"OAuth {token}"}
        request = httpx.Request("GET", f"{self._url}/oauth2/metadata", headers=headers)
        return read_account(self._ask(request), token)

    def _ask(self, request: httpx.Request) -> httpx.Response:
        request.headers["accept"] = "application/json"
        # Not called a write: asking again gives another token at most, and does no harm.
        return send(self._http, request, vendor=VENDOR, writes=False, call=_name(request))


def read_token(answer: httpx.Response, secrets: tuple[str, ...]) -> str:
    """Return the token of an answer, or raise what it means."""
    told = _object(answer)
    if answer.status_code != 200 or "error" in told:
        raise error_of("POST /oauth2/token", answer, secrets)
    token = told.get("access_token")
    if not isinstance(token, str) or not fits_a_header(token):
        raise _misread("POST /oauth2/token", answer, "answered without a usable access_token")
    return token


def read_account(answer: httpx.Response, token: str) -> Account:
    """Return the account of an answer, or raise what it means."""
    call, told = "GET /oauth2/metadata", _object(answer)
    if answer.status_code in (401, 403) or (answer.status_code < 500 and "error" in told):
        raise GrantEnded(VENDOR, call, _said(answer, told, (token,)))
    if answer.status_code != 200:
        raise error_of(call, answer, (token,))
    datacenter, name = told.get("dc"), told.get("accountname")
    if not isinstance(datacenter, str) or not re.fullmatch(r"[a-z]{2,4}\d{1,3}", datacenter):
        raise _misread(call, answer, "answered without a usable dc")
    api = _api_of(call, answer, told.get("api_endpoint"))
    return Account(oauth_token(token, api), datacenter, name if isinstance(name, str) else "")


def error_of(call: str, answer: httpx.Response, secrets: tuple[str, ...]) -> ConnectorError:
    """Name an answer that is no token by what the caller must do about it."""
    told = _object(answer)
    said, kind = _said(answer, told, secrets), str(told.get("error") or "")
    if answer.status_code == 429:
        return Throttled(VENDOR, call, said, retry_after=THROTTLE_S)
    if answer.status_code >= 500 or not kind:
        return ReadFailed(VENDOR, call, said)
    if kind == "invalid_grant":
        return GrantEnded(VENDOR, call, said)
    if kind in ("invalid_client", "unauthorized_client"):
        return UnknownApp(VENDOR, call, said)
    return StopTheSync(VENDOR, call, said, next_step=SETTINGS_STEP)


def _api_of(call: str, answer: httpx.Response, api: object) -> str:
    """The address later calls carry the token to: never over an open line."""
    try:
        address = address_of(str(api or ""), "api_endpoint")
    except ValueError as error:
        raise _misread(call, answer, "answered without a usable api_endpoint") from error
    url = httpx.URL(address)
    if url.scheme != "https" and not is_loopback(url.host):
        raise _misread(call, answer, "answered with an api_endpoint without TLS")
    return address


def _name(request: httpx.Request) -> str:
    return f"{request.method} /oauth2/{request.url.path.rpartition('/')[2]}"


def _misread(call: str, answer: httpx.Response, said: str) -> ReadFailed:
    return ReadFailed(VENDOR, call, f"HTTP {answer.status_code}, {said}")


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = read_json(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _said(answer: httpx.Response, told: Mapping[str, Any], secrets: tuple[str, ...]) -> str:
    words = [told[key] for key in ("error", "error_description") if isinstance(told.get(key), str)]
    return quoted(", ".join([f"HTTP {answer.status_code}", *words]), *secrets)
