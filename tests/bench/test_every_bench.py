"""All benches one after another, where they work, and what they say of the machine."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.__main__ import BENCHES, main
from bench.house import House
from bench.machine import BUILD, described, on_disk
from bench.starting import table, take
from bench.whole_runs import ENVIRONMENT, MAILIGEN, BrokenRunError, connections


def test_a_bench_that_fails_keeps_no_other_from_being_played_and_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    played = []

    def run(command: Sequence[str]) -> int:
        played.append(command[0])
        return 1 if command[0] in ("bench.peers", "bench.windows") else 0

    assert main([], run) == 1
    assert played == [f"bench.{name}" for name in BENCHES]
    assert capsys.readouterr().err.endswith("failed: peers, windows\n")
    assert main(["storm"], run) == 0


def test_every_bench_that_is_listed_is_there_the_cheapest_first() -> None:
    assert next(iter(BENCHES)) == "starting"
    assert all(find_spec(f"bench.{name}") for name in BENCHES)


def test_a_bench_works_below_build_and_leaves_nothing() -> None:
    with on_disk("tried") as folder:
        assert folder.parent == BUILD
        (folder / "state").write_text("kept until the end")
    assert not folder.exists()


def test_the_versions_of_what_computes_are_told(tmp_path: Path) -> None:
    *_, versions = described(BUILD.parent)
    for name in ("pandas", "pyarrow", "great-expectations", "duckdb"):
        assert f"{name} " in versions


def test_what_a_command_takes_is_told_for_its_first_line_and_its_end(tmp_path: Path) -> None:
    house = House(tmp_path, MAILIGEN, connections("http://127.0.0.1:1"), ENVIRONMENT)
    one = take(house, ["--help"])
    assert 0 < one.first_line <= one.seconds
    assert one.processor_s > 0
    assert "| `--help` |" in table({"--help": [one]})
    with pytest.raises(BrokenRunError, match=r"no-such-command ended with 2: .*No such"):
        take(house, ["no-such-command"])


def test_no_proxy_gets_what_is_meant_for_the_loopback(tmp_path: Path) -> None:
    """Of the two spellings clients prefer the small one."""
    house = House(tmp_path, MAILIGEN, connections("http://127.0.0.1:1"), ENVIRONMENT)
    assert "127.0.0.1" in house.environ["no_proxy"]
    assert house.environ["NO_PROXY"] == house.environ["no_proxy"]
