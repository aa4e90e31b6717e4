"""Letting a stopped run go on: by command and by the form of the flow."""

from contextlib import closing
from pathlib import Path

import pytest

from deployments.cli import main
from state import guards, lease, runs
from state.database import State, open_state
from state.errors import NotAllowed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path))
    monkeypatch.delenv("SYNCLINE_STATE_URL", raising=False)
    return tmp_path


def test_an_approval_names_the_writes_it_lets_through(home, capsys):
    state = open_state(f"sqlite:///{home}/state.db")
    held = lease.acquire(state, "acme", run_id="run-1")
    guards.store(held, ["60 deletes, over 50"], ["delete|a", "delete|b"])
    lease.release(held)

    assert main(["approve", "acme", "--by", "ann"]) == 0
    said = capsys.readouterr().out
    assert "approved by ann: 2 writes that run run-1 wanted (60 deletes, over 50)" in said
    approval = guards.approved_keys(state, "acme")
    assert approval is not None
    assert approval[1] == {"delete|a", "delete|b"}
    state.close()


def test_approving_a_sync_that_nothing_stopped_is_refused_with_a_sentence(home, capsys):
    assert main(["approve", "acme"]) == 2
    assert "there is nothing to approve" in capsys.readouterr().err


def stopped(state: State, run_id: str, *keys: str) -> guards.Guard:
    held = lease.acquire(state, "acme", run_id=run_id)
    runs.start(held)
    guard = guards.store(held, [f"stop of {run_id}"], keys)
    runs.finish(held, outcome="guarded", exit_code=3, counts={})
    lease.release(held)
    return guard


def went_through(state: State, run_id: str, spent: guards.Guard | None = None) -> None:
    held = lease.acquire(state, "acme", run_id=run_id)
    runs.start(held)
    if spent is not None:
        guards.spend(held, spent.guard_id)
    runs.finish(held, outcome="done", exit_code=0, counts={})
    lease.release(held)


def test_an_older_stop_is_not_let_through_once_the_newest_was_used(home, capsys):
    """ALL-07: what the older one wanted was planned anew by the newest."""
    with closing(open_state(f"sqlite:///{home}/state.db")) as state:
        old = stopped(state, "run-1", "delete|a", "delete|b")
        new = stopped(state, "run-2", "delete|a")
        assert main(["approve", "acme", "--by", "ann"]) == 0
        went_through(state, "run-3", new)
        capsys.readouterr()

        assert main(["approve", "acme", "--by", "ann"]) == 2

        assert "there is nothing to approve" in capsys.readouterr().err
        assert guards.approved_keys(state, "acme") is None
        with pytest.raises(NotAllowed, match="is past"):
            guards.approve(state, by="ann", guard_id=old.guard_id)


def test_a_stop_is_past_once_a_later_run_met_no_guard_and_not_by_an_audit(home, capsys):
    """ALL-07"""
    with closing(open_state(f"sqlite:///{home}/state.db")) as state:
        stopped(state, "run-1", "delete|a")
        went_through(state, "audit-run-2")
        assert main(["approve", "acme", "--by", "ann"]) == 0
        went_through(state, "run-3")
        capsys.readouterr()

        assert main(["approve", "acme", "--by", "ann"]) == 2

        assert "there is nothing to approve" in capsys.readouterr().err
        assert guards.approved_keys(state, "acme") is None
