"""The nightly audit of flows: what came later than the horizon, for an older word or address."""

from typing import Any

import pytest

from tests.pipelines.mailchimp_pipedrive.auditing import (
    LATE,
    audit,
    found,
    open_ones,
    settled,
    wait_out_the_horizon,
)
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, OUT, FlowDesk
from tests.pipelines.mailchimp_pipedrive.test_audit import TESS, tess_joins

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


@pytest.mark.parametrize("flow", [OUT, INTO])
def test_a_change_taken_back_that_comes_beyond_the_horizon_is_told(
    desk: FlowDesk, flow: dict[str, Any]
) -> None:
    """ALL-06: at the member, and at the person."""
    desk.start(flow)
    person, email = desk.untouched()
    if flow is INTO:
        tess_joins(desk)
        email = TESS
    settled(desk)
    before = desk.merges(email)["FNAME"]
    change_name(desk, flow, person, email, "Zelda")
    vendor, path = (
        ("mailchimp", "*/members/*") if flow is OUT else ("pipedrive", "/api/v2/persons/*")
    )
    desk.fault("late_commit", vendor, path, method="PATCH", delay_s=LATE, times=9)
    assert desk.run(settle_within=0).outcome == "open"
    desk.clear_faults()
    change_name(desk, flow, person, email, before)
    wait_out_the_horizon(desk)
    settled(desk)
    audit(desk)
    assert found(desk) == []

    desk.control("clock", advance_s=LATE)
    names = {next(iter(desk.persons_with(email)))["first_name"], desk.merges(email)["FNAME"]}
    assert names == {before, "Zelda"}
    audit(desk)

    noun, field = ("audience_member", "FNAME") if flow is OUT else ("audience_person", "first_name")
    assert found(desk) == [
        ("drift", noun, f"a write of ours came late, or somebody edited its {field}")
    ]


def change_name(desk: FlowDesk, flow: dict[str, Any], person: int, email: str, name: str) -> None:
    if flow is OUT:
        desk.edit(person, first_name=name)
    else:
        desk.act("edit", email, fields={"FNAME": name})


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
