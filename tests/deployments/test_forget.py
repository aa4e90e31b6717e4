"""Erase a person: nothing of them is left here, and no run takes them in again (ALL-11)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.cli import main
from state import keep, lease
from state.doors import listener_name
from state.inbox import Inbox
from state.writers import window_name
from tests.pipelines.mailigen_pipedrive.conftest import fresh as fresh  # noqa: PLC0414
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk
from tests.system.leaks import clothes, hunt

Say = Callable[..., tuple[int, str]]
FULL_NAME = "Oktaviana Zvirbulfeld"
EMAIL = "oktaviana@zvirbulfeld.example"


@pytest.fixture
def syncline(
    fresh: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Say]:
    """Say something to the command line; its exit code and all its words."""
    fresh.start(CUSTOMERS, people=20)
    fresh.export_files(tmp_path, monkeypatch)

    def say(*words: str) -> tuple[int, str]:
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    yield say


def known(desk: Desk) -> int:
    """A person who is on the list, opened and clicked, and has all that comes of it."""
    desk.settle()
    person = desk.add_person(FULL_NAME, EMAIL)
    desk.settle()
    desk.play("open", EMAIL)
    desk.play("click", EMAIL)
    desk.settle()
    assert desk.ours("notes", person)
    assert traces(desk)
    return person


def traces(desk: Desk) -> set[str]:
    """Where the person is found in the home: values of databases, and bytes of files."""
    found = {str(leak) for leak in hunt([EMAIL, "Zvirbulfeld"], {"home": desk.home})}
    forms = [one.lower() for one in clothes(EMAIL)]
    for file in desk.home.rglob("*"):
        if file.is_file() and any(one in file.read_bytes().lower() for one in forms):
            found.add(file.name)
    return found


def test_nothing_of_an_erased_person_is_left_and_nothing_comes_back(
    fresh: Desk, syncline: Say
) -> None:
    """ALL-11: state, history, work file, published copy, inbox; also after the next runs."""
    person = known(fresh)
    inbox = Inbox(fresh.home)
    inbox.put("acme", "engagement", f'{{"email": "{EMAIL.upper()}"}}'.encode())
    inbox.put("acme", "engagement", b"email=oktaviana%40zvirbulfeld.example")
    inbox.close()
    others = fresh.ask("SELECT count(*) FROM history.events")

    code, told = syncline("forget", EMAIL.upper(), "--yes")

    assert code == 0, told
    assert "1 contact of 1 address" in told
    assert f"still at crm: person {person}" in told
    assert traces(fresh) == set()
    fresh.effects()
    fresh.play("open", EMAIL)
    for _ in range(2):
        assert fresh.run().outcome == "done"
        assert fresh.effects() == []
        assert traces(fresh) == set()
    assert fresh.member(EMAIL) is not None, "what the vendors hold is theirs"
    assert fresh.ask("SELECT count(*) FROM history.events") < others
    assert fresh.ask("SELECT count(*) FROM resolve.contacts WHERE is_selected")[0][0] > 0


def test_an_erased_person_is_never_subscribed_again(fresh: Desk, syncline: Say) -> None:
    """ALL-11, MG-14: nor by a new record of the CRM, nor after the state was lost."""
    person = known(fresh)
    assert syncline("forget", EMAIL, "--yes")[0] == 0
    fresh.delete_person(person)
    fresh.act("remove", EMAIL)
    fresh.add_person(FULL_NAME, EMAIL)
    assert fresh.run().outcome == "done"
    assert fresh.member(EMAIL) is None

    for file in fresh.home.glob("state.db*"):
        file.unlink()
    assert syncline("adopt", "acme")[0] == 0
    assert fresh.run().outcome == "done"
    assert fresh.member(EMAIL) is None
    assert traces(fresh) == set()
    assert any(line.get("kind") == "forgotten" for line in keep.read(fresh.home))


def test_everybody_else_stays_as_they_were(fresh: Desk, syncline: Say) -> None:
    """ALL-11: their counts go on where they stood, and nothing is done twice."""
    known(fresh)
    other, email = fresh.person(on_list=True)
    fresh.play("open", email)
    fresh.settle()
    before = fresh.ours("notes", other), fresh.ours("activities", other)
    assert before[0]
    assert syncline("forget", EMAIL, "--yes")[0] == 0
    fresh.settle()
    assert (fresh.ours("notes", other), fresh.ours("activities", other)) == before


def test_an_address_nobody_knows_is_barred_all_the_same(fresh: Desk, syncline: Say) -> None:
    """ALL-11: whoever asks before they were ever taken in never is."""
    fresh.settle()
    code, told = syncline("forget", EMAIL, "--yes")
    assert code == 0, told
    assert "0 contacts of 1 address" in told
    fresh.add_person(FULL_NAME, EMAIL)
    assert fresh.run().outcome == "done"
    assert fresh.member(EMAIL) is None
    assert traces(fresh) == set()


def test_while_a_sync_runs_nobody_is_erased(fresh: Desk, syncline: Say) -> None:
    """ALL-11: it would write what it read before."""
    known(fresh)
    before = traces(fresh)
    with fresh.state() as state:
        held = lease.acquire(state, "acme", run_id="run-at-work")
        code, told = syncline("forget", EMAIL, "--yes")
        lease.release(held)
    assert code == 1, told
    assert "acme: run run-at-work holds the sync" in told
    assert "Nothing was changed: wait for it to end, then ask again" in told
    assert traces(fresh) == before


def test_while_a_window_writes_nobody_is_erased(fresh: Desk, syncline: Say) -> None:
    """ALL-11: windows write beside the sweeps, from what they read before."""
    known(fresh)
    before = traces(fresh)
    with fresh.state() as state:
        held = lease.acquire(state, window_name("acme"), run_id="window-at-work")
        code, told = syncline("forget", EMAIL, "--yes")
        lease.release(held)
    assert code == 1, told
    assert "run window-at-work holds the sync" in told
    assert traces(fresh) == before


def test_a_listener_may_go_on(fresh: Desk, syncline: Say) -> None:
    """ALL-11: it has nothing of its own to write."""
    known(fresh)
    with fresh.state() as state:
        held = lease.acquire(state, listener_name("acme"), run_id="listen")
        assert syncline("forget", EMAIL, "--yes")[0] == 0
        lease.release(held)
    assert traces(fresh) == set()


@pytest.mark.parametrize("text", ["zvirbulfeld", "", "@x.example", "a b@x.example"])
def test_what_is_no_address_is_refused(syncline: Say, text: str) -> None:
    """ALL-11: exit code 2, and nothing is written down"""
    code, told = syncline("forget", text, "--yes")
    assert code == 2
    assert "is no e-mail address: give the one the person had on the list" in told


def test_without_a_word_nothing_is_erased(fresh: Desk, syncline: Say) -> None:
    """ALL-11: it cannot be undone"""
    known(fresh)
    before = traces(fresh)
    code, told = syncline("forget", EMAIL)
    assert code == 2
    assert "This cannot be undone" in told
    assert "--yes" in told
    assert traces(fresh) == before
