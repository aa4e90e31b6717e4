"""The nightly audit of flows: what came later than the horizon, for an older word or address."""

from tests.pipelines.mailchimp_pipedrive.auditing import (
    LATE,
    audit,
    found,
    open_ones,
    settled,
    wait_out_the_horizon,
)
from tests.pipelines.mailchimp_pipedrive.flow_desk import FlowDesk

MEMBERS = "/3.0/lists"


def test_a_value_that_comes_after_a_newer_one_beyond_the_horizon_is_told(desk: FlowDesk) -> None:
    """ALL-06: no run writes again, since the source did not change; the audit looks."""
    desk.start()
    person, email = desk.untouched()
    settled(desk)
    desk.edit(person, first_name="Zelda")
    desk.fault("late_commit", "mailchimp", "*/members/*", method="PATCH", delay_s=LATE, times=9)
    assert desk.run(settle_within=0).outcome == "open"
    desk.clear_faults()
    desk.edit(person, first_name="Zoe")
    wait_out_the_horizon(desk)
    settled(desk)
    audit(desk)
    assert (found(desk), desk.merges(email)["FNAME"]) == ([], "Zoe")

    desk.control("clock", advance_s=LATE)
    assert desk.merges(email)["FNAME"] == "Zelda"
    audit(desk)

    said = "a write of ours came late, or somebody edited its FNAME"
    assert found(desk) == [("drift", "audience_member", said)]


def test_a_create_that_came_late_under_a_former_address_is_a_second_member(
    desk: FlowDesk,
) -> None:
    """MC-10, ALL-06."""
    desk.start()
    settled(desk)
    person = desk.add_person("Dora Double", "dora@old.example")
    desk.fault("late_commit", "mailchimp", f"{MEMBERS}/*/members", method="POST", delay_s=LATE)
    desk.run(settle_within=0)
    desk.readdress(person, "dora@new.example")
    wait_out_the_horizon(desk)
    settled(desk)
    desk.control("clock", advance_s=LATE + 1)
    assert desk.member("dora@old.example") and desk.member("dora@new.example")

    outcome = audit(desk)

    assert (outcome.exit_code, outcome.counts["duplicates"]) == (4, 1), outcome.said
    assert open_ones(desk) == [("duplicate", "audience_member")]
