"""A handful of random histories; `python -m tests.oracle.histories` lives through more."""

import pytest

from tests.oracle.bench import Bench
from tests.oracle.histories import Features, History


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("seed", "features"),
    [
        (204, Features(overriding=False)),
        (300, Features()),
        pytest.param(307, Features(), marks=pytest.mark.slow),
        pytest.param(1101, Features(webhooks=True), marks=pytest.mark.slow),
    ],
)
def test_a_random_history_ends_as_the_oracle_says(
    bench: Bench, seed: int, features: Features
) -> None:
    """MG-04 to MG-25, ALL-06, ALL-08, ALL-10, ALL-12."""
    history = History(bench, seed, features)
    try:
        history.live_through()
    except AssertionError as wrong:
        raise AssertionError("\n".join([f"seed {seed}", *history.told, str(wrong)])) from wrong
