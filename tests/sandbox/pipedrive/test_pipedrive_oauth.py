"""The app's way in: codes, tokens, how they end, and the words of each refusal."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pipedrive_desk import Desk

APP = ("sandbox-app", "sandbox-app-secret")
BACK = "http://127.0.0.1/back"
ANN = 101


class App:
    """An app that signs users in at the sandbox; `token` and `asked` answer as they come."""

    def __init__(self, crm: Desk) -> None:
        self.crm, self._root = crm, f"{crm.url}/pipedrive"

    def asked(self, **query: str) -> httpx.Response:
        wanted = {"client_id": APP[0], "redirect_uri": BACK, "state": "s1"} | query
        return self.crm.http.get(f"{self._root}/oauth/authorize", params=wanted)

    def code(self, **query: str) -> str:
        return self.brought_back(auto_approve="1", **query)["code"]

    def brought_back(self, **query: str) -> dict[str, str]:
        """What the browser is sent back with."""
        location = self.asked(**query).headers["location"]
        assert location.startswith(BACK)
        return {key: value for key, (value,) in parse_qs(urlsplit(location).query).items()}

    def token(self, auth: Any = APP, **form: str) -> httpx.Response:
        return self.crm.http.post(f"{self._root}/oauth/token", data=form, auth=auth)

    def exchanged(self, code: str) -> httpx.Response:
        return self.token(grant_type="authorization_code", code=code, redirect_uri=BACK)

    def refreshed(self, refresh_token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def me(self, header: str) -> httpx.Response:
        path = f"{self._root}/v1/users/me"
        return self.crm.http.get(path, headers={"authorization": header})

    def works(self, tokens: dict[str, Any]) -> bool:
        return self.me(f"Bearer {tokens['access_token']}").status_code == 200

    def play(self, kind: str) -> None:
        self.crm.control("POST", "/events/pipedrive", {"kind": kind, "user": ANN})


@pytest.fixture
def app(crm: Desk) -> Iterator[App]:
    yield App(crm)


def test_an_app_gets_in_with_a_code_once_and_stays_in_with_one_refresh_token(app: App) -> None:
    assert "Allow" in app.asked().text
    back = app.brought_back(auto_approve="1")
    tokens = app.exchanged(back["code"]).json()
    assert (back["state"], tokens["expires_in"]) == ("s1", 3599)
    assert tokens["api_domain"] == f"{app.crm.url}/pipedrive"
    assert app.exchanged(back["code"]).json()["message"].endswith("authorization_code is invalid")
    assert app.me(f"Bearer {tokens['access_token']}").json()["data"]["email"] == "ann@acme.example"
    app.crm.control("POST", "/clock", {"advance_s": 3600})
    assert not app.works(tokens)
    again = app.refreshed(tokens["refresh_token"]).json()
    assert again["refresh_token"] == tokens["refresh_token"]
    assert app.works(again)


def test_a_code_lives_five_minutes(app: App) -> None:
    code = app.code()
    app.crm.control("POST", "/clock", {"advance_s": 301})
    assert app.exchanged(code).json() == {
        "success": False,
        "error": "invalid_grant",
        "message": "Invalid grant: authorization_code has expired",
    }


def test_whoever_cancels_is_sent_back_with_user_denied(app: App) -> None:
    assert app.brought_back(deny="1") == {"error": "user_denied", "state": "s1"}
    app.crm.assume("denial_echoes_state", False)
    assert app.brought_back(deny="1") == {"error": "user_denied"}


def test_a_refresh_token_lives_sixty_days_from_its_last_use(app: App) -> None:
    tokens = app.exchanged(app.code()).json()
    for _ in range(2):
        app.crm.control("POST", "/clock", {"advance_s": 59 * 86_400})
        assert app.refreshed(tokens["refresh_token"]).status_code == 200
    app.crm.control("POST", "/clock", {"advance_s": 61 * 86_400})
    dead = app.refreshed(tokens["refresh_token"])
    assert dead.status_code == 400
    assert dead.json()["message"] == "Invalid grant: refresh_token is invalid"


def test_with_rotation_a_refresh_token_is_good_once(app: App) -> None:
    app.crm.assume("refresh_rotates", True)
    app.crm.assume("former_access_lives_on", False)
    first = app.exchanged(app.code()).json()
    second = app.refreshed(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert app.refreshed(first["refresh_token"]).status_code == 400
    assert (app.works(first), app.works(second)) == (False, True)


@pytest.mark.parametrize(
    ("kind", "is_in", "can_refresh"),
    [
        ("revoke_grant", False, False),
        ("expire_access", False, True),
        ("expire_grant", False, False),
    ],
)
def test_a_grant_ends_as_it_is_played(app: App, kind: str, is_in: bool, can_refresh: bool) -> None:
    tokens = app.exchanged(app.code()).json()
    app.play(kind)
    assert app.works(tokens) is is_in
    assert (app.refreshed(tokens["refresh_token"]).status_code == 200) is can_refresh


def test_revoking_one_token_ends_all_of_its_user_and_is_never_refused(app: App) -> None:
    tokens = app.exchanged(app.code()).json()
    other = app.exchanged(app.code(user_id="102")).json()
    url = f"{app.crm.url}/pipedrive/oauth/revoke"
    for token in (tokens["refresh_token"], "nobody's"):
        assert app.crm.http.post(url, data={"token": token}, auth=APP).status_code == 200
    assert (app.works(tokens), app.works(other)) == (False, True)


@pytest.mark.parametrize(
    ("form", "auth", "said"),
    [
        ({}, APP, "Missing parameter: `grant_type`"),
        ({"grant_type": "password"}, APP, "Unsupported grant type: `grant_type` is invalid"),
        ({"grant_type": "refresh_token"}, None, "Invalid client: cannot retrieve client creden"),
        ({"grant_type": "refresh_token"}, ("a", "b"), "Invalid client: client is invalid"),
        (
            {"grant_type": "authorization_code", "code": "x"},
            APP,
            "Invalid request: redirect_uri is not a valid URI",
        ),
    ],
)
def test_each_wrong_request_for_tokens_is_told_in_the_vendors_words(
    app: App, form: dict[str, str], auth: Any, said: str
) -> None:
    # httpx sends no content type with an empty form.
    answer = app.token(auth=auth, **(form or {"scope": "base"}))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(said)


def test_another_address_than_the_codes_own_is_refused_and_so_is_json(app: App) -> None:
    form = {"grant_type": "authorization_code", "code": app.code(), "redirect_uri": BACK + "/2"}
    assert app.token(**form).json()["message"] == "Invalid request: redirect_uri is invalid"
    url = f"{app.crm.url}/pipedrive/oauth/token"
    told = app.crm.http.post(url, json=form, auth=APP).json()["message"]
    assert told == "Invalid request: content must be application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"redirect_uri": "nowhere"}, 400),
        ({"redirect_uri": "http://127.0.0.1/\r\nx: y"}, 400),
        ({"client_id": "another"}, 400),
        ({"auto_approve": "1", "user_id": "²"}, 302),
    ],
)
def test_odd_wishes_for_a_code_are_answered_and_break_nothing(
    app: App, query: dict[str, str], status: int
) -> None:
    assert app.asked(**query).status_code == status


@pytest.mark.parametrize(
    ("header", "status", "said"),
    [
        ("Bearer nobody's", 401, "Invalid token: access token is invalid"),
        ("Basic eDp5", 400, "Invalid request: malformed authorization header"),
        ("Bearer", 400, "Invalid request: malformed authorization header"),
    ],
)
def test_a_header_that_opens_nothing_is_refused_in_the_vendors_words(
    app: App, header: str, status: int, said: str
) -> None:
    answer = app.me(header)
    assert (answer.status_code, answer.json()["error"]) == (status, said)


def test_an_apps_window_is_four_times_as_wide_as_a_users(app: App) -> None:
    app.crm.assume("plan", "lite")
    tokens = app.exchanged(app.code()).json()
    answer = app.me(f"Bearer {tokens['access_token']}")
    assert answer.headers["x-ratelimit-limit"] == "80"
