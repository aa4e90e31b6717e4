"""What the nightly audit makes of losses, of a person's word, and of what time goes by."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from connectors.http import utc_now
from deployments.cli import main
from pipelines.mailigen_pipedrive.audit import audit_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import run_sync
from pipelines.report import Outcome, RunOptions
from pipelines.surroundings import Surroundings
from state import consent, horizons, keep
from state.schema import deeds
from tests.pipelines.mailigen_pipedrive.desk import HORIZON, Desk, connections
from tests.pipelines.mailigen_pipedrive.losses import adopt, adopt_half_way, busy, lose, quiet

OPEN = "SELECT finding, object FROM history.findings WHERE closed_at IS NULL ORDER BY ALL"
BARRED = "barred.later@acme.example"


def days_later(days: float) -> Surroundings:
    return Surroundings(now=lambda: utc_now() + timedelta(days=days))


def audit(desk: Desk, days: float = 0, **settings: Any) -> Outcome:
    wanted = desk.wanted | ({"audit": settings} if settings else {})
    return audit_sync(
        Definition.model_validate(wanted), connections(desk.url, desk.horizon),
        report=lambda _: None, settings=desk.settings, around=days_later(days),
    )  # fmt: skip


def run(desk: Desk, days: float) -> Outcome:
    return run_sync(
        Definition.model_validate(desk.wanted), connections(desk.url, desk.horizon),
        options=RunOptions(), report=lambda _: None, settings=desk.settings,
        around=days_later(days),
    )  # fmt: skip


def is_barred(desk: Desk, email: str) -> bool:
    key = consent.read_key(desk.home)
    with desk.state() as state:
        return bool(consent.in_force(state, "engagement", [email], key=key))


def breach(desk: Desk) -> None:
    """Somebody whom a doubtful write of ours subscribed turns out to be barred."""
    desk.start(people=60)
    desk.settle()
    desk.add_person("Barred Later", BARRED)
    desk.fault("lost_answer", "mailigen", "/1.8/listBatchSubscribe")
    assert desk.run().outcome == "done"
    seen = [consent.Seen(BARRED, "unsubscribed", "told us on the telephone")]
    with desk.state() as state:
        key = consent.read_key(desk.home)
        consent.record(state, "engagement", seen, key=key, home=desk.home)
    assert audit(desk).counts["breaches"] == 1


def test_an_audit_of_a_lost_sync_looks_at_nothing_and_leaves_the_adoption_open(
    fresh: Desk,
) -> None:
    busy(fresh)
    lose(fresh, "history")

    outcome = audit(fresh)

    assert (outcome.outcome, outcome.exit_code) == ("skipped", 0)
    assert "syncline adopt acme" in outcome.said
    adopt(fresh)
    assert audit(fresh).outcome == "done"
    quiet(fresh)


def test_an_audit_after_an_adoption_that_died_points_to_adopt(fresh: Desk) -> None:
    adopt_half_way(fresh)

    outcome = audit(fresh)

    assert outcome.outcome == "failed"
    assert "`syncline adopt acme` again" in outcome.said
    adopt(fresh)


@pytest.mark.parametrize("lost", [(), ("history",)], ids=["state", "history too"])
def test_what_was_restored_is_looked_for_by_its_id_a_few_a_night_and_nothing_is_wrong(
    fresh: Desk, lost: tuple[str, ...]
) -> None:
    person, _ = busy(fresh)
    lose(fresh, *lost)
    adopt(fresh)
    (note,) = fresh.ours("notes", person)
    fresh._crm("DELETE", f"/v1/notes/{note['id']}")

    outcome = audit(fresh)

    assert (outcome.outcome, outcome.counts["left"]) == ("done", 0), outcome.said
    assert fresh.ask(OPEN) == [("deleted", "note")]


def test_a_persons_word_that_names_no_id_does_not_stop_the_audit(fresh: Desk, monkeypatch) -> None:
    fresh.start(people=60)
    fresh.settle()
    _, email = fresh.person(on_list=True)
    fresh.play("open", email)
    fresh.fault("lost_request", "pipedrive", "/v1/notes", method="POST")
    fresh.run(settle_within=0)
    (key,) = fresh.ask(
        "SELECT write_key FROM history.writes WHERE state = 'unknown' AND object = 'note'"
    )[0]
    monkeypatch.setenv("SYNCLINE_HOME", str(fresh.home))
    assert main(["settle", key, "--happened", "--by", "ann"]) == 0

    outcome = audit(fresh)

    assert outcome.outcome == "done", outcome.said
    assert fresh.ask(OPEN) == []


def test_an_id_that_is_no_number_is_told_and_nothing_ends(fresh: Desk, monkeypatch, capsys) -> None:
    """ALL-06: settled so by an earlier version; neither an audit nor an adoption ends by it."""
    busy(fresh)
    (key,) = fresh.ask("SELECT write_key FROM history.writes WHERE object = 'note'")[0]
    word = {"sync": "acme", "kind": "deed", "write_key": key, "reference": "", "by": "ann",
            "verdict": "happened", "remote_id": "abc", "at": "2026-01-01T00:00:00+00:00"}  # fmt: skip
    keep.append(fresh.home, "settled", [word])
    with fresh.state() as state, state.write() as db:
        tied = {"remote_id": "abc", "said": "settled by ann: happened"}
        db.execute(update(deeds).where(deeds.c.write_key == key).values(**tied))

    (told,) = [one for one in audit(fresh).findings if one.thing == f"id of {key}"]

    assert "'abc' is the id of no note" in told.sentence
    monkeypatch.setenv("SYNCLINE_HOME", str(fresh.home))
    monkeypatch.delenv("SYNCLINE_STATE_URL", raising=False)
    assert main(["settle", key, "--happened", "--id", "990"]) == 0
    assert [one for one in audit(fresh).findings if one.thing.startswith("id of")] == []
    keep.append(fresh.home, "settled", [word])
    lose(fresh)
    adopt(fresh)
    assert audit(fresh).outcome == "done"


def test_a_breach_stands_and_keeps_its_bar_until_it_is_mended_however_long_that_takes(
    fresh: Desk,
) -> None:
    breach(fresh)

    assert run(fresh, 40).outcome == "done"
    assert audit(fresh, 41).counts["breaches"] == 1
    assert is_barred(fresh, BARRED)

    fresh.act("unsubscribe", BARRED)
    assert audit(fresh, 42).exit_code == 0
    fresh.act("subscribe", BARRED)
    run(fresh, 43)
    assert not is_barred(fresh, BARRED), "by an act of their own, now"


def test_a_breach_outlives_the_loss_of_the_state(fresh: Desk) -> None:
    breach(fresh)
    lose(fresh)

    adopt(fresh)

    assert is_barred(fresh, BARRED)
    assert audit(fresh).counts["breaches"] == 1
    fresh.run()
    assert is_barred(fresh, BARRED)


def test_a_copy_somebody_makes_later_does_not_change_the_horizon(fresh: Desk) -> None:
    fresh.start(people=60)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fresh.play("open", email)
    fresh.fault("lost_answer", "pipedrive", "/v1/notes", method="POST")
    fresh.settle()
    (note,) = fresh.ours("notes", person)
    fresh.control("clock", advance_s=1000)
    fresh._crm("POST", "/v1/notes", {"content": note["content"], "person_id": person})

    outcome = audit(fresh)

    assert outcome.counts["duplicates"] == 1
    with fresh.state() as state:
        assert horizons.in_use(state, {"crm": HORIZON})["crm"] == HORIZON


def test_what_the_ledger_does_not_call_done_any_more_is_no_finding(
    fresh: Desk, monkeypatch
) -> None:
    fresh.start(people=60)
    fresh.settle()
    _, email = fresh.person(on_list=True)
    kept = {"success": True, "data": {"id": 987654}}
    fresh.fault(
        "status", "pipedrive", "/v1/notes", method="POST", status=200, body=json.dumps(kept)
    )
    fresh.play("open", email)
    fresh.run()
    fresh.control("clock", advance_s=HORIZON + 3)
    assert audit(fresh).counts["lost"] == 1
    ((key,),) = fresh.ask("SELECT write_key FROM history.findings WHERE finding = 'lost'")
    monkeypatch.setenv("SYNCLINE_HOME", str(fresh.home))
    assert main(["settle", key, "--send-again", "--by", "ann", "--yes"]) == 0

    outcome = audit(fresh)

    assert (outcome.outcome, outcome.exit_code) == ("done", 0), outcome.said
    ((said,),) = fresh.ask("SELECT said FROM history.findings WHERE finding = 'lost'")
    assert "does not call it done any more" in said
