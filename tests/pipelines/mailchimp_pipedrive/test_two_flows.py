"""Two flows of opposite direction over the same people, over real HTTP."""

import pytest

from pipelines.report import Outcome
from tests.pipelines.mailchimp_pipedrive.flow_desk import INTO, OUT, FlowDesk

MOST_ROUNDS = 5
MAPPED = {"mapping": {"first_name": "FNAME", "last_name": "LNAME", "phone": "PHONE"}}


def done(desk: FlowDesk) -> Outcome:
    outcome = desk.run()
    assert outcome.outcome == "done", (outcome.said, outcome.next_step)
    return outcome


def settle(desk: FlowDesk) -> int:
    """Run until a run writes nothing; return how many wrote."""
    for rounds in range(MOST_ROUNDS):
        desk.effects()
        done(desk)
        if not desk.effects():
            return rounds
    raise AssertionError(f"still writing after {MOST_ROUNDS} runs: a loop")


@pytest.fixture
def both(desk: FlowDesk) -> tuple[FlowDesk, int, str]:
    """Somebody who is in the filter and has the tag, in step already."""
    desk.start(OUT | MAPPED, INTO | MAPPED)
    person, email = desk.untouched()
    done(desk)
    desk.act("tag", email, tag="Nobody yet")
    assert settle(desk) == 0, "the values are the same at both sides already"
    return desk, person, email


def test_an_edit_at_either_side_goes_across_once(both: tuple[FlowDesk, int, str]) -> None:
    """MC-02: neither flow takes the other's writes for a change."""
    desk, person, email = both
    desk.edit(person, first_name="Zelda")
    assert settle(desk) == 1
    assert desk.merges(email)["FNAME"] == "Zelda"
    desk.act("edit", email, fields={"FNAME": "Zoe"})
    assert settle(desk) == 1
    (found,) = desk.persons_with(email)
    assert found["first_name"] == "Zoe"
    desk.edit(person, first_name="Zelda")
    assert settle(desk) == 1
    assert desk.merges(email)["FNAME"] == "Zelda"


def test_a_changed_address_goes_across_once_whichever_way(
    both: tuple[FlowDesk, int, str],
) -> None:
    """MC-10: no second member, no second person, no way back."""
    desk, person, _ = both
    desk.readdress(person, "zelda@moved.example")
    assert settle(desk) == 1
    assert desk.member("zelda@moved.example") is not None
    desk.act("change_address", "zelda@moved.example", new_email="zoe@moved.example")
    assert settle(desk) == 1
    (found,) = desk.persons_with("zoe@moved.example")
    assert found["id"] == person
    assert desk.persons_with("zelda@moved.example") == []


def test_where_both_changed_the_later_wins_at_both_sides(
    both: tuple[FlowDesk, int, str],
) -> None:
    """MC-02: shown in the plan before it happens."""
    desk, person, email = both
    desk.edit(person, first_name="Early")
    desk.control("clock", advance_s=5)
    desk.act("edit", email, fields={"FNAME": "Late"})
    shown = desk.plan().rows["conflicts"]
    assert {(row["field"], row["winner"]) for row in shown} == {("first_name", "engagement")}
    assert settle(desk) == 1
    (found,) = desk.persons_with(email)
    assert (found["first_name"], desk.merges(email)["FNAME"]) == ("Late", "Late")


def test_the_plan_calls_a_custom_field_as_the_definition_does(desk: FlowDesk) -> None:
    """ALL-10, MC-03: Pipedrive's own code of it is forty digits that nobody knows"""
    desk.start(INTO | {"mapping": {"first_name": "FNAME", "Renewal": "SINCE"}})
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "SINCE": "2027-02-02"})
    desk.act("tag", "tess@new.example", tag="Nobody yet")
    assert settle(desk) == 1
    desk.act("edit", "tess@new.example", fields={"SINCE": "2027-03-03"})
    (row,) = desk.plan().rows["persons"]
    assert (row["before"], row["after"]) == ({"Renewal": "2027-02-02"}, {"Renewal": "2027-03-03"})


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "late_commit"])
@pytest.mark.parametrize(
    ("vendor", "path", "method"),
    [("mailchimp", "*/members/*", "PATCH"), ("pipedrive", "/api/v2/persons/*", "PATCH")],
)
def test_a_write_without_an_answer_is_neither_lost_nor_sent_over_an_edit(
    both: tuple[FlowDesk, int, str], kind: str, vendor: str, path: str, method: str
) -> None:
    """ALL-06."""
    desk, person, email = both
    desk.fault(kind, vendor, path, method=method, **({"delay_s": 1} if "late" in kind else {}))
    if vendor == "mailchimp":
        desk.edit(person, first_name="Zelda")
    else:
        desk.act("edit", email, fields={"FNAME": "Zelda"})
    desk.run()
    assert desk.faults_fired() == 1
    desk.clear_faults()
    desk.control("clock", advance_s=10)
    settle(desk)
    (found,) = desk.persons_with(email)
    assert (found["first_name"], desk.merges(email)["FNAME"]) == ("Zelda", "Zelda")


@pytest.mark.parametrize("kind", ["lost_answer", "late_commit"])
def test_nobody_is_made_twice_when_an_answer_is_lost(desk: FlowDesk, kind: str) -> None:
    """ALL-06: a new contact there, a new person here."""
    desk.start(OUT, INTO)
    done(desk)
    desk.act("add", "tess@new.example", fields={"FNAME": "Tess", "LNAME": "Ting"})
    desk.act("tag", "tess@new.example", tag="Nobody yet")
    desk.add_person("Una Upp", "una@new.example")
    more = {"delay_s": 1} if kind == "late_commit" else {}
    desk.fault(kind, "mailchimp", "*/members", method="POST", **more)
    desk.fault(kind, "pipedrive", "/api/v2/persons", method="POST", **more)
    desk.run()
    assert desk.faults_fired() == 2
    desk.clear_faults()
    desk.control("clock", advance_s=10)
    settle(desk)
    assert len(desk.persons_with("tess@new.example")) == 1
    members = [m for m in desk.members() if m["email_address"] == "una@new.example"]
    assert [m["status"] for m in members] == ["subscribed"]
