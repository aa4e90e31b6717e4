"""Settings that no plan wants any more, and whose last body may still come."""

from state_moves import confirm, following, sealed, see, sendable, stored, unanswered
from state_rows import HORIZON, member

from state import settings
from state.lease import acquire, release
from state.settings import value_hash


def asked_back(lease, clock):
    """A confirmed; B sent without an answer and not to be seen yet; A wanted again."""
    confirm(lease, member("c1", "A"))
    clock.advance(HORIZON.total_seconds())
    unanswered(lease, "B")
    see(lease, clock, "A")
    return following(lease, clock)


def test_what_no_plan_wants_any_more_and_may_still_arrive_is_in_doubt_again(lease, clock):
    """ALL-06: a plan that finds A has nothing to write, and B comes after it."""
    newer = asked_back(lease, clock)
    assert settings.withdraw_unwanted(newer) == 0
    assert (stored(newer).state, stored(newer).sending_hash) == (
        "unknown",
        value_hash({"PHONE": "B"}),
    )
    assert settings.doubts(newer) == [], "the plan of this run is made: the next one looks"

    third = following(newer, clock)
    assert [row.subject for row in settings.doubts(third)] == ["c1"]
    see(third, clock, "B")
    assert (stored(third).state, stored(third).acknowledged) == ("done", {"PHONE": "B"})
    sealed(third, member("c1", "A"))
    clock.advance(HORIZON.total_seconds())
    assert [row.desired for row in sendable(third)] == [{"PHONE": "A"}]


def test_a_look_too_soon_leaves_in_doubt_what_no_plan_wants(lease, clock):
    """ALL-06"""
    newer = asked_back(lease, clock)
    settings.withdraw_unwanted(newer)
    third = acquire_at_once(newer)
    see(third, clock, "A")
    assert stored(third).state == "unknown"
    assert settings.doubts(third) == [], "once a run is enough"


def test_a_look_after_the_horizon_ends_the_doubt_and_the_row_is_withdrawn(lease, clock):
    """ALL-06"""
    newer = asked_back(lease, clock)
    settings.withdraw_unwanted(newer)
    clock.advance(HORIZON.total_seconds())
    third = following(newer, clock)
    see(third, clock, "A")
    assert (stored(third).state, stored(third).acknowledged) == ("planned", {"PHONE": "A"})
    assert settings.withdraw_unwanted(third) == 1
    assert stored(third).doubt_at is not None, "the audit still asks what was in doubt"


def test_a_run_that_died_between_its_look_and_its_plan_leaves_the_look_to_the_next(lease, clock):
    """ALL-06"""
    newer = asked_back(lease, clock)
    assert [row.subject for row in settings.doubts(newer)] == ["c1"]
    clock.advance(HORIZON.total_seconds())
    see(newer, clock, "A")
    assert settings.doubts(newer) == []
    assert settings.withdraw_unwanted(newer) == 1


def test_what_may_still_arrive_is_not_let_go_before_there_is_a_new_plan(lease, clock):
    """ALL-06"""
    newer = asked_back(lease, clock)
    sealed(newer, member("c2"))
    third = following(newer, clock)
    assert settings.let_go(third) == 1
    assert (stored(third, "c2").state, stored(third).state) == ("withdrawn", "planned")


def test_what_is_wanted_is_not_there_to_stay_while_another_body_may_arrive(lease, clock):
    """ALL-06: the doubt is planned anew before anybody looked; the look shows what is wanted now."""
    confirm(lease, member("c1", "A"))
    clock.advance(HORIZON.total_seconds())
    unanswered(lease, "B")
    sealed(lease, member("c1", "A"))
    see(lease, clock, "A")
    assert stored(lease).state == "planned"
    assert sendable(lease) == []
    clock.advance(HORIZON.total_seconds())
    assert [row.desired for row in sendable(lease)] == [{"PHONE": "A"}]


def acquire_at_once(lease):
    release(lease)
    return acquire(lease.state, lease.sync, run_id=f"run-{lease.fence + 1}")
