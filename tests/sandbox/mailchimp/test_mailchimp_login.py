"""The login host: an app is let in, learns where the account lives, and calls with its token."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from mailchimp_line import Line

from sandbox.mailchimp.oauth import CLIENT_ID, CLIENT_SECRET
from sandbox.server import Running

BACK = "http://127.0.0.1:9/back"
APP = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@pytest.fixture
def line(running: Running) -> Iterator[Line]:
    talking = Line(running.url)
    talking.reset()
    yield talking
    talking.http.close()


def login(line: Line, method: str, path: str, **told: str) -> httpx.Response:
    url = f"{line.url}/mailchimp/oauth2/{path}"
    asked = {"params": told} if method == "GET" else {"data": told}
    return line.http.request(method, url, **asked)


def authorize(line: Line, **more: str) -> httpx.Response:
    asked = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": BACK, "state": "s1"}
    return login(line, "GET", "authorize", **asked | more)


def came_back(answer: httpx.Response) -> dict[str, list[str]]:
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith(BACK)
    return parse_qs(urlsplit(answer.headers["location"]).query)


def token(line: Line, code: str, **more: str) -> httpx.Response:
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return login(line, "POST", "token", **APP | grant | more)


def metadata(line: Line, said: str) -> httpx.Response:
    url = f"{line.url}/mailchimp/oauth2/metadata"
    return line.http.get(url, headers={"authorization": said})


def test_an_app_that_is_let_in_calls_with_a_token_that_does_not_expire(line: Line) -> None:
    """MC-01: code, token, metadata, and then the API at the place that metadata names."""
    assert "Allow" in authorize(line).text
    came = came_back(authorize(line, auto_approve="1"))
    assert came["state"] == ["s1"]
    given = token(line, came["code"][0]).json()
    assert (given["expires_in"], "refresh_token" in given) == (0, False)
    where = metadata(line, f"OAuth {given['access_token']}").json()
    assert (where["dc"], where["accountname"]) == ("us6", "Acme")
    line.key = given["access_token"]
    line.advance(400 * 86400)
    assert line.http.get(
        f"{where['api_endpoint']}/3.0/ping", headers={"authorization": f"OAuth {line.key}"}
    ).json() == {"health_status": "Everything's Chimpy!"}
    assert line.get("/lists")["total_items"] == 2


def test_another_owner_may_sign_in_whose_account_has_no_audience(line: Line) -> None:
    """MC-01: an account without an audience is let in and found empty."""
    code = came_back(authorize(line, auto_approve="1", user_id="2"))["code"][0]
    line.key = token(line, code).json()["access_token"]
    assert line.get("/lists")["total_items"] == 0


def test_who_cancels_sends_the_app_back_with_an_error(line: Line) -> None:
    """MC-01: the state comes back with the refusal."""
    assert came_back(authorize(line, deny="1")) == {"error": ["access_denied"], "state": ["s1"]}


def test_an_app_that_does_not_say_who_it_is_sees_a_page_and_is_not_sent_back(line: Line) -> None:
    """ALL-11: nobody is sent to an address of a stranger's."""
    for wrong in ({"client_id": "x"}, {"redirect_uri": "ftp://x"}, {"response_type": "token"}):
        assert authorize(line, **wrong).status_code == 400


def test_a_code_works_once_for_ten_minutes_and_for_its_address(line: Line) -> None:
    """MC-01: a code that was used, is old or was given for another address is refused."""
    used = came_back(authorize(line, auto_approve="1"))["code"][0]
    assert token(line, used).status_code == 200
    assert token(line, used).json() == {"error": "invalid_grant"}
    old = came_back(authorize(line, auto_approve="1"))["code"][0]
    line.advance(601)
    assert token(line, old).status_code == 400
    other = came_back(authorize(line, auto_approve="1"))["code"][0]
    assert token(line, other, redirect_uri=f"{BACK}/x").status_code == 400
    fresh = came_back(authorize(line, auto_approve="1"))["code"][0]
    assert token(line, fresh, client_secret="wrong").status_code == 401
    assert token(line, fresh, grant_type="refresh_token").status_code == 400


def test_metadata_is_not_told_to_a_stranger(line: Line) -> None:
    """MC-01: a wrong token is refused by the login host too."""
    assert metadata(line, "OAuth wrong").status_code == 401
    assert login(line, "GET", "nowhere").status_code == 404


def test_a_token_that_was_revoked_opens_nothing(line: Line) -> None:
    """MC-01: the owner takes the app out of the account."""
    code = came_back(authorize(line, auto_approve="1"))["code"][0]
    line.key = token(line, code).json()["access_token"]
    line.play("disable_key", key=line.key)
    assert line.refusal("GET", "/ping")["status"] == 401
    assert metadata(line, f"OAuth {line.key}").status_code == 401
