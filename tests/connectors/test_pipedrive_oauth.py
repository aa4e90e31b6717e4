"""What the OAuth server's answers mean, and an app at the sandbox over real HTTP."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    BadCredentials,
    Blocked,
    ConnectorError,
    GrantEnded,
    NotAdministrator,
    NotSent,
    ReadFailed,
    StopTheSync,
    Throttled,
    UnknownApp,
)
from connectors.meter import Tally
from connectors.pipedrive import App, Grant, Pipedrive, Shown, bearer
from connectors.pipedrive.grant import read_grant

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
BACK = "http://127.0.0.1:8917/callback"
FORMER = Grant("old-access", "old-refresh", "https://acme.pipedrive.com", AT, "base")
GOOD = {
    "access_token": "v1u:AQ+/=",
    "refresh_token": "1:1:2a54",
    "token_type": "Bearer",
    "expires_in": 3599,
    "scope": "base,admin",
    "api_domain": "https://acme.pipedrive.com/",
}


def answer(body, status=200, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers=headers)


def test_an_answer_becomes_a_grant_that_shows_no_token():
    grant = read_grant(answer(GOOD), asked_at=AT)
    assert grant.expires_at == AT + timedelta(seconds=3599)
    assert grant.api_domain == "https://acme.pipedrive.com"
    assert Grant.revived(grant.as_object()) == grant
    assert "AQ" not in repr(grant)
    assert "2a54" not in repr(grant)


def test_what_a_refresh_leaves_out_stays_as_it_was():
    told = {"access_token": "new", "expires_in": 10}
    grant = read_grant(answer(told), asked_at=AT, former=FORMER)
    assert (grant.refresh_token, grant.api_domain) == ("old-refresh", FORMER.api_domain)


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": "two words"},
        {"refresh_token": 7},
        {"token_type": "mac"},
        {"expires_in": "3599"},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": 1e300},
        {"api_domain": None},
        {"api_domain": "acme.pipedrive.com"},
        {"api_domain": "http://acme.pipedrive.com"},
        {"api_domain": "ftp://acme.pipedrive.com"},
    ],
)
def test_an_answer_that_lacks_something_is_not_understood(change):
    with pytest.raises(ReadFailed, match="POST /oauth/token"):
        read_grant(answer(GOOD | change), asked_at=AT)


REFUSALS = [
    (400, {"error": "invalid_grant", "message": "Invalid grant: ..."}, GrantEnded),
    (400, {"message": "Invalid grant: refresh_token is invalid"}, GrantEnded),
    (400, {"error": "invalid_client", "message": "Invalid client: ..."}, UnknownApp),
    (401, {"error": "unauthorized"}, UnknownApp),
    (400, {"error": "invalid_request"}, StopTheSync),
    (400, b"<html>", ReadFailed),
    (403, b"<html>", Blocked),
    (403, b"", ReadFailed),
    (429, {}, Throttled),
    (302, b"", ReadFailed),
    (404, {"error": "x"}, ReadFailed),
    (500, {"error": "invalid_grant"}, ReadFailed),
    (503, b"", ReadFailed),
]


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
def test_a_refusal_is_filed_by_what_to_do_next(status, body, kind):
    with pytest.raises(ConnectorError) as refused:
        read_grant(answer(body, status), asked_at=AT)
    assert type(refused.value) is kind


def test_a_vendor_that_repeats_a_secret_gives_none_away():
    said = {"error": "invalid_client", "message": "Invalid client: s3cret of ann@acme.example"}
    with pytest.raises(BadCredentials) as refused:
        read_grant(answer(said, 400), asked_at=AT, secrets=("s3cret",))
    assert "s3cret" not in str(refused.value)
    assert "ann@" not in str(refused.value)


words = st.text("ab:/. \n\ud800", max_size=8)
anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), words,
    st.lists(words, max_size=2), st.dictionaries(words, words, max_size=2),
)  # fmt: skip


@given(
    st.sampled_from([200, 201, 302, 400, 401, 403, 404, 429, 500]),
    st.binary(max_size=40)
    | st.dictionaries(st.sampled_from([*GOOD, "error", "message"]), anything).map(
        lambda told: json.dumps(GOOD | told).encode()
    ),
)
def test_whatever_is_answered_is_a_grant_or_one_of_the_families(status, content):
    try:
        grant = read_grant(answer(content, status), asked_at=AT, former=FORMER)
    except ConnectorError:
        return
    assert grant.expires_at > AT


@pytest.fixture
def app(sandbox):
    with httpx.Client(trust_env=False) as http:
        yield an_app(sandbox, http)


def an_app(sandbox, http, client_secret="sandbox-app-secret"):
    url = sandbox.url + "/pipedrive"
    return App(url, client_id="sandbox-app", client_secret=client_secret, http=http)


def a_code(app, **query):
    """What a browser brings back once somebody has clicked."""
    url = httpx.URL(app.authorize_url(BACK, "s1")).copy_merge_params({"auto_approve": "1"} | query)
    location = httpx.URL(httpx.get(url, trust_env=False).headers["location"])
    assert location.params["state"] == "s1"
    return location.params["code"]


def test_an_app_comes_in_refreshes_and_leaves(app, sandbox):
    first = app.exchange(a_code(app), BACK)
    assert (first.api_domain, first.missing_scopes()) == (sandbox.url + "/pipedrive", [])
    second = app.refresh(first)
    assert (second.refresh_token, second.access_token) != (
        first.refresh_token,
        first.access_token,
    )
    app.revoke(second)
    app.revoke(second)
    with pytest.raises(GrantEnded, match="syncline connect"):
        app.refresh(second)


def test_a_code_is_good_once_and_the_apps_secret_is_asked_for(app, sandbox):
    code = a_code(app)
    app.exchange(code, BACK)
    with pytest.raises(GrantEnded):
        app.exchange(code, BACK)
    with httpx.Client(trust_env=False) as http:
        stranger = an_app(sandbox, http, client_secret="wr0ng")
        with pytest.raises(BadCredentials, match="client secret") as refused:
            stranger.exchange(a_code(app), BACK)
    assert "wr0ng" not in str(refused.value)


def test_a_server_that_cannot_be_reached_is_a_matter_of_time(sandbox):
    with httpx.Client(trust_env=False) as http:
        app = App("http://127.0.0.1:9", client_id="a", client_secret="b", http=http)
        with pytest.raises(NotSent):
            app.refresh(FORMER)


@pytest.mark.parametrize("secret", ["", "two words", "a\nb"])
def test_an_apps_secret_that_is_none_is_refused_before_any_call(secret):
    with httpx.Client() as http, pytest.raises(BadCredentials, match="Developer Hub"):
        App("https://oauth.pipedrive.com", client_id="a", client_secret=secret, http=http)


class Keys:
    """A credential with so many keys; each refused one gives way to the next."""

    def __init__(self, *shown: Shown) -> None:
        self._left = list(shown)

    def show(self) -> Shown:
        return self._left[0]

    def renewed(self, refused: Shown) -> Shown | None:
        assert self._left.pop(0) == refused
        return self._left[0] if self._left else None


def test_a_client_calls_the_api_of_the_grant_and_tries_a_newer_token_once(app, sandbox, naps):
    grant = app.exchange(a_code(app), BACK)
    stale, good = bearer("stale", grant.api_domain), bearer(grant.access_token, grant.api_domain)
    tally = Tally()
    with Pipedrive("", token=Keys(stale, good), meter=tally, sleep=naps.append) as client:
        assert client.require_admin()["email"] == "ann@acme.example"
        note = client.create_note({"content": "x", "person_id": 1})
    assert tally.request_count == 3
    assert note in [row["id"] for row in sandbox.books("pipedrive", "notes")]
    with (
        Pipedrive("", token=Keys(stale, stale, good), meter=tally) as client,
        pytest.raises(BadCredentials, match="access token is invalid"),
    ):
        client.me()
    assert tally.request_count == 5


def test_a_connections_own_address_wins_over_the_grants(app, sandbox, tally):
    grant = app.exchange(a_code(app), BACK)
    shown = bearer(grant.access_token, "http://127.0.0.1:9")
    with Pipedrive(sandbox.url + "/pipedrive", token=Keys(shown), meter=tally) as client:
        assert client.me()["id"] == 101


def test_a_scope_that_is_missing_stops_the_sync_with_what_to_do(pipedrive, sandbox):
    body = {"success": False, "error": "Scope and URL mismatch", "errorCode": 403}
    sandbox.fault("pipedrive", "/v1/notes", "status", method="POST", status=403, body=body)
    with pytest.raises(NotAdministrator, match="give the app the scopes"):
        pipedrive.create_note({"content": "x"})
