"""Schedules that Hypothesis makes up, and proof that what it finds can be read."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.lab.level_a.desk import open_desk
from tests.lab.level_a.machine import Schedule
from tests.lab.level_a.switches import without

FAST = settings(
    max_examples=80, stateful_step_count=12, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
# No explaining: it runs the example dozens of times more to say which values matter.
SHRINKING = settings(
    FAST, max_examples=2000, phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False
)

# Without the protection, how many steps at most are left of a failing schedule.
SCRIPTS = (
    ("marker", 3, r"order_a_fault\(fault='(lost_answer|error_after_commit|late_commit|truncated)'"),
    ("row claim", 3, r"both_syncs_run|two_runs"),
)


@contextmanager
def schedules(protection: str = "") -> Iterator[type[Schedule]]:
    logging.getLogger("state.lease").setLevel(logging.ERROR)  # take-overs are what is played here
    with without(protection) as kept, open_desk() as desk:
        yield type("Schedule", (Schedule,), {"desk": desk, "kept": kept})


def test_no_schedule_that_stays_within_the_bounds_doubles_loses_or_breaches() -> None:
    with schedules() as made_up:
        run_state_machine_as_test(made_up, settings=FAST)


@pytest.mark.parametrize(
    ("protection", "most_steps", "tells"), SCRIPTS, ids=["marker", "row claim"]
)
def test_a_failing_schedule_shrinks_to_a_script_that_can_be_read(
    protection: str, most_steps: int, tells: str
) -> None:
    with schedules(protection) as made_up, pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(made_up, settings=SHRINKING)
    script = "\n".join(caught.value.__notes__)
    steps = re.findall(r"^state\.(?!teardown)(\w+)\(.*\)$", script, re.MULTILINE)
    assert 0 < len(steps) <= most_steps, script
    assert re.search(tells, script), script
