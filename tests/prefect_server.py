"""A Prefect server of the tests' own, and workers for it: real processes, own home, loopback.

    from prefect_server import prefect_server  # one for the tests of a module

Intervals that are a minute in production are a second here; nothing else differs.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent
QUICK = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_WORKER_PREFETCH_SECONDS": "1",
    "PREFECT_UI_ENABLED": "false",
    "NO_PROXY": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class PrefectServer:
    """A running server. `environ` makes any process of ours talk to it and to nothing else."""

    api_url: str
    home: Path
    log: Path

    @property
    def environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SYNCLINE_"))}
        return kept | QUICK | {"PREFECT_API_URL": self.api_url, "PREFECT_HOME": str(self.home)}

    @contextlib.contextmanager
    def worker(self, pool: str) -> Iterator[Path]:
        """A process worker for as long as the block lasts; gives the file of its log."""
        log = self.home / f"worker-{pool}.log"
        command = ["worker", "start", "--pool", pool, "--limit", "2"]
        with _process(command, self.environ, log):
            yield log


@pytest.fixture(scope="module")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    home = tmp_path_factory.mktemp("prefect")
    port = _free_port()
    server = PrefectServer(f"http://127.0.0.1:{port}/api", home, home / "server.log")
    command = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with _process(command, server.environ, server.log) as running:
        wait_until(
            lambda: _is_healthy(server.api_url),
            seconds=120,
            what="the Prefect server is healthy",
            log=server.log,
            running=running,
        )
        yield server


def wait_until(
    condition: Callable[[], bool],
    *,
    seconds: float,
    what: str,
    log: Path | None = None,
    running: subprocess.Popen[bytes] | None = None,
) -> None:
    """Return as soon as the condition holds; fail with the end of the log when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        is_dead = running is not None and running.poll() is not None
        if is_dead or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-3000:] if log and log.exists() else ""
            pytest.fail(f"never came true: {what}\n{tail}")
        time.sleep(0.1)


def _is_healthy(api_url: str) -> bool:
    try:
        return httpx.get(f"{api_url}/health", timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def _process(
    command: list[str], environ: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "prefect", *command],
            env=environ,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield running
        finally:
            _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    """End the whole group: a worker has children of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGTERM)
    try:
        running.wait(timeout=15)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
