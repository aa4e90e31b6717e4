"""The laboratory's own bookkeeping: what is cut, kept, summed and shown."""

import gc
from pathlib import Path
from typing import Any

import pytest

from tests.lab import mutations, page, parts
from tests.lab.level_a import series as series_a
from tests.lab.level_a.switches import SWITCHES as SWITCHES_A
from tests.lab.level_b import series as series_b
from tests.lab.level_b.switches import SWITCHES as SWITCHES_B
from tests.lab.level_c.play import SWITCHES as SWITCHES_C
from tests.lab.parts import Kept, Part

PROTECTIONS = (  # as the laboratory is asked to miss them
    "intent before send", "marker", "read-back", "horizon", "lease and fence", "row claim",
    "key from facts", "generations", "consent", "guard", "count audit", "baseline",
    "echo suppression",
)  # fmt: skip


def test_a_series_is_cut_into_parts_that_cover_every_seed_once() -> None:
    cut = parts.parts_of({"a": 40_000, "b": 900}, first_seed=7)
    for level, count in (("a", 40_000), ("b", 900)):
        for regime in parts.REGIMES[level]:
            mine = [p for p in cut if (p.level, p.regime) == (level, regime)]
            seeds = [seed for p in mine for seed in range(p.start, p.stop)]
            assert seeds == list(range(7, 7 + count // len(parts.REGIMES[level])))


def test_what_was_played_of_this_code_is_not_played_again(tmp_path: Path) -> None:
    cut = [Part("a", "inside", 1, 4), Part("a", "frozen", 1, 4)]
    heard: list[Part] = []
    for _ in range(2):
        done = parts.play_all(
            cut, tmp_path, minutes=None, told=lambda part, _, __, ___: heard.append(part)
        )
    assert sorted(map(str, heard)) == sorted(map(str, cut))
    assert sum(kept.figures["schedules"] for kept in done.values()) == 6


def test_what_went_wrong_is_the_same_read_back(tmp_path: Path, monkeypatch) -> None:
    cut = [Part("b", "beyond", 1, 2), Part("b", "beyond", 2, 3)]
    for part in cut:
        kept = Kept(dict.fromkeys(parts.FIGURES, 1), red_count=1, red=[(part.start, "twice")])
        parts._append(tmp_path / "parts.jsonl", part, kept)
    read = parts.play_all(cut, tmp_path, minutes=0, told=lambda *_: None)
    played = Kept(dict.fromkeys(parts.FIGURES, 1), red_count=1, red=[(3, "thrice")])
    ((level, regime, total),) = parts.sums(read | {Part("b", "beyond", 3, 4): played})
    assert "--replay 1`: twice" in page.series([(level, regime, total)])
    assert total.red == [(1, "twice"), (2, "twice"), (3, "thrice")]


def test_parts_of_other_code_are_not_counted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parts, "code_version", lambda _level: "before")
    cut = [Part("a", "inside", 1, 2)]
    parts.play_all(cut, tmp_path, minutes=None, told=lambda *_: None)
    monkeypatch.setattr(parts, "code_version", lambda _level: "after")
    assert parts.play_all(cut, tmp_path, minutes=0, told=lambda *_: None) == {}


def test_something_wrong_inside_the_bounds_is_never_clean() -> None:
    wrong = Kept(red_count=1, red=[(12, "note: 2 times")])
    assert not wrong.is_clean("inside")
    assert wrong.is_clean("beyond"), "it was reported"
    unreported = Kept(figures=dict.fromkeys(parts.FIGURES, 1))
    assert not unreported.is_clean("beyond")


def test_the_page_names_the_command_that_replays_what_went_wrong() -> None:
    figures = dict.fromkeys(parts.FIGURES, 0) | {"schedules": 30}
    totals = [("b", "inside", Kept(figures, red_count=1, red=[(12, "somebody is there twice")]))]
    assert "`python -m tests.lab.level_b --regime inside --replay 12`" in page.series(totals)
    assert page.bound(totals) == "1 of 30 schedules inside the bounds went wrong."


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_every_named_protection_can_be_missed_at_some_level(protection: str) -> None:
    assert protection in {*SWITCHES_A, *SWITCHES_B, *SWITCHES_C}


def test_a_mutations_row_tells_protection_level_and_median() -> None:
    row = mutations.row("a", "intent before send", 30)
    assert (row.protection, row.level) == ("intent before send", "a")
    assert row.after is not None
    assert "times" in row.seen


def test_a_protection_nobody_missed_says_so() -> None:
    row = mutations.Row("marker", "a", "inside", None, 0, "")
    assert "NOT CAUGHT" in page.mutations([row])


@pytest.mark.parametrize("level", [series_a, series_b])
def test_one_schedule_leaves_the_collection_of_garbage_as_it_was(level: Any) -> None:
    """Everything that runs in the same process later would pile up."""
    level.run_one(1, "inside")

    assert gc.isenabled()
