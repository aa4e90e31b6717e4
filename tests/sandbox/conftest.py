"""One sandbox for all tests here, reset before each."""

from collections.abc import Iterator

import pytest
from pipedrive_contract import SPECS, is_available
from pipedrive_desk import Desk

from sandbox import server


def pytest_report_header() -> str:
    found = "checked against" if is_available() else "NOT checked: nothing at"
    return f"pipedrive contract: {found} {SPECS.name}"


@pytest.fixture(scope="session")
def running() -> Iterator[server.Running]:
    with server.start(seed=7, people=120) as started:
        yield started


@pytest.fixture
def crm(running: server.Running) -> Iterator[Desk]:
    desk = Desk(running.url)
    desk.control("POST", "/reset", {"seed": 7, "people": 120})
    yield desk
    desk.close()
