"""A person was asked for and nobody knows whether it was made: in the end there is one (ALL-06)."""

import pytest

from tests.pipelines.mailigen_pipedrive.desk import (
    QUIET,
    CrashedError,
    Desk,
    crash_after,
    crash_before,
    definition,
)
from tests.pipelines.mailigen_pipedrive.joining import NORA, ON, join, joined_persons, quiet
from tests.pipelines.mailigen_pipedrive.losses import adopt, lose
from tests.pipelines.mailigen_pipedrive.test_audit import OPEN, audit

PERSONS = "/api/v2/persons"
STAGES = ("Remember engagement", "Look up newcomers", "Plan", "Seal the plan", "Load")


@pytest.fixture
def world(fresh: Desk) -> Desk:
    """A settled sync that imports, and somebody who has just joined."""
    fresh.start(QUIET, people=30, **ON)
    fresh.settle()
    join(fresh, FNAME="Nora")
    return fresh


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "late_commit"])
def test_a_person_whose_answer_never_came_is_made_once(world: Desk, kind: str) -> None:
    """ALL-06, MG-22: found by its address, or sent again after the horizon."""
    world.fault(kind, "pipedrive", PERSONS, method="POST", delay_s=1)

    outcome = world.run(settle_within=20)

    assert world.faults_fired() == 1
    assert outcome.outcome == "done", outcome.said
    assert len(joined_persons(world)) == 1
    quiet(world)


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request"])
def test_a_doubt_that_outlives_its_run_is_settled_by_the_next(world: Desk, kind: str) -> None:
    """ALL-06: until then nothing is sent a second time."""
    world.fault(kind, "pipedrive", PERSONS, method="POST")
    # The run's own look-up fails as well: it ends with the doubt open.
    world.fault("status", "pipedrive", PERSONS, method="GET", status=503, after=3, times=50)
    world.run(settle_within=0)
    world.clear_faults()
    world.control("clock", advance_s=world.horizon + 1)

    world.run()

    assert len(joined_persons(world)) == 1
    quiet(world)


def test_a_person_made_by_a_colleague_during_the_doubt_is_the_one(world: Desk) -> None:
    """MG-22, ALL-06: two people with one address are what must not be."""
    world.fault("lost_request", "pipedrive", PERSONS, method="POST")
    assert world.run(settle_within=0).outcome == "open"
    made = world.add_person("By A Colleague", NORA)
    world.control("clock", advance_s=world.horizon + 1)

    outcome = world.run()

    assert outcome.outcome == "done", outcome.said
    assert [p["id"] for p in joined_persons(world)] == [made]


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_dies_after_a_stage_is_finished_by_the_next(world: Desk, stage: str) -> None:
    """ALL-06, ALL-04: nobody is made twice, and nobody is left out."""
    with pytest.raises(CrashedError):
        world.run(step=crash_after(stage))

    assert world.run().outcome == "done"

    assert len(joined_persons(world)) == 1
    quiet(world)


def test_a_colleague_who_is_faster_than_the_second_run_is_linked(world: Desk) -> None:
    """MG-22: what was sealed and not sent is decided anew."""
    with pytest.raises(CrashedError):
        world.run(step=crash_before("Load"))
    made = world.add_person("By A Colleague", NORA)

    assert world.run().outcome == "done"

    assert [p["id"] for p in joined_persons(world)] == [made]
    quiet(world)


def test_switching_off_after_a_crash_sends_nothing_more(world: Desk) -> None:
    """MG-22: the setting is the last word."""
    with pytest.raises(CrashedError):
        world.run(step=crash_before("Load"))
    del world.wanted["new_subscribers"]

    quiet(world)

    assert joined_persons(world) == []


def test_two_syncs_at_one_moment_make_one_person(world: Desk) -> None:
    """ALL-13: both have planned it; the row claim lets one go, the other links."""
    acme, beta = world.wanted, definition(bots=[], **ON) | {"name": "beta"}
    world.wanted = beta
    world.settle()
    join(world, "both@joined.example")
    for wanted in (acme, beta):
        world.wanted = wanted
        with pytest.raises(CrashedError):
            world.run(step=crash_before("Load"))

    for wanted in (acme, beta):
        world.wanted = wanted
        assert world.run().outcome == "done"

    assert len(joined_persons(world, "both@joined.example")) == 1


@pytest.mark.parametrize("lost", [(), ("history",), ("key",)], ids=["state", "history", "key"])
def test_after_a_lost_state_nobody_is_made_twice(world: Desk, lost: tuple[str, ...]) -> None:
    """ALL-14, MG-22: who was made before is known by its address, or by the history."""
    world.settle()
    join(world, "meanwhile@joined.example")
    lose(world, *lost)

    adopt(world)
    world.run()

    assert len(joined_persons(world)) == 1
    # Only the history can prove that somebody arrived after the import was switched on.
    arrived = joined_persons(world, "meanwhile@joined.example")
    assert len(arrived) == (0 if lost else 1)
    quiet(world)


@pytest.mark.parametrize("lost", [(), ("history",)], ids=["state", "history"])
def test_a_deleted_person_does_not_come_back_after_a_lost_state(
    world: Desk, lost: tuple[str, ...]
) -> None:
    """ALL-14, MG-22"""
    world.settle()
    world.delete_person(joined_persons(world)[0]["id"])
    lose(world, *lost)

    adopt(world)
    quiet(world)

    assert joined_persons(world) == []


def test_a_person_made_twice_beyond_the_horizon_is_found_by_the_audit(world: Desk) -> None:
    """ALL-06: the vendor carries out the first request long after the second."""
    world.fault("late_commit", "pipedrive", PERSONS, method="POST", delay_s=100)
    world.run()
    world.control("clock", advance_s=101)
    assert len(joined_persons(world)) == 2

    outcome = audit(world)

    assert outcome.outcome == "open"
    assert world.ask(OPEN) == [("duplicate", "person")]
    world.delete_person(max(p["id"] for p in joined_persons(world)))
    assert audit(world).outcome == "done"
    assert world.ask(OPEN) == []


@pytest.mark.parametrize("answer", ["is_deleted", "404"])
def test_a_person_that_somebody_deleted_is_told_and_needs_nobody(world: Desk, answer: str) -> None:
    """ALL-06: as for other things we made; it is not made again."""
    world.settle()
    world.assume("pipedrive", "get_deleted_person", answer)
    world.delete_person(joined_persons(world)[0]["id"])
    world.control("clock", advance_s=world.horizon + 3)

    outcome = audit(world)

    assert outcome.outcome == "done", outcome.said
    assert world.ask(OPEN) == [("deleted", "person")]


def test_a_namesake_of_a_colleague_is_no_duplicate_of_ours(world: Desk) -> None:
    """ALL-06: an address alone does not say who made a person."""
    world.settle()
    world.add_person("By A Colleague", NORA)

    assert audit(world).outcome == "done"
    assert world.ask(OPEN) == []
