"""Pausing, resuming, deleting; the list that stays; members held against the list in turn."""

import httpx
from typer.testing import CliRunner

from deployments.cli import app
from pipelines.mailigen_pipedrive.check import check_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import run_sync
from pipelines.report import Outcome, RunOptions
from state import bots, keep
from tests.pipelines.mailigen_pipedrive.desk import QUIET, Desk, connections

DEALING = QUIET | {
    "deals": [{"id": "hot", "after": 2, "event": "click", "owner": "bob@acme.example",
               "pipeline": "Sales", "stage": "Qualified"}],
}  # fmt: skip
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


def test_another_mailigen_connection_is_another_list(fresh: Desk) -> None:
    """MG-03: refused while a bot exists, although the list there has the same name."""
    fresh.start(QUIET)
    fresh.settle()
    fresh.effects()

    outcome = moved(fresh, engagement="other")

    assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
    assert "the list cannot change from Newsletter of engagement to Newsletter" in outcome.said
    assert fresh.effects() == []


def moved(desk: Desk, **places: str) -> Outcome:
    """A run with other connections, each of which is the same account under another name."""
    accounts = connections(desk.url)
    accounts |= {"other": accounts["engagement"], "another": accounts["crm"]}
    desk.wanted["connections"] = {"crm": "crm", "engagement": "engagement"} | places
    return run_sync(
        Definition.model_validate(desk.wanted), accounts, options=RunOptions(),
        report=lambda _: None, settings=desk.settings,
    )  # fmt: skip


def test_another_pipedrive_connection_is_refused_while_a_bot_exists(fresh: Desk) -> None:
    """MG-03, MG-12: under the ids we know nobody would be found there, and all count as deleted."""
    fresh.start(QUIET)
    fresh.settle()
    fresh.effects()

    outcome = moved(fresh, crm="another")

    assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
    assert "the sync cannot move from crm to another while the bots" in outcome.said
    assert fresh.effects() == []


def test_a_sync_without_bots_moves_and_its_former_home_is_none_any_more(fresh: Desk) -> None:
    """MG-03"""
    fresh.start(QUIET)
    fresh.settle()
    bots, fresh.wanted["bots"] = fresh.wanted["bots"], []
    fresh.run()
    assert moved(fresh, crm="another", engagement="other").outcome == "done"
    fresh.wanted["bots"] = bots
    assert moved(fresh, crm="another", engagement="other").outcome in ("done", "guarded")

    outcome = moved(fresh)

    assert outcome.outcome == "invalid"
    assert "the list cannot change from" in outcome.said
    assert "the sync cannot move from another to crm" in outcome.said


def test_two_syncs_cannot_have_a_bot_of_one_id_on_one_list(fresh: Desk) -> None:
    """MG-11: their parts of the source would be one; and nothing was lost, as it would look."""
    fresh.start(QUIET)
    fresh.settle()
    fresh.effects()
    fresh.wanted["name"] = "acme-again"

    outcome = fresh.run()

    assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
    assert "the sync acme has a bot of this id on the same list" in outcome.said
    assert fresh.effects() == []
    fresh.wanted["bots"] = [QUIET | {"id": "others"}]
    assert fresh.run().outcome == "done"


def test_a_mistyped_filter_is_one_mistake(fresh: Desk) -> None:
    """MG-13: it asks for no other confirmation, since it selects nobody else."""
    fresh.start(QUIET)
    fresh.settle()
    fresh.wanted["bots"] = [QUIET | {"contacts": {"filter": "Custmers EU"}}]

    outcome = fresh.run()

    assert (outcome.outcome, outcome.exit_code) == ("invalid", 2)
    assert "agreement" not in outcome.said
    assert len([one for one in outcome.findings if one.level == "error"]) == 1


def test_a_bot_taken_out_of_the_file_is_announced_before_it_is_deleted(fresh: Desk) -> None:
    """MG-20"""
    fresh.start(QUIET)
    fresh.settle()
    fresh.wanted["bots"] = []

    told = check_sync(
        Definition.model_validate(fresh.wanted), fresh.connections, settings=fresh.settings
    ).findings
    outcome = fresh.run()

    for findings in (told, outcome.findings):
        (found,) = [one for one in findings if one.thing == "bot customers"]
        assert (found.level, "a run deletes it" in found.sentence) == ("warn", True)
    assert not [one for one in fresh.run().findings if one.thing == "bot customers"]


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

    outcomes = [fresh.run() for _ in range(4)]

    assert [outcome.outcome for outcome in outcomes] == ["failed"] * 4, "it does not wear off"
    assert "restored from an older backup" in outcomes[-1].said
    assert fresh.journal() == []


def test_pause_resume_and_delete_are_commands_that_say_what_follows(
    fresh: Desk, monkeypatch
) -> None:
    """MG-20, ALL-14: `delete` is refused while the file lists the bot; each is kept at once."""
    fresh.start(QUIET)
    fresh.settle()
    monkeypatch.setenv("SYNCLINE_HOME", str(fresh.home))
    monkeypatch.setenv("SYNCLINE_SYNCS", str(fresh.home / "none"))
    run = CliRunner().invoke

    def kept() -> str:
        ((_, line),) = keep.standings(fresh.home)["activation"].items()
        return str(line["state"])

    assert "is paused" in run(app, ["pause", "acme"]).output
    assert standing(fresh) == {"customers": kept()} == {"customers": "paused"}
    assert "runs again" in run(app, ["resume", "acme", "--bot", "customers"]).output
    assert standing(fresh) == {"customers": kept()} == {"customers": "active"}
    assert run(app, ["resume", "acme"]).exit_code == 2
    assert "is deleted" in run(app, ["delete", "acme", "--bot", "customers"]).output
    assert standing(fresh) == {"customers": kept()} == {"customers": "deleted"}


def test_a_deleted_source_var_and_deal_field_are_made_again(fresh: Desk) -> None:
    """MG-11: without the var every source value would be dropped in silence."""
    fresh.start(DEALING)
    fresh.settle()
    newsletter = next(b["id"] for b in fresh.book("mailigen", "lists") if b["name"] == "Newsletter")
    httpx.post(
        f"{fresh.url}/mailigen/1.8/", params={"output": "json", "method": "listMergeVarDel"},
        data={"apikey": "sandbox-mailigen-key", "id": newsletter, "tag": "SOURCE"},
    ).raise_for_status()  # fmt: skip
    fields = fresh.book("pipedrive", "dealFields")
    code = next(f["field_code"] for f in fields if f["field_name"] == "Syncline ref")
    fresh.crm.delete(f"/api/v2/dealFields/{code}").raise_for_status()

    assert fresh.run().outcome == "done"

    tags = {v["tag"] for v in fresh.book("mailigen", "merge_vars") if not v["_deleted"]}
    assert "SOURCE" in tags
    living = [f for f in fresh.book("pipedrive", "dealFields") if not f["_deleted"]]
    assert [f["field_name"] for f in living].count("Syncline ref") == 1


def test_a_bot_added_after_the_approval_asks_for_itself(fresh: Desk) -> None:
    """ALL-07: an approval is for the bots that the stopped run wanted to start."""
    fresh.start(QUIET, guards={"first_activation": "ask"})
    assert fresh.run().outcome == "guarded"
    fresh.approve()
    fresh.wanted["bots"].append(QUIET | {"id": "latecomer"})

    assert fresh.run().outcome == "done"
    assert standing(fresh) == {"customers": "active", "latecomer": "new"}
    assert fresh.run().outcome == "guarded"
