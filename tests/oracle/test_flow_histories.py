"""A handful of random histories of flows; `python -m tests.oracle.flow_histories` plays more."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.oracle.flow_bench import FlowBench
from tests.oracle.flow_drawn import opposite_of
from tests.oracle.flow_fields import Pair, decide, is_written
from tests.oracle.flow_histories import History


def told_in_full(history: History, seed: int, live: Callable[[], None]) -> None:
    """A difference is told with all that was done before it."""
    try:
        live()
    except AssertionError as wrong:
        raise AssertionError("\n".join([f"seed {seed}", *history.told, str(wrong)])) from wrong


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "seed", [16, *(pytest.param(one, marks=pytest.mark.slow) for one in (17, 19))]
)
def test_a_random_history_of_flows_ends_as_the_oracle_says(
    sandbox_url: str, tmp_path: Path, seed: int
) -> None:
    """MC-02 to MC-15, ALL-06, ALL-08."""
    history = History(FlowBench(sandbox_url, tmp_path), seed)
    told_in_full(history, seed, history.live_through)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "seed", [5, *(pytest.param(one, marks=pytest.mark.slow) for one in (9, 13))]
)
def test_edits_around_a_run_in_trouble_end_as_the_oracle_says(
    sandbox_url: str, tmp_path: Path, seed: int
) -> None:
    """MC-02, ALL-06: what a run left done and nobody answered is no edit of anybody's."""
    history = History(FlowBench(sandbox_url, tmp_path), seed, opposite_of)
    told_in_full(history, seed, history.live_through_troubles)


@pytest.mark.parametrize(
    ("crm", "engagement", "base", "said", "goes_out", "comes_in"),
    [
        ("A", "A", None, "equal", False, False),
        ("A", "B", None, "conflict", True, False),
        ("A", "", None, "write", True, False),
        ("B", "A", ("A", "A"), "write", True, False),
        ("A", "B", ("A", "A"), "leave", False, True),
        ("B", "C", ("A", "A"), "conflict", True, False),
        ("", "A", ("A", "A"), "write", True, False),
        ("A", "A.", ("A", "A."), "leave", False, False),
    ],
)
def test_the_model_decides_by_what_each_side_held(
    crm: str, engagement: str, base: tuple[str, str] | None, said: str,
    goes_out: bool, comes_in: bool,
) -> None:  # fmt: skip
    """MC-02: the CRM's word counts where both changed."""
    out = Pair(crm, engagement, base, False, True, "crm", False)
    assert decide(out) == said
    assert is_written(out) == goes_out
    assert is_written(out._replace(is_into_crm=True)) == comes_in
