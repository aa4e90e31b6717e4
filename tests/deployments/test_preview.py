"""`syncline preview` as somebody types it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox.server
from deployments.cli import main
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A world in which nothing has run, and the files that the command line reads about it."""
    with sandbox.server.start(port=0, people=10) as running:
        desk = Desk(running.url, tmp_path).start(CUSTOMERS)
        desk.export_files(tmp_path, monkeypatch)
        yield desk
        desk.close()


def test_a_preview_says_whom_a_bot_selects_and_what_becomes_of_each(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """MG-09, ALL-05: on a terminal twenty of them, as JSON all; nothing is written."""
    desk.effects()
    assert main(["preview", "acme", "--bot", "customers"]) == 0
    shown = capsys.readouterr().out
    assert main(["preview", "acme", "--bot", "customers", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["selected"] == len(told["rows"]) == len(desk.selected())
    assert f"bot customers selects {told['selected']} persons" in shown
    assert sum(told["becomes"].values()) == told["selected"]
    assert {row["becomes"] for row in told["rows"]} >= {"create"}
    assert all(row["reason"] for row in told["rows"])
    assert desk.effects() == []


def test_a_preview_of_a_bot_that_is_not_there_names_the_nearest(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """MG-20: exit code 2"""
    assert main(["preview", "acme", "--bot", "custmers"]) == 2
    said = capsys.readouterr().err
    assert "acme has no bot 'custmers' (did you mean customers?)" in said
