"""The nightly audit of flows: what the ledger says was done, held against the vendors' books."""

import json

import pytest

from state import audits, consent, horizons, lease, runs
from tests.pipelines.mailchimp_pipedrive.auditing import (
    LATE,
    audit,
    found,
    is_barred,
    later,
    open_ones,
    settled,
)
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, OUT, FlowDesk
from tests.pipelines.mailigen_pipedrive.desk import HORIZON

TAGGED = OUT | {"tag": "From Pipedrive"}
MEMBERS, PERSONS = "/3.0/lists", "/api/v2/persons"
TESS = "tess@new.example"


def tess_joins(desk: FlowDesk) -> None:
    desk.act("add", TESS, fields={"FNAME": "Tess", "LNAME": "Ting"})
    desk.act("tag", TESS, tag="Nobody yet")


def test_books_that_agree_are_said_to_agree_and_nothing_is_written(desk: FlowDesk) -> None:
    """ALL-06."""
    desk.start(TAGGED, INTO)
    tess_joins(desk)
    settled(desk)

    outcome = audit(desk)

    assert (outcome.outcome, outcome.exit_code) == ("done", 0), outcome.said
    assert outcome.counts["looked_at"] > 5
    assert outcome.counts["left"] == 0
    assert found(desk) == []
    assert desk.effects() == []
    with desk.state() as state:
        known, last = runs.standing(state, "acme"), audits.latest(state)["acme"]
    assert known is not None and not str(known.last_run_id).startswith(audits.PREFIX)
    assert last.outcome == "done"


def test_a_later_audit_looks_at_nothing_that_was_not_written_since(desk: FlowDesk) -> None:
    """ALL-06: never everything; what was written within a horizon of the last one once more."""
    desk.start()
    settled(desk)
    first = audit(desk).counts["looked_at"]
    assert audit(desk, days=1).counts["looked_at"] == first > 0
    assert audit(desk, days=2).counts["looked_at"] == 0


def a_late_person(desk: FlowDesk) -> None:
    """Have the request that makes a person be carried out after its answer is given up."""
    desk.start(INTO)
    tess_joins(desk)
    desk.fault("late_commit", "pipedrive", PERSONS, method="POST", delay_s=LATE)
    settled(desk)
    desk.control("clock", advance_s=LATE + 1)


def test_a_person_made_twice_by_a_late_request_is_found_and_the_lower_id_counts(
    desk: FlowDesk,
) -> None:
    """ALL-06, MC-04."""
    a_late_person(desk)
    twins = sorted(one["id"] for one in desk.persons_with(TESS))
    assert len(twins) == 2

    outcome = audit(desk)

    assert (outcome.outcome, outcome.exit_code) == ("open", 4), outcome.said
    assert (outcome.counts["duplicates"], outcome.counts["lost"]) == (1, 0)
    ((finding, noun, ids),) = open_ones(desk, "finding, object, remote_ids")
    assert (finding, noun) == ("duplicate", "audience_person")
    assert ids == [str(one) for one in twins]
    desk.delete_person(twins[1])
    assert audit(desk).exit_code == 0
    assert open_ones(desk) == []


def test_a_person_a_colleague_deleted_is_noted_and_not_made_again(desk: FlowDesk) -> None:
    """MC-04, ALL-06."""
    desk.start(INTO)
    tess_joins(desk)
    settled(desk)
    desk.delete_person(desk.persons_with(TESS)[0]["id"])

    outcome = audit(desk)

    assert outcome.exit_code == 0
    assert open_ones(desk) == [("deleted", "audience_person")]
    settled(desk)
    assert desk.persons_with(TESS) == []


def test_a_member_that_was_acknowledged_and_never_kept_is_lost(desk: FlowDesk) -> None:
    """ALL-06: left to a person."""
    desk.start()
    person, email = desk.untouched()
    body = {"id": "0" * 32, "contact_id": "f" * 32, "email_address": email, "merge_fields": {}}
    desk.edit(person, first_name="Only")
    desk.fault("status", "mailchimp", f"{MEMBERS}/*/members", method="POST", status=200,
               body=json.dumps(body))  # fmt: skip
    settled(desk)
    (lost,) = [s for s in desk.selected() if desk.member(s["emails"][0]["value"]) is None
               and desk.is_alone(s["emails"][0]["value"])]  # fmt: skip

    outcome = audit(desk)

    assert (outcome.exit_code, outcome.counts["lost"]) == (4, 1), outcome.said
    assert open_ones(desk) == [("lost", "audience_member")]
    assert lost["emails"][0]["value"] not in str(outcome), "for the log as well"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("archive", "somebody archived it; it is left alone"),
        ("forget", "somebody erased it; it is not made again"),
    ],
)
def test_a_member_somebody_took_out_is_noted_and_not_called_lost(
    desk: FlowDesk, kind: str, said: str
) -> None:
    """ALL-08: somebody saw it there."""
    desk.start()
    _, email = desk.untouched()
    settled(desk)
    settled(desk)
    desk.act(kind, email)

    outcome = audit(desk)

    assert outcome.exit_code == 0, outcome.said
    assert found(desk) == [("deleted", "audience_member", said)]
    assert not [1 for one in outcome.findings if email in str(one)]


def test_who_left_by_their_own_act_and_what_somebody_edited_is_noted(desk: FlowDesk) -> None:
    """MC-11."""
    desk.start()
    (_, left), (person, edited), _ = (desk.untouched() for _ in range(3))
    settled(desk)
    desk.act("unsubscribe", left)
    desk.control("clock", advance_s=5)
    desk.act("edit", edited, fields={"LNAME": "Scribbled over"})

    outcome = audit(desk)

    assert outcome.exit_code == 0, outcome.said
    assert found(desk) == [
        ("drift", "audience_member", "is unsubscribed in the audience"),
        ("drift", "audience_member", "somebody edited its LNAME"),
    ]
    who = f"person {person}"
    told = {(f.thing, f.sentence, f.remedy) for f in outcome.findings}
    assert (f"drift: member of {who}", "somebody edited its LNAME",
            f"syncline explain acme {who}") in told  # fmt: skip


def test_a_value_of_a_person_that_somebody_edited_is_noted(desk: FlowDesk) -> None:
    """MC-05, ALL-06: after a later write of a flow of ours it is no edit."""
    desk.start(INTO)
    tess_joins(desk)
    settled(desk)
    desk.act("edit", TESS, fields={"FNAME": "Theresa"})
    settled(desk)
    (person,) = desk.persons_with(TESS)
    desk.control("clock", advance_s=5)
    desk.edit(person["id"], first_name="Tessa")

    assert audit(desk).exit_code == 0
    assert found(desk) == [("drift", "audience_person", "somebody edited its first_name")]
    desk.act("edit", TESS, fields={"FNAME": "Theresia"})
    settled(desk)
    audit(desk)
    assert open_ones(desk) == []


def test_an_edit_that_another_flow_carried_across_is_none(desk: FlowDesk) -> None:
    """MC-02: the youngest word counts, whichever flow it comes from."""
    desk.start(OUT, INTO)
    _, email = desk.untouched()
    settled(desk)
    desk.act("tag", email, tag="Nobody yet")
    desk.control("clock", advance_s=5)
    desk.act("edit", email, fields={"FNAME": "Theirs"})
    settled(desk)

    assert audit(desk).exit_code == 0
    assert found(desk) == []


def test_a_value_that_was_acknowledged_and_not_kept_is_lost(desk: FlowDesk) -> None:
    """ALL-06: nobody changed the member since, so nobody edited it."""
    desk.start()
    person, email = desk.untouched()
    settled(desk)
    audit(desk)
    desk.control("clock", advance_s=60)
    member = desk.member(email)
    assert member is not None
    shown = {"id": member["id"], "contact_id": member["contact_id"], "email_address": email,
             "merge_fields": member["merge_fields"] | {"FNAME": "Zelda"}}  # fmt: skip
    desk.fault("status", "mailchimp", f"{MEMBERS}/*/members/*", method="PATCH", status=200,
               body=json.dumps(shown))  # fmt: skip
    desk.edit(person, first_name="Zelda")
    settled(desk)

    outcome = audit(desk)

    assert (outcome.exit_code, outcome.counts["lost"]) == (4, 1), outcome.said
    assert found(desk) == [("lost", "audience_member", "acknowledged and not kept: FNAME")]
    desk.edit(person, first_name="Zelda II")
    settled(desk)
    assert audit(desk).exit_code == 0, "a later write that is kept mends it"
    assert open_ones(desk) == []


def test_a_tag_somebody_took_off_is_noted_and_one_that_was_renamed_is_not(
    desk: FlowDesk,
) -> None:
    """MC-13."""
    desk.start(TAGGED)
    (_, email), (_, other) = desk.untouched(), desk.untouched()
    desk.act("add", other)
    settled(desk)
    desk.act("untag", email, tag="From Pipedrive")
    desk.act("untag", other, tag="From Pipedrive")

    outcome = audit(desk)

    assert outcome.exit_code == 0
    assert found(desk) == [("drift", "audience_member", "somebody took its tag off")] * 2
    tag = next(s["id"] for s in desk.book("mailchimp", "segments") if s["name"] == TAGGED["tag"])
    desk.call("PATCH", f"/lists/{desk.audience}/segments/{tag}", {"name": "Renamed"})
    audit(desk)
    assert open_ones(desk) == []


def breached(desk: FlowDesk) -> str:
    """Somebody left elsewhere while a create of theirs was on its way, and it came late."""
    desk.start()
    settled(desk)
    email = "barred.later@acme.example"
    desk.add_person("Barred Later", email)
    path = f"{MEMBERS}/*/members"
    desk.fault("late_commit", "mailchimp", path, method="POST", delay_s=LATE)
    desk.fault("lost_request", "mailchimp", path, method="POST", times=100)
    assert desk.run(settle_within=0).outcome == "open"
    desk.clear_faults()
    with desk.state() as state:
        seen = [consent.Seen(email, "unsubscribed", "told us on the telephone")]
        key = consent.read_key(desk.home)
        consent.record(state, "engagement", seen, key=key, home=desk.home)
    desk.control("clock", advance_s=LATE + 1)
    member = desk.member(email)
    assert member is not None and member["status"] == "subscribed"
    return email


def test_somebody_barred_whom_a_late_create_subscribed_is_a_breach_until_it_is_mended(
    desk: FlowDesk,
) -> None:
    """ALL-08."""
    email = breached(desk)

    outcome = audit(desk)

    assert (outcome.exit_code, outcome.counts["breaches"]) == (4, 1), outcome.said
    assert open_ones(desk) == [("breach", "audience_member")]
    desk.around = later(days=1)  # when the bar is older than any listing
    assert desk.run().outcome == "done"
    assert is_barred(desk, email), "a run does not lift the bar for it"
    assert audit(desk, days=40).counts["breaches"] == 1, "however old the doubt is"
    desk.act("unsubscribe", email)
    assert audit(desk, days=41).exit_code == 0
    assert open_ones(desk, where="finding = 'breach'") == []
    desk.act("subscribe", email)
    desk.around = later(days=42)
    desk.run()
    assert not is_barred(desk, email), "by an act of their own, now"


def test_who_was_a_member_before_being_barred_is_no_breach(desk: FlowDesk) -> None:
    """ALL-08: a create that comes late is refused then."""
    desk.start()
    settled(desk)
    email = "barred.later@acme.example"
    desk.add_person("Barred Later", email)
    desk.fault("lost_answer", "mailchimp", f"{MEMBERS}/*/members", method="POST")
    settled(desk)
    with desk.state() as state:
        seen = [consent.Seen(email, "unsubscribed", "told us on the telephone")]
        consent.record(state, "engagement", seen, key=consent.read_key(desk.home), home=desk.home)

    assert audit(desk).counts["breaches"] == 0


def test_a_share_that_does_not_suffice_ends_the_audit_at_a_place_and_goes_on_there(
    desk: FlowDesk,
) -> None:
    """ALL-06: no account gives more than its part."""
    desk.start(people=60)
    gone = [desk.untouched()[1] for _ in range(6)]
    settled(desk)
    settled(desk)
    for email in gone:
        desk.act("archive", email)  # no listing tells of them: a call each
    tiny = 5 / 500_000

    looked_at, rounds = 0, 0
    while True:
        outcome = audit(desk, budget_share=tiny)
        rounds += 1
        looked_at += outcome.counts["looked_at"]
        calls = next(one for one in outcome.cost if one.account == "engagement").requests
        assert calls <= 5 + 1, "signing in is not of the share"
        if not outcome.counts["left"]:
            break
        assert outcome.counts["looked_at"] > 0 and rounds < 10, "each audit comes further"
    assert rounds > 2
    whole = desk.ask("SELECT count(*) FROM audit.settings WHERE is_done")[0][0]
    assert looked_at == whole, "nothing twice, nothing left out"
    assert found(desk) == [("deleted", "audience_member", "somebody archived it; it is left alone")
                           ] * len(gone)  # fmt: skip


def test_many_of_one_audience_are_listed_and_not_asked_for_one_by_one(desk: FlowDesk) -> None:
    """ALL-06: within its part of the budget."""
    desk.start(people=60)
    settled(desk)
    desk.journal()

    outcome = audit(desk)

    asked = [one for one in desk.journal() if "/members/" in one["path"]]
    assert outcome.counts["looked_at"] > 10
    assert asked == []


def test_an_audit_does_not_run_beside_the_sync(desk: FlowDesk) -> None:
    """ALL-13."""
    desk.start()
    settled(desk)
    with desk.state() as state:
        held = lease.acquire(state, "acme", run_id="the-sync")
        outcome = audit(desk)
        lease.release(held)
    assert (outcome.outcome, outcome.exit_code) == ("skipped", 0)
    assert "the-sync" in outcome.said


def test_before_the_first_run_there_is_nothing_to_audit(desk: FlowDesk) -> None:
    """ALL-14."""
    desk.start()
    outcome = audit(desk)
    assert (outcome.outcome, outcome.exit_code) == ("skipped", 0)
    assert "`syncline run acme` comes first" in outcome.said


def test_a_late_person_grows_no_horizon_since_its_time_may_be_a_colleagues(
    desk: FlowDesk,
) -> None:
    """ALL-06."""
    a_late_person(desk)
    audit(desk)
    with desk.state() as state:
        assert horizons.in_use(state, {"crm": HORIZON})["crm"] == HORIZON
