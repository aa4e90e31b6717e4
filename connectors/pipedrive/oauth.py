"""Talk to Pipedrive's OAuth server, as the app that an administrator let in.

authorize_url --> (a person, a browser) --> exchange --> Grant --refresh--> Grant ...
                                                           '-- revoke
"""

import base64
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

import httpx

from connectors.errors import UnknownApp
from connectors.http import address_of, send, utc_now
from connectors.pipedrive.credential import fits_a_header
from connectors.pipedrive.grant import APP_STEP, Grant, error_of, read_grant
from connectors.pipedrive.wire import VENDOR


class App:
    """One app registered at Pipedrive. Its calls cost no tokens, and are not metered."""

    def __init__(
        self,
        oauth_url: str,
        *,
        client_id: str,
        client_secret: str,
        http: httpx.Client,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if not fits_a_header(client_id) or not fits_a_header(client_secret):
            said = "client id or secret is empty, or has characters none has"
            raise UnknownApp(VENDOR, "app", said, next_step=APP_STEP)
        self._url, self._http, self._now = address_of(oauth_url, "oauth_url"), http, now
        self._client_id, self._client_secret = client_id, client_secret

    def authorize_url(self, redirect_url: str, state: str) -> str:
        """Where a browser goes so that an administrator may let the app in."""
        query = {"client_id": self._client_id, "redirect_uri": redirect_url, "state": state}
        return f"{self._url}/oauth/authorize?{urlencode(query)}"

    def exchange(self, code: str, redirect_url: str) -> Grant:
        """The grant a code stands for. A code is good once, and for five minutes."""
        return self._ask_for_tokens(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_url}, code
        )

    def refresh(self, grant: Grant) -> Grant:
        """A new access token. Keep what comes back before it is used: a vendor that rotates
        has forgotten the old refresh token by then. GrantEnded when it is over."""
        token = grant.refresh_token
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return self._ask_for_tokens(form, token, former=grant)

    def revoke(self, grant: Grant) -> None:
        """The grant is over at the vendor; one that was over already is no error (RFC 7009)."""
        form = {"token": grant.refresh_token, "token_type_hint": "refresh_token"}
        answer = self._post("/oauth/revoke", form)
        if not 200 <= answer.status_code < 300:
            secrets = (self._client_secret, grant.refresh_token)
            raise error_of("POST /oauth/revoke", answer, secrets)

    def _ask_for_tokens(
        self, form: dict[str, str], secret: str, *, former: Grant | None = None
    ) -> Grant:
        asked_at = self._now()
        answer = self._post("/oauth/token", form)
        secrets = (self._client_secret, secret)
        return read_grant(answer, asked_at=asked_at, former=former, secrets=secrets)

    def _post(self, path: str, form: dict[str, str]) -> httpx.Response:
        pair = f"{self._client_id}:{self._client_secret}".encode()
        headers = {
            "authorization": f"Basic {base64.b64encode(pair).decode()}",
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        request = httpx.Request(
            "POST", self._url + path, headers=headers, content=urlencode(form).encode()
        )
        # Not called a write: repeating it does no harm, which is what the word is about.
        return send(self._http, request, vendor=VENDOR, writes=False, call=f"POST {path}")
