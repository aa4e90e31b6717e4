"""What the demo stands on: sandbox, Prefect server, worker and an address for alerts.

Every process is started here and ended here, by its own handle.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx
from ruamel.yaml import YAML

from deployments.demo_vendors import Vendors

SAMPLE = "acme-newsletter"
PATIENCE = 120.0  # seconds for any one thing to get ready or done
TOKENS = {
    "ACME_PIPEDRIVE_TOKEN": "sandbox-pipedrive-admin",
    "ACME_MAILIGEN_KEY": "sandbox-mailigen-key",
}
_YAML = YAML()
QUIET = {"PREFECT_LOGGING_LEVEL": "WARNING"}  # Prefect's own chatter is not part of the story
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class DemoError(Exception):
    """A step of the demo did not do what it says."""


def told(text: str) -> None:
    """One line of the story, at once also when piped."""
    print(text, flush=True)


class Stage:
    """The processes and files of one demo. Leaving the block ends all of them."""

    def __init__(self, root: Path, home: Path, *, people: int) -> None:
        self.root, self.home, self._people = root, home, people
        self.sandbox_url = ""
        self.api_url = ""
        self._stack = ExitStack()
        self.alerts: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        with self._stack:  # what did start ends again when something else does not
            self._alert_url = self._listen_for_alerts()
            self._start_sandbox()
            self._start_prefect()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def syncline(self, *words: str) -> None:
        """Run the command line as a user would; what it prints is part of the story."""
        command = [sys.executable, "-m", "deployments", *words]
        told(f"   $ syncline {' '.join(words)}")
        ran = subprocess.run(
            command,
            env=self._environ() | QUIET,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        for line in (ran.stdout + ran.stderr).splitlines():
            told(f"     {line}")
        self.require(ran.returncode == 0, f"syncline {words[0]} ended with {ran.returncode}")

    def start_worker(self) -> None:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "syncline"]
        self._start(command, "worker.log")

    def run_deployment(self, *, expected: str) -> None:
        """Run the sync's deployment as the UI's button does; say how it ended."""
        with httpx.Client(base_url=self.api_url, timeout=30) as api:
            name = f"/deployments/name/mailigen-pipedrive/{SAMPLE}"
            deployment = api.get(name).raise_for_status().json()
            made = api.post(
                f"/deployments/{deployment['id']}/create_flow_run", json={}
            ).raise_for_status()
            run_id = made.json()["id"]

            def ended() -> bool:
                state = api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state"]
                return state["type"] in ENDED

            self._wait(ended, f"flow run {run_id} ended")
            state = api.get(f"/flow_runs/{run_id}").json()["state"]
        told(f"   flow run {state['name']}: {state.get('message') or ''}")
        self.require(
            state["name"] == expected,
            f"the run ended as {state['name']}, not {expected}; see {self.home}/worker.log",
        )

    def say_alerts(self) -> None:
        for body in self.alerts:
            told(f"   alert received ({body['kind']}): {body['said']}")
        self.alerts.clear()

    def remember_example(self, vendors: Vendors) -> None:
        """Keep a key to explain, and the environment that points at the demo's files."""
        (self.home / "example-key").write_text(vendors.example_key())
        kept = {
            k: v for k, v in self._environ().items() if k.startswith("SYNCLINE_") or k in TOKENS
        }
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(kept.items())]
        (self.home / "env").write_text("".join(lines))

    def require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise DemoError(otherwise)

    def _environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SYNCLINE_"))}
        return kept | TOKENS | {
            "OPS_WEBHOOK": self._alert_url,
            "SYNCLINE_HOME": str(self.home),
            "SYNCLINE_SYNCS": str(self.home / "syncs"),
            "SYNCLINE_CONNECTIONS": str(self.home / "connections.yaml"),
            "PREFECT_API_URL": self.api_url,
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONPATH": str(self.root),
        }  # fmt: skip

    def _start_sandbox(self) -> None:
        told(
            f"starting the sandbox: Pipedrive and Mailigen with {self._people} people, on loopback"
        )
        port = _free_port()
        self.sandbox_url = f"http://127.0.0.1:{port}"
        command = [
            sys.executable, "-m", "sandbox", "--port", str(port), "--people", str(self._people),
        ]  # fmt: skip
        self._start(command, "sandbox.log")
        self._wait(lambda: _answers(f"{self.sandbox_url}/_sandbox"), "the sandbox answers")
        self._write_definitions()

    def _start_prefect(self) -> None:
        told("starting a Prefect server (its first start takes some ten seconds)")
        port = _free_port()
        self.api_url = f"http://127.0.0.1:{port}/api"
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
        self._start(command, "prefect-server.log")
        self._wait(lambda: _answers(f"{self.api_url}/health"), "the Prefect server answers")

    def _write_definitions(self) -> None:
        """The sample's own files, with the sandbox's address and a schedule far from now."""
        source = self.root / "deployments"
        (self.home / "syncs").mkdir()
        definition = _YAML.load(source / "syncs" / f"{SAMPLE}.yaml")
        later = datetime.now(UTC) + timedelta(hours=6)
        definition["schedule"] = {"cron": f"{later.minute} {later.hour} * * *"}
        _YAML.dump(definition, self.home / "syncs" / f"{SAMPLE}.yaml")
        connections = _YAML.load(source / "connections.yaml")
        for one in connections.values():
            one["base_url"] = f"{self.sandbox_url}/{one['vendor']}"
        _YAML.dump(connections, self.home / "connections.yaml")

    def _listen_for_alerts(self) -> str:
        received = self.alerts

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                received.append(json.loads(self.rfile.read(length)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The story is told elsewhere."""

        server = HTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._stack.callback(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/alerts"

    def _start(self, command: list[str], log: str) -> None:
        file: IO[str] = self._stack.enter_context((self.home / log).open("w"))
        process = subprocess.Popen(
            command, env=self._environ(), cwd=self.root, stdin=subprocess.DEVNULL,
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._stack.callback(_end, process)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise DemoError(
                    f"waited {PATIENCE:.0f} s in vain until {what}; logs are in {self.home}"
                )
            threading.Event().wait(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all it started: a worker's runs are in its group."""
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
