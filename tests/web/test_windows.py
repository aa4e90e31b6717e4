"""When a sync that was rung for may run: by a clock of the test's own."""

import pytest

from web.windows import HELD_AGAIN_S, LONGEST_BACK_OFF_S, Windows


def test_what_rings_within_a_second_shares_a_run() -> None:
    """ALL-12"""
    windows = Windows(60)
    for at in (10.0, 10.2, 10.9):
        windows.ring("acme", at)
    assert (windows.due(10.9), windows.due(11.0)) == ([], ["acme"])
    windows.began("acme")
    windows.ended("acme", "answered", 12.0)
    assert windows.due(10_000) == []
    assert windows.next_at() is None


def test_a_sync_runs_no_sooner_than_wake_after_its_last_run() -> None:
    """ALL-12: what rang while it ran is for the next window"""
    windows = Windows(60)
    windows.ring("acme", 0)
    windows.began("acme")
    windows.ring("acme", 5)
    windows.ended("acme", "answered", 20)
    assert windows.next_at() == 80
    assert (windows.due(79.9), windows.due(80)) == ([], ["acme"])


def test_a_sync_another_run_holds_is_rung_for_again() -> None:
    """ALL-12"""
    windows = Windows(60)
    windows.ring("acme", 0)
    windows.ended("acme", "held", 1)
    assert windows.next_at() == 1 + HELD_AGAIN_S


def test_failures_are_tried_ever_less_often_until_one_answers() -> None:
    """ALL-12: a vendor in trouble, or a guard that waits for a person, is not hammered"""
    windows = Windows(60)
    windows.ring("acme", 0)
    waits = []
    for _ in range(9):
        windows.began("acme")
        windows.ended("acme", "failed", 100)
        waits.append((windows.next_at() or 0) - 100)
    assert waits[:3] == [120, 240, 480]
    assert max(waits) == LONGEST_BACK_OFF_S
    windows.began("acme")
    windows.ended("acme", "answered", 100)
    windows.ring("acme", 100)
    assert windows.next_at() == 160


@pytest.mark.parametrize("gather", [0, 1])
def test_who_has_waited_longest_runs_first(gather: int) -> None:
    """ALL-12"""
    windows = Windows(0)
    windows.ring("b", 1)
    windows.ring("a", 2)
    assert windows.due(3, gather=gather) == ["b", "a"]
