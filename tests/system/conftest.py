"""A sandbox of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox.server
from tests.pipelines.mailigen_pipedrive.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with sandbox.server.start(port=0, people=10) as running:
        desk = Desk(running.url, tmp_path)
        yield desk
        desk.close()
