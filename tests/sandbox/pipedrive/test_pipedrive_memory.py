"""What a large company costs in memory, beyond its books: a process of its own tells."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from bench.house import at_their_pace

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = 4000
TOKEN = {"x-api-token": "sandbox-pipedrive-admin"}


@pytest.fixture
def sandbox() -> Iterator[tuple[psutil.Process, httpx.Client]]:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--people", str(PEOPLE)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with httpx.Client(base_url=url, headers=TOKEN, trust_env=False) as http:
            yield psutil.Process(process.pid), http
    finally:
        process.kill()
        process.communicate()


def test_a_person_that_was_served_is_kept_in_little_more_than_its_bytes(
    sandbox: tuple[psutil.Process, httpx.Client],
) -> None:
    process, http = sandbox
    told = {"vendor": "pipedrive", "name": "plan", "value": "ultimate"}
    http.post("/_sandbox/assumptions", json=told).raise_for_status()
    asked: dict[str, str | int] = {"limit": 500}
    sizes = []
    while True:
        page = at_their_pace(partial(http.get, "/pipedrive/api/v2/persons", params=asked))
        sizes.append(process.memory_info().rss)
        asked["cursor"] = page.json()["additional_data"]["next_cursor"] or ""
        if not asked["cursor"]:
            break
    # The first pages also pay for the room that every answer is written in.
    grown, persons = sizes[-1] - sizes[1], (len(sizes) - 2) * 500
    assert grown / persons < 3000, "bytes a person"
