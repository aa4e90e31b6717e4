"""Signing in by OAuth from the command line; a test plays the browser."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

import sandbox.server
from deployments.cli import main
from deployments.connecting import NotConnectedError
from deployments.trouble import OperatorError, UsageTrouble
from pipelines.surroundings import REAL
from state import grants
from state.database import open_state
from tests.deployments.here import Here
from tests.signing_in import ANN, BOB, KEY, allow

ROOT = Path(__file__).parents[2]
CARA = 103  # no administrator


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    with sandbox.server.start(port=0, people=10) as running:
        yield running.url


@pytest.fixture
def here(tmp_path: Path, vendor: str) -> Here:
    found = Here(tmp_path, vendor)
    found.control("reset", seed=7, people=10)
    return found


def test_signing_in_over_the_command_line_ends_with_an_account_that_works(here: Here) -> None:
    """MG-01: the browser is told only once the grant is stored."""
    command = [sys.executable, "-m", "deployments"]
    env = os.environ | here.environ
    env.pop("PREFECT_API_URL", None)
    process = subprocess.Popen(
        [*command, "connect", "crm", "--port", "0"], cwd=ROOT, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    here.get(allow(address))
    assert here.kept() == (True, "ok")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "callback URL has to be http://127.0.0.1:" in err
    assert "connected as user 101 of company 7001" in out
    assert "crm is connected" in here.pages[0].text
    asked = subprocess.run(
        [*command, "doctor"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert "connection crm: pipedrive answers and takes the credentials" in asked.stdout
    assert "refresh-" not in out + err + asked.stdout


def test_whoever_cancels_is_taken_at_their_word(here: Here) -> None:
    """MG-01: with and without the state in the answer."""
    for echoes in (True, False):
        here.control("assumptions", vendor="pipedrive", name="denial_echoes_state", value=echoes)

        def cancel(address: str, _: str) -> None:
            asked = httpx.URL(address).copy_merge_params({"deny": "1"})
            here.get(httpx.get(asked, trust_env=False).headers["location"])

        with pytest.raises(NotConnectedError, match=r"user_denied: somebody clicked Cancel"):
            here.connect(cancel)
    assert here.kept()[0] is False
    assert all("as you wished" in page.text for page in here.pages)


def test_an_answer_to_another_question_is_refused_and_waited_on(here: Here) -> None:
    """MG-01"""

    def stray_then_allow(address: str, callback: str) -> None:
        for query in ("?code=stolen&state=guessed", "?code=stolen", "?state=ü", "/..", ""):
            here.get(callback + query)
        here.get(callback.removesuffix("/callback") + "/favicon.ico")
        here.get(allow(address))

    assert here.connect(stray_then_allow).company == "7001"
    statuses = [page.status_code for page in here.pages]
    assert statuses == [400, 400, 400, 404, 400, 404, 200]


def test_a_visit_that_sends_nothing_holds_nobody_up(here: Here) -> None:
    """MG-01: browsers open connections ahead."""

    def idle_then_allow(address: str, callback: str) -> None:
        url = httpx.URL(callback)
        with socket.create_connection((url.host, url.port or 0)):
            here.get(allow(address))

    assert here.connect(idle_then_allow).user == str(ANN)


def test_what_is_no_request_and_a_browser_that_hangs_up_change_nothing(
    here: Here, capfd: pytest.CaptureFixture[str]
) -> None:
    """MG-01: nor does anything of it reach the terminal."""

    def knock_then_allow(address: str, callback: str) -> None:
        url = httpx.URL(callback)
        for sent in (b"\x00\xff\r\n\r\n", b"GET //[ HTTP/1.1\r\n\r\n", b"POST /callback HTTP/1.1\r\n\r\n",
                     b"GET /callback?" + b"x" * 70_000, b"GET /callback?code=1"):  # fmt: skip
            with socket.create_connection((url.host, url.port or 0)) as line:
                line.sendall(sent)
        back = allow(address)
        with socket.create_connection((url.host, url.port or 0)) as line:
            line.sendall(b"GET " + back.raw_path + b" HTTP/1.1\r\n\r\n")

    assert here.connect(knock_then_allow).user == str(ANN)
    assert here.kept() == (True, "ok")
    assert capfd.readouterr().err == ""


def test_a_port_that_is_taken_is_said_with_what_to_do(here: Here) -> None:
    """MG-01"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NotConnectedError, match=rf"port {port} cannot be opened.*--port"):
            here.connect(here.allowed_by(), port=port)


def test_after_five_minutes_nobody_is_waited_for(here: Here) -> None:
    """MG-01"""
    times = iter([0.0, 1.0, 299.0])
    around = replace(REAL, seconds=lambda: next(times, 301.0))
    with pytest.raises(NotConnectedError, match="nobody came back from Pipedrive within 5 minutes"):
        here.connect(lambda *_: None, around=around)
    assert here.kept()[0] is False


def test_another_companys_user_is_refused_and_the_old_grant_stays(here: Here) -> None:
    """MG-02, ALL-14"""
    here.connect(here.allowed_by())
    me = httpx.get(
        f"{here.url}/pipedrive/v1/users/me", headers={"x-api-token": "sandbox-pipedrive-admin"},
        trust_env=False,
    ).json()  # fmt: skip
    me["data"]["company_id"] = 990_002
    here.refuse("/v1/users/me", me)
    with pytest.raises(NotConnectedError, match="company 990002, and crm is company 7001"):
        here.connect(here.allowed_by())
    assert here.kept() == (True, "ok")
    assert "was not connected" in here.pages[-1].text


def test_a_user_who_is_no_administrator_is_refused(here: Here) -> None:
    """MG-01"""
    with pytest.raises(NotConnectedError, match="user 103 is not an administrator"):
        here.connect(here.allowed_by(CARA))
    assert here.kept()[0] is False


def test_any_administrator_of_the_company_may_connect_again(here: Here) -> None:
    """MG-02"""
    here.connect(here.allowed_by(ANN))
    assert here.connect(here.allowed_by(BOB)).user == str(BOB)
    assert here.kept() == (True, "ok")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/oauth/token", 503, "POST /oauth/token: HTTP 503"),
        ("/oauth/token", 200, "without a usable access_token"),
        ("/v1/users/me", 500, "GET /v1/users/me: HTTP 500"),
    ],
)
def test_a_vendor_in_trouble_leaves_nothing_stored(
    here: Here, path: str, status: int, said: str
) -> None:
    """MG-01"""
    here.refuse(path, {"success": False, "error": "trouble"}, status)
    with pytest.raises(NotConnectedError, match=said):
        here.connect(here.allowed_by(), around=replace(REAL, sleep=lambda _: None))
    assert here.kept()[0] is False
    assert here.pages[-1].status_code == 502


def test_an_app_without_a_scope_is_told_what_will_fail(here: Here) -> None:
    """MG-01"""
    tokens = {"access_token": "a", "refresh_token": "r", "expires_in": 3599, "scope": "base",
              "api_domain": f"{here.url}/pipedrive"}  # fmt: skip
    me = {"id": ANN, "company_id": 7001, "access": [
        {"app": app, "admin": True} for app in ("global", "sales", "account_settings")
    ]}  # fmt: skip
    here.refuse("/oauth/token", tokens)
    here.refuse("/v1/users/me", {"success": True, "data": me | {"active_flag": True}})
    assert "deals:full" in here.connect(here.allowed_by()).missing_scopes


def test_disconnecting_ends_the_grant_at_the_vendor_and_here(here: Here) -> None:
    """MG-01"""
    here.connect(here.allowed_by())
    with closing(open_state(here.settings.state_url)) as state:
        kept = grants.read(state, "crm", key=KEY)
    assert kept is not None
    assert here.disconnect() == "revoked and forgotten"
    assert here.kept() == (False, "needs_reauthorization")
    bearer = {"authorization": f"Bearer {kept.grant['access_token']}"}
    me = httpx.get(f"{here.url}/pipedrive/v1/users/me", headers=bearer, trust_env=False)
    assert me.status_code == 401
    assert here.disconnect() is None


def test_a_vendor_that_cannot_be_told_keeps_the_grant_until_it_is_forgotten_here(
    here: Here,
) -> None:
    """MG-01"""
    here.connect(here.allowed_by())
    here.refuse("/oauth/revoke", "sorry", 503)
    with pytest.raises(OperatorError, match=r"crm is still connected.*--only-here"):
        here.disconnect()
    assert here.kept() == (True, "ok")
    assert here.disconnect(only_here=True) == "forgotten here; the vendor was not told"
    assert here.kept()[0] is False


def test_with_another_key_a_grant_can_only_be_forgotten_or_replaced(here: Here) -> None:
    """MG-01"""
    here.connect(here.allowed_by())
    here.environ["SYNCLINE_KEY"] = grants.new_key()
    with pytest.raises(UsageTrouble, match="another key"):
        here.disconnect()
    here.connect(here.allowed_by())
    assert here.disconnect() == "revoked and forgotten"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["connect"], "name the connection"),
        (["connect", "crn"], "no connection crn; did you mean `crm`?"),
        (["connect", "list"], "list is connected with an API key"),
        (["connect", "old"], "old is connected with an API token"),
        (["disconnect", "crn"], "did you mean `crm`?"),
        (["connect", "crm", "--port", "99999"], "65535"),
    ],
)
def test_what_cannot_be_connected_is_said_before_anybody_is_asked(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], said: str,
) -> None:  # fmt: skip
    """MG-01"""
    file = here.folder / "connections.yaml"
    here.write(
        file.read_text() + "list: {vendor: mailigen, secret: {key: K}}\n"
        "old: {vendor: pipedrive, secret: {token: T}}\n"
    )
    for name, value in here.environ.items():
        monkeypatch.setenv(name, value)
    assert main(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["SYNCLINE_KEY", "APP_ID", "APP_SECRET"])
def test_a_missing_secret_is_named_before_anybody_is_asked(here: Here, name: str) -> None:
    """MG-01"""
    del here.environ[name]
    with pytest.raises(UsageTrouble, match=name):
        here.connect(here.allowed_by())


def test_a_new_key_is_printed_and_fits(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MG-01"""
    monkeypatch.setenv("SYNCLINE_HOME", str(here.folder / "home"))
    assert main(["connect", "--new-key"]) == 0
    here.environ["SYNCLINE_KEY"] = capsys.readouterr().out.strip()
    assert here.connect(here.allowed_by()).account == "crm"


@pytest.mark.slow
def test_what_is_missing_stands_in_the_list_in_check_and_in_doctor(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MG-01, MG-02"""
    file = here.folder / "connections.yaml"
    here.write(file.read_text() + "list: {vendor: mailigen, secret: {key: K}}\n")
    (here.folder / "syncs" / "acme.yaml").write_text(
        "kind: mailigen_pipedrive\nname: acme\nschedule: {every: 1h}\nlist: {title: N}\n"
        "connections: {crm: crm, engagement: list}\nbots: []\n"
    )
    for name, value in (here.environ | {"K": "key"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert main(["list"]) == 0
    assert "connection crm is not connected: syncline connect crm" in capsys.readouterr().out
    assert main(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "connection crm: pipedrive: grant: crm is not connected" in told
    assert not (here.folder / "home").exists()
    monkeypatch.delenv("SYNCLINE_KEY")
    assert main(["check", "--offline"]) == 0  # the files are right
    assert "warning: " in (told := capsys.readouterr().err)
    assert "crm.secret.oauth: SYNCLINE_KEY is not set" in told
    assert main(["check"]) == 2
    assert "crm.secret.oauth: SYNCLINE_KEY is not set" in capsys.readouterr().err
    assert main(["doctor"]) == 1
    assert "SYNCLINE_KEY is not set" in (told := capsys.readouterr().out)
    assert "-> correct the file" not in told
