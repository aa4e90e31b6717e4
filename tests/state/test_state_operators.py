"""What operators decide: bots and their lives, guards and their approval."""

from datetime import date

import pytest

from state import bots, guards
from state.bots import BotDefinition
from state.errors import NotAllowed
from state.lease import acquire, release


def warm(**changes):
    more = {
        "confirmed_by": "ann@acme.example",
        "confirmed_on": date(2026, 11, 1),
        "thresholds": {"hot": 3},
    }
    return BotDefinition("warm", {"contacts": "all"}, **{**more, **changes})


@pytest.fixture
def active(state):
    bots.define(state, "acme", [warm()])
    return bots.activate(state, "acme", "warm")


def only(state):
    (bot,) = bots.bots(state, "acme")
    return bot


def sweep(state):
    lease = acquire(state, "acme", run_id="run")
    release(lease)
    return lease.sweep


def end_pauses_in_a_sweep(state):
    lease = acquire(state, "acme", run_id="run")
    bots.end_pauses(lease)
    release(lease)


def test_a_new_bot_does_nothing_until_activated(state):
    bots.define(state, "acme", [warm()])
    assert (only(state).state, only(state).reason) == ("new", "not activated yet")
    assert bots.active_ids(state, "acme") == set()


def test_a_bot_without_the_contacts_agreement_cannot_be_activated(state):
    bots.define(state, "acme", [warm(confirmed_by="")])
    with pytest.raises(NotAllowed, match="agreed to receive"):
        bots.activate(state, "acme", "warm")


def test_who_confirmed_and_when_is_kept(state, active):
    assert (active.confirmed_by, active.confirmed_on) == ("ann@acme.example", date(2026, 11, 1))


def test_a_users_pause_lasts_through_the_first_sweep_after_it(state, active):
    sweep(state)
    bots.pause(state, "acme", "warm", by="user", reason="holidays")
    end_pauses_in_a_sweep(state)
    bots.resume(state, "acme", "warm")
    assert only(state).pauses == ((2, None),)
    end_pauses_in_a_sweep(state)
    assert only(state).pauses == ((2, 4),)
    assert only(state).is_running


def test_a_users_pause_ends_though_the_resumed_bot_finds_its_filter_dead(state, active):
    """MG-18: events of a user's pause do not count, those after it do."""
    sweep(state)
    bots.pause(state, "acme", "warm", by="user", reason="holidays")
    bots.resume(state, "acme", "warm")
    bots.pause(state, "acme", "warm", by="syncline", reason="filter 7 is gone")

    end_pauses_in_a_sweep(state)

    assert only(state).pauses == ((2, 3),)


def test_a_bot_created_again_has_no_pauses_of_its_earlier_life(state, active):
    """MG-18, MG-20: with `all_time` it counts everything there is."""
    sweep(state)
    bots.pause(state, "acme", "warm", by="user", reason="holidays")
    bots.remove(state, "acme", "warm", listed=False)

    bots.define(state, "acme", [warm()])

    assert (only(state).state, only(state).pauses) == ("new", ())


def test_our_own_pause_loses_no_events_and_never_replaces_a_users(state, active):
    bots.pause(state, "acme", "warm", by="syncline", reason="filter 7 is gone")
    assert (only(state).reason, only(state).pauses) == ("filter 7 is gone", ())
    bots.pause(state, "acme", "warm", by="user", reason="holidays")
    bots.pause(state, "acme", "warm", by="syncline", reason="plan limit")
    assert (only(state).paused_by, only(state).reason) == ("user", "holidays")


def test_illegal_lives_are_refused_with_the_state_they_are_in(state, active):
    with pytest.raises(NotAllowed, match="warm is active"):
        bots.resume(state, "acme", "warm")
    with pytest.raises(NotAllowed, match="still listed"):
        bots.remove(state, "acme", "warm", listed=True)
    bots.remove(state, "acme", "warm", listed=False)
    with pytest.raises(NotAllowed, match="warm is deleted"):
        bots.pause(state, "acme", "warm", by="user", reason="")
    with pytest.raises(NotAllowed, match="no 'cold' that ever ran; it has warm"):
        bots.activate(state, "acme", "cold")


def test_a_changed_threshold_counts_from_the_sweep_of_the_edit_on(state, active):
    assert bots.effective_since(state, "acme") == {("warm", "hot"): 0}
    sweep(state)
    bots.define(state, "acme", [warm()])
    assert bots.effective_since(state, "acme") == {("warm", "hot"): 0}
    bots.define(state, "acme", [warm(thresholds={"hot": 5})])
    assert bots.effective_since(state, "acme") == {("warm", "hot"): 1}
    assert only(state).state == "active"


def test_an_approval_names_the_keys_and_lasts_a_day(state, lease, clock):
    stored = guards.store(lease, ["25 deletes of 100"], ["b", "a"])
    assert guards.approved_keys(state, "acme") is None
    guards.approve(state, sync="acme", by="ann")
    guard, keys = guards.approved_keys(state, "acme")
    assert (guard.guard_id, guard.approved_by, keys) == (stored.guard_id, "ann", {"a", "b"})
    clock.advance(86_400)
    assert guards.approved_keys(state, "acme") is None


def test_an_approval_is_used_once(state, lease):
    stored = guards.store(lease, ["first activation"], ["a"])
    guards.approve(state, guard_id=stored.guard_id, by="ann")
    guards.spend(lease, stored.guard_id)
    assert guards.approved_keys(state, "acme") is None
    with pytest.raises(NotAllowed, match="carried out already"):
        guards.approve(state, guard_id=stored.guard_id, by="ann")


def test_a_newer_guarded_run_needs_an_approval_of_its_own(state, lease, clock):
    guards.store(lease, ["first"], ["a"])
    guards.approve(state, sync="acme", by="ann")
    clock.advance(1)
    guards.store(lease, ["second"], ["a", "b"])
    assert guards.approved_keys(state, "acme") is None


def test_a_hundred_thousand_keys_fit(state, lease):
    keys = {f"note|acme|news|c{n:016x}|7|open" for n in range(100_000)}
    stored = guards.store(lease, ["notes over the limit"], keys)
    assert stored.wanted_count == 100_000
    assert guards.wanted_keys(state, stored.guard_id) == keys
