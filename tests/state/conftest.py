"""A state in memory, a clock that stands still until told, and a lease that is held."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from state.database import State, open_state
from state.lease import Lease, acquire


class Clock:
    """Time as the test says it is."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


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
