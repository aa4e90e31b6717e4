"""The measurement of the ledger: it counts what it says, on a disk and nowhere else."""

import doctest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bench import instant, ledger_cost, machine, own_peak, tables
from bench.ledger_profile import PARTS
from bench.peers import job
from bench.tables import Row


def test_a_deed_costs_a_commit_to_claim_and_one_to_settle() -> None:
    rows = [dict(zip(ledger_cost.HEADINGS, row, strict=True)) for row in _rows()]
    found = {(row["writes"], row["vendor"]): row["commits a write"] for row in rows}
    assert {name for name, _ in found} == {
        "deeds", "settings, updated", "settings, created in a batch",
    }  # fmt: skip
    assert found["deeds", "in the process"] == found["deeds", "HTTP on the loopback"] == "2.00"
    # Forty updates are two windows, forty creates are one: two commits a window.
    assert found["settings, updated", "in the process"] == "0.10"
    assert found["settings, created in a batch", "in the process"] == "0.05"


def test_the_ratio_is_that_of_the_two_rates() -> None:
    row = dict(zip(ledger_cost.HEADINGS, next(iter(_rows())), strict=True))
    with_it, without, times = (
        float(row[name].split()[0].replace(",", "")) for name in (
            "with the ledger, a second", "without, a second", "times as long with it",
        )
    )  # fmt: skip
    assert times == pytest.approx(without / with_it, rel=0.02)
    assert times > 1


def _rows() -> Iterator[Row]:
    return ledger_cost.rows(repetitions=1, count=40)


def test_the_parts_of_a_deeds_time_make_up_the_whole() -> None:
    *parts, whole = ledger_cost.profile_rows(repetitions=1, count=20)
    assert all(len(row) == len(PARTS) for row in (*parts, whole))
    assert sum(float(row[1]) for row in parts) == pytest.approx(float(whole[1]), abs=0.01)
    assert parts[0][-1] == "2.00", "a claim and a settlement"


def test_a_folder_in_memory_is_not_taken_for_a_disk() -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("this system has no folder in memory at /dev/shm")
    with pytest.raises(machine.NotADiskError, match="tmpfs"):
        machine.disk_below(shared)


@pytest.mark.parametrize("module", [tables, machine, instant, job, own_peak])
def test_the_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
