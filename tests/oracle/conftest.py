"""One sandbox for a file of scenarios, reset by each; a home of its own for each."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import server
from tests.oracle.bench import Bench
from tests.oracle.by_hand import Understudy


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    built, bound = server.build(0, seed=7, people=60, only=None)
    # Small answers are sent at once: thousands of calls wait for no delayed acknowledgement.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with server.Running(built, bound) as running:
        yield running.url


@pytest.fixture
def bench(sandbox_url: str, tmp_path: Path) -> Bench:
    is_rehearsal = bool(os.environ.get("ORACLE_REHEARSAL"))
    return (Understudy if is_rehearsal else Bench)(sandbox_url, tmp_path)
