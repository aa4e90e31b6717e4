"""A grant without a browser: what `syncline connect` would have stored, for tests of what follows.

with signed_in(desk): desk.run()        the CRM's account by OAuth, as it was afterwards
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from connectors.pipedrive import App, Grant
from pipelines.settings import OAuthSecret, PipedriveSecret
from state import grants
from state.database import State
from tests.pipelines.mailigen_pipedrive.desk import Desk

KEY = "c3luY2xpbmUtdGVzdHMtb25lLWtleS1vZi0zMi1ieXQ="
SECRETS = {
    "SYNCLINE_KEY": KEY, "APP_ID": "sandbox-app", "APP_SECRET": "sandbox-app-secret",
}  # fmt: skip
BY_OAUTH = PipedriveSecret(oauth=OAuthSecret(client_id="APP_ID", client_secret="APP_SECRET"))
BACK = "http://127.0.0.1:8917/callback"
ANN, BOB = 101, 102


@contextmanager
def app_of(url: str) -> Iterator[App]:
    with httpx.Client(trust_env=False) as http:
        yield App(
            f"{url}/pipedrive", client_id="sandbox-app", client_secret="sandbox-app-secret",
            http=http,
        )  # fmt: skip


def allow(address: str, user: int = ANN) -> httpx.URL:
    """Click Allow at an authorize address; returns where the browser is sent."""
    choice = {"auto_approve": "1", "user_id": str(user)}
    asked = httpx.URL(address).copy_merge_params(choice)
    return httpx.URL(httpx.get(asked, trust_env=False).headers["location"])


def let_in(url: str, state: State, account: str, user: int = ANN) -> Grant:
    """The grant of one user, stored as `connect` stores it."""
    with app_of(url) as app:
        code = allow(app.authorize_url(BACK, "s"), user).params["code"]
        grant = app.exchange(code, BACK)
    store(state, account, grant)
    return grant


def store(state: State, account: str, grant: Grant) -> None:
    with_company: dict[str, Any] = {"company": "7001", "user": str(ANN)}
    grants.put(state, account, "pipedrive", grant.as_object(), key=KEY, **with_company)


@contextmanager
def signed_in(desk: Desk, **facts: Any) -> Iterator[Grant]:
    """The desk's CRM account by OAuth while the block runs."""
    secrets = dict(desk.secrets)
    desk.secrets = {"LIST_KEY": desk.secrets["LIST_KEY"]} | SECRETS
    at = f"{desk.url}/pipedrive"
    desk.facts = {"crm": {"secret": BY_OAUTH, "oauth_url": at} | facts}
    try:
        with desk.state() as state:
            grant = let_in(desk.url, state, "crm")
        yield grant
    finally:
        desk.secrets, desk.facts = secrets, {}
