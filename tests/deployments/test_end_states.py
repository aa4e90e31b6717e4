"""How Prefect shows the end of a run, and what a worker's log says of it (ALL-01, ALL-04)."""

from typing import Any

import pytest

from deployments.scheduled import EndedBadlyError, end_state
from pipelines.report import Outcome

SAID, STEP = "mailigen: login: Invalid key", "Make a new key"


def ended(outcome: str, **more: Any) -> Outcome:
    return Outcome("run-1", "acme", outcome=outcome, said=SAID, next_step=STEP, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (ended("done"), "Completed"),
        (ended("skipped"), "Skipped"),
        (ended("open"), "Open records"),
        (ended("failed"), "Failed"),
        (ended("failed", unauthorized="acme-mailigen"), "Needs reauthorization"),
        (ended("invalid"), "Definition does not fit"),
        (ended("guarded"), "Stopped by a guard"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_ending_has_a_state_of_its_name_that_says_what_to_do(
    outcome: Outcome, name: str
) -> None:
    """ALL-01, ALL-04, MG-02: failed is what a person has to do something about."""
    state = end_state(outcome)

    assert (state.name, state.message) == (name, f"{SAID}. {STEP}")
    assert state.is_failed() is (outcome.exit_code in (1, 2, 3))


def test_a_failed_run_ends_a_workers_log_with_its_own_sentence() -> None:
    """ALL-04: not with Prefect's complaint about what the state holds."""
    state = end_state(ended("failed"))

    with pytest.raises(EndedBadlyError, match=f"{SAID}. {STEP}") as raised:
        state.result()

    assert raised.value.outcome.run_id == "run-1"
