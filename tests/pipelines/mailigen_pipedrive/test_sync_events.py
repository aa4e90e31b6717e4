"""What people do with e-mails becomes activities, deals and notes, once each."""

import pytest

from tests.pipelines.mailigen_pipedrive.desk import CAMPAIGN, QUIET, Desk


def test_an_opened_mail_makes_one_activity_for_the_owner_and_one_note(desk: Desk) -> None:
    """MG-14, MG-16"""
    person, email = desk.person(on_list=True)
    desk.play("open", email, times=5)

    assert desk.run().outcome == "done"

    owner = next(p["owner_id"] for p in desk.selected() if p["id"] == person)
    (activity,) = desk.ours("activities", person)
    assert (activity["type"], activity["owner_id"], activity["done"]) == ("call", owner, False)
    assert "ref SL-" in activity["note"]
    (note,) = desk.ours("notes", person)
    assert CAMPAIGN in note["content"]
    assert "ref SL-" in note["content"]


def test_two_clicks_make_one_deal_in_the_chosen_stage(desk: Desk) -> None:
    """MG-15"""
    person, email = desk.person(on_list=True)
    desk.play("click", email, times=3)

    assert desk.run().outcome == "done"

    (deal,) = desk.ours("deals", person)
    stages = {s["id"]: s for s in desk.book("pipedrive", "stages")}
    users = {u["id"]: u["email"] for u in desk.book("pipedrive", "users")}
    assert stages[deal["stage_id"]]["name"] == "Qualified"
    assert users[deal["owner_id"]] == "bob@acme.example"


def test_more_of_the_same_and_runs_with_nothing_new_write_nothing_again(desk: Desk) -> None:
    """MG-18, ALL-06"""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.play("click", email, times=2)
    desk.settle()
    desk.play("open", email, times=3)
    desk.play("click", email, times=2)

    outcome = desk.run()

    assert outcome.outcome == "done"
    assert desk.effects() == []
    kinds = ("activities", "deals", "notes")
    assert [len(desk.ours(kind, person)) for kind in kinds] == [1, 1, 1]


def test_a_bounce_is_noted_and_the_address_is_never_subscribed_again(desk: Desk) -> None:
    """MG-16, ALL-08"""
    person, email = desk.person(on_list=True)
    desk.play("bounce", email, type="hard")
    desk.settle()
    assert len(desk.ours("notes", person)) == 1
    desk.act("remove", email)

    assert desk.run().outcome == "done"

    assert desk.member(email) is None
    with desk.state() as state, state.read() as db:
        kinds = db.exec_driver_sql("SELECT DISTINCT kind FROM consent").scalars().all()
    assert "bounced" in kinds


def test_every_deed_can_be_explained_back_to_its_event(desk: Desk) -> None:
    """ALL-10"""
    person, email = desk.person(on_list=True)
    desk.play("open", email)

    outcome = desk.run()

    rows = desk.ask(
        "SELECT w.object, w.remote_id, w.reason <> '' FROM history.writes AS w "
        f"WHERE w.run_id = '{outcome.run_id}' AND w.state = 'done' ORDER BY ALL"
    )
    (activity,), (note,) = desk.ours("activities", person), desk.ours("notes", person)
    assert rows == [("activity", str(activity["id"]), True), ("note", str(note["id"]), True)]


@pytest.mark.parametrize(("before", "after"), [("once", "every"), ("every", "once")])
def test_another_repeat_fires_nothing_of_before_again(fresh: Desk, before: str, after: str) -> None:
    """MG-18, design 5: editing what a rule does re-fires nothing."""
    rule = {"id": "warm", "after": 2, "event": "click", "type": "call", "repeat": before}
    fresh.start(QUIET | {"activities": [rule]})
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fresh.play("click", email, times=2)
    fresh.settle()
    assert len(fresh.ours("activities", person)) == 1

    fresh.wanted["bots"] = [QUIET | {"activities": [rule | {"repeat": after}]}]
    fresh.settle()
    assert len(fresh.ours("activities", person)) == 1

    fresh.play("click", email, times=2)
    fresh.settle()
    assert len(fresh.ours("activities", person)) == (2 if after == "every" else 1)
