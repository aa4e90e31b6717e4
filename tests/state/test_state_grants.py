"""OAuth grants: encrypted, one newer one at a time, nothing undone that somebody just stored."""

import subprocess
import sys
from pathlib import Path

import pytest

from state import connections, grants
from state.database import State, open_state
from state.errors import NotAllowed

ROOT = Path(__file__).parents[2]
KEY = grants.new_key()
FIRST, SECOND, THIRD = ({"refresh_token": f"r3fresh-{n}"} for n in "123")


def put(state: State, grant: dict[str, str] = FIRST, company: str = "7") -> grants.Kept:
    grants.put(state, "acme", "pipedrive", grant, key=KEY, company=company, user="1")
    return kept(state)


def kept(state: State) -> grants.Kept:
    found = grants.read(state, "acme", key=KEY)
    assert found is not None
    return found


def condition(state: State) -> str:
    known = connections.find(state, "acme")
    assert known is not None
    return known.state


def test_a_grant_is_unreadable_without_its_key(state):
    """MG-01, ALL-11"""
    put(state)
    assert kept(state).grant == FIRST
    with pytest.raises(NotAllowed, match="another key"):
        grants.read(state, "acme", key=grants.new_key())
    with state.read() as db:
        sealed = db.exec_driver_sql("SELECT encrypted_grant FROM connections").scalar_one()
    assert b"r3fresh" not in sealed
    assert "r3fresh" not in repr(kept(state))


@pytest.mark.parametrize("key", ["", "short", "ü" * 44, "a" * 43])
def test_what_is_no_key_is_said_and_not_repeated(key):
    """MG-01"""
    with pytest.raises(NotAllowed) as refused:
        grants.check_key(key)
    assert not key or key not in str(refused.value)


def test_another_companys_grant_is_refused_and_the_first_stays(state):
    """MG-02, ALL-14"""
    put(state)
    with pytest.raises(NotAllowed, match="company 8"):
        put(state, SECOND, company="8")
    assert kept(state).grant == FIRST


def test_signing_in_again_makes_an_account_well(state):
    """MG-02"""
    grants.refused(state, "acme", put(state), "invalid_grant")
    assert condition(state) == "needs_reauthorization"
    assert put(state, SECOND).grant == SECOND
    assert condition(state) == "ok"


def test_whoever_comes_back_late_changes_nothing(state):
    """MG-02: neither a newer grant nor the mark of one that was refused."""
    seen = put(state)
    assert grants.replace(state, "acme", seen, SECOND, key=KEY)
    assert not grants.replace(state, "acme", seen, THIRD, key=KEY)
    assert not grants.refused(state, "acme", seen, "invalid_grant")
    assert (kept(state).grant, condition(state)) == (SECOND, "ok")


def test_the_time_of_the_mark_is_that_of_the_first_refusal(state, clock):
    """MG-02"""
    seen, first = put(state), clock.at
    assert grants.refused(state, "acme", seen, "invalid_grant")
    clock.advance(900)
    assert grants.refused(state, "acme", seen, "invalid_grant")
    known = connections.find(state, "acme")
    assert known is not None
    assert known.since == first


def test_a_forgotten_grant_is_nowhere_in_the_database(state):
    """MG-01"""
    put(state)
    assert grants.is_kept(state, "acme")
    grants.forget(state, "acme", "disconnected")
    assert not grants.is_kept(state, "acme")
    assert grants.read(state, "acme", key=KEY) is None
    assert condition(state) == "needs_reauthorization"


def test_it_is_one_callers_turn_until_it_ends_or_its_time_is_up(state, clock):
    """MG-02"""
    with grants.turn(state, "acme") as first, grants.turn(state, "acme") as second:
        assert (first, second) == (True, False)
        with grants.turn(state, "other") as other:
            assert other
        clock.advance(61)
        with grants.turn(state, "acme") as late:
            assert late
    with grants.turn(state, "acme") as again:
        assert again


def test_a_process_that_died_in_its_turn_holds_nobody_up(tmp_path):
    """MG-02"""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    program = (
        "import os, sys; from state import grants; from state.database import open_state\n"
        "with grants.turn(open_state(sys.argv[1]), 'acme') as ours: os._exit(0 if ours else 1)"
    )
    assert (
        subprocess.run([sys.executable, "-c", program, url], cwd=ROOT, check=False).returncode == 0
    )
    state = open_state(url)
    with grants.turn(state, "acme") as ours:
        assert ours
    state.close()
