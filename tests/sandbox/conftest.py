"""One sandbox for all tests here, reset before each."""

from collections.abc import Iterator

import pytest
from pipedrive_desk import Desk

from sandbox import server


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
