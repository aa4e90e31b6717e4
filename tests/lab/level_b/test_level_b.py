"""The laboratory itself: quiet on the product, loud on a product that lacks a protection."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.level_b import judge, log
from tests.lab.level_b.judge import Cause, Ending, Known
from tests.lab.level_b.judge import judge as weigh
from tests.lab.level_b.lab import HORIZON
from tests.lab.level_b.log import Entry
from tests.lab.level_b.play import Play
from tests.lab.level_b.series import first_red, lab, run_one, run_series
from tests.lab.level_b.story import Act, Regime, Run, Wait, draw

ENGINE = ("state", "pipelines", "connectors", "transforms")


@pytest.mark.parametrize(("regime", "count"), [("inside", 14), ("frozen", 4)])
def test_nothing_is_doubled_lost_or_breached_inside_the_bounds(regime: Regime, count: int) -> None:
    tally = run_series(range(1, 1 + count), regime)
    assert tally.red == []
    assert tally.effects > 0


def test_a_missing_protection_turns_the_laboratory_red() -> None:
    assert first_red("confirmed deletes", range(1, 40), "inside") is not None


def test_a_seed_plays_the_same_schedule_again() -> None:
    first, again = (run_one(12, "inside")[1] for _ in range(2))
    assert (first.log, first.told, first.boundaries) == (again.log, again.told, again.boundaries)


def test_a_value_changed_back_after_a_run_that_died_is_changed_back_on_the_list() -> None:
    """What the look-up of doubts settles is what the plan has to compare with."""
    here = lab()
    update = "before POST mailigen /1.8/listUpdateMember"
    with here.installed():
        counted = Play(here)
        counted.take(Act("rename", 2, 2))
        counted.take(Run())
        handled = counted.live.processes[0].passed.index(update) + 2

        play = Play(here)
        first_name = play.scene.people[2].name
        play.take(Act("rename", 2, 2))
        play.take(Run(dies_at=handled))
        play.scene.live.act(lambda: play.scene.edit(play.scene.people[2], first_name=first_name))
        play.scene.people[2].name = first_name
        play.take(Wait(HORIZON))
        play.take(Run(patience=None))
        assert play.end()[1].sentences == []


def test_a_story_is_drawn_from_its_number_alone() -> None:
    assert draw(5, "beyond") == draw(5, "beyond") != draw(6, "beyond")


def test_the_judge_tells_doubled_lost_resubscribed_and_uncaused() -> None:
    ann = Known(1, "Ann", ("ann@acme.example",), (), True, True, True, False)
    opened = Cause("open", "news", "ann@acme.example", 1)
    once = [_deed("notes", "Opened (2026-11-02)"), _deed("activities", "Call")]
    assert weigh(_ending(once, [ann], [opened])).sentences == []
    assert weigh(_ending([*once, once[1]], [ann], [opened])).duplicates == (
        "person 1 has 2 activities for one cause",
    )
    assert weigh(_ending(once[:1], [ann], [opened])).lost == ("person 1 has 0 of 1 activities",)
    assert len(weigh(_ending(once, [ann], [])).wrong) == 2
    left = [_member("user", "update", "unsubscribed"), _member("us", "update", "subscribed")]
    assert len(weigh(_ending(left, [ann], [], left=True)).breaches) == 1


def test_who_was_taken_off_before_anybody_knew_is_excused_once_and_counted() -> None:
    made, gone = _member("us", "create", "subscribed"), _member("user", "delete", "subscribed")
    again = [made, gone, made]
    ann = Known(1, "Ann", ("ann@acme.example",), (), True, True, True, False)

    def weighed(entries: list[Entry], times: int) -> tuple[int, int]:
        ending = replace(_ending(entries, [ann], [], left=True), unseen={"ann@acme.example": times})
        verdict = weigh(ending)
        return len(verdict.breaches), len(verdict.unseen)

    assert weighed(again, 0) == (1, 0)
    assert weighed(again, 1) == (0, 1)
    assert weighed([*again, gone, made], 1) == (1, 1)


def test_the_judge_imports_nothing_of_the_engine() -> None:
    for module in (judge, log):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not [n for n in names if n.split(".")[0] in ENGINE]


def _deed(noun: str, said: str) -> Entry:
    return Entry(1.0, "us", "create", noun, said, "1", "", said, {})


def _member(who: str, verb: str, status: str) -> Entry:
    return Entry(1.0, who, verb, "members", "m1", "ann@acme.example", status, "", {})


def _ending(
    entries: list[Entry], people: list[Known], causes: list[Cause], *, left: bool = False
) -> Ending:
    gone = frozenset(a for p in people for a in p.addresses) if left else frozenset[str]()
    member = {"status": "subscribed", "merges": {"FNAME": "Ann", "SOURCE": "Pipedrive|customers"}}
    members = {"ann@acme.example": member}
    return Ending(entries, people, causes, members, gone, gone, frozenset())
