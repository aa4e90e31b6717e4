"""Loading against vendors that do as they are told: every family of error, every order."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from state_clock import Clock

from connectors.errors import (
    BadCredentials,
)
from pipelines.load import load, settle_doubts
from state import deeds, lease
from state.deeds import Deed
from state.errors import LeaseLost
from tests.pipelines.load_desk import (
    HORIZON,
    REFUSED,
    STOP,
    UNKNOWN,
    UNSENT,
    LoadDesk,
    activity,
    load_desk,
    next_run,
    note,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Iterator[LoadDesk]:
    with load_desk(clock) as one:
        yield one


# -- deeds


def test_every_planned_deed_is_sent_once_and_keeps_the_vendors_id(desk: LoadDesk) -> None:
    keys = [f"n{i:02}" for i in range(12)]
    desk.seal(*(note(key) for key in keys))

    load(desk.loader())
    load(desk.loader())

    assert desk.notes.sent == keys
    assert desk.told == [1] * len(keys), "one at a time: a horizon runs from the sending"
    done = deeds.by_key(desk.lease.state, "n00")
    assert done is not None
    assert (done.state, done.remote_id) == ("done", "id of n00")


def test_a_refused_deed_is_noted_and_the_others_go_on(desk: LoadDesk) -> None:
    desk.seal(note("a"), note("b"), note("c"))
    desk.notes.will("b", REFUSED)

    load(desk.loader())

    assert desk.deed_states("a", "b", "c") == ["done", "refused", "done"]
    refused = deeds.by_key(desk.lease.state, "b")
    assert refused is not None
    assert "no such person" in refused.said


def test_a_refused_deed_is_tried_again_after_a_day_and_not_before(
    desk: LoadDesk, clock: Clock
) -> None:
    desk.seal(note("a"))
    desk.notes.will("a", REFUSED)
    load(desk.loader())
    load(desk.loader())
    assert desk.notes.sent == ["a"]

    clock.advance(timedelta(days=1).total_seconds())
    load(desk.loader())

    assert desk.notes.sent == ["a", "a"]
    assert desk.deed_states("a") == ["done"]


@pytest.mark.parametrize("why", UNSENT)
def test_a_deed_that_was_not_processed_is_planned_as_if_never_tried(
    desk: LoadDesk, why: str
) -> None:
    desk.seal(note("a"), note("b"))
    desk.notes.will("a", UNSENT[why])

    load(desk.loader())

    assert desk.deed_states("a", "b") == ["planned", "done"]
    planned = deeds.by_key(desk.lease.state, "a")
    assert planned is not None
    assert planned.attempt == 0


def test_when_nothing_later_can_work_the_window_is_settled_in_parts(desk: LoadDesk) -> None:
    desk.seal(*(note(key) for key in ("a", "b", "c", "d", "e")))
    desk.notes.will("b", UNKNOWN)
    desk.notes.will("c", REFUSED)
    desk.notes.will("d", STOP)

    with pytest.raises(BadCredentials):
        load(desk.loader())

    states = ["done", "unknown", "refused", "planned", "planned"]
    assert desk.deed_states("a", "b", "c", "d", "e") == states
    assert desk.notes.sent == ["a", "b", "c", "d"], "nothing was sent after the vendor's no"


def test_only_deeds_of_running_bots_and_of_the_setup_are_sent(desk: LoadDesk) -> None:
    desk.seal(note("running", bot="on"), note("stopped", bot="off"), note("setup"))

    load(desk.loader(bots=["on"]))

    assert desk.deed_states("running", "stopped", "setup") == ["done", "planned", "done"]


def test_only_the_operations_asked_for_are_sent(desk: LoadDesk) -> None:
    desk.seal(note("n"), activity("a", "someone"))

    load(desk.loader(), ["create_activity"])

    assert desk.deed_states("n", "a") == ["planned", "done"]


def test_a_lost_lease_ends_the_run_before_anything_else_is_sent(desk: LoadDesk) -> None:
    keys = [f"n{i:02}" for i in range(8)]
    desk.seal(*(note(key) for key in keys))

    def another_takes_over(deed: Deed) -> None:
        if deed.write_key == "n03":
            lease.release(desk.lease)
            lease.acquire(desk.lease.state, "acme", run_id="run-2")

    desk.notes.before = another_takes_over
    with pytest.raises(LeaseLost):
        load(desk.loader())

    assert desk.notes.sent == keys[:4], "nothing after the lease was lost"


# -- doubts about deeds


def test_what_a_killed_run_was_sending_is_found_and_adopted(desk: LoadDesk, clock: Clock) -> None:
    desk.seal(note("a"))
    deeds.claim(desk.lease, ["a"], clock())
    desk.notes.there["a"] = "id of a"
    next_run(desk)

    assert settle_doubts(desk.loader()) is None
    load(desk.loader())

    assert desk.notes.sent == []
    adopted = deeds.by_key(desk.lease.state, "a")
    assert adopted is not None
    assert (adopted.state, adopted.remote_id, adopted.is_adopted) == ("done", "id of a", True)


def test_an_absent_deed_is_sent_again_only_after_the_horizon(desk: LoadDesk, clock: Clock) -> None:
    desk.seal(note("a"))
    desk.notes.will("a", UNKNOWN)
    load(desk.loader())

    clock.advance(HORIZON.total_seconds() - 1)
    assert settle_doubts(desk.loader()) == 1.0
    load(desk.loader())
    assert desk.notes.sent == ["a"], "too early"

    clock.advance(1)
    assert settle_doubts(desk.loader()) is None
    load(desk.loader())
    assert desk.notes.sent == ["a", "a"]
    assert desk.deed_states("a") == ["done"]


@pytest.mark.parametrize(("looked_after", "delays"), [(0.4, []), (0.6, [0.6])])
def test_what_was_not_there_after_half_the_horizon_and_then_was_is_told_as_late(
    desk: LoadDesk, clock: Clock, looked_after: float, delays: list[float]
) -> None:
    told: list[float] = []
    desk.seal(note("a"))
    desk.notes.will("a", UNKNOWN)
    loader = replace(
        desk.loader(), late=lambda _, __, seconds: told.append(seconds / HORIZON.total_seconds())
    )
    load(loader)
    clock.advance(HORIZON.total_seconds() * looked_after)
    settle_doubts(loader)
    desk.notes.there["a"] = "late"
    clock.advance(HORIZON.total_seconds())

    settle_doubts(loader)

    assert desk.deed_states("a") == ["done"]
    assert told == delays


def test_a_deed_that_arrives_late_within_the_horizon_is_not_doubled(
    desk: LoadDesk, clock: Clock
) -> None:
    desk.seal(note("a"))
    desk.notes.will("a", UNKNOWN)
    load(desk.loader())
    settle_doubts(desk.loader())

    clock.advance(HORIZON.total_seconds() / 2)
    desk.notes.there["a"] = "late"
    assert settle_doubts(desk.loader()) is None
    load(desk.loader())

    assert desk.notes.sent == ["a"]
    assert desk.deed_states("a") == ["done"]


def test_a_doubt_holds_up_only_its_own_subject(desk: LoadDesk) -> None:
    desk.seal(note("ann 1", "ann"), note("bob 1", "bob"))
    desk.notes.will("ann 1", UNKNOWN)
    load(desk.loader())
    desk.seal(note("ann 2", "ann"), activity("ann 3", "ann"), activity("bob 3", "bob"))

    load(desk.loader())

    states = ["unknown", "planned", "planned", "done"]
    assert desk.deed_states("ann 1", "ann 2", "ann 3", "bob 3") == states


def test_a_subject_is_free_again_once_its_doubt_is_settled(desk: LoadDesk) -> None:
    desk.seal(note("ann 1", "ann"))
    desk.notes.will("ann 1", UNKNOWN)
    load(desk.loader())
    desk.seal(activity("ann 2", "ann"))
    desk.notes.there["ann 1"] = "found"

    settle_doubts(desk.loader())
    load(desk.loader())

    assert desk.deed_states("ann 1", "ann 2") == ["done", "done"]


def test_a_look_up_the_vendor_refuses_leaves_one_doubt_and_stops_nobody(desk: LoadDesk) -> None:
    desk.seal(note("a"), note("b"))
    for key in ("a", "b"):
        desk.notes.will(key, UNKNOWN)
        desk.notes.there[key] = "committed"
    load(desk.loader())
    desk.notes.unsearchable = {"a"}

    assert settle_doubts(desk.loader()) is None

    assert desk.deed_states("a", "b") == ["unknown", "done"]


def test_the_shortest_of_several_waits_is_told(desk: LoadDesk, clock: Clock) -> None:
    desk.seal(note("early"))
    desk.notes.will("early", UNKNOWN)
    load(desk.loader())
    clock.advance(100)
    desk.seal(note("late"))
    desk.notes.will("late", UNKNOWN)
    load(desk.loader())

    assert settle_doubts(desk.loader()) == HORIZON.total_seconds() - 100
