"""Settings: they converge, and an old body never wins over a new one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from state_moves import claim, confirm, following, sealed, see, send, sendable, stored, unanswered
from state_rows import HORIZON, member

from state import ledger, settings
from state.errors import LeaseLost, WrongState
from state.settings import may_send, value_hash


def test_there_and_back_again_is_three_generations(lease):
    for phone in ("1", "2", "1"):
        confirm(lease, member("c1", phone))
    row = stored(lease)
    assert (row.generation, row.acknowledged_generation, row.acknowledged) == (3, 3, {"PHONE": "1"})


def test_what_was_acknowledged_is_not_planned_again(lease):
    confirm(lease, member("c1"))
    sealed(lease, member("c1"))
    assert sendable(lease) == []
    assert stored(lease).generation == 1


def test_a_foreign_edit_seen_at_the_vendor_is_planned_away(lease, clock):
    confirm(lease, member("c1"))
    newer = following(lease, clock)
    sealed(newer, member("c1", seen_different=True))
    assert [row.generation for row in sendable(newer)] == [2]


def test_sealing_the_same_plan_twice_plans_nothing_twice(lease):
    confirm(lease, member("c1", seen_different=True))
    sealed(lease, member("c1", seen_different=True))
    assert sendable(lease) == []


def test_the_body_of_an_older_plan_is_never_sent(lease, clock):
    sealed(lease, member("c1"), member("c2"))
    newer = following(lease, clock)
    sealed(newer, member("c2"))
    assert [row.subject for row in sendable(newer)] == ["c2"]
    assert settings.withdraw_unwanted(newer) == 1
    assert stored(newer, "c1").state == "withdrawn"


def test_what_a_plan_was_not_about_is_not_withdrawn(lease, clock):
    """MC-02: rows of a flow that is not due, or waits for an approval; `a_b` is not `axb`."""
    for aspect in ("acme/a_b/list", "acme/axb/list", "acme/c/list"):
        sealed(lease, member("c1", aspect=aspect))
    newer = following(lease, clock)
    assert settings.withdraw_unwanted(newer, left_alone=["acme/a_b/", "acme/c/"]) == 1
    assert settings.withdraw_unwanted(newer) == 2


def test_a_row_replanned_since_it_was_read_is_not_won(lease):
    sealed(lease, member("c1", "1"))
    (read,) = sendable(lease)
    sealed(lease, member("c1", "2"))
    assert claim(lease, read) == set()


def test_a_plan_from_an_older_state_of_the_source_lets_go(lease, clock):
    confirm(lease, member("c1", "new", source_updated_at=clock.at))
    sealed(lease, member("c1", "old", source_updated_at=clock.at - timedelta(hours=1)))
    assert stored(lease).desired == {"PHONE": "new"}


def test_until_the_horizon_only_the_body_in_doubt_may_follow_it(lease, clock):
    send(lease, member("c1", "1"))
    settings.unknown(lease, [(member("c1").key, "no answer")])
    settings.observed(lease, [(member("c1").key, {"PHONE": "0"})])
    assert [row.desired for row in sendable(lease)] == [{"PHONE": "1"}]
    sealed(lease, member("c1", "2"))
    assert sendable(lease) == []
    assert settings.waiting_since(lease, "acme") == [clock.at]
    clock.advance(HORIZON.total_seconds())
    (row,) = sendable(lease)
    assert claim(lease, row) == {row.key}


def test_a_look_within_a_horizon_of_another_value_does_not_prove_the_one_before_it(lease, clock):
    """ALL-06: A, then B, then A again without an answer: what shows may be the first A"""
    confirm(lease, member("c1", "A"))
    clock.advance(HORIZON.total_seconds())
    confirm(lease, member("c1", "B"))
    look(lease, clock, "A")
    assert (stored(lease).state, stored(lease).acknowledged) == ("planned", {"PHONE": "B"})
    look(lease, clock, "A")
    assert stored(lease).state == "planned", "what it saw once proves no more the second time"
    clock.advance(HORIZON.total_seconds())
    look(lease, clock, "A")
    assert (stored(lease).state, stored(lease).acknowledged) == ("done", {"PHONE": "A"})


@pytest.mark.parametrize("held", ["A", None])
def test_a_look_proves_a_value_when_what_was_confirmed_surely_shows(lease, clock, held):
    """ALL-06: then nothing older can be meant"""
    if held:
        confirm(lease, member("c1", held))
        clock.advance(HORIZON.total_seconds())
    look(lease, clock, "B")
    assert stored(lease).state == "done"


def look(lease, clock, value):
    """Send a value, get no answer, and see it at the vendor at once."""
    unanswered(lease, value)
    see(lease, clock, value)


def test_a_late_body_is_feared_even_after_the_same_body_was_confirmed(lease, clock):
    send(lease, member("c1", "1"))
    settings.unknown(lease, [(member("c1").key, "no answer")])
    settings.observed(lease, [(member("c1").key, None)])
    confirm(lease, member("c1", "1"))
    sealed(lease, member("c1", "2"))
    row = stored(lease)
    assert not may_send(row, row.desired_hash, clock.at, HORIZON)
    assert may_send(row, value_hash({"PHONE": "1"}), clock.at, HORIZON)
    assert may_send(row, row.desired_hash, clock.at + HORIZON, HORIZON)


def test_what_the_vendor_made_of_a_value_is_kept_until_it_answers_again(lease, clock):
    send(lease, member("c1", " 1 "))
    settings.acknowledged(lease, [(member("c1").key, "m1")], {member("c1").key: {"PHONE": "1"}})
    assert stored(lease).held == {"PHONE": "1"}
    assert stored(lease).acknowledged == {"PHONE": " 1 "}
    confirm(lease, member("c1", "2"))
    assert stored(lease).held == {"PHONE": "1"}, "an answer that shows nothing teaches nothing"


def test_what_others_took_away_during_a_doubt_stays_known(lease):
    """ALL-08: a look that finds nothing must not make us forget that something was there."""
    confirm(lease, member("c1", "1"))
    send(lease, member("c1", "2"))
    settings.unknown(lease, [(member("c1").key, "no answer")])
    settings.observed(lease, [(member("c1").key, None)])
    assert (stored(lease).state, stored(lease).acknowledged) == ("planned", {"PHONE": "1"})
    confirm(lease, member("c1", "2"))
    settings.observed(lease, [(member("c1").key, None)])
    assert stored(lease).acknowledged is None


def test_what_we_may_have_taken_away_ourselves_is_not_missed(lease, clock):
    confirm(lease, member("c1", "1"))
    send(lease, replace(member("c1"), desired=None, verb="delete"))
    newer = following(lease, clock)
    sealed(newer, member("c1", "1"))
    settings.observed(newer, [(member("c1").key, None)])
    assert (stored(newer).state, stored(newer).acknowledged) == ("planned", None)


def test_a_setting_found_as_desired_is_adopted(lease):
    send(lease, member("c1"))
    settings.unknown(lease, [(member("c1").key, "no answer")])
    settings.observed(lease, [(member("c1").key, {"PHONE": "1"})])
    assert stored(lease).state == "done"
    assert ledger.counts(lease).adopted == 1


def test_what_a_look_proves_of_a_doubt_is_kept_as_an_answers_would_be(lease):
    """MC-02: a row that is in no doubt keeps what its answer said."""
    key, proof = member("c1").key, {"phone": {"crm": "1", "engagement": "1"}}
    send(lease, member("c1"))
    settings.unknown(lease, [(key, "no answer")])
    settings.observed(lease, [(key, {"PHONE": "9"})])
    assert stored(lease).held is None
    send(lease, member("c1"))
    settings.unknown(lease, [(key, "no answer")])
    settings.observed(lease, [(key, {"PHONE": "1"})], held={key: proof})
    settings.observed(lease, [(key, {"PHONE": "2"})], held={key: {}})
    assert (stored(lease).state, stored(lease).held) == ("done", proof)


def test_a_look_that_may_be_older_than_an_answer_proves_nothing(lease, clock):
    """ALL-06: A, B, A: what is seen may be the first A."""
    key = member("c1").key
    for phone in ("A", "B"):
        send(lease, member("c1", phone))
        settings.acknowledged(lease, [(key, "")], {key: {"phone": phone}})
    send(lease, member("c1", "A"))
    settings.unknown(lease, [(key, "no answer")])
    seen = [(key, {"PHONE": "A"})]
    settings.observed(lease, seen, shown=clock.at - HORIZON, held={key: {"phone": "A"}})
    assert (stored(lease).state, stored(lease).held) == ("planned", {"phone": "B"})


def test_a_dead_runs_setting_stays_in_doubt_under_the_next_plan(lease, clock):
    send(lease, member("c1", "1"))
    newer = following(lease, clock)
    sealed(newer, member("c1", "2"))
    assert [row.desired for row in settings.doubts(newer)] == [{"PHONE": "2"}]
    assert sendable(newer) == []
    settings.observed(newer, [(member("c1").key, {"PHONE": "1"})])
    assert stored(newer).state == "planned"
    assert sendable(newer) == []
    clock.advance(HORIZON.total_seconds())
    assert [row.desired for row in sendable(newer)] == [{"PHONE": "2"}]


def test_whose_settings_are_in_doubt_is_known_to_those_beside(lease):
    """MC-02: they plan for them another time."""
    send(lease, member("c1"))
    send(lease, member("c2"))
    settings.unknown(lease, [(member("c2").key, "no answer")])
    confirm(lease, member("c3"))
    assert settings.doubtful(lease.state, [lease.sync]) == {"c1", "c2"}
    assert settings.doubtful(lease.state, ["another"]) == set()


def test_other_aspects_of_a_subject_in_doubt_wait(lease):
    sealed(lease, member("c1"), member("c1", aspect="tags"), member("c2", aspect="tags"))
    fields, tags, others = sendable(lease)
    claim(lease, fields)
    settings.unknown(lease, [(fields.key, "no answer")])
    assert claim(lease, tags, others) == {others.key}


def test_looking_at_a_settled_row_only_teaches_what_the_vendor_holds(lease):
    confirm(lease, member("c1"))
    settings.observed(lease, [(member("c1").key, {"PHONE": "9"}), (member("nobody").key, None)])
    assert (stored(lease).state, stored(lease).acknowledged) == ("done", {"PHONE": "9"})
    sealed(lease, member("c1"))
    assert [row.generation for row in sendable(lease)] == [2]


def test_a_refused_setting_is_due_again_when_its_value_changed(lease):
    send(lease, member("c1", "1"))
    settings.refused(lease, [(member("c1").key, "not a number")])
    sealed(lease, member("c1", "1"))
    assert sendable(lease) == []
    sealed(lease, member("c1", "2"))
    assert [row.desired for row in sendable(lease)] == [{"PHONE": "2"}]


def test_what_was_not_processed_is_planned_again(lease):
    send(lease, member("c1"))
    settings.back_to_planned(lease, [member("c1").key])
    assert [row.attempt for row in sendable(lease)] == [0]


def test_settling_what_was_not_sent_is_refused(lease):
    sealed(lease, member("c1"))
    with pytest.raises(WrongState):
        settings.acknowledged(lease, [(member("c1").key, "")])


def test_a_stale_holder_settles_nothing(lease, clock):
    send(lease, member("c1"))
    following(lease, clock)
    with pytest.raises(LeaseLost):
        settings.acknowledged(lease, [(member("c1").key, "")])
    with pytest.raises(LeaseLost):
        settings.observed(lease, [(member("c1").key, {"PHONE": "1"})])
    assert stored(lease).state == "sending"


def test_windows_hold_one_verb_and_come_in_order_of_planning(lease):
    rows = [member(f"c{n}") for n in range(5)]
    sealed(lease, *rows)
    windows = settings.planned(lease, "acme", at=lease.state.now(), horizon=HORIZON, size=2)
    assert [[row.subject for row in each] for each in windows] == [
        ["c0", "c1"],
        ["c2", "c3"],
        ["c4"],
    ]
