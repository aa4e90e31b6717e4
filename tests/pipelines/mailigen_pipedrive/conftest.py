"""Worlds to run the sync in: one settled world for a file, or a fresh one for a test."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import sandbox.server
from tests.pipelines.mailigen_pipedrive.desk import HORIZON, Desk


@pytest.fixture(scope="module")
def settled_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A world whose first sync is over, shared by the file: tests use people of their own."""
    with sandbox.server.start(port=0, people=10) as running:
        desk = Desk(running.url, tmp_path_factory.mktemp("homes"))
        desk.start(people=120)
        desk.settle()
        yield desk
        desk.close()


@pytest.fixture
def desk(settled_desk: Desk) -> Iterator[Desk]:
    """The file's settled world, with no fault in it and nothing new in its journal."""
    settled_desk.clear_faults()
    settled_desk.effects()
    settled_desk.horizon = HORIZON
    yield settled_desk
    settled_desk.clear_faults()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Desk]:
    """A desk at a sandbox of its own, for a test that begins a world of its own."""
    with sandbox.server.start(port=0, people=10) as running:
        desk = Desk(running.url, tmp_path)
        yield desk
        desk.close()


@pytest.fixture
def called() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address for alerts, and what arrived there."""
    arrived: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing to stderr."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/alerts", arrived
        server.shutdown()
