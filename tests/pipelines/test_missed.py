"""Scheduled runs that did not happen: found by state and clock alone."""

from collections.abc import Iterator

import pytest
from state_clock import Clock

from pipelines.definition import Schedule, Scheduled
from pipelines.missed import Gap, find
from state import bots, lease, runs, schedules
from state.bots import BotDefinition
from state.database import State, open_state

QUARTER, HOUR, DAY = 900, 3600, 86_400
EVERY_15M = {"every": "15m", "cron": None, "timezone": None}
ACME = Scheduled("acme", "", Schedule.model_validate(EVERY_15M))
FLOW = ACME._replace(part="customers")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> Iterator[State]:
    opened = open_state("sqlite://", now=clock)
    yield opened
    opened.close()


def run(state: State, clock: Clock, *, seconds: float = 60, ends: bool = True) -> None:
    """A run of the sync, or one that dies and whose lease has ended since."""
    held = lease.acquire(state, "acme", run_id=f"run-{clock.at:%d%H%M%S}")
    runs.start(held)
    clock.advance(seconds)
    if ends:
        runs.finish(held, outcome="done", exit_code=0, counts={})
    lease.release(held)


def missed(state: State) -> int:
    gap = find(state, ACME)
    return gap.missed if gap else 0


def test_runs_that_were_due_since_the_last_one_ended_are_missed(state: State, clock: Clock) -> None:
    """ALL-04: one alone is not told, and the newest is the one that asks"""
    schedules.note_deployed(state, "acme", EVERY_15M)
    run(state, clock)
    ended = clock.at
    found = []
    for _ in range(4):
        clock.advance(QUARTER)
        found.append(missed(state))
    assert found == [0, 0, 2, 3]
    assert find(state, ACME) == Gap(3, ended)
    run(state, clock)
    assert missed(state) == 0


def test_a_sync_that_is_not_deployed_misses_nothing(state: State, clock: Clock) -> None:
    """ALL-04"""
    run(state, clock)
    clock.advance(DAY)
    assert missed(state) == 0
    schedules.note_deployed(state, "acme", EVERY_15M)
    assert missed(state) == 0
    clock.advance(HOUR)
    assert missed(state) == 3
    schedules.forget_deployed(state, "acme")
    assert missed(state) == 0


def test_another_schedule_counts_from_its_deploy_and_the_same_one_from_its_first(
    state: State, clock: Clock
) -> None:
    """ALL-04"""
    schedules.note_deployed(state, "acme", EVERY_15M | {"every": "1d"})
    run(state, clock)
    clock.advance(20 * HOUR)
    schedules.note_deployed(state, "acme", EVERY_15M)
    assert missed(state) == 0
    clock.advance(HOUR)
    schedules.note_deployed(state, "acme", EVERY_15M)
    assert missed(state) == 3


def test_runs_that_found_the_sync_held_came_and_are_not_missed(state: State, clock: Clock) -> None:
    """ALL-04: nor is the time of the run that holds it"""
    schedules.note_deployed(state, "acme", EVERY_15M)
    run(state, clock)
    held = lease.acquire(state, "acme", run_id="long")
    for _ in range(12):
        clock.advance(QUARTER)
        lease.renew(held)
        schedules.note_held(state, "acme")
        assert missed(state) == 0
    lease.release(held)
    assert missed(state) == 0
    clock.advance(HOUR)
    assert missed(state) == 3


def test_a_run_that_died_did_not_end(state: State, clock: Clock) -> None:
    """ALL-04: killed every time is as good as never begun"""
    schedules.note_deployed(state, "acme", EVERY_15M)
    run(state, clock)
    for _ in range(4):
        clock.advance(QUARTER)
        run(state, clock, seconds=0, ends=False)
    assert missed(state) == 3


def test_a_sync_whose_bots_a_user_paused_is_not_missed(state: State, clock: Clock) -> None:
    """ALL-04, MG-20"""
    schedules.note_deployed(state, "acme", EVERY_15M)
    run(state, clock)
    wanted = BotDefinition("customers", {}, "ann", clock.at.date(), {})
    bots.define(state, "acme", [wanted], last_sweep=1)
    bots.activate(state, "acme", "customers")
    clock.advance(DAY)
    assert missed(state) == 95
    bots.pause(state, "acme", "customers", by="syncline", reason="its filter is dead")
    assert missed(state) == 95
    bots.resume(state, "acme", "customers")
    bots.pause(state, "acme", "customers", by="user", reason="holidays")
    assert missed(state) == 0


def test_a_clock_that_went_back_misses_nothing(state: State, clock: Clock) -> None:
    """ALL-04"""
    schedules.note_deployed(state, "acme", EVERY_15M)
    run(state, clock)
    clock.advance(-DAY)
    assert missed(state) == 0


def test_a_cron_line_is_missed_by_its_own_moments(state: State, clock: Clock) -> None:
    """ALL-04: from Friday evening to Monday morning none is due"""
    clock.advance(4 * DAY)  # Friday, eight o'clock in UTC
    wanted = {"every": None, "cron": "0 7,9 * * 1-5", "timezone": "Europe/Riga"}
    schedules.note_deployed(state, "acme", wanted)
    run(state, clock)
    clock.advance(3 * DAY)  # Monday, ten o'clock in Riga
    assert missed(state) == 0
    clock.advance(DAY)
    assert missed(state) == 3


def test_a_flow_misses_its_own_runs_whichever_run_served_it(state: State, clock: Clock) -> None:
    """ALL-04, MC-02: runs for other flows are none of its own; one that dealt with it is."""
    run(state, clock)
    schedules.note_served(state, FLOW.name, clock.at, waits=False)
    schedules.note_deployed(state, FLOW.name, EVERY_15M)
    clock.advance(HOUR)
    run(state, clock)
    gap = find(state, FLOW)
    assert gap is not None
    assert gap.missed == 3
    schedules.note_served(state, FLOW.name, clock.at, waits=True)
    assert find(state, FLOW) is None
