"""The vendor of a series: a sandbox in a process of its own, reset before every trial."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.peers.job import ROW_COUNT

ROOT = Path(__file__).resolve().parents[2]
SEED = 7


class Sandbox:
    """The control surface of a running sandbox, as far as a trial needs it."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url, self._http = url, http

    def begin(self, orders: Sequence[dict[str, Any]] = (), rows: int = ROW_COUNT) -> list[int]:
        """A fresh world with these faults ordered; return the ids of people to write about, at
        least so many."""
        self._post("reset", {"seed": SEED, "people": rows + rows // 2})
        # Nobody shall be slowed by the vendor's limits: they are not what is measured.
        for name, value in (("plan", "ultimate"), ("seats", 50)):
            self._post("assumptions", {"vendor": "pipedrive", "name": name, "value": value})
        for order in orders:
            self._post("faults", order)
        persons = self._get("books/pipedrive/persons").json()
        return [person["id"] for person in persons if not person["is_deleted"]]

    def notes(self) -> list[dict[str, Any]]:
        """Every note in the books, deleted ones included."""
        found: list[dict[str, Any]] = self._get("books/pipedrive/notes").json()
        return found

    def members(self) -> list[dict[str, Any]]:
        """Every member of Mailigen's lists in the books."""
        found: list[dict[str, Any]] = self._get("books/mailigen/members").json()
        return found

    def journal(self, after: int = 0) -> list[dict[str, Any]]:
        """What was committed, oldest first; only lines numbered above `after`."""
        lines = self._get("journal", after=after).content.splitlines()
        return [orjson.loads(line) for line in lines]

    def has_fired(self) -> bool:
        """Whether an ordered fault has met its request."""
        return any(fault["fired"] for fault in self._get("faults").json())

    def clear_faults(self) -> None:
        self._http.delete(f"{self.url}/_sandbox/faults").raise_for_status()

    def _get(self, name: str, **query: int) -> httpx.Response:
        answer = self._http.get(f"{self.url}/_sandbox/{name}", params=query)
        return answer.raise_for_status()

    def _post(self, name: str, body: dict[str, Any]) -> None:
        self._http.post(f"{self.url}/_sandbox/{name}", json=body).raise_for_status()


@contextmanager
def running_sandbox() -> Iterator[Sandbox]:
    """Start a sandbox on a free port of the loopback; ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.peers.unlimited", "--port", "0", "--people", str(ROW_COUNT)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with httpx.Client(trust_env=False, timeout=30) as http:
            yield Sandbox(url, http)
    finally:
        process.kill()
        process.wait()
