"""Two flows over the same people: no echo, no loop, and a conflict rule that anybody can read."""

import pytest

from tests.transforms.mailchimp_pipedrive.world import SYNC, World
from transforms import build

MOST_ROUNDS = 6


@pytest.fixture
def two_way() -> World:
    """Ann in a filter and in a segment, with flows both ways between job_title and JOB."""
    world = World(filters={1: {1}}, segments={51: {"m1"}})
    world.flow("out", "filters", {1})
    world.flow("into", "segments", {51})
    world.person(1, "ann@x.lv", job_title="Boss")
    world.member("m1", "ann@x.lv", JOB="Boss")
    assert world.carry_out() == [], "equal at their first meeting: remembered, and not sent"
    return world


def settle(world: World) -> int:
    """Carry out plan after plan until one sends nothing; return how many did."""
    for rounds in range(MOST_ROUNDS):
        if not world.carry_out():
            return rounds
    raise AssertionError(f"still writing after {MOST_ROUNDS} rounds: a loop")


def test_a_change_goes_across_once_and_does_not_come_back(two_way: World) -> None:
    """MC-02: neither flow takes the other's writes for a change."""
    two_way.person(1, "ann@x.lv", job_title="Chief")
    assert two_way.carry_out() == [("members", "update")]
    assert two_way.carry_out() == []
    two_way.member("m1", "ann@x.lv", JOB="Director")
    assert two_way.carry_out() == [("persons", "update")]
    assert two_way.carry_out() == []
    assert two_way.persons[1]["job_title"] == "Director"


REWRITES = {
    "cuts": lambda value: value[:4],
    "spells": lambda value: value.upper(),
    "adds": lambda value: value + ".",
}


@pytest.mark.parametrize("how", REWRITES)
@pytest.mark.parametrize("side", ["crm", "engagement", "both"])
@pytest.mark.parametrize("edited", ["crm", "engagement"])
def test_a_vendor_that_rewrites_values_ends_no_loop_and_begins_none(
    two_way: World, how: str, side: str, edited: str
) -> None:
    """MC-02: what a vendor made of our write is no edit of anybody's."""
    if side in ("crm", "both"):
        two_way.crm_writes = REWRITES[how]
    if side in ("engagement", "both"):
        two_way.engagement_writes = REWRITES[how]
    if edited == "crm":
        two_way.person(1, "ann@x.lv", job_title="Head of Sales")
    else:
        two_way.member("m1", "ann@x.lv", JOB="Head of Sales")
    assert settle(two_way) == 1


def test_without_the_memory_of_our_own_writes_it_loops(
    two_way: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MC-02: the same world, with echo suppression taken out of the model."""
    original = build.sql_of

    def forgetful(sync: str, table: str) -> str:
        text = original(sync, table)
        if table == "resolve.agreements":
            # Only what both sides were once seen to agree on: nothing of our own writes.
            return text.replace(
                "FROM staging.syncline__held", "FROM staging.syncline__held LIMIT 0"
            )
        return text

    monkeypatch.setattr(build, "sql_of", forgetful)
    assert forgetful(SYNC, "resolve.agreements") != original(SYNC, "resolve.agreements")
    two_way.engagement_writes = REWRITES["adds"]
    two_way.crm_writes = REWRITES["adds"]
    two_way.person(1, "ann@x.lv", job_title="Head of Sales")
    with pytest.raises(AssertionError, match="a loop"):
        settle(two_way)


def test_there_and_back_again_is_not_lost(two_way: World) -> None:
    """MC-02: a value that was sent once before is a change like any other."""
    for crm, engagement in (("A", None), (None, "B"), ("A", None), (None, "Boss"), ("A", None)):
        if crm:
            two_way.person(1, "ann@x.lv", job_title=crm)
        else:
            two_way.member("m1", "ann@x.lv", JOB=engagement)
        assert settle(two_way) == 1
        assert two_way.persons[1]["job_title"] == two_way.members["m1"]["merges"]["JOB"]


@pytest.mark.parametrize(("later", "winner"), [("crm", "Chief"), ("engagement", "Director")])
def test_where_both_changed_the_later_record_wins(two_way: World, later: str, winner: str) -> None:
    """MC-02: last writer by vendor time; the plan shows both values, who wins and why."""
    edits = [
        lambda: two_way.member("m1", "ann@x.lv", JOB="Director"),
        lambda: two_way.person(1, "ann@x.lv", job_title="Chief"),
    ]
    for edit in edits if later == "crm" else reversed(edits):
        edit()
    two_way.plan()
    shown = two_way.rows("plan.conflicts")
    assert {row["winner"] for row in shown} == {later}
    assert {(row["crm_value"], row["engagement_value"]) for row in shown} == {("Chief", "Director")}
    assert all("later" in row["reason"] for row in shown)
    assert settle(two_way) == 1
    assert two_way.persons[1]["job_title"] == winner
    assert two_way.members["m1"]["merges"]["JOB"] == winner


def test_a_tie_is_the_crms(two_way: World) -> None:
    """MC-02."""
    two_way.member("m1", "ann@x.lv", JOB="Director")
    two_way.person(1, "ann@x.lv", job_title="Chief")
    two_way.members["m1"]["at"] = two_way.persons[1]["at"]
    assert settle(two_way) == 1
    assert two_way.members["m1"]["merges"]["JOB"] == "Chief"


@pytest.mark.parametrize(("rule", "winner"), [("crm", "Chief"), ("engagement", "Director")])
def test_a_definition_may_name_the_winner_of_a_field(rule: str, winner: str) -> None:
    """MC-02: per-field override."""
    world = World(filters={1: {1}}, segments={51: {"m1"}})
    world.flow("out", "filters", {1}, rules={"job_title": rule})
    world.flow("into", "segments", {51}, rules={"job_title": rule})
    world.person(1, "ann@x.lv", job_title="Boss")
    world.member("m1", "ann@x.lv", JOB="Boss")
    world.carry_out()
    world.person(1, "ann@x.lv", job_title="Chief")
    world.member("m1", "ann@x.lv", JOB="Director")
    world.persons[1]["at"], world.members["m1"]["at"] = (
        (world.now, world.tick()) if rule == "crm" else (world.tick(), world.persons[1]["at"])
    )
    assert settle(world) == 1
    assert world.persons[1]["job_title"] == winner


def test_two_who_differ_at_their_first_meeting_are_a_conflict() -> None:
    """MC-02: nobody can say which side changed."""
    world = World(filters={1: {1}}, segments={51: {"m1"}})
    world.flow("out", "filters", {1})
    world.flow("into", "segments", {51})
    world.member("m1", "ann@x.lv", JOB="Director")
    world.person(1, "ann@x.lv", job_title="Chief")
    world.plan()
    assert {row["winner"] for row in world.rows("plan.conflicts")} == {"crm"}
    assert settle(world) == 1
    assert world.members["m1"]["merges"]["JOB"] == "Chief"


def test_an_empty_side_is_filled_at_a_first_meeting_and_clears_nothing() -> None:
    """MC-02: emptied is a change, empty is none."""
    world = World(filters={1: {1}}, segments={51: {"m1"}})
    world.flow("out", "filters", {1})
    world.flow("into", "segments", {51})
    world.member("m1", "ann@x.lv", JOB="Director")
    world.person(1, "ann@x.lv", job_title="")
    assert settle(world) == 1
    assert world.persons[1]["job_title"] == "Director"
    world.person(1, "ann@x.lv", job_title="")
    assert settle(world) == 1
    assert world.members["m1"]["merges"]["JOB"] == ""


def test_a_one_way_flow_leaves_an_edit_at_its_target_alone() -> None:
    """MC-02: until the source changes; what is mapped one way is not watched over."""
    world = World(filters={1: {1}})
    world.flow("out", "filters", {1})
    world.person(1, "ann@x.lv", job_title="Boss")
    world.carry_out()
    world.member("m1", "ann@x.lv", JOB="Edited")
    assert world.carry_out() == []
    world.person(1, "ann@x.lv", job_title="Chief")
    assert world.carry_out() == [("members", "update")]
    assert world.members["m1"]["merges"]["JOB"] == "Chief"


def test_two_flows_onto_one_field_do_not_take_turns() -> None:
    """MC-02: whoever's source did not change writes nothing."""
    world = World(segments={51: {"m1"}, 52: {"m1"}})
    world.flow("job", "segments", {51})
    world.flow("role", "segments", {52}, mapping={"job_title": "ROLE"})
    world.person(1, "ann@x.lv", job_title="")
    world.member("m1", "ann@x.lv", JOB="Boss", ROLE="Director")
    settle(world)
    world.member("m1", "ann@x.lv", ROLE="President")
    assert settle(world) == 1
    assert world.persons[1]["job_title"] == "President"


def test_whom_the_opposite_flow_does_not_bring_has_no_conflict(two_way: World) -> None:
    """MC-02, MC-10: a later edit in Mailchimp of a pair that no flow would carry loses nothing."""
    two_way.segments[51] = set()
    two_way.person(1, "ann@x.lv", job_title="Chief")
    two_way.member("m1", "ann@x.lv", JOB="Director")
    assert settle(two_way) == 1
    assert two_way.members["m1"]["merges"]["JOB"] == "Chief"
