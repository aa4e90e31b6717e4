"""A storm of webhooks at a real listener: what was acknowledged is there, also after SIGKILL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox.server
from bench.house import House
from bench.storm import LEAVERS, Found, Storm, built, play
from state import consent
from state.database import open_state
from state.inbox import Inbox

pytestmark = pytest.mark.slow


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A sync whose first run is over, and its sandbox."""
    with sandbox.server.start(port=0, people=20) as running:
        found = built(running.url, tmp_path)
        assert found.run() == 0
        yield found


def leavers_of(found: Found) -> list[str]:
    """Whose leaving was acknowledged."""
    return [
        f"storm-{one.number}@example.org" for one in found.acknowledged if one.number % LEAVERS == 0
    ]


@pytest.mark.slow
def test_what_was_acknowledged_before_and_after_a_kill_is_stored_and_acted_on(house: House) -> None:
    """ALL-12, ALL-08: killed while deliveries are on their way; no time is asserted"""
    found = play(house, Storm(per_second=60, seconds=4.0, kills_at=2.0))

    assert len(found.acknowledged) > 60
    assert found.lost == 0
    assert {one.status for one in found.answers} <= {200, 503, 0}, (
        "whoever is not 200 may try again"
    )
    assert house.run() == 0
    inbox = Inbox(house.home)
    assert list(inbox.unread(["storm"])) == []
    inbox.close()
    state = open_state(f"sqlite:///{house.home / 'state.db'}")
    left, key = leavers_of(found), consent.read_key(house.home)
    barred = consent.in_force(state, "engagement", left, key=key)
    state.close()
    assert left
    assert len(barred) == len(left)
