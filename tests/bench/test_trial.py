"""A trial with real processes and a real sandbox: a careless tool is found out, ours is not."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.peers.books import Verdict
from bench.peers.contestants import Contestant, ours
from bench.peers.faults import FAULTS, FIRST, LAST, Fault
from bench.peers.job import job_rows, read_source, write_source
from bench.peers.trial import MOST_RUNS, NoTrialError, undergo
from bench.peers.vendor import Sandbox
from sandbox import server

# Sends everything, every time, and calls it a success.
CARELESS = """
import json, os, sqlite3, urllib.request
for n, person, text in sqlite3.connect("rows.sqlite").execute("SELECT * FROM events ORDER BY id"):
    request = urllib.request.Request(
        os.environ["JOB_URL"] + "/pipedrive/v1/notes", method="POST",
        data=json.dumps({"content": text, "person_id": person}).encode(),
        headers={"x-api-token": os.environ["JOB_TOKEN"], "content-type": "application/json"})
    urllib.request.urlopen(request).read()
"""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    with server.start(people=60) as running, httpx.Client(trust_env=False) as http:
        yield Sandbox(running.url, http)


def python_that(code: str) -> Contestant:
    def no_files(home: Path, url: str) -> None:
        """It reads the job's own files only."""

    return Contestant("stand-in", "0", [sys.executable, "-c", code], no_files)


def fault(words: str) -> Fault:
    return next(one for one in FAULTS if words in one.name)


def test_a_tool_that_starts_over_after_a_kill_is_caught_doubling(
    vendor: Sandbox, tmp_path: Path
) -> None:
    killed = fault("before the answer")
    outcome = undergo(python_that(CARELESS), killed, 0, vendor, tmp_path)
    # Every note made before the kill, and the one whose answer it never saw.
    assert outcome.verdict == Verdict(duplicates=killed.place(0) + 1, lost=0)
    assert outcome.ended_well


def test_a_tool_that_never_ends_well_is_reported_as_unfinished(
    vendor: Sandbox, tmp_path: Path
) -> None:
    outcome = undergo(python_that(CARELESS + "1/0"), fault("answer lost"), 0, vendor, tmp_path)
    assert (outcome.ended_well, outcome.run_count) == (False, MOST_RUNS)


def test_a_fault_that_meets_nothing_is_no_trial(vendor: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(NoTrialError, match="met nothing"):
        undergo(python_that("print('done')"), fault("503"), 0, vendor, tmp_path)


@pytest.mark.parametrize("words", ["before the answer", "answer lost"])
def test_ours_neither_doubles_nor_loses_through_the_same_trial(
    vendor: Sandbox, tmp_path: Path, words: str
) -> None:
    outcome = undergo(ours(), fault(words), 0, vendor, tmp_path)
    assert outcome.verdict == Verdict(0, 0)
    assert outcome.ended_well


def test_every_contestant_meets_a_fault_at_the_same_place() -> None:
    places = {one.name: [one.place(trial) for trial in range(20)] for one in FAULTS}
    assert places == {one.name: [one.place(trial) for trial in range(20)] for one in FAULTS}
    drawn = [place for found in places.values() for place in found]
    assert FIRST <= min(drawn) < max(drawn) <= LAST


def test_every_contestant_reads_the_rows_that_were_written(tmp_path: Path) -> None:
    rows = job_rows(range(1, 61))
    write_source(tmp_path / "rows.sqlite", rows)
    assert read_source(tmp_path / "rows.sqlite") == rows
