"""What flows made is no change of anybody's: the runs after it write nothing because of it."""

import json

from tests.pipelines.mailchimp_pipedrive.auditing import settled
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, OUT, STAGE, FlowDesk

BARE = "bare@new.example"


def made(desk: FlowDesk) -> int:
    """A person made of a contact without a name; the vendor takes the address for the name."""
    desk.start(INTO, STAGE)
    desk.act("add", BARE)
    desk.act("tag", BARE, tag="Nobody yet")
    settled(desk)
    (person,) = desk.persons_with(BARE)
    assert person["first_name"] == BARE
    return int(person["id"])


def test_a_name_the_vendor_made_of_the_address_goes_nowhere(desk: FlowDesk) -> None:
    """MC-02: neither flow takes the other's writes for a change."""
    person = made(desk)
    desk.deal(person, "Qualified")

    settled_after = desk.run()

    assert settled_after.outcome == "done"
    assert [one for one in desk.effects() if one["object"] == "members"] == []
    assert "FNAME" not in desk.merges(BARE)
    desk.control("clock", advance_s=5)
    desk.edit(person, first_name="Barbara")
    desk.deal(person, "Qualified")
    settled(desk)
    assert desk.merges(BARE)["FNAME"] == "Barbara", "an edit is one"


def test_what_a_lost_answer_made_is_found_and_its_name_is_ours(desk: FlowDesk) -> None:
    """ALL-06, MC-02: what can be told to have come of our request is remembered as an answer's."""
    desk.start(INTO)
    desk.act("add", BARE, fields={"FNAME": "Bar", "LNAME": "Bare"})
    desk.act("tag", BARE, tag="Nobody yet")
    desk.fault("lost_answer", "pipedrive", "/api/v2/persons", method="POST")
    settled(desk)
    settled(desk)
    assert [one["first_name"] for one in desk.persons_with(BARE)] == ["Bar"]
    with desk.state() as state, state.read() as db:
        ((held,),) = db.exec_driver_sql("SELECT held FROM settings").fetchall()
    assert {"Bar", "Bare"} == {one["crm"] for one in json.loads(held).values()}


def test_a_tag_somebody_took_off_stays_off_also_after_later_edits(desk: FlowDesk) -> None:
    """MC-13: it came with the member that the flow made."""
    desk.start(OUT | {"tag": "From Pipedrive"})
    person, email = desk.untouched()
    settled(desk)
    desk.act("untag", email, tag="From Pipedrive")
    for name in ("Zelda", "Zoe"):
        desk.edit(person, first_name=name)
        settled(desk)
    settled(desk)
    assert desk.merges(email)["FNAME"] == "Zoe"
    assert desk.tags(email) == set()
