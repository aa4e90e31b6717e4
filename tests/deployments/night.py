"""A home with what on-call meets in it: writes in doubt, writes refused, nobody to ask."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from state_rows import member, note

from deployments.cli import main
from state import deeds, lease, ledger, settings
from state.database import State, open_state
from state.lease import Lease

NOTE = "note|acme|news|c1|7|open"
SETTING = "member|acme|fields|c1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own; definitions and vendors are nowhere to be found."""
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SYNCLINE_SYNCS", str(tmp_path / "nowhere"))
    monkeypatch.setenv("SYNCLINE_CONNECTIONS", str(tmp_path / "connections.yaml"))
    for name in ("PREFECT_API_URL", "SYNCLINE_STATE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def state(home: Path) -> Iterator[State]:
    home.mkdir()
    opened = open_state(f"sqlite:///{home}/state.db")
    yield opened
    opened.close()


@pytest.fixture
def held(state: State) -> Lease:
    return lease.acquire(state, "news", run_id="run-1")


def claimed(held: Lease, *keys: str) -> None:
    ledger.seal(held, deeds=[note(key, subject="c1", bot="warm") for key in keys])
    assert deeds.claim(held, keys, held.state.now()) == set(keys)


def in_doubt(held: Lease) -> None:
    """A note and a member's values without an answer, and two deeds behind the note."""
    claimed(held, NOTE)
    deeds.unknown(held, [(NOTE, "pipedrive: reset; ann@x.lv")])
    ledger.seal(held, deeds=[note("n2", subject="c1"), note("n3", subject="c1")])
    in_doubt_setting(held)
    lease.release(held)


def in_doubt_setting(held: Lease) -> None:
    ledger.seal(held, settings=[member("c1", phone="+371 2000000")])
    at, horizon = held.state.now(), timedelta(seconds=300)
    (window,) = settings.planned(held, "acme", at=at, horizon=horizon)
    settings.claim(held, window, at, horizon)
    settings.unknown(held, [(window[0].key, "timed out")])


def refused(held: Lease, *keys: str) -> None:
    claimed(held, *keys)
    deeds.refused(held, [(key, "no such person") for key in keys])
    lease.release(held)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(list(words))
    shown = capsys.readouterr()
    assert "Traceback (most" not in shown.err
    return code, shown.out + shown.err
