"""A run that was frozen for longer than its lease: it wakes up fenced out and writes nothing more.

Frozen with SIGSTOP right after the vendor's answer to a write was read, before it was settled.
Time is the sandbox's clock: a lease runs out in no time.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.kill.runs import Run
from tests.lab.kill.trials import Bench
from tests.lab.kill.world import vendors

ANSWERED = "answer read: POST /pipedrive/api/v2/activities"
MORE_THAN_A_LEASE = 61  # seconds


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with vendors() as world, Bench("mailigen_pipedrive/first run", world) as bench:
        yield bench


@pytest.fixture
def frozen(bench: Bench) -> Iterator[Run]:
    """A run whose lease has run out while it was stopped; it is ended with the test."""
    order = bench.begin_again()
    run = Run(replace(order, at=bench.number_of(ANSWERED), by=signal.SIGSTOP))
    assert run.wait_until_stopped()
    bench.desk.control("clock", advance_s=MORE_THAN_A_LEASE)
    yield run
    run.process.kill()
    run.process.join()


def test_a_holder_that_wakes_up_after_another_finished_writes_nothing_more(
    bench: Bench, frozen: Run, tmp_path: Path
) -> None:
    """ALL-13: two machines share the state database; file locks do not reach from one to the
    other, so that the fence is all that stands between them."""
    home = bench.desk.home
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(home, elsewhere)
    state = f"sqlite:///{home / 'state.db'}"

    second = Run(replace(bench.order, home=elsewhere, state_url=state)).end()

    assert second.outcome == "done", second.said
    written = bench.effects()
    os.kill(frozen.pid, signal.SIGCONT)
    woken = frozen.end()
    assert woken.outcome == "failed"
    assert "no longer holds" in woken.said
    assert bench.effects() == written
    assert not list(home.glob("published/*")), "readers keep what the newer run published"
    assert bench.verdict(elsewhere).sentences == ()


def test_a_frozen_holder_on_the_same_disk_keeps_its_files_and_is_named(
    bench: Bench, frozen: Run
) -> None:
    """ALL-13: DuckDB locks its files for as long as the frozen process lives; nothing is lost."""
    written = bench.effects()

    second = Run(bench.order).end()

    assert second.outcome == "failed"
    assert f"open in process {frozen.pid}" in second.said
    os.kill(frozen.pid, signal.SIGCONT)
    woken = frozen.end()
    assert "no longer holds" in woken.said
    assert bench.effects() == written
    third = Run(bench.order).end()
    assert third.outcome == "done", third.said
    assert bench.verdict().sentences == ()
