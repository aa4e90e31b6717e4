"""`doctor` in a home whose state database was lost, or put back from an old backup (ALL-14)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox.server
from connectors.errors import ConnectorError
from deployments.cli import main
from tests.pipelines.mailigen_pipedrive.desk import Desk
from tests.pipelines.mailigen_pipedrive.losses import adopt, lose, quiet


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with sandbox.server.start(port=0, people=10) as running:
        desk = Desk(running.url, tmp_path).start()
        desk.settle()
        desk.export_files(tmp_path, monkeypatch)
        monkeypatch.delenv("SYNCLINE_STATE_URL", raising=False)
        yield desk
        desk.close()


def on_the_state(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, str]]:
    """What `doctor` says of the state: level, sentence, remedy."""
    capsys.readouterr()
    main(["doctor", "--json"])
    rows = json.loads(capsys.readouterr().out)
    return [(r["level"], r["sentence"], r["remedy"]) for r in rows if r["thing"] == "state"]


def test_a_state_that_is_there_is_well(desk: Desk, capsys) -> None:
    """ALL-14"""
    assert on_the_state(capsys) == [("ok", "the database answers and is up to date", "")]


@pytest.mark.parametrize(
    ("more", "by"), [((), "history/acme.duckdb"), (("history",), "keep.jsonl")]
)
def test_a_lost_state_is_told_by_what_is_left_of_the_home(desk, capsys, more, by) -> None:
    """ALL-14: nothing of it is made anew by looking."""
    lose(desk, *more)

    ((level, said, remedy),) = on_the_state(capsys)

    assert level == "fail"
    assert f"there is no database, and {by} is there: it was lost" in said
    assert "syncline adopt acme" in remedy
    assert not (desk.home / "state.db").exists()


@pytest.mark.parametrize(
    ("more", "by"), [((), "the history of acme has run"), (("history",), "keep.jsonl has")]
)
def test_a_refused_run_does_not_hide_that_the_state_was_lost(desk, capsys, more, by) -> None:
    """ALL-14: it made a database that knows nothing."""
    lose(desk, *more)
    assert desk.run().outcome == "failed"

    ((level, said, remedy),) = on_the_state(capsys)

    assert (level, by in said, "lost" in said) == ("fail", True, True)
    assert "syncline adopt acme" in remedy
    adopt(desk)
    assert on_the_state(capsys)[0][0] == "ok"
    quiet(desk)


def test_a_list_of_syncs_says_that_the_state_was_lost(desk: Desk, capsys) -> None:
    """ALL-14: it shows what the files say, and that nothing of it can run"""
    assert main(["list"]) == 0
    lose(desk)
    capsys.readouterr()
    assert main(["list"]) == 1
    shown = capsys.readouterr()
    assert "acme" in shown.out
    assert "it was lost" in shown.err
    assert "syncline adopt acme" in shown.err


def test_an_adoption_that_did_not_end_is_told(desk: Desk, capsys) -> None:
    """ALL-14"""
    lose(desk)
    desk.fault("status", "pipedrive", "/v1/notes", status=400, times=50)
    with pytest.raises(ConnectorError):
        adopt(desk)
    desk.clear_faults()

    ((level, said, remedy),) = on_the_state(capsys)

    assert (level, said) == ("fail", "rebuilding the state of acme was begun and did not end")
    assert "syncline adopt acme" in remedy
