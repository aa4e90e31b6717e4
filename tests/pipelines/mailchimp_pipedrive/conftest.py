"""Worlds to run flows in: one sandbox a file, a fresh world a test."""

from collections.abc import Iterator

import pytest

import sandbox.server
from tests.pipelines.mailchimp_pipedrive.flow_desk import FlowDesk


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    with sandbox.server.start(port=0, people=10) as running:
        yield running.url


@pytest.fixture
def desk(sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowDesk]:
    """A desk; `start` begins its world."""
    one = FlowDesk(sandbox_url, tmp_path_factory.mktemp("home"))
    yield one
    one.close()
