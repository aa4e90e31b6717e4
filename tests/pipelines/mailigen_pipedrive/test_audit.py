"""The nightly audit: what the ledger says was done, held against the vendors' books."""

import json
from typing import Any

import pytest

from deployments import oncall
from deployments.cli import main
from pipelines.mailigen_pipedrive import sample
from pipelines.mailigen_pipedrive.audit import audit_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.report import Outcome
from state import audits, consent, deeds, horizons, lease, runs
from state.errors import NotAllowed
from tests.pipelines.mailigen_pipedrive.desk import HORIZON, QUIET, Desk, connections

OPEN = "SELECT finding, object FROM history.findings WHERE closed_at IS NULL ORDER BY ALL"
LATE = 100  # seconds: far beyond the horizon
NEVER_KEPT = {"success": True, "data": {"id": 987654}}  # an answer to what was not committed


def audit(desk: Desk, **settings: Any) -> Outcome:
    wanted = desk.wanted | ({"audit": settings} if settings else {})
    return audit_sync(
        Definition.model_validate(wanted), connections(desk.url, desk.horizon),
        report=lambda _: None, settings=desk.settings,
    )  # fmt: skip


def opened(desk: Desk) -> tuple[int, str]:
    """Somebody opens a campaign: an activity and a note of ours come of it."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    outcome = desk.run()
    assert outcome.outcome == "done", outcome.said
    return person, email


def wait_out_the_horizon(desk: Desk) -> None:
    desk.control("clock", advance_s=HORIZON + 3)


def doubled_note(desk: Desk) -> int:
    """A note whose first request is carried out long after the second."""
    desk.fault("late_commit", "pipedrive", "/v1/notes", method="POST", delay_s=LATE)
    person, _ = opened(desk)
    desk.control("clock", advance_s=LATE + 1)
    assert len(desk.ours("notes", person)) == 2
    return person


def ledger(desk: Desk, key: str) -> deeds.Deed:
    with desk.state() as state:
        found = deeds.by_key(state, key)
    assert found is not None
    return found


@pytest.fixture
def world(fresh: Desk) -> Desk:
    fresh.start(people=60)
    fresh.settle()
    return fresh


def test_books_that_agree_are_said_to_agree_and_nothing_is_written(world: Desk) -> None:
    opened(world)
    wait_out_the_horizon(world)
    world.effects()

    outcome = audit(world)

    assert (outcome.outcome, outcome.exit_code) == ("done", 0), outcome.said
    assert outcome.counts["looked_at"] > 2
    assert world.ask(OPEN) == []
    assert world.effects() == []


def test_a_copy_that_lands_beyond_the_horizon_is_found_and_the_horizon_grows(world: Desk) -> None:
    person = doubled_note(world)

    outcome = audit(world)

    assert (outcome.outcome, outcome.exit_code) == ("open", 4)
    assert (outcome.counts["duplicates"], outcome.counts["lost"]) == (1, 0)
    assert world.ask(OPEN) == [("duplicate", "note"), ("late", "note")]
    ((key, ids),) = world.ask(
        "SELECT write_key, remote_ids FROM history.findings WHERE finding = 'duplicate'"
    )
    notes = sorted(note["id"] for note in world.ours("notes", person))
    assert ids == [str(note) for note in notes]
    assert ledger(world, key).remote_id == str(notes[0])
    with world.state() as state:
        assert horizons.in_use(state, {"crm": HORIZON})["crm"] > LATE
    assert "duplicates 1" in outcome.said


def test_copies_are_found_also_when_their_person_was_merged_into_another(world: Desk) -> None:
    """ALL-06: a deed is looked for at its person, who is gone, and then at whoever has it now"""
    person = doubled_note(world)
    host, _ = world.person(on_list=True)
    world.merge(person, into=host)
    assert len(world.ours("notes", host)) == 2

    assert audit(world).counts["duplicates"] == 1
    assert ("duplicate", "note") in world.ask(OPEN)


def test_a_second_audit_says_the_same_once_and_closes_what_was_mended(world: Desk) -> None:
    person = doubled_note(world)
    audit(world)
    before = world.ask(
        "SELECT finding, write_key, first_seen_at FROM history.findings ORDER BY ALL"
    )

    again = audit(world)

    asked = "SELECT finding, write_key, first_seen_at FROM history.findings ORDER BY ALL"
    assert (again.exit_code, world.ask(asked)) == (4, before)
    assert world.run().counts["duplicates"] == 1, "a run prints what the last audit left open"
    world._crm("DELETE", f"/v1/notes/{world.ours('notes', person)[0]['id']}")
    assert audit(world).exit_code == 0
    assert world.ask("SELECT finding FROM history.findings WHERE finding = 'duplicate' "
                     "AND closed_at IS NOT NULL") == [("duplicate",)]  # fmt: skip


def test_what_was_acknowledged_and_never_kept_is_lost_and_left_to_a_person(world: Desk) -> None:
    world.fault(
        "status", "pipedrive", "/v1/notes", method="POST", status=200, body=json.dumps(NEVER_KEPT)
    )
    person, _ = opened(world)
    wait_out_the_horizon(world)

    outcome = audit(world)

    assert (outcome.exit_code, outcome.counts["lost"]) == (4, 1)
    assert world.ask(OPEN) == [("lost", "note")]
    world.run()
    assert world.ours("notes", person) == [], "nothing is sent again by itself"


def lost_note(desk: Desk) -> tuple[int, str]:
    """A note that was acknowledged and never kept, and that an audit called lost."""
    desk.fault(
        "status", "pipedrive", "/v1/notes", method="POST", status=200, body=json.dumps(NEVER_KEPT)
    )
    person, _ = opened(desk)
    wait_out_the_horizon(desk)
    audit(desk)
    ((key,),) = desk.ask("SELECT write_key FROM history.findings WHERE finding = 'lost'")
    return person, key


def test_what_a_person_calls_lost_is_sent_once_more_under_its_key(world: Desk, monkeypatch) -> None:
    person, key = lost_note(world)
    with world.state() as state:
        stale = oncall.one_lost(world.settings, state, key)
    assert stale is not None

    monkeypatch.setenv("SYNCLINE_HOME", str(world.home))
    again = ["settle", key, "--send-again", "--by", "ann"]
    assert main(again) == 2, "nobody agreed"
    assert main([*again, "--yes"]) == 0
    assert main([*again, "--yes"]) == 2, "once is enough"
    world.run()
    world.run()
    assert world.ask(OPEN) == [("lost", "note")], "no audit has looked since"
    assert main([*again, "--yes"]) == 2, "nor is it lost once it was sent again"
    with world.state() as state, pytest.raises(NotAllowed, match="settled meanwhile"):
        oncall.settle_lost(world.settings, state, stale, "send again", by="bob", remote_id="")
    world.run()

    assert len(world.ours("notes", person)) == 1
    wait_out_the_horizon(world)
    assert audit(world).exit_code == 0
    assert world.ask(OPEN) == []


def test_what_did_happen_by_a_persons_word_is_lost_no_more(world: Desk, monkeypatch) -> None:
    """A purge or a merge looks like a loss."""
    person, key = lost_note(world)

    monkeypatch.setenv("SYNCLINE_HOME", str(world.home))
    happened = ["settle", key, "--happened", "--by", "ann"]
    assert main(happened) == 0
    assert main(happened) == 2, "once is enough"

    assert ledger(world, key).said == "settled by ann: happened"
    assert audit(world).exit_code == 0
    assert world.ask(OPEN) == []
    world.run()
    assert world.ours("notes", person) == []
    assert audit(world).exit_code == 0, "and it is never looked for again"


def test_what_somebody_deleted_is_noted_and_never_made_again(world: Desk) -> None:
    person, _ = opened(world)
    wait_out_the_horizon(world)
    (activity,), (note,) = world.ours("activities", person), world.ours("notes", person)
    world._crm("DELETE", f"/api/v2/activities/{activity['id']}")
    world._crm("DELETE", f"/v1/notes/{note['id']}")

    outcome = audit(world)
    world.run()

    assert outcome.exit_code == 0, "what a person did is no trouble"
    assert world.ask(OPEN) == [("deleted", "activity"), ("deleted", "note")]
    assert world.ours("activities", person) == world.ours("notes", person) == []


def test_what_somebody_edited_is_noted_by_the_field_and_not_by_its_value(world: Desk) -> None:
    person, _ = opened(world)
    wait_out_the_horizon(world)
    (activity,), (note,) = world.ours("activities", person), world.ours("notes", person)
    world._crm("PATCH", f"/api/v2/activities/{activity['id']}", {"subject": "Call her mother"})
    world._crm("PUT", f"/v1/notes/{note['id']}", {"content": "Secret"})

    outcome = audit(world)

    assert outcome.exit_code == 0
    key = f"activity {activity['id']}"
    (drift,) = [f for f in outcome.findings if f.thing == f"drift: {key}"]
    assert (drift.sentence, drift.remedy) == (
        "somebody edited its subject", f"syncline explain acme {key}"
    )  # fmt: skip
    assert world.ask("SELECT object, said FROM history.findings ORDER BY ALL") == [
        ("activity", "somebody edited its subject"),
        ("note", "somebody edited its text"),
    ]


def test_a_deal_that_is_worked_with_is_no_drift_and_a_new_title_is(world: Desk) -> None:
    renamed = None
    for _ in range(2):
        person, email = world.person(on_list=True)
        world.play("click", email, times=2)
        world.run()
        (deal,) = world.ours("deals", person)
        title = {"title": "Renamed"} if renamed else {}
        world._crm("PATCH", f"/api/v2/deals/{deal['id']}", {"status": "won"} | title)
        renamed = str(deal["id"])
    wait_out_the_horizon(world)

    outcome = audit(world)

    assert outcome.exit_code == 0
    assert world.ask("SELECT finding, remote_ids, said FROM history.findings") == [
        ("drift", [renamed], "somebody edited its title")
    ]


def test_a_share_that_does_not_suffice_ends_the_audit_at_a_place_and_goes_on_there(
    world: Desk,
) -> None:
    for _ in range(3):
        opened(world)
    wait_out_the_horizon(world)
    left_today = world.settle().cost[0].budget_left
    assert left_today is not None
    # Enough for what the account changed of activities and notes, not for the deal fields as well.
    tiny = 36 / left_today

    first = audit(world, budget_share=tiny)
    second = audit(world, budget_share=tiny)

    assert first.counts["left"] > 0
    assert "left for the next audit" in first.said
    assert first.cost[0].tokens <= 36 + 2
    assert second.counts["left"] == 0
    assert second.counts["looked_at"] == first.counts["left"], "nothing is looked at twice"


def test_an_audit_does_not_run_beside_the_sync(world: Desk) -> None:
    with world.state() as state:
        held = lease.acquire(state, "acme", run_id="the-sync")
        outcome = audit(world)
        lease.release(held)

    assert (outcome.outcome, outcome.exit_code) == ("skipped", 0)
    assert "the-sync" in outcome.said


def test_how_the_sync_ended_last_stays_what_it_was(world: Desk) -> None:
    opened(world)
    wait_out_the_horizon(world)
    outcome = audit(world)

    with world.state() as state:
        known = runs.standing(state, "acme")
        last = audits.latest(state)["acme"]
    assert known is not None and not str(known.last_run_id).startswith(audits.PREFIX)
    assert (last.outcome, last.counts["lost"]) == (outcome.outcome, 0)


def test_members_somebody_took_off_edited_or_who_left_are_noted(fresh: Desk) -> None:
    world = fresh.start(QUIET, people=40)
    world.settle()
    _, gone = world.person(on_list=True)
    _, left = world.person(on_list=True)
    person, edited = world.person(on_list=True)
    world.act("remove", gone)
    world.act("unsubscribe", left)
    world.act("edit", edited, fields={"LNAME": "Scribbled over"})

    outcome = audit(world)

    assert outcome.exit_code == 0
    said = "SELECT finding, said FROM history.findings ORDER BY ALL"
    assert world.ask(said) == [
        ("deleted", "somebody took it off the list"),
        ("drift", "is unsubscribed on the list"),
        ("drift", "somebody edited its LNAME"),
    ]
    assert "nothing double and nothing lost; 2 writes edited and 1 write deleted by somebody" in (
        outcome.said
    )
    told = {(f.thing, f.sentence, f.remedy) for f in outcome.findings}
    who = f"person {person}"
    assert (
        f"drift: member of {who}",
        "somebody edited its LNAME",
        f"syncline explain acme {who}",
    ) in told
    assert len(told) == 3
    assert not [1 for email in (gone, left, edited) if email in str(outcome)], "for the log as well"


def test_a_change_taken_back_that_comes_beyond_the_horizon_is_told_and_put_right_in_turn(
    world: Desk, monkeypatch
) -> None:
    """ALL-06: no run looks again, since all is as it should be; the audit does."""
    person, email = world.person(on_list=True)
    before = next(one["first_name"] for one in world.selected() if one["id"] == person)
    world.edit(person, first_name="Changed")
    world.fault("late_commit", "mailigen", "/1.8/listUpdateMember", delay_s=LATE, times=9)
    assert world.run(settle_within=0).outcome == "open"
    world.clear_faults()
    world.edit(person, first_name=before)
    wait_out_the_horizon(world)
    assert world.run().outcome == "done"
    assert audit(world).counts["looked_at"] and not world.ask(OPEN)

    world.control("clock", advance_s=LATE)
    assert next(m for m in [world.member(email)] if m)["merges"]["FNAME"] == "Changed"
    audit(world)

    said = "SELECT finding, said FROM history.findings WHERE closed_at IS NULL"
    assert world.ask(said) == [("drift", "a write of ours came late, or somebody edited its FNAME")]
    monkeypatch.setattr(sample, "MEMBERS_A_RUN", 100)  # in turn, and this is everybody's
    assert world.run().outcome == "done"
    assert next(m for m in [world.member(email)] if m)["merges"]["FNAME"] == before
    audit(world)
    assert world.ask(OPEN) == []


def test_somebody_barred_whom_a_doubtful_create_subscribed_is_a_breach(world: Desk) -> None:
    email = "barred.later@acme.example"
    world.add_person("Barred Later", email)
    world.fault("lost_answer", "mailigen", "/1.8/listBatchSubscribe")
    assert world.run().outcome == "done"
    with world.state() as state:
        seen = [consent.Seen(email, "unsubscribed", "told us on the telephone")]
        key = consent.read_key(world.home)
        consent.record(state, "engagement", seen, key=key, home=world.home)

    outcome = audit(world)

    assert (outcome.exit_code, outcome.counts["breaches"]) == (4, 1)
    assert world.ask(OPEN) == [("breach", "list_member")]
    world.run()
    assert audit(world).counts["breaches"] == 1, "a run does not lift the bar for it"
