"""Notes a second, counted by the vendor: a tool that leaves a note out has no speed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.peers import members
from bench.peers.contestants import Contestant, ours
from bench.peers.speed import HEADINGS, MEMBERS, NOTES, NotDoneError, Taken, race, shown
from bench.peers.vendor import Sandbox
from sandbox import server

# Makes a note of each row but the last, and calls it a success.
LAZY = """
import json, os, sqlite3, urllib.request
rows = sqlite3.connect("rows.sqlite").execute("SELECT * FROM events ORDER BY id").fetchall()
for n, person, text in rows[:-1]:
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


def test_our_speed_is_that_of_notes_the_vendor_has(vendor: Sandbox) -> None:
    taken = race(ours(), NOTES._replace(size=12), vendor)
    assert len(vendor.notes()) >= 12
    assert taken.a_second * taken.command_s > 11  # the command lasts longer than its writing


def test_members_travel_by_the_hundred_and_are_judged_by_the_list(vendor: Sandbox) -> None:
    race(members.ours(), MEMBERS._replace(size=150), vendor)
    sent = [len(line["effects"]) for line in vendor.journal() if line["vendor"] == "mailigen"]
    assert [count for count in sent if count] == [100, 50]


def test_a_tool_is_told_as_times_ours_of_the_same_round() -> None:
    ours = [Taken(100.0, 1.0), Taken(10.0, 9.0), Taken(50.0, 2.0)]
    theirs = [Taken(200.0, 1.0), Taken(20.0, 9.0), Taken(50.0, 2.0)]
    # Of the medians, 50 and 50, it would be 1.00.
    assert shown(theirs, ours)[1] == "2.00 (1.00-2.00)"
    assert HEADINGS.index("times ours") == HEADINGS.index("rows a second") + 1
    assert shown(theirs, [])[1] == ""


def test_a_tool_that_leaves_a_note_out_has_no_speed(vendor: Sandbox) -> None:
    def no_files(home: Path, url: str) -> None:
        """It reads the job's own files only."""

    lazy = Contestant("stand-in", "0", [sys.executable, "-c", LAZY], no_files)
    with pytest.raises(NotDoneError, match="lost=1"):
        race(lazy, NOTES._replace(size=5), vendor)
