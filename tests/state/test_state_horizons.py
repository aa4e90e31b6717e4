"""Horizons grow with what came late, and never twice for the same delay."""

from state_clock import Clock

from state import horizons
from state.database import State

DAY = 86_400


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


def test_what_was_learned_lapses_after_thirty_days_without_a_late_write(
    state: State, clock: Clock
) -> None:
    learn(state, 400)
    clock.advance(20 * DAY)
    assert learn(state, 300) is None, "it fits, and keeps the horizon for another 30 days"
    clock.advance(20 * DAY)
    assert horizons.in_use(state, {"crm": 120}) == {"crm": 960}
    clock.advance(11 * DAY)
    assert horizons.in_use(state, {"crm": 120}) == {"crm": 120}
    assert learn(state, 61) == 240, "and it begins anew"


def test_a_late_write_told_every_night_does_not_make_its_horizon_last(
    state: State, clock: Clock
) -> None:
    sent_at = state.now()
    for _ in range(4):
        horizons.learn(state, "crm", configured=120, delay=400, said="note|a", at=sent_at)
        clock.advance(9 * DAY)

    assert horizons.in_use(state, {"crm": 120}) == {"crm": 120}
