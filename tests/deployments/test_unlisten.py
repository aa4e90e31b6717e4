"""Taking a sync's webhook away: by command, with its last bot, and what each says and leaves."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_server import PrefectServer, prefect_server

from deployments.cli import main
from state import doors, lease
from state.doors import listener_name
from state.inbox import Inbox
from tests.pipelines.mailigen_pipedrive.conftest import fresh as fresh  # noqa: PLC0414
from tests.pipelines.mailigen_pipedrive.desk import QUIET, Desk
from tests.pipelines.mailigen_pipedrive.porch import Porch

__all__ = ["prefect_server"]
Say = Callable[..., tuple[int, str]]


@pytest.fixture
def desk(fresh: Desk) -> Iterator[Desk]:
    """A sync that was listened for until just now: its webhook stands, two deliveries wait."""
    fresh.start(QUIET, people=20).settle()
    porch = Porch(fresh)
    porch.look()
    porch.close()
    inbox = Inbox(fresh.home)
    for body in (b"1", b"2"):
        inbox.put("acme", "engagement", body)
    inbox.close()
    yield fresh


@pytest.fixture
def syncline(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Say:
    """Say something to the command line; its exit code and all its words."""
    desk.export_files(tmp_path, monkeypatch)

    def say(*words: str) -> tuple[int, str]:
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    return say


def left(desk: Desk) -> tuple[int, int]:
    """Webhooks at Mailigen, deliveries in the inbox."""
    inbox = Inbox(desk.home)
    waiting = sum(one.deliveries for one in inbox.waiting(["acme"]).values())
    inbox.close()
    return len(desk.book("mailigen", "webhooks")), waiting


def unlist(tmp_path: Path) -> None:
    (tmp_path / "syncs" / "acme.yaml").unlink()


def test_unlisten_removes_the_webhook_and_says_so_once_more_when_there_is_none(
    desk: Desk, syncline: Say
) -> None:
    """ALL-12: exit code 0 either way; the sync itself goes on"""
    with desk.state() as state:
        doors.count_refused(state, listener_name("acme"), 3)
    code, told = syncline("unlisten", "acme")
    assert code == 0, told
    assert "removed at engagement" in told
    assert "dropped 2 deliveries that nobody had answered" in told
    assert left(desk) == (0, 0)
    with desk.state() as state:
        assert doors.refused(state, listener_name("acme")) is None
    assert syncline("unlisten", "acme") == (0, "acme: there is no webhook at engagement\n")


def test_unlisten_while_somebody_listens_removes_nothing(desk: Desk, syncline: Say) -> None:
    """ALL-12: the listener would make it again"""
    with desk.state() as state:
        held = lease.acquire(state, listener_name("acme"), run_id="listen-1")
        code, told = syncline("unlisten", "acme")
        lease.release(held)
    assert (code, "listens for acme: end it first" in told) == (1, True)
    assert left(desk) == (1, 2)


def test_unlisten_of_a_misspelt_sync_changes_nothing(desk: Desk, syncline: Say) -> None:
    """ALL-12"""
    code, told = syncline("unlisten", "acne")
    assert (code, "no sync is called acne; did you mean `acme`?" in told) == (2, True), told
    assert left(desk) == (1, 2)


@pytest.mark.parametrize(
    ("fault", "code", "sentence"),
    [
        ({"kind": "lost_request"}, 4, "nobody knows yet whether its last change arrived"),
        (
            {"kind": "status", "status": 200, "body": {"error": "not now", "code": 300}},
            1,
            "not now",
        ),
    ],
)
def test_a_webhook_that_may_still_be_there_is_said_with_what_to_do(
    desk: Desk, syncline: Say, fault: dict[str, str], code: int, sentence: str
) -> None:
    """ALL-06, ALL-12"""
    desk.fault(**fault, vendor="mailigen", path="/1.8/webhookDelete")
    found, told = syncline("unlisten", "acme")
    assert (found, sentence in told) == (code, True), told
    assert "syncline unlisten acme" in told


def test_deleting_the_last_bot_of_a_sync_no_file_lists_takes_its_webhook_away(
    desk: Desk, syncline: Say, tmp_path: Path
) -> None:
    """MG-20, ALL-12: and the deliveries, which hold addresses"""
    code, _ = syncline("delete", "acme")
    assert (code, left(desk)) == (2, (1, 2))
    unlist(tmp_path)
    code, told = syncline("delete", "acme")
    assert code == 0, told
    assert "bot customers is deleted" in told
    assert "removed at engagement" in told
    assert left(desk) == (0, 0)
    assert syncline("delete", "acme")[0] == 2


def test_a_webhook_that_cannot_be_removed_does_not_keep_a_bot(
    desk: Desk, syncline: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MG-20, ALL-12: told with the command that tries again, which needs no file"""
    unlist(tmp_path)
    monkeypatch.delenv("LIST_KEY")
    code, told = syncline("delete", "acme")
    assert code == 1
    assert "bot customers is deleted" in told
    assert "the secret LIST_KEY is not set" in told
    assert left(desk)[0] == 1
    monkeypatch.setenv("LIST_KEY", desk.secrets["LIST_KEY"])
    assert syncline("unlisten", "acme")[0] == 0
    assert left(desk) == (0, 0)


@pytest.fixture
def with_server(
    syncline: Say, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Say]:
    """The same command line where a Prefect server is configured, with the sync deployed."""
    for name, value in prefect_server.environ.items():
        monkeypatch.setenv(name, value)
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        code, told = syncline("deploy")
        assert code == 0, told
        yield syncline


@pytest.mark.slow
def test_deploying_without_a_sync_takes_its_webhook_away_once_that_is_agreed_to(
    desk: Desk, with_server: Say, tmp_path: Path
) -> None:
    """ALL-11, ALL-12: with its deployment, and with the deliveries, which hold addresses"""
    unlist(tmp_path)
    code, told = with_server("deploy")
    assert (code, left(desk)) == (0, (1, 2))
    assert "their history of runs and their webhooks: syncline deploy --yes" in told
    code, told = with_server("deploy", "--yes")
    assert code == 0, told
    assert "removed  acme" in told
    assert "removed at engagement" in told
    assert left(desk) == (0, 0)


@pytest.mark.slow
def test_a_webhook_that_must_stay_stops_no_deployment(
    desk: Desk, with_server: Say, tmp_path: Path
) -> None:
    """ALL-12: while somebody listens; said with what to do, and `unlisten` does it later"""
    unlist(tmp_path)
    with desk.state() as state:
        held = lease.acquire(state, listener_name("acme"), run_id="listen-1")
        code, told = with_server("deploy", "--yes")
        lease.release(held)
    assert code == 0, told
    assert "removed  acme" in told
    assert "listens for acme: end it first" in told
    assert left(desk) == (1, 2)
    assert with_server("unlisten", "acme")[0] == 0
    assert left(desk) == (0, 0)


def test_list_and_doctor_say_how_listening_stands(desk: Desk, syncline: Say) -> None:
    """MG-19, ALL-12: who listens, the webhook, what waits, who was refused; 100 columns"""
    listener = listener_name("acme")
    with desk.state() as state:
        doors.count_refused(state, listener, 12)
        held = lease.acquire(state, listener, run_id="listen-1")
        _, told = syncline("list")
        one = " ".join(told.split())
        assert "acme: listened for since" in one
        for part in ("webhook as wanted", "2 deliveries waiting", "12 refused since"):
            assert part in one
        assert max(map(len, told.split("acme: listened")[1].splitlines())) <= 100
        doors.note_webhook(state, listener, "Mailigen says no")
        _, told = syncline("doctor")
        assert "warn  webhook acme: 12 refused since" in told
        assert "-> if real ones are among them, the secret here is not Mailigen's" in told
        assert "warn  webhook acme: not as wanted: Mailigen says no" in told
        lease.release(held)
    _, told = syncline("doctor")
    assert "warn  webhook acme: rings from engagement, and nobody listens" in told
    assert syncline("unlisten", "acme")[0] == 0
    assert "acme: nobody listens" not in syncline("list")[1]
    assert "webhook acme" not in syncline("doctor")[1]


def test_looking_at_an_installation_that_never_ran_makes_nothing(
    syncline: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ALL-12"""
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "none"))
    syncline("doctor")
    assert not (tmp_path / "none").exists()
