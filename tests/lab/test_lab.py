"""The laboratory's own bookkeeping: what is cut, kept, summed and shown."""

import ast
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.lab import __main__ as laboratory
from tests.lab import mutations, page, parts
from tests.lab.level_a import __main__ as command_a
from tests.lab.level_a import series as series_a
from tests.lab.level_a.judge import Verdict as VerdictA
from tests.lab.level_a.play import Played as PlayedA
from tests.lab.level_a.story import draw as draw_a
from tests.lab.level_a.switches import SWITCHES as SWITCHES_A
from tests.lab.level_b import series as series_b
from tests.lab.level_b.switches import SWITCHES as SWITCHES_B
from tests.lab.level_c import __main__ as command_c
from tests.lab.level_c.play import SWITCHES as SWITCHES_C
from tests.lab.parts import Kept, Part

FLOORS = ("bench", "connectors", "deployments", "pipelines", "sandbox", "state", "tests",
          "transforms", "web")  # fmt: skip
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


def test_a_line_kept_before_the_unseen_were_counted_is_read_as_none_of_them(tmp_path: Path) -> None:
    part = Part("c", "inside", 1, 2)
    kept = Kept(dict.fromkeys(parts.FIGURES, 1))
    parts._append(tmp_path / "parts.jsonl", part, kept)
    line = orjson.loads((tmp_path / "parts.jsonl").read_bytes())
    del line["kept"]["figures"]["unseen"]
    (tmp_path / "parts.jsonl").write_bytes(orjson.dumps(line))
    done = parts.play_all([part], tmp_path, minutes=0, told=lambda *_: None)
    assert done[part].figures["unseen"] == 0
    assert done[part].figures["schedules"] == 1


def test_what_nobody_could_know_is_named_beside_what_is_proved() -> None:
    figures = dict.fromkeys(parts.FIGURES, 0) | {"schedules": 30, "unseen": 2}
    said = page.bound([("b", "inside", Kept(figures))])
    assert "nothing wrong" in said
    assert "2 times somebody who left was subscribed again where nobody could know" in said
    assert "somebody who left" not in page.bound([("b", "inside", Kept(figures | {"unseen": 0}))])


def test_delay_counted_from_the_request_is_within_the_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    red = series_a.Tally(schedules=1, seconds=1.0, red=[(7, "note: 2 times")])
    monkeypatch.setattr(command_a, "run_wide", lambda *_: red)
    assert command_a._tables(range(1), ["promise"]) == 1
    assert command_a._tables(range(1), ["beyond"]) == 0, "the audit had told"
    assert not Kept(red_count=1).is_clean("promise")


def test_what_no_audit_is_asked_for_is_unreported_beyond_the_bounds_too() -> None:
    for played in (PlayedA([], surprises=["1 rows cannot become done"]), PlayedA([], open_count=1)):
        tally = series_a.Tally()
        tally.add(draw_a(1, "beyond"), played, VerdictA(0))
        assert tally.unreported == 1


@pytest.mark.parametrize("level", sorted(parts.CODE))
def test_all_that_a_level_imports_is_code_its_results_are_kept_by(level: str) -> None:
    known = [parts.ROOT / name for name in parts.CODE[level]]
    assert all(place.exists() for place in known)
    reached = _reached(Path(str(parts.SERIES[level].__file__)))
    assert len(reached) > 5
    left_out = [
        str(file.relative_to(parts.ROOT)) for file in reached
        if parts.is_of_others(level, file)
        or not any(file == place or place in file.parents for place in known)
    ]  # fmt: skip
    assert left_out == []


def test_another_kind_of_sync_does_not_begin_a_series_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept_by = parts.code_version("b")
    monkeypatch.setattr(parts, "OTHERS", {})
    assert parts.code_version.__wrapped__("b") != kept_by
    for place in ("pipelines/mailchimp_pipedrive", "transforms/mailchimp_pipedrive"):
        assert (parts.ROOT / place).is_dir(), "what is left out is there"


def _reached(start: Path) -> set[Path]:
    """The project's own files that a file imports, and those that they import."""
    reached, waiting = set(), [start]
    while waiting:
        if (file := waiting.pop()) not in reached:
            reached.add(file)
            waiting += _imported(file)
    return reached


def _imported(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            steps = name.split(".")
            for count in range(1, len(steps) + 1) if steps[0] in FLOORS else ():
                place = parts.ROOT.joinpath(*steps[:count])
                yield from (
                    f for f in (place.with_suffix(".py"), place / "__init__.py") if f.exists()
                )


def test_flows_both_ways_are_played_in_a_series_too() -> None:
    kept = parts.play(Part("c", "inside", 1, 3))
    assert (kept.figures["schedules"], kept.red_count) == (2, 0)
    assert kept.figures["effects"] > 0
    red = Kept(kept.figures, red_count=1, red=[(3, "it wrote")])
    assert "`python -m tests.lab.level_c --replay 3`" in page.series([("c", "inside", red)])


def test_a_level_of_one_weather_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["level_c", "--regime", "inside"])
    with pytest.raises(SystemExit):
        command_c.main()


def test_the_page_is_there_after_each_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_: object) -> Iterator[tuple[str, bool]]:
        raise KeyboardInterrupt
        yield

    played = {"ledger": lambda _: iter([("## What it costs", True)]), "kill": stopped}
    monkeypatch.setattr(laboratory, "PLAY", played)
    monkeypatch.setattr(laboratory, "SECTIONS", tuple(played))
    monkeypatch.setattr("sys.argv", ["lab", "--page", str(tmp_path / "page.md")])
    with pytest.raises(KeyboardInterrupt):
        laboratory.main()
    assert "## What it costs" in (tmp_path / "page.md").read_text()


def test_our_own_row_among_the_peers_must_be_there_and_clean() -> None:
    headings = ("tool", "duplicates", "lost")
    peer, clean = ("other", "9", "9"), (laboratory.OURS, "0", "0")
    assert laboratory.is_ours_clean(headings, [peer, clean])
    assert not laboratory.is_ours_clean(headings, [peer, clean, (laboratory.OURS, "1", "0")])
    assert not laboratory.is_ours_clean(headings, [(laboratory.OURS, "0", "1")])
    assert not laboratory.is_ours_clean(headings, [peer])


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


def test_a_level_that_misses_nothing_is_told_though_another_level_did() -> None:
    seen = mutations.Row("marker", "a", "inside", 2.0, 1, "2 times")
    unseen = mutations.Row("marker", "b", "inside", None, 0, "")
    assert mutations.missed([seen, unseen]) == [unseen]
    assert mutations.missed([seen]) == []


def test_a_protection_nobody_missed_says_so() -> None:
    row = mutations.Row("marker", "a", "inside", None, 0, "")
    assert "NOT CAUGHT" in page.mutations([row])


@pytest.mark.parametrize("level", [series_a, series_b])
def test_one_schedule_leaves_the_collection_of_garbage_as_it_was(level: Any) -> None:
    """Everything that runs in the same process later would pile up."""
    level.run_one(1, "inside")

    assert gc.isenabled()
