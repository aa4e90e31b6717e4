"""Loading settings: windows, what each row is told, and bodies that may still come."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from state_clock import Clock

from connectors.errors import (
    StopTheSync,
)
from pipelines.load import load_settings, settle_doubts
from state import lease
from state.errors import LeaseLost
from state.settings import Setting
from tests.pipelines.load_desk import (
    HORIZON,
    STOP,
    LoadDesk,
    load_desk,
    member,
    next_run,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Iterator[LoadDesk]:
    with load_desk(clock) as one:
        yield one


def test_creates_travel_together_and_everything_else_alone(desk: LoadDesk) -> None:
    wanted = [member(f"new {i}", verb="create") for i in range(3)]
    desk.seal(*wanted, *(member(f"known {i}") for i in range(3)))

    load_settings(desk.loader())

    assert desk.members.windows == [("create", 3), *[("update", 1)] * 3]


def test_settings_are_settled_each_by_its_own_result(desk: LoadDesk) -> None:
    desk.seal(*(member(s) for s in ("a", "b", "c", "d")))
    desk.members.will("b", "refused")
    desk.members.will("c", "unknown")
    desk.members.will("d", "planned")

    load_settings(desk.loader())

    assert desk.setting_states("a", "b", "c", "d") == ["done", "refused", "unknown", "planned"]
    assert desk.setting("b").said == "vendor: refused"


def test_settings_before_the_vendors_last_word_are_kept_and_the_rest_is_planned_again(
    desk: LoadDesk,
) -> None:
    desk.seal(*(member(s) for s in ("a", "b", "c")))
    desk.members.will("b", STOP)

    with pytest.raises(StopTheSync):
        load_settings(desk.loader())

    assert desk.setting_states("a", "b", "c") == ["done", "planned", "planned"]
    assert [subject for subject, _ in desk.members.sent] == ["a", "b"]


def test_a_setting_in_doubt_that_arrived_is_done_without_another_request(desk: LoadDesk) -> None:
    desk.seal(member("a"))
    desk.members.will("a", "unknown")
    load_settings(desk.loader())
    desk.members.there["a"] = {"PHONE": "1"}

    assert settle_doubts(desk.loader()) is None
    load_settings(desk.loader())

    assert len(desk.members.sent) == 1
    assert desk.setting_states("a") == ["done"]


def test_a_setting_in_doubt_that_did_not_arrive_may_be_repeated_at_once(desk: LoadDesk) -> None:
    """The same body twice is the same state, whichever arrives last."""
    desk.seal(member("a"))
    desk.members.will("a", "unknown")
    load_settings(desk.loader())

    settle_doubts(desk.loader())
    load_settings(desk.loader())

    assert desk.members.sent == [("a", "1"), ("a", "1")]
    assert desk.setting_states("a") == ["done"]


def test_another_body_waits_until_the_old_one_can_no_longer_arrive(
    desk: LoadDesk, clock: Clock
) -> None:
    desk.seal(member("a", "old"))
    desk.members.will("a", "unknown")
    load_settings(desk.loader())
    next_run(desk)
    settle_doubts(desk.loader())
    desk.seal(member("a", "new"))

    load_settings(desk.loader())
    assert desk.members.sent == [("a", "old")], "the old body may still come and would win"
    assert settle_doubts(desk.loader()) == HORIZON.total_seconds()

    clock.advance(HORIZON.total_seconds())
    load_settings(desk.loader())
    assert desk.members.sent == [("a", "old"), ("a", "new")]
    assert desk.setting("a").acknowledged == {"PHONE": "new"}


def test_a_refused_setting_is_tried_again_the_next_day_or_when_its_value_changes(
    desk: LoadDesk, clock: Clock
) -> None:
    desk.seal(member("a", "bad"), member("b", "bad"))
    desk.members.will("a", "refused")
    desk.members.will("b", "refused")
    load_settings(desk.loader())
    next_run(desk)
    desk.seal(member("a", "bad"), member("b", "good"))
    load_settings(desk.loader())
    assert desk.setting_states("a", "b") == ["refused", "done"]

    clock.advance(timedelta(days=1).total_seconds())
    load_settings(desk.loader())

    assert desk.setting_states("a") == ["done"]


def test_a_lost_lease_leaves_settings_as_they_were(desk: LoadDesk) -> None:
    desk.seal(member("a"))
    loader = desk.loader()
    lease.release(desk.lease)
    lease.acquire(desk.lease.state, "acme", run_id="run-2")

    with pytest.raises(LeaseLost):
        load_settings(loader)

    assert desk.members.sent == []


def test_who_slept_through_its_lease_sends_one_request_more_and_no_second(
    desk: LoadDesk, clock: Clock
) -> None:
    """ALL-06: the others of the window were looked at by who has the sync now."""
    desk.seal(*(member(subject, "2") for subject in "abc"))

    def sleep(setting: Setting) -> None:
        if setting.subject == "a":
            clock.advance(61)
            lease.acquire(desk.lease.state, "acme", run_id="run-2")

    desk.members.before = sleep
    with pytest.raises(LeaseLost):
        load_settings(desk.loader())
    assert desk.members.sent == [("a", "2")]


def test_a_window_that_takes_long_is_claimed_anew_and_sent_whole(
    desk: LoadDesk, clock: Clock
) -> None:
    """ALL-06: the horizon of what is in doubt runs from its claim."""
    desk.seal(*(member(subject, "2") for subject in "abcd"))
    desk.members.before = lambda _: clock.advance(12)
    began = clock.at
    load_settings(desk.loader())
    assert [subject for subject, _ in desk.members.sent] == list("abcd")
    assert desk.setting_states(*"abcd") == ["done"] * 4
    claimed = [(desk.setting(s).sending_at or began) - began for s in "abcd"]
    assert [one.total_seconds() for one in claimed] == [0, 0, 24, 24]
    assert [desk.setting(s).attempt for s in "abcd"] == [1] * 4
    assert desk.told == [4]
