"""Several writers at once, each on connections of its own: what SQLite's one lock gives for nothing
and PostgreSQL only where a row is locked (docs/decisions/0010-postgresql.md)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest

from state import deeds, ledger
from state.budgets import Budget
from state.database import State, open_state
from state.errors import LeaseHeld, LeaseLost
from state.lease import Lease, acquire, renew

WRITERS, ROUNDS = 4, 12


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def opened(url, clock) -> Iterator[Callable[[], State]]:
    """Another process's look at the one database."""
    all_of_them: list[State] = []

    def another() -> State:
        all_of_them.append(open_state(url, now=clock))
        return all_of_them[-1]

    yield another
    for one in all_of_them:
        one.close()


def at_once(*todo: Callable[[], Any]) -> list[Any]:
    """Do all of them, begun at one moment; what each returned or raised."""
    ready = Barrier(len(todo))

    def begun(one: Callable[[], Any]) -> Any:
        ready.wait(10)
        try:
            return one()
        except (LeaseHeld, LeaseLost) as said:
            return said

    with ThreadPoolExecutor(len(todo)) as pool:
        return [each.result() for each in [pool.submit(begun, one) for one in todo]]


def test_syncs_that_begin_at_once_get_a_sweep_number_each(opened):
    """ALL-13"""
    states = [opened() for _ in range(WRITERS)]
    seen: list[int] = []
    for turn in range(ROUNDS):
        seen += [
            held.fence
            for held in at_once(*(
                lambda state=state, n=n, turn=turn: acquire(state, f"sync-{n}-{turn}", run_id="run")
                for n, state in enumerate(states)
            ))
        ]  # fmt: skip
    assert sorted(seen) == list(range(1, WRITERS * ROUNDS + 1))


def test_of_runs_that_ask_for_one_sync_at_once_one_gets_it(opened):
    """ALL-13"""
    states = [opened() for _ in range(WRITERS)]
    for turn in range(ROUNDS):
        got = at_once(*(
            lambda state=state, n=n, turn=turn: acquire(state, f"sync-{turn}", run_id=f"run-{n}")
            for n, state in enumerate(states)
        ))  # fmt: skip
        assert sorted(type(one).__name__ for one in got) == [
            "Lease",
            *["LeaseHeld"] * (WRITERS - 1),
        ]


def test_two_writers_never_send_to_one_subject_at_once(opened, clock):
    """ALL-06: sweep and window of a sync each have another write of the same contact."""
    for turn in range(ROUNDS):
        sweep, window = (
            acquire(opened(), name, run_id=name) for name in (f"acme-{turn}", f"acme-{turn}:window")
        )
        for held in (sweep, window):
            note = deeds.Deed(f"{held.sync}-note", "crm", "note", "note", f"contact-{turn}", {})
            ledger.seal(held, deeds=[note])
        won = at_once(*(
            lambda held=held: deeds.claim(held, [f"{held.sync}-note"], clock())
            for held in (sweep, window)
        ))  # fmt: skip
        assert sorted(len(one) for one in won) == [0, 1]


def test_a_take_over_waits_for_the_change_under_way_and_ends_the_old_holder(opened, clock):
    """ALL-06: what the old holder has begun to change is whole before the new one looks."""
    old = acquire(opened(), "acme", run_id="old", ttl=timedelta(seconds=60))
    clock.advance(61)
    new_state, is_amid, is_taken, order = opened(), Event(), Event(), []

    def change() -> None:
        with old.changing():
            is_amid.set()
            is_taken.wait(0.3)  # it cannot be: nobody else gets past this change
            order.append("changed")

    def take() -> Lease:
        assert is_amid.wait(10)
        held = acquire(new_state, "acme", run_id="new")
        order.append("taken")
        is_taken.set()
        return held

    _, new = at_once(change, take)
    assert order == ["changed", "taken"]
    assert new.fence == old.fence + 1
    with pytest.raises(LeaseLost):
        renew(old)


def test_processes_together_never_take_more_than_the_burst(opened, clock):
    """ALL-13: the budget of an account is one for all workers."""
    waited: list[float] = []

    class FullError(Exception):
        pass

    def full(seconds: float) -> None:
        waited.append(seconds)
        raise FullError

    def spend(state: State) -> int:
        budget = Budget(state, "crm", day_allowance=100_000, burst=(40, 2.0), share=1.0, sleep=full)
        spent = 0
        try:
            while True:
                budget.spend(1, "read")
                spent += 1
        except FullError:
            return spent

    states = [opened() for _ in range(WRITERS)]
    spent = at_once(*(lambda state=state: spend(state) for state in states))
    assert sum(spent) == 40
    assert len(waited) == WRITERS
