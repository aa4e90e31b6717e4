"""Deeds: each happens once, whatever dies in between."""

from datetime import timedelta

import pytest
from state_rows import HORIZON, note

from state import cursors, deeds, identity, ledger
from state.cursors import Cursor
from state.errors import LeaseLost, TooEarly, WrongState
from state.identity import Changes
from state.lease import acquire


def sealed(lease, *rows):
    ledger.seal(lease, deeds=rows)


def due(lease, *, bots=(), **more):
    windows = deeds.planned(lease.state, lease.sync, bots=bots, at=lease.state.now(), **more)
    return [[deed.write_key for deed in window] for window in windows]


def sending(lease, *keys):
    """Seal and claim deeds as a run does right before the request leaves."""
    sealed(lease, *(note(key) for key in keys))
    assert deeds.claim(lease, keys, lease.state.now()) == set(keys)


def state_of(lease, key):
    return deeds.by_key(lease.state, key).state


def following(lease, clock):
    """The run after one that died without a word."""
    clock.advance(61)
    return acquire(lease.state, lease.sync, run_id=f"run-{lease.fence + 1}")


def test_deeds_come_in_order_of_planning_and_grouped_by_operation(lease):
    deal = deeds.Deed("deal-1", "acme", "deal", "deal", "c9", {})
    sealed(lease, note("b"), deal, note("a"), note("c"))
    assert due(lease, size=2) == [["b", "a"], ["c"], ["deal-1"]]


def test_deeds_of_bots_that_are_not_active_wait(lease):
    sealed(lease, note("one", bot="warm"), note("two", bot="cold"), note("set-up"))
    assert due(lease, bots=["warm"]) == [["one", "set-up"]]


def test_sealing_a_known_deed_again_changes_nothing(lease, clock):
    sending(lease, "a")
    deeds.done(lease, [("a", "7")])
    sealed(following(lease, clock), note("a", body={"content": "other words"}))
    deed = deeds.by_key(lease.state, "a")
    assert (deed.state, deed.remote_id, deed.body) == ("done", "7", {"content": "a"})


def test_the_cursor_moves_with_the_last_chunk_or_not_at_all(lease, clock):
    def plan():
        yield note("a")
        clock.advance(61)
        acquire(lease.state, "acme", run_id="run-2")
        yield note("b")

    with pytest.raises(LeaseLost):
        ledger.seal(lease, deeds=plan(), moved=[Cursor("persons", 9, "g")], chunk=1)
    assert state_of(lease, "a") == "planned"
    assert deeds.by_key(lease.state, "b") is None
    assert cursors.read(lease.state, "acme", "persons", "g") is None


def test_a_cursor_of_another_work_file_means_a_full_read(lease):
    ledger.seal(lease, moved=[Cursor("persons", {"since": 9}, "file-1")])
    assert cursors.read(lease.state, "acme", "persons", "file-1") == {"since": 9}
    assert cursors.read(lease.state, "acme", "persons", "file-2") is None


def test_a_deed_is_claimed_once(lease):
    sending(lease, "a")
    assert deeds.claim(lease, ["a"], lease.state.now()) == set()


def test_a_stale_holder_neither_claims_nor_settles(lease, clock):
    sending(lease, "a")
    sealed(lease, note("b"))
    following(lease, clock)
    for change in (
        lambda: deeds.claim(lease, ["b"], lease.state.now()),
        lambda: deeds.done(lease, [("a", "7")]),
        lambda: deeds.refused(lease, [("a", "no")]),
        lambda: deeds.unknown(lease, [("a", "cut")]),
        lambda: deeds.back_to_planned(lease, ["a"]),
    ):
        with pytest.raises(LeaseLost):
            change()
    assert (state_of(lease, "a"), state_of(lease, "b")) == ("sending", "planned")


def test_a_window_in_which_one_row_cannot_move_stays_whole_as_it_was(lease):
    sending(lease, "a")
    sealed(lease, note("b"))
    with pytest.raises(WrongState, match="2 rows cannot become done"):
        deeds.done(lease, [("a", "7"), ("b", "8")])
    assert (state_of(lease, "a"), state_of(lease, "b")) == ("sending", "planned")


def test_a_confirmed_deed_is_linked_to_its_contact_in_the_same_commit(lease):
    ann = identity.contact_id("crm", "71", 1)
    changes = Changes(contacts=[(ann, "71", "ann@x.lv")], links=[("71", ann, "new")])
    identity.remember(lease, "crm", changes)
    sealed(lease, note("a", subject=ann), note("of-nobody"))
    deeds.claim(lease, ["a", "of-nobody"], lease.state.now())
    deeds.done(lease, [("a", "700"), ("of-nobody", "701")])
    links = identity.read_links(lease.state, "crm").select(
        ["object", "remote_id", "contact_id", "origin"]
    )
    assert links.sort_by("object").to_pylist() == [
        {"object": "note", "remote_id": "700", "contact_id": ann, "origin": "ours"},
        {"object": "person", "remote_id": "71", "contact_id": ann, "origin": "theirs"},
    ]


def test_a_dead_runs_sending_deed_is_a_doubt_of_the_next_run(lease, clock):
    sending(lease, "a")
    assert deeds.doubts(lease) == []
    newer = following(lease, clock)
    assert [deed.write_key for deed in deeds.doubts(newer)] == ["a"]
    deeds.found(newer, [("a", "7")])
    deed = deeds.by_key(lease.state, "a")
    assert (deed.state, deed.remote_id, deed.is_adopted) == ("done", "7", True)
    assert ledger.counts(newer).adopted == 1


def test_absence_counts_only_after_the_horizon(lease, clock):
    sending(lease, "a")
    deeds.unknown(lease, [("a", "no answer")])
    with pytest.raises(TooEarly) as caught:
        deeds.absent(lease, "a", at=clock.advance(100), horizon=HORIZON)
    assert caught.value.wait_seconds == 200
    assert state_of(lease, "a") == "unknown"
    deeds.absent(lease, "a", at=clock.advance(200), horizon=HORIZON)
    assert state_of(lease, "a") == "planned"


def test_a_deed_sent_again_keeps_its_marker_and_counts_as_resent(lease, clock):
    sending(lease, "a")
    marker = deeds.by_key(lease.state, "a").marker
    deeds.unknown(lease, [("a", "no answer")])
    deeds.absent(lease, "a", at=clock.advance(300), horizon=HORIZON)
    deeds.claim(lease, ["a"], clock.at)
    deeds.done(lease, [("a", "7")])
    assert deeds.by_key(lease.state, "a").marker == marker
    counts = ledger.counts(lease)
    assert (counts.intents, counts.done, counts.resent, counts.adopted) == (1, 1, 1, 0)


def test_while_a_deed_is_in_doubt_nothing_else_goes_to_its_subject(lease):
    sealed(lease, note("a", subject="c1"), note("b", subject="c1"), note("c", subject="c2"))
    deeds.claim(lease, ["a"], lease.state.now())
    deeds.unknown(lease, [("a", "no answer")])
    assert deeds.claim(lease, ["b", "c"], lease.state.now()) == {"c"}
    deeds.found(lease, [("a", "7")])
    assert deeds.claim(lease, ["b"], lease.state.now()) == {"b"}


def test_what_was_not_processed_is_planned_again_and_no_resend(lease):
    sending(lease, "a")
    deeds.back_to_planned(lease, ["a"])
    assert due(lease) == [["a"]]
    deeds.claim(lease, ["a"], lease.state.now())
    deeds.done(lease, [("a", "7")])
    assert ledger.counts(lease).resent == 0


def test_a_refused_deed_is_tried_daily_and_seven_times_at_most(lease, clock):
    sending(lease, "a")
    for tries in range(1, 8):
        deeds.refused(lease, [("a", "person is archived")])
        assert due(lease) == []
        clock.advance(timedelta(days=1).total_seconds())
        assert deeds.by_key(lease.state, "a").tries == tries
        assert bool(deeds.claim(lease, ["a"], clock.at)) == (tries < 7)
    assert state_of(lease, "a") == "refused"


def test_a_refused_deed_is_due_at_once_when_its_body_changed(lease):
    sending(lease, "a")
    deeds.refused(lease, [("a", "too long")])
    sealed(lease, note("a"))
    assert due(lease) == []
    sealed(lease, note("a", body={"content": "shorter"}))
    assert due(lease) == [["a"]]
    assert deeds.by_key(lease.state, "a").tries == 0


def test_a_retry_on_request_gives_the_tries_back(lease):
    sending(lease, "a")
    deeds.refused(lease, [("a", "no")])
    assert deeds.retry(lease, ["a", "unheard of"]) == 1
    assert due(lease) == [["a"]]


def test_a_paused_bots_unsent_deeds_are_withdrawn_and_planned_when_wanted_again(lease):
    sealed(lease, note("a", bot="warm"), note("b", bot="warm"), note("c", bot="other"))
    deeds.claim(lease, ["b"], lease.state.now())
    assert deeds.withdraw(lease, ["warm"], why="paused by ann") == 1
    assert [state_of(lease, key) for key in "abc"] == ["withdrawn", "sending", "planned"]
    sealed(lease, note("a", bot="warm"))
    assert state_of(lease, "a") == "planned"
