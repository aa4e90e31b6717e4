"""Horizons grow with what came late, and never twice for the same delay."""

from state import horizons
from state.database import State


def learn(state: State, delay: float, configured: float = 120) -> float | None:
    return horizons.learn(state, "crm", configured=configured, delay=delay, said="note|a")


def test_a_delay_beyond_half_the_horizon_doubles_it_until_it_fits(state: State) -> None:
    assert learn(state, 60) is None
    assert learn(state, 61) == 240
    assert learn(state, 400) == 960
    assert horizons.in_use(state, {"crm": 120, "list": 300}) == {"crm": 960, "list": 300}


def test_the_same_delay_learned_again_changes_nothing(state: State) -> None:
    learn(state, 61)

    assert learn(state, 61) is None


def test_a_horizon_grows_to_an_hour_and_a_longer_configured_one_stays(state: State) -> None:
    assert learn(state, 86_400) == 3600
    assert learn(state, 86_400, configured=7200) is None
    assert horizons.in_use(state, {"crm": 7200}) == {"crm": 7200}
