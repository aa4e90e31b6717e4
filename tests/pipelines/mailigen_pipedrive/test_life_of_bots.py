"""Pausing, resuming, deleting; the list that stays; members held against the list in turn."""

from typer.testing import CliRunner

from deployments.cli import app
from state import bots
from tests.pipelines.mailigen_pipedrive.desk import QUIET, Desk

LOUD = QUIET | {"notes": ["open"]}


def sources(desk: Desk) -> set[str]:
    return {str(m["merges"].get("SOURCE") or "") for m in desk.members()}


def standing(desk: Desk) -> dict[str, str]:
    with desk.state() as state:
        return {bot.bot_id: bot.state for bot in bots.bots(state, "acme")}


def test_a_paused_bot_takes_its_part_of_the_source_away_and_brings_it_back(fresh: Desk) -> None:
    """MG-11"""
    fresh.start(QUIET)
    fresh.settle()
    assert any(source.startswith("Pipedrive|") for source in sources(fresh))

    with fresh.state() as state:
        bots.pause(state, "acme", "customers", by="user", reason="holidays")
    assert fresh.run().outcome == "done"
    assert sources(fresh) == {""}

    with fresh.state() as state:
        bots.resume(state, "acme", "customers")
    assert fresh.run().outcome == "done"
    assert any(source.startswith("Pipedrive|") for source in sources(fresh))


def test_events_of_a_pause_do_not_count_though_no_run_happened_meanwhile(fresh: Desk) -> None:
    """MG-18: what the first run after the pause sees first happened during it."""
    fresh.start(LOUD)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    with fresh.state() as state:
        bots.pause(state, "acme", "customers", by="user", reason="holidays")
    fresh.play("open", email)
    with fresh.state() as state:
        bots.resume(state, "acme", "customers")

    assert fresh.run().outcome == "done"
    assert fresh.ours("notes", person) == []

    fresh.play("open", email)
    assert fresh.run().outcome == "done"
    assert len(fresh.ours("notes", person)) == 1


def test_a_bot_taken_out_of_the_definition_is_deleted_and_removes_nothing(fresh: Desk) -> None:
    """MG-20"""
    fresh.start(QUIET)
    fresh.settle()
    before = {m["email"] for m in fresh.members()}

    fresh.wanted["bots"] = []
    assert fresh.run().outcome == "done"

    assert standing(fresh) == {"customers": "deleted"}
    assert {m["email"] for m in fresh.members()} == before


def test_the_list_cannot_change_while_a_bot_exists(fresh: Desk) -> None:
    """MG-03"""
    fresh.start(QUIET)
    fresh.settle()
    fresh.effects()

    fresh.wanted["list"] = {"title": "Partners"}
    outcome = fresh.run()

    assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
    assert "the list cannot change from Newsletter to Partners" in outcome.said
    assert fresh.effects() == []


def test_an_edit_made_on_the_list_is_found_in_turn_and_put_right(fresh: Desk) -> None:
    """MG-12: values are compared with what was acknowledged, and a few a run with the list."""
    fresh.start(QUIET)
    fresh.settle()
    _, email = fresh.person(on_list=True)
    member = fresh.member(email)
    assert member is not None
    fresh.act("edit", email, fields={"LNAME": "Scribbled over"})

    for _ in range(60):
        assert fresh.run().outcome == "done"
        now = fresh.member(email)
        assert now is not None
        if now["merges"]["LNAME"] == member["merges"]["LNAME"]:
            break
    else:
        raise AssertionError("nobody looked at this member in sixty runs")


def test_a_state_older_than_its_history_is_refused_before_anything_is_read(fresh: Desk) -> None:
    """ALL-06: what was written since an old backup would be written twice."""
    fresh.start(QUIET)
    fresh.settle()
    for file in fresh.home.glob("state.db*"):
        file.unlink()
    fresh.journal()

    outcome = fresh.run()

    assert outcome.outcome == "failed"
    assert "restored from an older backup" in outcome.said
    assert fresh.journal() == []


def test_pause_resume_and_delete_are_commands_that_say_what_follows(
    fresh: Desk, monkeypatch
) -> None:
    """MG-20: `delete` is refused while the file lists the bot."""
    fresh.start(QUIET)
    fresh.settle()
    monkeypatch.setenv("SYNCLINE_HOME", str(fresh.home))
    monkeypatch.setenv("SYNCLINE_SYNCS", str(fresh.home / "none"))
    run = CliRunner().invoke

    assert "is paused" in run(app, ["pause", "acme"]).output
    assert standing(fresh) == {"customers": "paused"}
    assert "runs again" in run(app, ["resume", "acme", "--bot", "customers"]).output
    assert standing(fresh) == {"customers": "active"}
    assert run(app, ["resume", "acme"]).exit_code == 2
    assert "is deleted" in run(app, ["delete", "acme", "--bot", "customers"]).output
    assert standing(fresh) == {"customers": "deleted"}
