"""A run that dies between two stages; the next one finishes it, and nothing happens twice."""

import pytest

from tests.pipelines.mailigen_pipedrive.desk import CrashedError, Desk, crash_after, crash_before

STAGES = (
    "Stage",  # opt-outs are in state, nothing in history
    "Resolve contacts",  # identity is in state, the events are not in history
    "Remember engagement",  # the events are in history, nothing is planned
    "Ask the guards",  # planned, not sealed
    "Seal the plan",  # sealed with its cursors, nothing sent
    "Load",  # everything sent
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_dies_after_a_stage_is_finished_by_the_next(desk: Desk, stage: str) -> None:
    """ALL-06, ALL-04: each happening counts once, whichever run saw it first."""
    person, email = desk.person(on_list=True)
    desk.edit(person, first_name="Renamed")
    desk.play("open", email)
    desk.play("click", email, times=2)
    desk.effects()
    with pytest.raises(CrashedError):
        desk.run(step=crash_after(stage))

    outcome = desk.run()

    assert outcome.outcome == "done", outcome.said
    kinds = ("activities", "deals", "notes")
    assert [len(desk.ours(kind, person)) for kind in kinds] == [1, 1, 1]
    member = desk.member(email)
    assert member is not None
    assert member["merges"]["FNAME"] == "Renamed"
    assert len(desk.effects()) == 4, "a member, an activity, a deal and a note"
    seen = desk.ask(
        "SELECT kind, sum(times) FROM history.events "
        f"WHERE email = '{email.lower()}' AND sweep > 1 GROUP BY ALL ORDER BY ALL"
    )
    assert seen == [("click", 2), ("open", 1)]


def test_dying_twice_in_a_row_is_no_different(desk: Desk) -> None:
    """ALL-06: the recovery dies too."""
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    for step in (crash_after("Seal the plan"), crash_before("Load")):
        with pytest.raises(CrashedError):
            desk.run(step=step)

    assert desk.run().outcome == "done"

    assert [len(desk.ours(kind, person)) for kind in ("activities", "notes")] == [1, 1]


def test_a_happening_between_the_crash_and_the_next_run_counts_too(desk: Desk) -> None:
    """MG-18"""
    person, email = desk.person(on_list=True)
    desk.play("click", email)
    with pytest.raises(CrashedError):
        desk.run(step=crash_after("Remember engagement"))
    desk.play("click", email)

    assert desk.run().outcome == "done"

    assert len(desk.ours("deals", person)) == 1
