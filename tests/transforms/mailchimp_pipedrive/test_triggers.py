"""What each trigger brings across, and what does not happen."""

from typing import Any

import pytest

from tests.transforms.mailchimp_pipedrive.world import World


def out(**more: Any) -> World:
    """Filter 1 brings Ann to the audience."""
    world = World(filters={1: {1}})
    world.flow("out", "filters", {1}, **more)
    world.person(1, "ann@x.lv", job_title="Boss")
    return world


def into(**more: Any) -> World:
    """Segment 51 brings Ann to the CRM."""
    world = World(segments={51: {"m1"}})
    world.flow("into", "segments", {51}, **more)
    world.member("m1", "ann@x.lv", JOB="Boss")
    return world


def fact(
    flow: str, key: str, *, person: int | None = None, member: str | None = None
) -> dict[str, Any]:
    return {"flow_id": flow, "fact_key": key, "person_id_pipedrive": person,
            "member_id_mailchimp": member, "happened_at": None, "is_settled": False}  # fmt: skip


# Filters -> Mailchimp


def test_who_matches_is_created_once_and_updated_afterwards() -> None:
    """MC-10."""
    world = out()
    assert world.carry_out() == [("members", "create")]
    assert world.carry_out() == []
    world.person(1, "ann@x.lv", job_title="Chief")
    assert world.carry_out() == [("members", "update")]


def test_who_matches_two_filters_is_one_member() -> None:
    """MC-09: any of them matches."""
    world = World(filters={1: {1}, 2: {1}})
    world.flow("out", "filters", {1, 2})
    world.person(1, "ann@x.lv")
    assert world.carry_out() == [("members", "create")]


def test_an_existing_member_is_updated_and_keeps_its_status() -> None:
    """MC-10, ALL-08: whatever that is."""
    for status in ("subscribed", "unsubscribed", "cleaned", "pending", "transactional"):
        world = out()
        world.member("m1", "ann@x.lv", status, JOB="")
        assert world.carry_out() == [("members", "update")]
        assert world.members["m1"]["status"] == status


def test_an_archived_contact_is_left_alone() -> None:
    """ALL-08: archived by hand, and not brought back."""
    world = out()
    world.member("m1", "ann@x.lv", "archived", JOB="")
    assert world.planned() == []
    assert world.reasons() == ["is archived in Mailchimp"]


def test_who_matches_no_more_goes_on_being_updated() -> None:
    """MC-11."""
    world = out()
    world.carry_out()
    world.filters = {1: set()}
    world.person(1, "ann@x.lv", job_title="Chief")
    assert world.carry_out() == [("members", "update")]


def test_a_deleted_person_stays_there_without_updates() -> None:
    """MC-11: nothing is deleted, nothing changed."""
    world = out()
    world.carry_out()
    del world.persons[1]
    world.filters = {1: set()}
    assert world.planned() == []
    assert world.members["m1"]["status"] == "subscribed"


def test_a_changed_first_address_moves_the_member() -> None:
    """MC-10: and adds no second."""
    world = out()
    world.carry_out()
    world.person(1, "anna@y.lv", job_title="Boss")
    assert world.carry_out() == [("members", "move")]
    assert [m["email"] for m in world.members.values()] == ["anna@y.lv"]
    assert world.carry_out() == []


def test_an_address_that_is_another_contacts_moves_nobody() -> None:
    """MC-10: the rest is written, and the skip says why."""
    world = out()
    world.carry_out()
    world.member("m2", "anna@y.lv", "unsubscribed")
    world.person(1, "anna@y.lv", job_title="Chief")
    assert world.carry_out() == [("members", "update")]
    assert world.members["m1"]["email"] == "ann@x.lv"
    assert world.reasons() == ["the new address is another contact's, or barred"]
    assert world.carry_out() == [], "and it is not tried at every run"


def test_of_two_who_move_to_one_address_the_oldest_gets_it() -> None:
    """MC-10: the other one is told why, and nothing is sent that would be refused"""
    world = out()
    world.person(2, "bob@x.lv", job_title="Boss")
    world.filters = {1: {1, 2}}
    world.carry_out()
    for person in (2, 1):
        world.person(person, "anna@y.lv", job_title="Boss")
    assert world.carry_out() == [("members", "move")]
    assert [m["email"] for m in world.members.values()] == ["anna@y.lv", "bob@x.lv"]
    assert world.reasons() == ["the new address is another contact's, or barred"]


def test_who_is_created_at_an_address_comes_before_who_moves_there() -> None:
    """MC-10, MC-13"""
    world = out()
    world.carry_out()
    world.person(2, "anna@y.lv", job_title="Boss")
    world.person(1, "anna@y.lv", job_title="Boss")
    world.filters = {1: {1, 2}}
    assert world.carry_out() == [("members", "create")]
    assert sorted(m["email"] for m in world.members.values()) == ["ann@x.lv", "anna@y.lv"]


def test_two_addresses_that_meet_are_both_right() -> None:
    """MC-10: an address moves when it changes, not because it differs."""
    world = out()
    world.person(1, "ann@x.lv", emails=["ann@x.lv", "anna@y.lv"], job_title="Boss")
    world.member("m1", "anna@y.lv", JOB="Boss")
    world.person_links[1] = world.member_links["m1"] = "c1"
    assert world.carry_out() == []
    assert world.members["m1"]["email"] == "anna@y.lv"


@pytest.mark.parametrize(("kind", "said"), [
    ("unsubscribed", "has unsubscribed"), ("bounced", "address has bounced hard"),
    ("removed", "was archived or removed by hand"), ("erased", "was erased and stays erased"),
    ("forgotten", "was erased on request and stays erased"),
])  # fmt: skip
def test_nobody_barred_is_created(kind: str, said: str) -> None:
    """ALL-08."""
    world = out()
    world.barred = {"ann@x.lv": kind}
    assert world.planned() == []
    assert world.reasons() == [said]


def test_nobody_is_created_under_another_address_than_the_barred_one() -> None:
    """ALL-08: held per contact: any address the person has, or ever had."""
    world = out()
    world.person(1, "new@x.lv", emails=["new@x.lv", "old@x.lv"])
    world.barred = {"old@x.lv": "unsubscribed"}
    assert world.planned() == []
    former = out()
    former.person_links[1] = "c1"
    former.former = {("c1", "old@x.lv")}
    former.barred = {"old@x.lv": "unsubscribed"}
    assert former.planned() == []


def test_of_two_persons_with_one_address_one_is_synced() -> None:
    """MC-09: a member is one person; the other is left out with that reason."""
    world = World(filters={1: {1, 2}})
    world.flow("out", "filters", {1})
    world.person(1, "ann@x.lv", job_title="Boss")
    world.person(2, "ann@x.lv", job_title="Chief")
    assert world.carry_out() == [("members", "create")]
    assert world.carry_out() == []
    assert world.members["m1"]["merges"]["JOB"] == "Boss"
    assert world.reasons() == ["the contact of this address is another person's"]


def test_a_person_without_a_usable_address_is_left_out() -> None:
    """MC-09: with that reason."""
    world = out()
    world.person(1, "not an address")
    assert world.reasons() == ["first e-mail address is not usable"]


def test_a_paused_flow_writes_nothing() -> None:
    """MC-02."""
    world = out(is_active=False)
    assert world.planned() == []


def test_the_tag_is_put_on_everybody_and_never_again() -> None:
    """MC-13: on existing ones too; one that was taken off stays off."""
    world = out(tag="From Pipedrive")
    world.member("m1", "ann@x.lv", JOB="Boss")
    assert world.carry_out() == [("tags", "tag")]
    assert world.carry_out() == []


# Segments and tags -> Pipedrive


def test_who_is_listed_becomes_a_person_once() -> None:
    """MC-04: existing ones included, each contact once."""
    world = into()
    assert world.carry_out() == [("persons", "create")]
    assert world.carry_out() == []
    assert world.persons[1]["emails"] == ["ann@x.lv"]
    world.member("m1", "ann@x.lv", JOB="Chief")
    assert world.carry_out() == [("persons", "update")]


def test_a_person_who_has_the_address_is_updated_instead() -> None:
    """MC-04: as any of its addresses; of several the oldest."""
    world = into()
    world.person(7, "other@x.lv", emails=["other@x.lv", "ann@x.lv"], job_title="")
    world.person(8, "ann@x.lv", job_title="")
    assert world.carry_out() == [("persons", "update")]
    assert world.persons[7]["job_title"] == "Boss"


def test_who_leaves_the_segment_is_frozen_and_thaws_with_full_values() -> None:
    """MC-05."""
    world = into()
    world.carry_out()
    world.segments = {51: set()}
    world.member("m1", "ann@x.lv", JOB="Chief")
    assert world.planned() == []
    world.segments = {51: {"m1"}}
    assert world.carry_out() == [("persons", "update")]
    assert world.persons[1]["job_title"] == "Chief"


def test_archiving_or_erasing_removes_nobody() -> None:
    """MC-06."""
    world = into()
    world.carry_out()
    world.member("m1", "ann@x.lv", "archived")
    assert world.planned() == []
    world.segments = {51: set()}
    del world.members["m1"]
    assert world.planned() == []
    assert 1 in world.persons


def test_a_person_that_a_colleague_deleted_is_not_made_again() -> None:
    """MC-06: nothing undoes what people do."""
    world = into()
    world.carry_out()
    del world.persons[1]
    assert world.planned() == []
    assert world.reasons() == ["its person was deleted in Pipedrive"]


def test_a_changed_address_replaces_the_entry_that_was_paired() -> None:
    """MC-04: the person's other addresses stay as they are."""
    world = into()
    world.carry_out()
    world.persons[1]["emails"] = ["ann@x.lv", "private@x.lv"]
    world.member("m1", "anna@y.lv", JOB="Boss")
    assert world.carry_out() == [("persons", "update")]
    assert world.persons[1]["emails"] == ["anna@y.lv", "private@x.lv"]
    assert world.carry_out() == []


def test_a_person_found_by_another_address_is_one_contact_for_both_ways() -> None:
    """MC-02, MC-10: its first address is no contact of its own, and makes none."""
    world = World(filters={1: {1}}, segments={51: {"m1"}})
    world.flow("out", "filters", {1})
    world.flow("into", "segments", {51})
    world.person(1, "ann@x.lv", emails=["ann@x.lv", "anna@y.lv"], job_title="Boss")
    world.member("m1", "anna@y.lv", JOB="Boss")
    assert world.carry_out() == []
    (pair,) = world.rows("resolve.pairs")
    assert (pair["person_id_pipedrive"], pair["member_id_mailchimp"]) == (1, "m1")
    world.person(1, "ann@x.lv", emails=["ann@x.lv", "anna@y.lv"], job_title="Chief")
    assert world.carry_out() == [("members", "update")]


def test_two_contacts_that_are_one_person_are_two_for_nobody() -> None:
    """MC-04: the other one is left out with that reason, and makes no second person."""
    world = World(segments={51: {"m1", "m2"}})
    world.flow("into", "segments", {51})
    world.person(1, "ann@x.lv", emails=["ann@x.lv", "anna@y.lv"], job_title="")
    world.member("m1", "ann@x.lv", JOB="Boss")
    world.member("m2", "anna@y.lv", JOB="Chief")
    assert world.carry_out() == [("persons", "update")]
    assert world.reasons() == ["the person of this address is another contact of the audience"]
    assert world.carry_out() == []


# New contacts, and stages


def test_an_arrival_is_dealt_with_once() -> None:
    """MC-08: later edits are not this trigger's business."""
    world = World()
    world.flow("new", "new_contacts", set())
    world.member("m1", "ann@x.lv", JOB="Boss")
    world.member("m2", "bob@x.lv", JOB="Chief")
    world.facts = [fact("new", "m1", member="m1")]
    assert world.carry_out() == [("persons", "create")]
    world.member("m1", "ann@x.lv", JOB="Director")
    assert world.carry_out() == []


def test_an_arrival_that_is_a_person_already_updates_it() -> None:
    """MC-08: created or updated."""
    world = World()
    world.flow("new", "new_contacts", set())
    world.person(3, "ann@x.lv", job_title="")
    world.member("m1", "ann@x.lv", JOB="Boss")
    world.facts = [fact("new", "m1", member="m1")]
    assert world.carry_out() == [("persons", "update")]
    assert world.carry_out() == []


def test_a_passage_brings_the_person_across_once() -> None:
    """MC-14: moving on, or a later edit, changes nothing there."""
    world = World()
    world.flow("stage", "deal_stage", set())
    world.person(1, "ann@x.lv", job_title="Boss")
    world.facts = [fact("stage", "deal 9 at 10:00", person=1)]
    assert world.carry_out() == [("members", "create")]
    world.person(1, "ann@x.lv", job_title="Chief")
    assert world.carry_out() == []
    world.facts.append(fact("stage", "deal 9 at 12:00", person=1))
    assert world.carry_out() == [("members", "update")]
    assert world.members["m1"]["merges"]["JOB"] == "Chief"
    assert all(one["is_settled"] for one in world.facts)


def test_a_passage_that_finds_nothing_to_write_is_dealt_with() -> None:
    """MC-14."""
    world = World()
    world.flow("stage", "deal_stage", set())
    world.person(1, "ann@x.lv", job_title="Boss")
    world.member("m1", "ann@x.lv", JOB="Boss")
    world.facts = [fact("stage", "deal 9 at 10:00", person=1)]
    assert world.carry_out() == []
    assert world.facts[0]["is_settled"]


VALUES = [
    ("double", "number", 12, "12", "number"), ("double", "number", 12.5, "12.5", "fraction"),
    ("date", "date", "2026-11-02", "2026-11-02", "day"),
    ("date", "birthday", "1980-11-02", "11/02", "birthday"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "merge", "held", "sent", "_"), VALUES)
def test_values_cross_in_the_form_of_the_other_side(
    kind: str, merge: str, held: Any, sent: str, _: str
) -> None:
    """MC-03: and compare equal when they come back in the vendor's own."""
    world = out(mapping={"f1": "X"}, types={"f1": (kind, merge)})
    world.person(1, "ann@x.lv", f1=held)
    assert world.carry_out() == [("members", "create")]
    assert world.members["m1"]["merges"] == {"X": sent}
    world.members["m1"]["merges"]["X"] = held if merge == "number" else sent
    assert world.carry_out() == []
