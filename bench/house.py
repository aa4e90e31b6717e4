"""What every bench of the whole product stands on: a sandbox in a process of its own, and a sync's
files in a folder with `syncline` for them, as a user would have both.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
Sleep = Callable[[float], None]
# Secrets and connections of whoever runs a bench are none of its business.
THEIRS = ("PREFECT_", "SYNCLINE_")
# Of the two spellings the small one counts where both are there.
NO_PROXY = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


@contextmanager
def sandbox(people: int) -> Iterator[str]:
    """A sandbox of that size in a process of its own; yields its address."""
    with sandbox_process(people) as (url, _):
        yield url


@contextmanager
def sandbox_process(people: int) -> Iterator[tuple[str, int]]:
    """The same; yields its address and the id of its process."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--people", str(people)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], process.pid
    finally:
        process.kill()
        process.wait()


class House:
    """One sync's files, and the command line for it. Its home is `folder`/home."""

    def __init__(
        self,
        folder: Path,
        definition: Mapping[str, Any],
        connections: Mapping[str, Any],
        secrets: Mapping[str, str],
    ) -> None:
        self.folder, self.home = folder, folder / "home"
        self.sync = str(definition["name"])
        self.syncs = folder / "syncs"
        self.syncs.mkdir()
        # JSON is YAML.
        (self.syncs / f"{self.sync}.yaml").write_text(json.dumps(definition))
        (folder / "connections.yaml").write_text(json.dumps(connections))
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith(THEIRS)}
        self.environ |= {**secrets, **NO_PROXY, "SYNCLINE_HOME": str(self.home)}

    def start(
        self,
        *words: str,
        to: Any = subprocess.PIPE,
        errors: Any = None,
        peak_to: Path | None = None,
    ) -> subprocess.Popen[str]:
        """`syncline` with these words; what it says goes there, its peak in bytes to that file."""
        own_peak = ["bench.own_peak", str(peak_to)] if peak_to else []
        command = [sys.executable, "-m", *own_peak, "deployments", "--syncs", str(self.syncs)]
        command += words
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environ, stdout=to, stderr=errors, text=True
        )

    def run(self) -> int:
        """A run of the sync; its exit code. What it says is in `folder`/runs.log."""
        with (self.folder / "runs.log").open("a") as log:
            return self.start("run", self.sync, to=log, errors=subprocess.STDOUT).wait()

    @contextmanager
    def listening(
        self, *words: str, until: str, times: int = 1
    ) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """`syncline listen` and what it said, once that many lines have matched `until`."""
        process = self.start("listen", *words)
        reading = None
        try:
            said = _said_until(process, until, times)
            # Read on, or the listener stands still once the pipe is full.
            with (self.folder / "listen.log").open("a") as log:
                reading = subprocess.Popen(["cat"], stdin=process.stdout, stdout=log)
            yield process, said
        finally:
            process.terminate()
            process.wait()
            if reading is not None:
                reading.wait()


def _said_until(process: subprocess.Popen[str], pattern: str, times: int) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        times -= bool(re.search(pattern, line))
        if not times:
            return said
    raise RuntimeError(f"never said {pattern!r} often enough:\n{said}")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def at_their_pace(ask: Callable[[], httpx.Response], sleep: Sleep = time.sleep) -> httpx.Response:
    """What Pipedrive answers once its window of two seconds is no longer full."""
    while (answer := ask()).status_code == 429:
        sleep(float(answer.headers.get("x-ratelimit-reset", 1)))
    return answer.raise_for_status()
