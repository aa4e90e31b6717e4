"""Signing in at Mailchimp, as an app."""

import json
from urllib.parse import parse_qsl

import httpx
import pytest

from connectors.errors import (
    BadCredentials,
    GrantEnded,
    OutcomeUnknown,
    ReadFailed,
    StopTheSync,
    Throttled,
    UnknownApp,
)
from connectors.mailchimp.oauth import App

SECRET = "app-s3cret"
TOLD = {
    "dc": "us6", "accountname": "Acme", "role": "owner", "user_id": 1,
    "login": {"login_email": "ann@acme.example"},
    "api_endpoint": "https://us6.api.mailchimp.com",
}  # fmt: skip


class Server:
    def __init__(self, status, body):
        self.status, self.body, self.asked = status, body, []

    def app(self, **more):
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        told = {"client_id": "id-1", "client_secret": SECRET, **more}
        return App(http=http, **told)

    def _answer(self, request):
        self.asked.append(request)
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return httpx.Response(self.status, content=content)


def test_a_browser_is_sent_to_the_vendor_with_our_state():
    """MC-01"""
    url = httpx.URL(Server(200, {}).app().authorize_url("http://127.0.0.1:8917/callback", "st"))
    assert (url.host, url.path) == ("login.mailchimp.com", "/oauth2/authorize")
    assert dict(url.params) == {
        "response_type": "code", "client_id": "id-1", "state": "st",
        "redirect_uri": "http://127.0.0.1:8917/callback",
    }  # fmt: skip


def test_a_code_is_exchanged_for_a_token_that_does_not_end():
    """MC-01"""
    server = Server(200, {"access_token": "t0ken", "expires_in": 0, "scope": None})
    assert server.app().exchange("c0de", "http://x.lv/cb") == "t0ken"
    form = dict(parse_qsl(server.asked[0].content.decode()))
    assert form["grant_type"] == "authorization_code"
    assert (form["code"], form["client_secret"]) == ("c0de", SECRET)


def test_the_metadata_tells_where_the_account_is():
    """MC-01: under its own scheme"""
    server = Server(200, TOLD)
    account = server.app().account("t0ken")
    assert server.asked[0].headers["authorization"] == "OAuth t0ken"
    assert (account.datacenter, account.name) == ("us6", "Acme")
    assert account.login.api == "https://us6.api.mailchimp.com"
    assert "t0ken" not in repr(account)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant", "error_description": f"{SECRET} c0de"}, GrantEnded),
        (200, {"error": "invalid_grant"}, GrantEnded),
        (400, {"error": "invalid_client"}, UnknownApp),
        (400, {"error": "redirect_uri_mismatch"}, StopTheSync),
        (429, b"", Throttled),
        (500, {"error": "x"}, ReadFailed),
        (400, b"<html>", ReadFailed),
        (200, b"<html>", ReadFailed),
        (200, {"access_token": 7}, ReadFailed),
        (200, {"access_token": "two words"}, ReadFailed),
    ],
)
def test_an_exchange_that_gives_no_token_says_why_and_shows_no_secret(status, body, error):
    """ALL-04, ALL-11"""
    with pytest.raises(error) as caught:
        Server(status, body).app().exchange("c0de", "http://x.lv/cb")
    assert type(caught.value) is error
    assert SECRET not in str(caught.value)
    assert "c0de" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b"", GrantEnded),
        (200, {"error": "invalid_token"}, GrantEnded),
        (404, b"<html>", ReadFailed),
        (503, {"error": "later"}, ReadFailed),
        (200, b"[]", ReadFailed),
        (200, {**TOLD, "dc": "us6.evil.example"}, ReadFailed),
        (200, {**TOLD, "api_endpoint": "http://us6.api.mailchimp.com"}, ReadFailed),
        (200, {**TOLD, "api_endpoint": None}, ReadFailed),
    ],
)
def test_metadata_that_names_no_account_says_why(status, body, error):
    """ALL-04, ALL-11: the token would be carried to that address"""
    with pytest.raises(error) as caught:
        Server(status, body).app().account("t0ken")
    assert type(caught.value) is error
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize(("name", "value"), [("client_id", ""), ("client_secret", "a b")])
def test_an_app_without_usable_credentials_makes_no_call(name, value):
    """ALL-11"""
    with pytest.raises(BadCredentials):
        Server(200, {}).app(**{name: value})
