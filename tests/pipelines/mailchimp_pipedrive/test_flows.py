"""Each trigger over real HTTP: what comes across, and what does not happen."""

import pytest

from pipelines.report import Outcome
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, NEW, OUT, STAGE, FlowDesk


def done(desk: FlowDesk) -> Outcome:
    outcome = desk.run()
    assert outcome.outcome == "done", (outcome.said, outcome.next_step)
    return outcome


def quiet(desk: FlowDesk) -> None:
    """A run in which nothing has happened writes nothing anywhere."""
    desk.effects()
    done(desk)
    assert desk.effects() == []


# Filters -> Mailchimp


def test_who_matches_is_created_as_subscribed_and_tagged_once(desk: FlowDesk) -> None:
    """MC-10, MC-13."""
    desk.start(OUT | {"tag": "From Pipedrive"})
    _, email = desk.untouched()
    done(desk)
    member = desk.member(email)
    assert member is not None
    assert member["status"] == "subscribed"
    assert desk.tags(email) == {"From Pipedrive"}
    quiet(desk)


def test_an_edit_goes_across_and_a_changed_address_moves_the_member(desk: FlowDesk) -> None:
    """MC-10: no second member."""
    desk.start()
    person, email = desk.untouched()
    done(desk)
    desk.edit(person, first_name="Zelda")
    desk.effects()
    done(desk)
    assert desk.merges(email)["FNAME"] == "Zelda"
    count = len(desk.members())
    desk.readdress(person, "zelda@moved.example")
    done(desk)
    assert desk.member(email) is None
    assert desk.merges("zelda@moved.example")["FNAME"] == "Zelda"
    assert len(desk.members()) == count
    quiet(desk)


def test_who_left_is_neither_subscribed_again_nor_left_behind(desk: FlowDesk) -> None:
    """ALL-08, MC-10: values are kept up to date, the status is theirs."""
    desk.start()
    person, email = desk.untouched()
    done(desk)
    desk.act("unsubscribe", email)
    desk.edit(person, first_name="Zelda")
    done(desk)
    member = desk.member(email)
    assert member is not None
    assert (member["status"], member["merge_fields"]["FNAME"]) == ("unsubscribed", "Zelda")
    quiet(desk)


@pytest.mark.parametrize("kind", ["archive", "forget"])
def test_who_was_taken_out_by_hand_stays_out(desk: FlowDesk, kind: str) -> None:
    """ALL-08: also when the address changes afterwards."""
    desk.start()
    person, email = desk.untouched()
    done(desk)
    desk.act(kind, email)
    quiet(desk)
    desk.readdress(person, "again@moved.example")
    quiet(desk)
    assert desk.member("again@moved.example") is None


def test_who_was_erased_in_one_audience_lives_on_in_the_other(desk: FlowDesk) -> None:
    """ALL-08, MC-10: and is subscribed nowhere again"""
    desk.start(OUT, OUT | {"id": "partners", "audience": "Partners"})
    person, email = desk.untouched()
    done(desk)
    desk.control("events/mailchimp", kind="forget", email=email, list="Partners")
    done(desk)
    desk.edit(person, first_name="Zelda")
    done(desk)
    assert desk.merges(email)["FNAME"] == "Zelda"
    held = [one for one in desk.book("mailchimp", "members") if one["email_address"] == email]
    assert [one["list_id"] for one in held] == [desk.audience]
    quiet(desk)


def test_who_was_erased_and_has_the_address_of_another_member_is_synced_with_that_one(
    desk: FlowDesk,
) -> None:
    """ALL-08, MC-13: nothing ties it to the one that is gone; nobody is subscribed by it."""
    desk.start(OUT | {"tag": "From Pipedrive"})
    person, email = desk.untouched()
    done(desk)
    desk.act("forget", email)
    desk.act("add", "other@new.example", fields={"FNAME": "Other"})
    desk.readdress(person, "other@new.example")
    done(desk)
    assert desk.tags("other@new.example") == {"From Pipedrive"}
    desk.edit(person, first_name="Zelda")
    done(desk)
    assert desk.merges("other@new.example")["FNAME"] == "Zelda"
    assert desk.member(email) is None
    quiet(desk)


def test_a_person_without_an_address_is_skipped_until_it_has_one(desk: FlowDesk) -> None:
    """MC-10, ALL-10."""
    desk.start()
    person, _ = desk.untouched()
    desk.edit(person, emails=[])
    done(desk)
    quiet(desk)
    desk.readdress(person, "late@new.example")
    done(desk)
    assert desk.member("late@new.example") is not None
    quiet(desk)


def test_a_first_activation_says_what_it_would_replace_and_whom_it_would_tag(
    desk: FlowDesk,
) -> None:
    """ALL-03, MC-13: and a plan why a value is replaced that nobody changed"""
    desk.start(OUT | {"tag": "From Pipedrive"}, guards={"first_activation": "ask"})
    person, email = desk.untouched()
    desk.edit(person, first_name="Zelda", last_name="Moss")
    desk.act("add", email, fields={"FNAME": "Own", "LNAME": "Moss"})
    (reason,) = desk.plan().guards
    (row,) = [one for one in desk.plan().rows["members"] if one["email"] == email]
    assert row["reason"] == "they meet for the first time, and Pipedrive has it otherwise"
    planned = desk.plan().totals
    created, updated = planned["members"]["create"], planned["members"]["update"]
    tagged = sum(planned["tags"].values()) + created
    assert reason.startswith(f"first activation of out: {created} contacts would be created")
    assert reason.endswith(f" replaced), {tagged} tagged")
    assert f"{updated} updated (" in reason
    assert "(0 filled values" not in reason


def test_a_plan_shows_what_an_edited_flow_will_ask_and_one_switched_on_will_do(
    desk: FlowDesk,
) -> None:
    """MC-02, ALL-03: as the run after it does; nothing stored has changed by it"""
    desk.start(OUT, OUT | {"id": "off"})
    done(desk)
    desk.change("off", active=False)
    done(desk)
    desk.wanted["guards"] = {"first_activation": "ask"}
    desk.change("off", active=True, mapping={"first_name": "FNAME"})
    desk.change("out", trigger={"filters": ["Everyone with a phone"]})
    planned = desk.plan()
    asked = desk.run()
    assert asked.outcome == "guarded"
    assert planned.guards == asked.guards
    (reason,) = planned.guards
    assert reason.startswith("first activation of out")


def test_a_deleted_person_stays_in_mailchimp(desk: FlowDesk) -> None:
    """MC-11."""
    desk.start()
    person, email = desk.untouched()
    done(desk)
    desk.delete_person(person)
    quiet(desk)
    member = desk.member(email)
    assert member is not None
    assert member["status"] == "subscribed"


def test_a_person_without_an_address_is_skipped_and_comes_across_once_it_has_one(
    desk: FlowDesk,
) -> None:
    """MC-09, ALL-10."""
    desk.start()
    person = desk.add_person("Una Upp", "una@new.example")
    desk.edit(person, emails=[])
    done(desk)
    assert ("no e-mail address",) in desk.ask("SELECT reason FROM plan.skipped")
    desk.readdress(person, "una@new.example")
    done(desk)
    assert desk.member("una@new.example") is not None
    quiet(desk)


# Segments and tags -> Pipedrive


def test_who_is_tagged_becomes_a_person_once_and_is_kept_up_to_date(desk: FlowDesk) -> None:
    """MC-04, MC-05."""
    desk.start(INTO)
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "LNAME": "Ting"})
    desk.act("tag", "tess@new.example", tag="Nobody yet")
    done(desk)
    (person,) = desk.persons_with("tess@new.example")
    assert person["name"] == "Tess Ting"
    desk.act("edit", "tess@new.example", fields={"FNAME": "Theresa"})
    done(desk)
    assert desk.persons_with("tess@new.example")[0]["first_name"] == "Theresa"
    desk.act("untag", "tess@new.example", tag="Nobody yet")
    desk.act("edit", "tess@new.example", fields={"FNAME": "Frozen"})
    quiet(desk)
    desk.act("tag", "tess@new.example", tag="Nobody yet")
    done(desk)
    assert desk.persons_with("tess@new.example")[0]["first_name"] == "Frozen"
    quiet(desk)


def test_a_person_who_has_the_address_is_updated_and_not_doubled(desk: FlowDesk) -> None:
    """MC-04."""
    desk.start(INTO)
    person, email = desk.untouched()
    desk.act("add", email, fields={"FNAME": "Tess"})
    desk.act("tag", email, tag="Nobody yet")
    done(desk)
    (found,) = desk.persons_with(email)
    assert (found["id"], found["first_name"]) == (person, "Tess")
    quiet(desk)


def test_a_flow_whose_tag_was_deleted_ends_itself_with_the_reason(desk: FlowDesk) -> None:
    """MC-07."""
    desk.start(INTO)
    desk.act("add", "tess@new.example")
    desk.act("tag", "tess@new.example", tag="Nobody yet")
    done(desk)
    tag = next(s["id"] for s in desk.book("mailchimp", "segments") if s["name"] == "Nobody yet")
    desk.call("DELETE", f"/lists/{desk.audience}/segments/{tag}")
    outcome = done(desk)
    assert ["all its segments and tags were deleted" in f.sentence for f in outcome.findings] == [
        True
    ]
    assert len(desk.persons_with("tess@new.example")) == 1


# New contacts -> Pipedrive


def test_only_who_joins_after_activation_comes_across_and_once(desk: FlowDesk) -> None:
    """MC-08."""
    desk.start(NEW)
    before = len(desk.book("pipedrive", "persons"))
    quiet(desk)
    desk.act("add", "ned@new.example", fields={"FNAME": "Ned", "LNAME": "Nye"})
    done(desk)
    assert len(desk.book("pipedrive", "persons")) == before + 1
    assert desk.persons_with("ned@new.example")[0]["name"] == "Ned Nye"
    desk.act("edit", "ned@new.example", fields={"FNAME": "Nathaniel"})
    quiet(desk)
    assert desk.persons_with("ned@new.example")[0]["first_name"] == "Ned"


@pytest.mark.parametrize("what", ["moves", "is updated"])
def test_whom_a_flow_put_there_never_counts_as_joined(desk: FlowDesk, what: str) -> None:
    """MC-02, MC-08: also after a change of address, and after later writes of ours."""
    desk.start(OUT, NEW)
    person, email = desk.untouched()
    done(desk)
    if what == "moves":
        desk.act("change_address", email, new_email="elsewhere@moved.example")
        quiet(desk)
        assert desk.persons_with("elsewhere@moved.example") == []
        return
    desk.edit(person, first_name="Zelda")
    done(desk)
    desk.act("edit", email, fields={"LNAME": "Theirs"})
    quiet(desk)


def test_who_joins_one_audience_and_was_put_in_another_has_joined(desk: FlowDesk) -> None:
    """MC-08."""
    desk.start(OUT | {"audience": "Partners"}, NEW)
    person, email = desk.untouched()
    done(desk)
    desk.act("add", email, fields={"FNAME": "Ned", "LNAME": "Nye"})
    done(desk)
    found = next(one for one in desk.persons_with(email) if one["id"] == person)
    assert (found["first_name"], found["last_name"]) == ("Ned", "Nye")


def test_pausing_and_resuming_is_a_new_activation(desk: FlowDesk) -> None:
    """MC-08: the latest one counts."""
    desk.start(NEW)
    done(desk)
    desk.change("new", active=False)
    done(desk)
    desk.act("add", "meanwhile@new.example")
    done(desk)
    desk.change("new", active=True)
    done(desk)
    quiet(desk)
    assert desk.persons_with("meanwhile@new.example") == []
    desk.act("add", "after@new.example")
    done(desk)
    assert len(desk.persons_with("after@new.example")) == 1


# A deal reaches a stage -> Mailchimp


def test_the_person_of_a_deal_that_enters_the_stage_comes_across(desk: FlowDesk) -> None:
    """MC-14: moved, created or returned there; deals already there never."""
    desk.start(STAGE)
    old, _ = desk.untouched()
    desk.deal(old, "Qualified")
    quiet(desk)
    desk.control("clock", advance_s=5)
    person, email = desk.untouched()
    deal = desk.deal(person, "Lead In")
    quiet(desk)
    desk.move(deal, "Qualified")
    done(desk)
    member = desk.member(email)
    assert member is not None
    assert member["status"] == "subscribed"
    desk.edit(person, first_name="Later")
    desk.move(deal, "Proposal")
    quiet(desk)
    assert desk.merges(email)["FNAME"] != "Later"
    desk.control("clock", advance_s=5)
    desk.move(deal, "Qualified")
    done(desk)
    assert desk.merges(email)["FNAME"] == "Later"


def test_a_passage_in_an_outage_is_found_from_the_deals_history(desk: FlowDesk) -> None:
    """MC-14: entered and left again before anybody looked."""
    desk.start(STAGE)
    done(desk)
    desk.control("clock", advance_s=5)
    person, email = desk.untouched()
    deal = desk.deal(person, "Lead In")
    desk.control("clock", advance_s=5)
    desk.move(deal, "Qualified")
    desk.control("clock", advance_s=5)
    desk.move(deal, "Proposal")
    done(desk)
    assert desk.member(email) is not None
    quiet(desk)


def test_a_deal_without_a_person_brings_nobody(desk: FlowDesk) -> None:
    """MC-14, ALL-10."""
    desk.start(STAGE)
    done(desk)
    desk.control("clock", advance_s=5)
    desk.deal(None, "Qualified")
    quiet(desk)


VALUES = [
    ("Region", "JOB", "text", "North", "North"),
    ("Contract value", "SIZE", "number", "12.5", 12.5),
    ("Renewal", "RENEWAL", "date", "2027-03-01", "2027-03-01"),
]


@pytest.mark.parametrize(("field", "tag", "kind", "sent", "held"), VALUES)
def test_custom_fields_cross_both_ways_in_their_own_types(
    desk: FlowDesk, field: str, tag: str, kind: str, sent: str, held: object
) -> None:
    """MC-03: and a value that came back is no change."""
    desk.start(OUT, INTO)
    desk.call(
        "POST", f"/lists/{desk.audience}/merge-fields", {"name": tag, "tag": tag, "type": kind}
    )
    for flow_id in ("out", "into"):
        desk.change(flow_id, mapping={field: tag})
    _, email = desk.untouched()
    done(desk)
    desk.act("tag", email, tag="Nobody yet")
    desk.act("edit", email, fields={tag: sent})
    done(desk)
    code = next(
        f["field_code"] for f in desk.book("pipedrive", "personFields") if f["field_name"] == field
    )
    (person,) = desk.persons_with(email)
    value = person["custom_fields"][code]
    assert (value["value"] if isinstance(value, dict) else value) == held
    quiet(desk)
