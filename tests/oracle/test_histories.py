"""A handful of random histories; `python -m tests.oracle.histories` lives through more."""

import pytest

from tests.oracle.bench import Bench
from tests.oracle.histories import History


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_history_ends_as_the_oracle_says(bench: Bench, seed: int) -> None:
    history = History(bench, seed)
    try:
        history.live_through()
    except AssertionError as wrong:
        raise AssertionError("\n".join([f"seed {seed}", *history.told, str(wrong)])) from wrong
