"""A state in memory, a clock that stands still until told, and a lease that is held."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from state_clock import Clock

from state.database import State, open_state
from state.lease import Lease, acquire
from state.schema import metadata


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def migrated() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def state(migrated: State, clock: Clock) -> State:
    """An empty state: emptied rather than opened, since migrating costs more than most tests."""
    with migrated.write() as db:
        for table in reversed(metadata.sorted_tables):
            db.execute(table.delete())
    return replace(migrated, now=clock)


@pytest.fixture
def lease(state: State) -> Lease:
    return acquire(state, "acme", run_id="run-1")
