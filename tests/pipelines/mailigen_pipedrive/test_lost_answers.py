"""A write was committed and its answer never came: it is found, not repeated (ALL-06)."""

import pytest

from pipelines.mailigen_pipedrive.sample import MEMBERS_A_RUN
from tests.pipelines.mailigen_pipedrive.desk import Desk

MEMBER_CALLS = ("listBatchSubscribe", "listUpdateMember", "listMemberDelete")
DEED_CALLS = ("/api/v2/activities", "/api/v2/deals", "/v1/notes")


def test_lost_answers_of_activity_deal_and_note_are_adopted(desk: Desk) -> None:
    """ALL-06: three writes to one person, each in doubt; none is made twice."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.play("click", email, times=2)
    for path in DEED_CALLS:
        desk.fault("lost_answer", "pipedrive", path, method="POST")

    outcome = desk.run()

    assert desk.faults_fired() == 3
    assert (outcome.outcome, outcome.counts["adopted"]) == ("done", 3)
    kinds = ("activities", "deals", "notes")
    assert [len(desk.ours(kind, person)) for kind in kinds] == [1, 1, 1]
    assert_quiet(desk)


def test_lost_answers_of_every_write_to_the_list_are_adopted(desk: Desk) -> None:
    """ALL-06, MG-12: subscribed, changed, moved and deleted, each without an answer."""
    added = desk.add_person("Newly Added", "newly.added@acme.example")
    changed, changed_email = desk.person(on_list=True)
    moved, old_email = desk.person(on_list=True)
    deleted, deleted_email = desk.person(on_list=True)
    desk.edit(changed, first_name="Changed")
    desk.readdress(moved, "moved.away@acme.example")
    desk.delete_person(deleted)
    for call in MEMBER_CALLS:
        desk.fault("lost_answer", "mailigen", f"/1.8/{call}", times=2)

    outcome = desk.run()

    assert outcome.outcome == "done", outcome.said
    assert desk.faults_fired() == 4, "a batch, two updates and a delete"
    new = desk.member("newly.added@acme.example")
    assert new is not None
    assert new["merges"]["SOURCE"] == "Pipedrive|customers"
    assert next(m for m in [desk.member(changed_email)] if m)["merges"]["FNAME"] == "Changed"
    assert desk.member(old_email) is None
    assert desk.member("moved.away@acme.example") is not None
    assert desk.member(deleted_email) is None
    assert added
    assert_quiet(desk)


@pytest.mark.slow
@pytest.mark.parametrize("call", ["lost_answer", "lost_request"])
def test_who_is_taken_off_by_hand_while_an_update_is_in_doubt_stays_off(
    desk: Desk, call: str
) -> None:
    """ALL-06, ALL-08: the place was ours and is gone; the doubt about its values changes nothing."""
    person, email = desk.person(on_list=True)
    desk.edit(person, first_name="Changed")
    desk.fault(call, "mailigen", "/1.8/listUpdateMember")
    # The sample is read; the look after the doubtful write is not.
    desk.fault(
        "status", "mailigen", "/1.8/listMemberInfo", status=503, after=MEMBERS_A_RUN, times=50
    )
    outcome = desk.run(settle_within=0)
    assert outcome.outcome == "failed", outcome.said
    desk.clear_faults()
    desk.act("remove", email)

    desk.run()
    desk.control("clock", advance_s=desk.horizon + 1)
    desk.run()
    desk.edit(person, first_name="Once more")
    outcome = desk.run()

    assert outcome.outcome == "done", outcome.said
    assert desk.member(email) is None
    assert "was removed from the list by hand" in outcome.skipped
    assert_quiet(desk)


@pytest.mark.parametrize("kind", ["lost_request", "late_commit"])
def test_what_is_taken_back_before_it_arrives_is_taken_back_on_the_list_too(
    desk: Desk, kind: str
) -> None:
    """ALL-06, MG-12: a plan that finds the old value there has nothing to write, and is wrong."""
    person, email = desk.person(on_list=True)
    before = next(one["first_name"] for one in desk.selected() if one["id"] == person)
    desk.horizon = 60
    desk.edit(person, first_name="Changed")
    desk.fault(kind, "mailigen", "/1.8/listUpdateMember", delay_s=30, times=9)
    assert desk.run(settle_within=0).outcome == "open"
    desk.clear_faults()

    desk.edit(person, first_name=before)
    outcome = desk.run(settle_within=0)
    assert (outcome.outcome, outcome.counts["open"]) == ("open", 1), outcome.said
    desk.control("clock", advance_s=120)
    assert desk.run().outcome == "done"

    assert next(m for m in [desk.member(email)] if m)["merges"]["FNAME"] == before
    assert_quiet(desk)


@pytest.mark.parametrize("kind", ["lost_request", "late_commit"])
def test_a_deed_the_vendor_does_not_show_yet_is_made_once(desk: Desk, kind: str) -> None:
    """ALL-06: within the horizon it is waited for; after it, it is sent again."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    for path in ("/api/v2/activities", "/v1/notes"):
        desk.fault(kind, "pipedrive", path, method="POST", delay_s=1)

    outcome = desk.run(settle_within=20)

    assert desk.faults_fired() == 2
    assert outcome.outcome == "done", outcome.said
    assert [len(desk.ours(kind, person)) for kind in ("activities", "notes")] == [1, 1]
    assert_quiet(desk)


def test_a_subscription_that_commits_late_is_made_once(desk: Desk) -> None:
    """ALL-06, ALL-08"""
    desk.add_person("Late Comer", "late.comer@acme.example")
    desk.fault("late_commit", "mailigen", "/1.8/listBatchSubscribe", delay_s=1)

    outcome = desk.run(settle_within=20)

    assert outcome.outcome == "done", outcome.said
    assert [m["email"] for m in desk.members()].count("late.comer@acme.example") == 1
    assert_quiet(desk)


def test_a_doubt_that_may_not_be_waited_for_is_told_and_settled_by_the_next_run(
    desk: Desk,
) -> None:
    """ALL-06: what cannot be known is shown, never guessed."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.fault("late_commit", "pipedrive", "/api/v2/activities", method="POST", delay_s=600)

    outcome = desk.run(settle_within=0)

    assert (outcome.outcome, outcome.counts["open"]) == ("open", 1)
    assert "1 doubtful" in outcome.said
    assert desk.ours("notes", person) == [], "nothing else goes to somebody in doubt"
    desk.control("clock", advance_s=700)
    after = desk.run(settle_within=20)
    assert (after.outcome, after.counts["adopted"]) == ("done", 1), after.said
    assert [len(desk.ours(kind, person)) for kind in ("activities", "notes")] == [1, 1]


def test_lost_answers_while_setting_up_make_one_list_one_tag_and_one_deal_field(
    fresh: Desk,
) -> None:
    """MG-03, MG-04, ALL-06"""
    fresh.start(list={"title": "Brand new", "create": True})
    fresh.fault("lost_answer", "mailigen", "/1.8/listCreate")
    fresh.fault("lost_answer", "mailigen", "/1.8/listMergeVarAdd", times=2)
    fresh.fault("lost_answer", "pipedrive", "/api/v2/dealFields", method="POST")

    first = fresh.run()
    again = fresh.run()

    assert fresh.faults_fired() == 4
    assert again.outcome == "done", f"{first.said} {again.said}"
    titles = [one["name"] for one in fresh.book("mailigen", "lists")]
    assert titles.count("Brand new") == 1
    the_list = next(o["id"] for o in fresh.book("mailigen", "lists") if o["name"] == "Brand new")
    tags = [v["tag"] for v in fresh.book("mailigen", "merge_vars") if v["list"] == the_list]
    assert sorted(tags) == sorted(set(tags))
    assert "SOURCE" in tags
    labels = [f["field_name"] for f in fresh.book("pipedrive", "dealFields")]
    assert sum("yncline" in label for label in labels) == 1
    assert len(fresh.members()) > 10
    assert_quiet(fresh)


def assert_quiet(desk: Desk) -> None:
    """One more run finds everything done and sends nothing."""
    desk.effects()
    outcome = desk.run()
    assert (outcome.outcome, outcome.counts["intents"]) == ("done", 0), outcome.said
    assert desk.effects() == []
