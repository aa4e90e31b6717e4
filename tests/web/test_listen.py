"""The loop: what is stored is taken in, rings, and is dismissed by the run that answers it."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from state.inbox import Arrived, Inbox
from web.listen import Listener, Woken
from web.receiver import Source
from web.windows import Ending, Windows

ACME = Source("acme", "m", lambda _body, _headers: True)


class AtOnce(Executor):
    """A worker that has done its work before anybody waits for it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        result: Future[Any] = Future()
        result.set_result(fn(*args, **kwargs))
        return result


class Later(Executor):
    """A worker that works when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Callable[[], Any], Future[Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.asked.append((partial(fn, *args, **kwargs), Future()))
        return self.asked[-1][1]

    def work(self) -> None:
        (work, result), self.asked = self.asked[0], self.asked[1:]
        result.set_result(work())


class Acme:
    """A sync that notes what is asked of it."""

    name = "acme"

    def __init__(self) -> None:
        self.done: list[str] = []
        self.ending: Ending = "answered"
        self.held_by = ""
        self.takes: str | None = ""
        self.meanwhile: Callable[[], object] = lambda: None
        self.edited, self.is_listed = False, True
        self.counted: list[int] = []
        self.is_owed_a_run = self.is_waited_for = False

    def is_edited(self) -> bool:
        return self.edited

    def refused(self, count: int) -> None:
        self.counted.append(count)

    def close(self) -> None:
        self.done.append("closed")

    def missed(self) -> None:
        self.is_owed_a_run = True

    def take_in(self, account: str, body: bytes) -> str | None:  # noqa: ARG002
        self.done.append(f"took {body.decode()}")
        return self.takes

    def keep_webhook(self) -> float | None:
        self.edited = False
        self.done.append("looked")
        return 3600.0 if self.is_listed else None

    def obstacle(self) -> str:
        return self.held_by

    def run(self) -> Woken:
        self.done.append("ran")
        self.is_owed_a_run = False
        self.meanwhile()
        return Woken(self.ending, "as told")


class Play:
    """A loop by hand: `at(seconds)` moves the clock and lets the loop do what is due then."""

    def __init__(self, home: Path, worker: Executor | None = None) -> None:
        self.acme, self.said, self.now = Acme(), list[str](), 0.0
        self.listed: list[Acme] = []  # what the files list beside acme by now
        self.inbox = Inbox(home)
        self.loop = Listener(
            [self.acme], self.inbox, Windows(60), worker or AtOnce(),
            say=self.said.append, seconds=lambda: self.now,
            added=lambda names: [one for one in self.listed if one.name not in names],
        )  # fmt: skip

    def store(self, *bodies: bytes) -> None:
        for body in bodies:
            self.loop.store([Arrived(ACME.sync, ACME.account, body)])

    def at(self, now: float) -> list[str]:
        """What was done by then; what rings the bell at once is done at once."""
        self.now = now
        for _ in range(4):
            self.loop.turn()
        done, self.acme.done = self.acme.done, []
        return [what for what in done if what != "looked"]

    @property
    def waiting(self) -> int:
        return sum(one.deliveries for one in self.inbox.waiting(["acme"]).values())


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    played = Play(tmp_path)
    yield played
    played.inbox.close()


def test_deliveries_are_taken_in_at_once_and_run_together(play: Play) -> None:
    """ALL-12: a duplicate is stored twice and wakes once; order does not matter"""
    play.store(b"2", b"1", b"1")
    assert play.at(0) == ["took 2", "took 1", "took 1"]
    assert play.at(1) == ["ran"]
    assert play.waiting == 0
    assert play.said[-1] == "acme: 3 deliveries; as told"
    assert play.at(1000) == []


def test_who_has_to_wait_is_told_so_once_and_until_when(play: Play) -> None:
    """ALL-12: of each wait, and with its reason"""
    play.store(b"1")
    play.at(0)
    play.at(1)
    play.acme.ending = "failed"
    play.said.clear()
    for at in (2, 3, 40):
        play.store(b"2")
        play.at(at)
    (line,) = play.said
    assert re.fullmatch(
        r"acme: rung for, waits until \d\d:\d\d:\d\d UTC: it ran not long ago \(--wake.*\)", line
    )
    play.at(61)
    play.at(70)
    assert play.said[1] == "acme: 3 deliveries; as told"
    assert play.said[2].endswith("UTC: its last run failed")
    assert len(play.said) == 3


def test_what_comes_while_a_sync_runs_is_kept_for_the_next_run(play: Play) -> None:
    """ALL-12: that run may have read before"""
    play.store(b"1")
    play.at(0)
    play.acme.meanwhile = lambda: play.store(b"2")
    assert play.at(1) == ["ran", "took 2"]
    play.acme.meanwhile = lambda: None
    assert play.waiting == 1
    assert play.at(60) == []
    assert play.at(61) == ["ran"]
    assert play.waiting == 0


def test_while_a_run_goes_on_who_comes_is_taken_in_and_nothing_runs_beside_it(
    tmp_path: Path,
) -> None:
    """ALL-08, ALL-12: who unsubscribes during a long run is barred before it ends"""
    worker = Later()
    play = Play(tmp_path, worker)
    play.at(0)
    worker.work()  # the look at the webhook
    play.store(b"1")
    play.at(0)
    play.at(1)
    assert len(worker.asked) == 1
    play.store(b"2")
    assert play.at(2) == ["took 2"]
    assert play.at(500) == []
    worker.work()
    assert play.at(501) == ["ran"]
    assert len(worker.asked) == 0
    play.at(561)
    assert len(worker.asked) == 1
    play.inbox.close()


@pytest.mark.parametrize(("ending", "again_at"), [("failed", 121), ("held", 6)])
def test_what_no_run_answered_stays_and_rings_again(
    play: Play, ending: Ending, again_at: float
) -> None:
    """ALL-12"""
    play.store(b"1")
    play.at(0)
    play.acme.ending = ending
    assert play.at(1) == ["ran"]
    assert play.waiting == 1
    play.acme.ending = "answered"
    assert play.at(again_at - 0.1) == []
    assert play.at(again_at) == ["ran"]
    assert play.waiting == 0


def test_a_sync_that_another_run_holds_is_not_run_and_rung_for_again(play: Play) -> None:
    """ALL-12"""
    play.store(b"1")
    play.at(0)
    play.acme.held_by = "run-1"
    assert play.at(1) == []
    assert play.at(400) == []
    play.acme.held_by = ""
    assert play.at(405) == ["ran"]


def test_what_cannot_be_taken_in_now_is_tried_again_in_order(play: Play) -> None:
    """ALL-08, ALL-12: the state database may be away for a while"""
    play.acme.takes = None
    play.store(b"1", b"2")
    assert play.at(0) == ["took 1"]
    play.acme.takes = "1 unsubscribed"
    assert play.at(4) == ["ran"]
    assert play.waiting == 2  # what nobody has read is never dismissed
    assert play.at(5) == ["took 1", "took 2"]
    left = [line for line in play.said if "rung for" not in line]
    assert left[-2:] == ["acme: 1 unsubscribed", "acme: 1 unsubscribed"]


def test_a_new_process_goes_on_with_what_the_inbox_holds(play: Play, tmp_path: Path) -> None:
    """ALL-12: what was taken in is not taken in again, and rings all the same"""
    play.store(b"1")
    play.at(0)
    play.store(b"2")
    again = Play(tmp_path)
    again.loop.begin()
    assert again.said == ["acme: 2 deliveries left from before"]
    assert again.at(0) == ["took 2"]
    assert again.at(1) == ["ran"]
    assert again.waiting == 0
    again.inbox.close()


def test_an_orderly_end_takes_in_what_came_last_and_runs_what_is_due(play: Play) -> None:
    """ALL-12"""
    play.store(b"1")
    play.loop.stop()
    play.loop.work()
    assert play.acme.done == ["took 1", "ran"]
    assert play.waiting == 0


def test_an_orderly_end_leaves_what_must_wait_to_the_next_start(play: Play) -> None:
    """ALL-12"""
    play.store(b"1")
    play.at(0)
    play.at(1)
    play.store(b"2")
    play.loop.finish()
    assert play.acme.done == ["took 2"]
    assert play.said[-1] == "acme: 1 delivery kept for the next start"


def test_refused_deliveries_are_told_by_number_alone(play: Play) -> None:
    """ALL-11, ALL-12"""
    for _ in range(3):
        play.loop.refuse(ACME)
    play.at(0)
    assert play.said == ["acme: 3 deliveries refused: not signed with the webhook's secret"]


def test_refusals_are_kept_at_most_once_a_minute_and_at_the_end(play: Play) -> None:
    """ALL-12: whoever knocks must not make us write"""
    play.loop.refuse(ACME)
    play.at(0)
    for second in range(1, 60):
        play.loop.refuse(ACME)
        play.at(second)
    assert play.acme.counted == [1]
    play.at(60)
    assert play.acme.counted == [1, 59]
    play.loop.refuse(ACME)
    play.loop.finish()
    assert play.acme.counted == [1, 59, 1]


def test_edited_files_are_read_before_the_run_that_is_due(play: Play) -> None:
    """ALL-12: what is woken, and whether, is decided by what they say now"""
    play.at(0)
    play.store(b"1")
    play.at(0)
    play.acme.edited, play.now = True, 1.0
    play.loop.turn()
    assert play.acme.done == ["looked"]
    assert play.at(1) == ["ran"]


def test_a_deleted_sync_is_left_with_what_waited_for_it(play: Play) -> None:
    """ALL-11, ALL-12: and with nobody left the process ends"""
    play.at(0)
    play.store(b"1", b"2")
    play.acme.is_listed, play.acme.edited = False, True
    assert play.at(0) == ["took 1", "took 2", "closed"]
    assert play.at(100) == []
    assert play.waiting == 0
    assert play.said[-2:] == ["acme: 2 deliveries dropped", "nobody is left to listen for: ending"]
    play.loop.work()


def test_a_sync_that_is_added_is_looked_at_and_rings_for_what_waited(play: Play) -> None:
    """ALL-12: like one that was there at the start; and again after it had gone"""
    play.inbox.put("beta", "m", b"1")
    assert play.at(0) == []
    beta = Acme()
    beta.name = "beta"
    play.listed.append(beta)
    play.at(1)
    assert play.said == ["beta: 1 delivery left from before"]
    assert beta.done == ["took 1", "looked"]
    play.at(2)
    assert beta.done == ["took 1", "looked", "ran"]

    beta.is_listed, beta.edited = False, True
    play.listed.clear()
    play.at(3)
    assert beta.done[-1] == "closed"
    play.loop.store([Arrived("beta", "m", b"2")])
    again = Acme()
    again.name = "beta"
    play.listed.append(again)
    play.at(4)
    assert again.done == ["took 2", "looked"]


def test_old_deliveries_are_dropped_once_a_day_but_never_before_they_were_taken_in(
    tmp_path: Path,
) -> None:
    """ALL-08, ALL-11, ALL-12: who left long ago is barred first; a sync nobody knows holds up none"""
    days = iter([datetime(2026, 11, 1, tzinfo=UTC)] * 2)
    inbox = Inbox(tmp_path, now=lambda: next(days))
    for sync in ("acme", "gone"):
        inbox.put(sync, "m", b"ann@x.lv left")
    inbox.close()
    play = Play(tmp_path)
    play.acme.takes = None
    play.at(0)
    assert play.waiting == 1
    play.acme.takes = "barred"
    assert play.at(5)[0] == "took ann@x.lv left"
    assert [line for line in play.said if "older" in line] == [
        "acme: 1 delivery older than a week dropped", "gone: 1 delivery older than a week dropped",
    ]  # fmt: skip
    assert play.inbox.counts() == {}
    play.inbox.close()


def test_an_error_of_a_run_that_nobody_foresaw_ends_the_loop(tmp_path: Path) -> None:
    """ALL-12: deaf with an open port would be worse; the inbox keeps what rang"""
    worker = Later()
    play = Play(tmp_path, worker)
    play.store(b"1")
    play.at(0)
    worker.work()
    play.at(1)
    worker.asked[0][1].set_exception(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        play.at(2)
    assert play.waiting == 1
    play.inbox.close()


def test_whom_no_window_was_about_yet_is_not_left_until_somebody_rings(play: Play) -> None:
    """ALL-12: a window takes only so many, and may have to name somebody again"""
    play.acme.is_waited_for = True
    play.store(b"1")
    assert play.at(1) == ["took 1"]
    assert play.at(2) == ["ran"]
    play.acme.is_waited_for = False
    assert play.at(62) == ["ran"]
    assert play.at(1000) == []
