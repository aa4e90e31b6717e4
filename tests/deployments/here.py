"""An installation with accounts by OAuth, whose person signs in with a browser that a test plays."""

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from deployments.apps import AppAt
from deployments.connecting import Connected, connect, disconnect
from deployments.definitions import load
from pipelines.settings import Settings, read_settings
from pipelines.surroundings import REAL, Surroundings
from state import connections, grants
from state.database import open_state
from tests.signing_in import ANN, SECRETS, allow

FILE = """
crm:
  vendor: pipedrive
  oauth_url: {url}/pipedrive
  secret: {{oauth: {{client_id: APP_ID, client_secret: APP_SECRET}}}}
mail:
  vendor: mailchimp
  oauth_url: {url}/mailchimp
  secret: {{oauth: {{client_id: MAIL_APP_ID, client_secret: MAIL_APP_SECRET}}}}
"""
MAIL_SECRETS = {
    "MAIL_APP_ID": "sandbox-mailchimp-app", "MAIL_APP_SECRET": "sandbox-mailchimp-app-secret",
}  # fmt: skip


class Here:
    """The installation, and the sandbox its accounts are at."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        (folder / "syncs").mkdir()
        self.write(FILE.format(url=url))
        self.environ = SECRETS | MAIL_SECRETS | {
            "SYNCLINE_HOME": str(folder / "home"), "SYNCLINE_SYNCS": str(folder / "syncs"),
        }  # fmt: skip
        self.pages: list[httpx.Response] = []
        self._browsers: list[threading.Thread] = []

    def write(self, text: str) -> None:
        (self.folder / "connections.yaml").write_text(text)

    @property
    def settings(self) -> Settings:
        return read_settings(self.environ)

    def connect(
        self, browse: Callable[[str, str], Any], account: str = "crm", around: Surroundings = REAL,
        port: int = 0,
    ) -> Connected:  # fmt: skip
        """Sign in, with `browse(address, callback)` as the browser."""

        def show(address: str, callback: str, _: AppAt) -> None:
            thread = threading.Thread(target=browse, args=(address, callback))
            self._browsers.append(thread)
            thread.start()

        try:
            return connect(
                self.settings, load(self.settings, with_secrets=False), account, port=port,
                show=show, around=around,
            )  # fmt: skip
        finally:
            for thread in self._browsers:
                thread.join()

    def disconnect(self, account: str = "crm", *, only_here: bool = False) -> str | None:
        definitions = load(self.settings, with_secrets=False)
        return disconnect(self.settings, definitions, account, only_here=only_here)

    def allowed_by(self, user: int = ANN) -> Callable[[str, str], None]:
        return lambda address, _: self.get(allow(address, user))

    def get(self, address: httpx.URL | str) -> None:
        self.pages.append(httpx.get(address, trust_env=False, timeout=30))

    def control(self, what: str, **order: Any) -> None:
        url = f"{self.url}/_sandbox/{what}"
        httpx.post(url, json=order, trust_env=False).raise_for_status()

    def refuse(self, path: str, body: Any, status: int = 200, vendor: str = "pipedrive") -> None:
        self.control("faults", kind="status", vendor=vendor, path=path, status=status,
                     body=body, times=50)  # fmt: skip

    def kept(self, account: str = "crm") -> tuple[bool, str]:
        """Whether there is a grant, and how the account stands."""
        if not (self.folder / "home" / "state.db").exists():
            return False, "unknown"
        with closing(open_state(self.settings.state_url)) as state:
            known = connections.find(state, account)
            return grants.is_kept(state, account), known.state if known else "unknown"
