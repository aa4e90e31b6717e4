"""One sandbox for all connector tests, reset before each test that writes to it."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from connectors.mailchimp import Mailchimp
from connectors.mailigen import Mailigen, Pace
from connectors.meter import Tally
from connectors.pipedrive import Pipedrive


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Any]:
    from sandbox.server import start

    server = start(port=0, seed=7, people=200)
    yield server
    server.stop()


class Control:
    """The sandbox's own door: what tests and readers may ask of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url + "/_sandbox", trust_env=False)

    def reset(self) -> None:
        self._http.post("/reset", json={"seed": 7, "people": 200}).raise_for_status()

    def describe(self, vendor: str) -> dict[str, Any]:
        return dict(self._http.get("").json()["vendors"][vendor])

    def books(self, vendor: str, name: str) -> list[dict[str, Any]]:
        return list(self._http.get(f"/books/{vendor}/{name}").json())

    def fault(self, vendor: str, path: str, kind: str, **more: Any) -> None:
        fault = {"vendor": vendor, "path": path, "kind": kind, **more}
        self._http.post("/faults", json=fault).raise_for_status()

    def assume(self, vendor: str, name: str, value: object) -> None:
        body = {"vendor": vendor, "name": name, "value": value}
        self._http.post("/assumptions", json=body).raise_for_status()

    def advance(self, seconds: float) -> None:
        self._http.post("/clock", json={"advance_s": seconds}).raise_for_status()

    def play(self, vendor: str, kind: str, **event: Any) -> None:
        body = {"kind": kind, **event}
        self._http.post(f"/events/{vendor}", json=body).raise_for_status()

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def sandbox(sandbox_server: Any) -> Iterator[Control]:
    control = Control(sandbox_server.url)
    control.reset()
    yield control
    control.close()


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def naps() -> list[float]:
    """Where clients under test put the seconds they would have slept."""
    return []


@pytest.fixture
def mailigen(sandbox: Control, tally: Tally, naps: list[float]) -> Iterator[Mailigen]:
    key = "sandbox-mailigen-key"
    pace = Pace(sleep=naps.append)
    with Mailigen(sandbox.url + "/mailigen", key=key, meter=tally, pace=pace) as client:
        yield client


@pytest.fixture
def mailchimp(sandbox: Control, tally: Tally, naps: list[float]) -> Iterator[Mailchimp]:
    key = next(iter(sandbox.describe("mailchimp")["keys"]))
    url = sandbox.url + "/mailchimp"
    with Mailchimp(url, key=key, meter=tally, sleep=naps.append) as client:
        yield client


@pytest.fixture
def pipedrive(
    sandbox: Control, tally: Tally, naps: list[float], token: Callable[[str], str]
) -> Iterator[Pipedrive]:
    url = sandbox.url + "/pipedrive"
    with Pipedrive(url, token=token("ann"), meter=tally, sleep=naps.append) as client:
        yield client


@pytest.fixture
def token(sandbox: Control) -> Callable[[str], str]:
    """The sandbox's API token of a seeded user, by the name before the @."""

    def find(user: str) -> str:
        tokens = sandbox.describe("pipedrive")["tokens"]
        return next(row["token"] for row in tokens if row["email"].startswith(f"{user}@"))

    return find
