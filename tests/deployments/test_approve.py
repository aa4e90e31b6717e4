"""Letting a stopped run go on: by command and by the form of the flow."""

from pathlib import Path

import pytest

from deployments.cli import main
from state import guards, lease
from state.database import open_state


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
