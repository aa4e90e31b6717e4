"""Signing in to Mailchimp by OAuth from the command line; a test plays the browser."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

import sandbox.server
from deployments.cli import main
from deployments.connecting import NotConnectedError
from deployments.trouble import UsageTrouble
from state import grants
from state.database import open_state
from tests.deployments.here import Here
from tests.signing_in import KEY, allow

OWNER, ANOTHER = 1, 2  # accounts of the sandbox: the people's, and an empty one
PEOPLE = 30
FLOWS = {
    "kind": "mailchimp_pipedrive", "name": "acme", "schedule": {"every": "1h"},
    "connections": {"crm": "crm", "engagement": "mail"}, "guards": {"first_activation": "allow"},
    "flows": [{
        "id": "in", "active": True, "trigger": {"tags": ["Customer"]}, "audience": "Newsletter",
        "mapping": {"first_name": "FNAME", "last_name": "LNAME"},
        "consent": {"confirmed_by": "ann@acme.example", "on": "2026-11-01"},
    }],
}  # fmt: skip


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    with sandbox.server.start(port=0, people=PEOPLE) as running:
        yield running.url


@pytest.fixture
def here(tmp_path: Path, vendor: str, monkeypatch: pytest.MonkeyPatch) -> Here:
    found = Here(tmp_path, vendor)
    found.control("reset", seed=7, people=PEOPLE)
    for name, value in found.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return found


def disable(here: Here, token: str) -> None:
    """Somebody takes the app out of the account."""
    here.control("events/mailchimp", kind="disable_key", key=token)


def token_of(here: Here) -> str:
    with closing(open_state(here.settings.state_url)) as state:
        kept = grants.read(state, "mail", key=KEY)
    assert kept is not None
    return str(kept.grant["access_token"])


def test_an_account_let_in_by_oauth_is_synced(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    """MC-01: the grant says who we are and where the account's calls go."""
    connected = here.connect(here.allowed_by(OWNER), "mail")
    assert connected.said.startswith("user 100001 of account")
    assert "mail is connected" in here.pages[0].text
    here.connect(here.allowed_by())
    (here.folder / "syncs" / "acme.yaml").write_text(json.dumps(FLOWS))
    assert main(["doctor"]) == 0
    assert "connection mail: mailchimp answers and takes" in capsys.readouterr().out
    assert main(["run", "acme", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["outcome"] == "done"
    assert token_of(here) not in told.out + told.err


def test_a_withdrawn_app_stops_the_sync_until_somebody_connects_again(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    """MC-01, MG-02"""
    here.connect(here.allowed_by(OWNER), "mail")
    here.connect(here.allowed_by())
    (here.folder / "syncs" / "acme.yaml").write_text(json.dumps(FLOWS))
    token = token_of(here)
    disable(here, token)
    assert main(["run", "acme"]) == 1
    told = capsys.readouterr()
    assert "syncline connect mail" in told.out + told.err
    assert token not in told.out + told.err
    assert here.kept("mail") == (True, "needs_reauthorization")
    here.connect(here.allowed_by(OWNER), "mail")
    assert here.kept("mail") == (True, "ok")
    assert main(["run", "acme"]) == 0


def test_nobody_is_connected_by_halves(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    """MC-01: a run without the grant says how to get it, and asks no vendor to write."""
    here.connect(here.allowed_by())
    (here.folder / "syncs" / "acme.yaml").write_text(json.dumps(FLOWS))
    assert main(["list"]) == 0
    assert "connection mail is not connected: syncline connect mail" in capsys.readouterr().out
    assert main(["run", "acme"]) == 1
    assert "syncline connect mail" in (told := capsys.readouterr()).out + told.err


def test_whoever_cancels_at_mailchimp_is_taken_at_their_word(here: Here) -> None:
    """MC-01"""

    def cancel(address: str, _: str) -> None:
        asked = httpx.URL(address).copy_merge_params({"deny": "1"})
        here.get(httpx.get(asked, trust_env=False).headers["location"])

    with pytest.raises(NotConnectedError, match="Mailchimp says access_denied: somebody clicked"):
        here.connect(cancel, "mail")
    assert here.kept("mail")[0] is False


def test_another_account_of_mailchimps_is_refused_and_the_old_grant_stays(here: Here) -> None:
    """MC-01, ALL-14"""
    first = here.connect(here.allowed_by(OWNER), "mail")
    with pytest.raises(NotConnectedError, match=f"mail is company {first.company}"):
        here.connect(here.allowed_by(ANOTHER), "mail")
    assert here.kept("mail") == (True, "ok")


@pytest.mark.parametrize(
    ("path", "status", "body", "said"),
    [
        ("/oauth2/token", 500, {}, "POST /oauth2/token: HTTP 500"),
        ("/oauth2/token", 200, {}, "without a usable access_token"),
        ("/oauth2/metadata", 200, {"dc": "../evil"}, "without a usable dc"),
        ("/3.0/", 500, {}, "HTTP 500"),
    ],
)
def test_a_login_host_in_trouble_leaves_nothing_stored(
    here: Here, path: str, status: int, body: dict[str, str], said: str
) -> None:
    """MC-01"""
    here.refuse(path, body, status, "mailchimp")
    with pytest.raises(NotConnectedError, match=said):
        here.connect(here.allowed_by(OWNER), "mail")
    assert here.kept("mail")[0] is False
    assert here.pages[-1].status_code == 502


def test_disconnecting_forgets_and_says_what_a_person_has_to_do(here: Here) -> None:
    """MC-01: no call that withdraws a token is published."""
    here.connect(here.allowed_by(OWNER), "mail")
    told = here.disconnect("mail")
    assert told is not None
    assert "Mailchimp knows no call that ends it: take the app out" in told
    assert here.kept("mail") == (False, "needs_reauthorization")
    assert here.disconnect("mail") is None


def test_a_grant_under_another_key_is_said_by_the_run(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MC-01"""
    here.connect(here.allowed_by(OWNER), "mail")
    monkeypatch.setenv("SYNCLINE_KEY", grants.new_key())
    assert main(["doctor"]) == 1
    assert "another key" in capsys.readouterr().out


def test_the_apps_address_is_of_the_connection(here: Here) -> None:
    """MC-01: redirect and client id are what the login host is asked with."""
    seen: list[httpx.URL] = []

    def look(address: str, callback: str) -> None:
        seen.append(httpx.URL(address))
        assert seen[0].params["redirect_uri"] == callback
        here.get(allow(address, OWNER))

    here.connect(look, "mail")
    assert seen[0].path == "/mailchimp/oauth2/authorize"
    assert seen[0].params["client_id"] == "sandbox-mailchimp-app"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mail: {vendor: mailchimp, secret: {key: K}}", "connected with an API key"),
        ("mail: {vendor: mailchimp, base_url: 'https://us6.api.mailchimp.com', secret: {token: T}}",
         "connected with an API token"),
    ],
)  # fmt: skip
def test_an_account_by_key_has_nobody_to_ask(here: Here, line: str, said: str) -> None:
    """MC-01"""
    here.write(line + "\n")
    with pytest.raises(UsageTrouble, match=said):
        here.connect(here.allowed_by(OWNER), "mail")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{key: K, oauth: {client_id: A, client_secret: B}}", "give one of `key: NAME`"),
        ("{oauth: {client_id: A}}", "client_secret"),
    ],
)
def test_a_secret_that_says_two_ways_or_half_of_one_is_a_mistake(
    here: Here, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """MC-01"""
    here.write("mail: {vendor: mailchimp, secret: " + line + "}\n")
    assert main(["connect", "mail"]) == 2
    assert said in capsys.readouterr().err
