"""A doubt from the lost answer to the quiet run after it, by the commands on-call types."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox.server
from deployments.cli import main
from tests.pipelines.mailigen_pipedrive.desk import Desk

HOUR = 3600.0  # a horizon no run of these tests waits for
ACTIVITIES = "/api/v2/activities"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A settled world, and the files that the command line reads about it."""
    with sandbox.server.start(port=0, people=10) as running:
        desk = Desk(running.url, tmp_path).start()
        desk.horizon = HOUR
        desk.settle()
        desk.export_files(tmp_path, monkeypatch)
        yield desk
        desk.close()


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main(list(words))
    return code, capsys.readouterr().out


def the_doubt(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What `doubts` lists, which must be one."""
    code, shown = told(capsys, "doubts", "acme", "--json")
    (one,) = json.loads(shown)
    assert code == 4
    return dict(one)


def leave_in_doubt(desk: Desk, capsys: pytest.CaptureFixture[str], fault: str) -> tuple[int, str]:
    """Somebody opens a mail, and the answer about the activity is lost for longer than we wait."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.fault(fault, "pipedrive", ACTIVITIES, method="POST", delay_s=600)
    assert told(capsys, "run", "acme", "--settle-within", "0")[0] == 4
    doubt = the_doubt(capsys)
    assert (doubt["operation"], doubt["held_up"]) == ("create_activity", 1)
    assert email not in json.dumps(doubt)
    again = told(capsys, "run", "acme", "--settle-within", "0")
    assert again[0] == 4, "within the horizon no run decides it"
    return person, doubt["key"]


def made(desk: Desk, person: int) -> list[int]:
    return [len(desk.ours(kind, person)) for kind in ("activities", "notes")]


def assert_quiet(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is left to do or to ask, and the history knows of one write under each key."""
    desk.effects()
    assert told(capsys, "run", "acme")[0] == 0
    assert desk.effects() == []
    assert told(capsys, "doubts")[0] == 0
    last = (
        "SELECT state FROM history.writes WHERE object = 'activity' "
        "QUALIFY row_number() OVER (PARTITION BY write_key ORDER BY sweep DESC) = 1"
    )
    assert desk.ask(last) == [("done",)]


def test_a_write_that_came_late_is_settled_as_happened_and_not_made_twice(desk, capsys):
    person, key = leave_in_doubt(desk, capsys, "late_commit")
    desk.control("clock", advance_s=700)
    (activity,) = desk.ours("activities", person)

    settled = told(capsys, "settle", key, "--happened", "--id", str(activity["id"]))

    assert settled == (0, f"{key} is done, as activity {activity['id']}\n")
    assert told(capsys, "run", "acme")[0] == 0
    assert made(desk, person) == [1, 1], "and what it held up went out"
    code, shown = told(capsys, "explain", "acme", str(activity["id"]))
    assert code == 0
    assert "settled by" in shown
    assert_quiet(desk, capsys)
    settled_rows = desk.ask("SELECT count(*) FROM history.writes WHERE run_id LIKE 'settle-%'")
    assert settled_rows == [(1,)], "kept once, however many runs follow"
    assert desk.ask("SELECT outcome FROM history.runs WHERE run_id LIKE 'settle-%'") == [
        ("settled",)
    ]


def test_a_write_that_never_arrived_is_sent_again_once_without_waiting(desk, capsys):
    person, key = leave_in_doubt(desk, capsys, "lost_request")
    assert desk.ours("activities", person) == []

    assert told(capsys, "settle", key, "--send-again")[0] == 2, "nobody agreed"
    assert told(capsys, "settle", key, "--send-again", "--yes", "--by", "ann")[0] == 0

    assert told(capsys, "run", "acme")[0] == 0
    assert made(desk, person) == [1, 1]
    code, shown = told(capsys, "explain", "acme", key)
    assert code == 0
    assert "settled by ann: send again on 2" in shown, "it outlasts the write that came of it"
    assert_quiet(desk, capsys)


def test_a_member_in_doubt_is_read_back_by_the_next_run(desk, capsys):
    """Nobody has to settle a setting: it converges."""
    person, email = desk.person(on_list=True)
    desk.edit(person, first_name="Changed")
    desk.fault("lost_request", "mailigen", "/1.8/listUpdateMember", times=1)
    assert told(capsys, "run", "acme", "--settle-within", "0")[0] in (0, 4)
    desk.clear_faults()
    assert told(capsys, "run", "acme")[0] == 0
    member = desk.member(email)
    assert member is not None
    assert member["merges"]["FNAME"] == "Changed"
    assert told(capsys, "doubts")[0] == 0
