"""A state in memory, a clock that stands still until told, and a lease that is held."""

from collections.abc import Iterator

import pytest
from state_clock import Clock

from state.database import State, open_state
from state.lease import Lease, acquire


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> Iterator[State]:
    opened = open_state("sqlite://", now=clock)
    yield opened
    opened.close()


@pytest.fixture
def lease(state: State) -> Lease:
    return acquire(state, "acme", run_id="run-1")
