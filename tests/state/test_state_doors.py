"""What a listener leaves for others to see: one row each, whoever knocks however often."""

from datetime import timedelta
from pathlib import Path

from state_clock import Clock

from state import doors
from state.database import State
from state.inbox import Inbox

DAY = timedelta(days=1)


def test_refusals_add_up_until_a_week_is_quiet(state: State, clock: Clock) -> None:
    """ALL-12: who knocked last month is no news"""
    began = clock.at
    doors.count_refused(state, "acme:listen", 3)
    clock.at += 6 * DAY
    doors.count_refused(state, "acme:listen", 1)
    assert doors.refused(state, "acme:listen") == doors.Refused(4, began, clock.at)
    assert doors.refused(state, "other:listen") is None
    clock.at += 7 * DAY
    assert doors.refused(state, "acme:listen") is None
    doors.count_refused(state, "acme:listen", 2)
    assert doors.refused(state, "acme:listen") == doors.Refused(2, clock.at, clock.at)


def test_how_the_webhook_stands_is_dated_when_it_changes(state: State, clock: Clock) -> None:
    """ALL-12"""
    began = clock.at
    doors.note_webhook(state, "acme:listen", "")
    clock.at += DAY
    doors.note_webhook(state, "acme:listen", "")
    assert doors.webhook(state, "acme:listen") == doors.Standing("", began)
    doors.note_webhook(state, "acme:listen", "refused")
    assert doors.webhook(state, "acme:listen") == doors.Standing("refused", clock.at)
    doors.forget(state, "acme:listen")
    assert doors.webhook(state, "acme:listen") is None


def test_deliveries_older_than_a_week_are_dropped_whosever_they_are(
    tmp_path: Path, clock: Clock
) -> None:
    """ALL-11, ALL-12: they hold addresses; a deleted sync's go at once"""
    inbox = Inbox(tmp_path, now=clock)
    inbox.put("acme", "m", b"ann@x.lv")
    inbox.put("gone", "m", b"bob@x.lv")
    clock.at += 7 * DAY
    inbox.put("acme", "m", b"new")
    assert inbox.drop_old() == {}
    clock.at += timedelta(seconds=1)
    assert inbox.drop_old() == {"acme": 1, "gone": 1}
    assert inbox.counts() == {"acme": 1}
    assert (inbox.forget("acme"), inbox.forget("acme")) == (1, 0)
    inbox.close()
    file = (tmp_path / "inbox.db").read_bytes()
    assert b"ann@x.lv" not in file
    assert b"bob@x.lv" not in file
