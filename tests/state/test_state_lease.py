"""One writer per sync: taken, held, renewed, lost, taken over."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from state import cursors, runs
from state import lease as leases
from state.database import open_state
from state.errors import LeaseHeld, LeaseLost
from state.lease import acquire, keeping, release, renew
from state.schema import leases as table

ROOT = Path(__file__).parents[2]


def start(url: str, wish: str, name: str) -> subprocess.Popen[str]:
    """Start a holder and return once it is about to act."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("holder.py")), url, wish, name],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert tell(process, go=False) == "ready"
    return process


def tell(process: subprocess.Popen[str], *, go: bool = True) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    if go:
        process.stdin.write("go\n")
        process.stdin.flush()
    return process.stdout.readline().strip()


def move(lease) -> None:
    """A guarded change that is easy to see."""
    with lease.changing() as db:
        cursors.move(db, lease, cursors.Cursor("persons", lease.run_id, "g"))


def test_a_held_sync_says_by_whom_and_until_when(state, lease, clock):
    clock.advance(10)
    with pytest.raises(LeaseHeld) as caught:
        acquire(state, "acme", run_id="run-2")
    held = caught.value
    assert (held.holder, held.pid) == ("run-1", os.getpid())
    assert held.expires_at - held.since == timedelta(seconds=60)
    assert "run run-1 holds the sync" in str(held)


def test_an_expired_lease_is_taken_over_and_the_old_holder_writes_nothing_more(state, lease, clock):
    clock.advance(61)
    newer = acquire(state, "acme", run_id="run-2")
    assert newer.fence == lease.fence + 1
    with pytest.raises(LeaseLost, match="run run-2"):
        move(lease)
    move(newer)
    assert cursors.read(state, "acme", "persons", "g") == "run-2"


def test_an_expired_lease_nobody_took_is_still_good(lease, clock):
    clock.advance(3600)
    move(lease)
    renew(lease)
    with pytest.raises(LeaseHeld):
        acquire(lease.state, "acme", run_id="run-2")


def test_the_fence_rises_with_each_acquisition_and_never_goes_back(state):
    fences = []
    for n in range(4):
        taken = acquire(state, "acme", run_id=f"run-{n}")
        fences.append(taken.fence)
        release(taken)
    assert fences == [1, 2, 3, 4]


def test_after_a_lost_state_the_sweeps_go_on_above_those_of_the_history(state):
    assert acquire(state, "acme", run_id="run-1", above=41).fence == 42


def test_a_released_lease_changes_nothing_more(lease):
    release(lease)
    with pytest.raises(LeaseLost, match="nobody"):
        move(lease)


def test_releasing_a_lost_lease_leaves_the_new_holder_alone(state, lease, clock):
    clock.advance(61)
    newer = acquire(state, "acme", run_id="run-2")
    release(lease)
    move(newer)


def test_the_same_name_in_another_account_is_another_sync(state, lease):
    other = acquire(state, "acme", run_id="run-2", account="acme-two")
    assert (other.sync, other.fence) == ("acme@acme-two", lease.fence + 1)
    move(lease)
    move(other)


def change_owner(state, **values) -> None:
    with state.write() as db:
        db.execute(table.update().values(**values))


def test_a_process_number_used_again_by_another_process_does_not_count_as_the_holder(state, lease):
    change_owner(state, process_started_at=leases.this_process().process_started_at - 60)
    assert acquire(state, "acme", run_id="run-2").fence == 2


def test_a_holder_on_another_boot_of_this_name_is_waited_for(state, lease, clock):
    """Two machines made from one image bear one name, and its process may be alive there."""
    change_owner(state, boot_id="another boot")
    with pytest.raises(LeaseHeld):
        acquire(state, "acme", run_id="run-2")
    clock.advance(61)
    assert acquire(state, "acme", run_id="run-2").fence == 2


def test_a_holder_on_another_host_is_waited_for(state, lease, clock):
    change_owner(state, host="elsewhere", pid=1, boot_id="another boot")
    with pytest.raises(LeaseHeld, match="elsewhere"):
        acquire(state, "acme", run_id="run-2")
    clock.advance(61)
    assert acquire(state, "acme", run_id="run-2").fence == 2


def test_a_killed_holder_is_taken_over_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    holder = start(url, "hold", "run-1")
    assert tell(holder) == "held"
    state = open_state(url)
    with pytest.raises(LeaseHeld, match="run-1"):
        acquire(state, "acme", run_id="run-2")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert acquire(state, "acme", run_id="run-2").fence == 2


def test_of_two_processes_racing_for_a_sync_one_wins(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    racing = [start(url, "race", f"run-{n}") for n in (1, 2)]
    for process in racing:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = sorted(tell(process, go=False) for process in racing)
    for process in racing:
        process.communicate("end\n")
    assert said[0] in ("held by run-1", "held by run-2")
    assert said[1] == "won 1"


def test_of_two_processes_racing_for_a_row_one_may_create_it(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    racing = [start(url, "claim", name) for name in ("one", "two")]
    for process in racing:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sorted(tell(process, go=False) for process in racing) == ["0", "1"]
    for process in racing:
        process.wait()


def test_a_kept_lease_outlives_its_time(tmp_path):
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    taken = acquire(state, "acme", run_id="run-1", ttl=timedelta(seconds=0.3))
    renewed = threading.Event()

    def now():
        if threading.current_thread().name == "lease":
            renewed.set()
        return state.now()

    watched = replace(taken, state=replace(state, now=now))
    with keeping(watched):
        assert renewed.wait(10)
    assert acquire(state, "acme", run_id="run-2").fence == 2


def test_a_run_that_lost_its_lease_still_notes_its_end(state, lease, clock):
    runs.start(lease)
    clock.advance(61)
    runs.start(acquire(state, "acme", run_id="run-2"))
    runs.finish(lease, outcome="failed", exit_code=1, counts={}, said="lost its lease")
    assert [(run.run_id, run.outcome) for run in runs.recent(state, "acme")] == [
        ("run-2", None),
        ("run-1", "failed"),
    ]
    assert runs.standing(state, "acme").outcome is None
