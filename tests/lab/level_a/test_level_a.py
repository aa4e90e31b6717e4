"""A few hundred schedules of faults, and proof that the laboratory would notice.

The whole of it: `python -m tests.lab.level_a` (tests/lab/README.md).
"""

import ast
from pathlib import Path

import pytest

from tests.lab.level_a import judge, vendor
from tests.lab.level_a.audit import audit
from tests.lab.level_a.desk import open_desk
from tests.lab.level_a.judge import judge as weigh
from tests.lab.level_a.series import first_red, run_one, run_series
from tests.lab.level_a.story import Deed, Regime, Story, Wish, draw
from tests.lab.level_a.vendor import Entry

# Protections and a seed shortly before the one that misses them; the others take hundreds.
SOON_MISSED = (
    ("intent before send", 1),
    ("marker", 10),
    ("read-back", 10),
    ("horizon", 30),
    ("late bodies", 55),
    ("withdrawn bodies", 30),
    ("generations", 35),
    ("consent", 45),
    ("key from facts", 1),
    ("row claim", 20),
)


@pytest.mark.parametrize("regime", ["inside", "frozen"])
def test_nothing_is_doubled_lost_or_left_open_inside_the_bounds(regime: Regime) -> None:
    tally = run_series(range(1, 26), regime)
    assert (tally.red, tally.schedules, tally.effects > 50) == ([], 25, True)


def test_a_look_that_is_older_than_a_confirmed_value_proves_nothing() -> None:
    """A, then B, then A without an answer, while reads still show the first A: found by the long
    series, once in 285,000 schedules"""
    tally = run_series(range(71_898, 71_899), "promise")
    assert tally.red == []


@pytest.mark.parametrize(("protection", "seed"), SOON_MISSED)
def test_a_missing_protection_turns_the_laboratory_red(protection: str, seed: int) -> None:
    assert first_red(protection, range(seed, seed + 60), "inside") is not None


def test_a_seed_plays_the_same_schedule_again() -> None:
    first, again = (run_one(128, "beyond")[1] for _ in range(2))
    assert (first.log, first.reported, first.boundaries) == (
        again.log,
        again.reported,
        again.boundaries,
    )


def test_what_goes_wrong_beyond_the_bounds_is_seen_by_judge_and_audit() -> None:
    _, played, verdict = run_one(128, "beyond")
    assert verdict.duplicates == ("note|crm|cid|0: 2 times",)
    assert list(verdict.duplicates) == played.reported


def test_the_judge_tells_doubled_lost_wrong_and_resubscribed() -> None:
    story = _story(
        deeds=(Deed("a", "ann", 0.0), Deed("b", "ann", 0.0)), wishes=(Wish("bob", "A", 0.0),)
    )
    log = [
        Entry(1.0, "us", "create", "note", "ann", "a"),
        Entry(2.0, "us", "create", "note", "ann", "a"),
        Entry(3.0, "us", "create", "member", "bob", "B"),
    ]
    verdict = weigh(story, log)
    assert verdict.duplicates == ("a: 2 times",)
    assert verdict.lost == ("b: never", "member bob: holds B, wanted A")
    left = [*log, Entry(4.0, "user", "unsubscribe", "member", "bob", "")]
    was_shown = [*left, Entry(4.5, "reader", "see", "member", "bob", "unsubscribed")]
    said = ("member bob: left, and was subscribed at 5 s",)
    back = Entry(5.0, "us", "create", "member", "bob", "A")
    assert weigh(story, [*was_shown, back]).breaches == said
    assert weigh(story, [*left, back]).unseen == said


def test_who_was_shown_to_have_left_and_is_subscribed_is_reported_by_the_audit() -> None:
    books = vendor.Books(now=5.0)
    books.create_member("bob", "A", lag=0.0)
    with open_desk() as desk:
        assert audit(desk, books, {"bob", "ann"}) == ["member bob: left, and is subscribed"]


def test_judge_and_vendor_import_nothing_of_the_engine() -> None:
    for module in (judge, vendor):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not [n for n in names if n.split(".")[0] in ("state", "pipelines", "connectors")]


def _story(deeds: tuple[Deed, ...], wishes: tuple[Wish, ...]) -> Story:
    drawn = draw(1, "inside")
    return Story(1, "inside", deeds, wishes, (), drawn.runs, drawn.weather)
