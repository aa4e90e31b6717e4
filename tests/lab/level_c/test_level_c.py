"""Flows both ways: nothing comes back, and the laboratory would see it if it did."""

from dataclasses import replace

import pytest

from tests.lab.level_c import play
from tests.lab.level_c.__main__ import main
from tests.lab.level_c.story import REWRITES, draw


def test_edits_on_both_sides_end_as_the_rules_say_and_nothing_comes_back() -> None:
    """MC-02: whatever a vendor makes of a value, after each run another one writes nothing."""
    played = list(play.play_each(range(1, 9)))
    assert [one.wrong for one in played if one.wrong] == []
    assert sum(one.writes for one in played) > len(played), "they had something to do"


def test_the_schedules_know_every_habit_and_are_the_same_again() -> None:
    stories = [draw(seed) for seed in range(1, 101)]
    assert {one.crm_writes for one in stories} == set(REWRITES)
    assert any(one.out != one.into for one in stories)
    assert stories == [draw(seed) for seed in range(1, 101)]


def test_without_the_memory_of_our_writes_the_laboratory_turns_red() -> None:
    """MC-02."""
    caught = play.first_red("echo suppression", range(1, 6), "inside")
    assert caught is not None
    assert "nobody changed anything" in caught[1]


def test_a_winner_that_is_not_the_rules_turns_it_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge goes by the story: one that names other winners must find a difference."""
    upside_down = {"last_writer": "crm", "crm": "engagement", "engagement": "crm"}
    judged = play.Judge

    def misjudging(story):
        return judged(replace(story, rules={n: upside_down[r] for n, r in story.rules.items()}))

    monkeypatch.setattr(play, "Judge", misjudging)
    wrong = [one.wrong[0] for one in play.play_each(range(1, 9)) if one.wrong]
    assert wrong
    assert "not Pair" in wrong[0]


def test_one_schedule_is_told_in_full(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["level_c", "--replay", "1"])
    assert main() == 0
    assert "Verdict: clean" in capsys.readouterr().out
