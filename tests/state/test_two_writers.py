"""A sweep and a real-time window of one sync write side by side, each under its own lease."""

from dataclasses import replace

import pytest
from state_rows import HORIZON, member, note

from state import deeds, ledger, settings
from state.lease import acquire, release


@pytest.fixture
def window(lease):
    return acquire(lease.state, f"{lease.sync}:window", run_id="window-1")


def sealed(writer, *rows):
    ledger.seal(writer, settings=rows)


def sendable(writer):
    windows = settings.planned(writer, "acme", at=writer.state.now(), horizon=HORIZON)
    return [row for part in windows for row in part]


def claim(writer, *rows):
    return settings.claim(writer, rows, writer.state.now(), HORIZON)


def stored(lease, row):
    return settings.by_key(lease.state, row.key)


def test_a_setting_belongs_to_whoever_planned_it_last(lease, window):
    """ALL-06: what the sweep wrote once a window may write again, and the other way round."""
    for writer, value in ((lease, "1"), (window, "2"), (lease, "3")):
        sealed(writer, member("c1", value))
        (row,) = sendable(writer)
        claim(writer, row)
        settings.acknowledged(writer, [(row.key, "")])
    assert stored(lease, member("c1")).acknowledged == {"PHONE": "3"}


def test_what_another_writer_has_on_its_way_is_not_planned_over(lease, window):
    """ALL-06: its acknowledgement must name the body that was sent."""
    sealed(window, member("c1", "A"))
    claim(window, *sendable(window))
    sealed(lease, member("c1", "B"))
    settings.acknowledged(window, [(member("c1").key, "")])
    assert stored(lease, member("c1")).acknowledged == {"PHONE": "A"}
    sealed(lease, member("c1", "B"))
    assert [row.desired for row in sendable(lease)] == [{"PHONE": "B"}], "the next plan comes again"


def test_what_another_writer_has_in_doubt_is_not_planned_over(lease, window):
    sealed(window, member("c1", "A"))
    claim(window, *sendable(window))
    settings.unknown(window, [(member("c1").key, "no answer")])
    sealed(lease, member("c1", "B"))
    assert sendable(lease) == []
    settings.observed(lease, [(member("c1").key, {"PHONE": "A"})])
    assert stored(lease, member("c1")).state == "unknown", "its own writer looks it up"
    settings.observed(window, [(member("c1").key, {"PHONE": "A"})])
    assert stored(lease, member("c1")).state == "done"


@pytest.mark.parametrize("first", ["sweep", "window"])
def test_no_subject_has_two_writes_under_way(lease, window, first):
    """ALL-06: whichever of the two writers began later."""
    one, other = (lease, window) if first == "sweep" else (window, lease)
    sealed(one, member("c1", "A"))
    sealed(other, replace(member("c1", "B"), aspect="tag"))
    claim(one, *sendable(one))
    assert claim(other, *sendable(other)) == set()
    settings.acknowledged(one, [(member("c1").key, "")])
    assert len(claim(other, *sendable(other))) == 1


def test_a_plan_from_an_older_reading_lets_go(lease, window, clock):
    """ALL-06: `source_updated_at` is when the source was read, by our clock."""
    began = lease.state.now()
    clock.advance(5)
    sealed(window, replace(member("c1", "new"), source_updated_at=lease.state.now()))
    row = sendable(window)[0]
    claim(window, row)
    settings.acknowledged(window, [(row.key, "")])
    sealed(lease, replace(member("c1", "old"), source_updated_at=began))
    assert sendable(lease) == []
    assert stored(lease, row).acknowledged == {"PHONE": "new"}


def test_what_another_writer_sent_since_the_reading_is_not_sent_again(lease, window, clock):
    """ALL-06: the value it sees different from is the one before that write"""
    read_at = clock()
    clock.advance(1)
    sealed(lease, member("c1", "A"))
    claim(lease, *sendable(lease))
    settings.acknowledged(lease, [(member("c1").key, "")])
    late = replace(member("c1", "A"), seen_different=True, source_updated_at=read_at)
    sealed(window, late)
    assert sendable(window) == []
    clock.advance(1)
    sealed(window, replace(late, source_updated_at=clock()))
    assert [row.desired for row in sendable(window)] == [{"PHONE": "A"}], "somebody changed it back"


def test_a_deed_that_a_window_left_unsent_is_sent_by_the_sweep(lease, window):
    """ALL-06: a window that died before it sent loses nothing."""
    ledger.seal(window, deeds=[note("a")])
    release(window)
    ledger.seal(lease, deeds=[note("a")])
    due = deeds.planned(lease.state, lease.sync, bots=[""], at=lease.state.now())
    assert [[deed.write_key for deed in part] for part in due] == [["a"]]


def test_a_refused_deed_passes_with_its_tries(lease, window):
    ledger.seal(window, deeds=[note("a")])
    deeds.claim(window, ["a"], lease.state.now())
    deeds.refused(window, [("a", "no such person")])
    ledger.seal(lease, deeds=[note("a")])
    taken = deeds.by_key(lease.state, "a")
    assert (taken.state, taken.tries, taken.said) == ("refused", 1, "no such person")


def test_a_deed_on_its_way_stays_with_its_writer(lease, window):
    ledger.seal(window, deeds=[note("a")])
    deeds.claim(window, ["a"], lease.state.now())
    ledger.seal(lease, deeds=[note("a")])
    assert deeds.doubts(lease) == []
    deeds.done(window, [("a", "7")])
    assert deeds.by_key(lease.state, "a").state == "done"
