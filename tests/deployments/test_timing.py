"""What an operator is told of schedules: stretched, refused, overdue, missed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_server import PrefectServer, prefect_server, wait_until
from sqlalchemy import select

import sandbox.server
from deployments.cli import main
from deployments.prefect_deploy import POOL
from deployments.timing import found_overdue, least_wake
from pipelines import missed
from pipelines.definition import Schedule, Scheduled
from pipelines.mailigen_pipedrive.audit import audit_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.surroundings import REAL
from state import bots, schedules
from state.schema import cursors
from tests.pipelines.mailigen_pipedrive.conftest import called
from tests.pipelines.mailigen_pipedrive.desk import QUIET, Desk

__all__ = ["called", "prefect_server"]
EVERY_15M = {"every": "15m", "cron": None, "timezone": None}
LATER = timedelta(hours=3)
ACME = Scheduled("acme", "", Schedule.model_validate(EVERY_15M))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A world whose sync ran three hours ago."""
    with sandbox.server.start(port=0, people=10) as running:
        desk = Desk(running.url, tmp_path)
        desk.start(QUIET, alert={"webhook": "OPS", "on": ["missed"]})
        desk.around = replace(REAL, now=lambda: datetime.now(UTC) - LATER)
        desk.settle()
        desk.run()
        desk.around = REAL
        yield desk
        desk.close()


def note_deployed(desk: Desk) -> None:
    with desk.state() as state:
        earlier = replace(state, now=lambda: datetime.now(UTC) - 2 * LATER)
        schedules.note_deployed(earlier, "acme", EVERY_15M)


def make_dear(desk: Desk, runs: float) -> None:
    """Let our share of Mailigen's day bear so many runs."""
    with desk.state() as state, state.read() as db:
        kept = db.scalar(select(cursors.c.value).where(cursors.c.stream == "schedule|price"))
    (reading,) = kept["readings"]
    calls = reading["by_account"]["engagement"] * runs + 1
    desk.facts = {"engagement": {"calls_per_day": int(calls * 2)}}


def gap(desk: Desk) -> missed.Gap | None:
    return missed.before_run(desk.settings, ACME)


def tell(desk: Desk, outcome: Any, found: missed.Gap | None, *, is_audit: bool = False) -> None:
    wanted = Definition.model_validate(desk.wanted)
    missed.after_run(wanted, desk.settings, outcome, found, is_audit=is_audit)


def test_a_run_after_a_gap_says_so_and_calls_once(
    desk: Desk, called: tuple[str, list[dict[str, Any]]]
) -> None:
    """ALL-04, ALL-01: how many, since when, and that it caught up"""
    address, arrived = called
    desk.secrets["OPS"] = address
    note_deployed(desk)
    found = gap(desk)
    assert found is not None
    assert 10 <= found.missed <= 12

    outcome = desk.run()
    tell(desk, outcome, found)

    assert outcome.outcome == "done"
    assert f"{found.missed} scheduled runs did not happen or did not end" in outcome.said
    assert f"since {found.since:%Y-%m-%d %H:%M} UTC; this run caught up." in outcome.said
    (call,) = arrived
    assert (call["sync"], call["kind"], call["run_id"]) == ("acme", "missed", outcome.run_id)
    assert f"{found.missed} scheduled runs" in call["said"]
    assert "runbooks" in call["next_step"]
    assert gap(desk) is None


def test_the_audit_tells_a_gap_and_the_run_after_it_does_not_call_again(
    desk: Desk, called: tuple[str, list[dict[str, Any]]]
) -> None:
    """ALL-04: a call that went nowhere is made again"""
    address, arrived = called
    desk.secrets["OPS"] = "http://127.0.0.1:9/nobody"
    note_deployed(desk)

    def audit() -> Any:
        found = found_overdue(desk.settings, [ACME]).get("acme")
        wanted = Definition.model_validate(desk.wanted)
        outcome = audit_sync(
            wanted, desk.connections, report=lambda _: None, settings=desk.settings
        )
        tell(desk, outcome, found, is_audit=True)
        return outcome

    assert "and none has caught up yet" in audit().said
    desk.secrets["OPS"] = address
    for _ in range(2):
        assert "scheduled runs did not happen" in audit().said
    found = gap(desk)
    outcome = desk.run()
    tell(desk, outcome, found)
    assert "this run caught up" in outcome.said
    assert [one["kind"] for one in arrived] == ["missed"]


def test_a_definition_that_does_not_ask_for_it_is_not_called(
    desk: Desk, called: tuple[str, list[dict[str, Any]]]
) -> None:
    """ALL-04"""
    address, arrived = called
    desk.secrets["OPS"] = address
    desk.wanted["alert"] = {"webhook": "OPS", "on": ["failed"]}
    note_deployed(desk)
    found = gap(desk)
    desk.secrets["LIST_KEY"] = "wrong"
    outcome = desk.run()
    tell(desk, outcome, found)
    assert "this run did not catch up" in outcome.said
    assert arrived == []


def test_list_and_doctor_show_what_is_overdue_and_what_is_stretched(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ALL-04, ALL-05"""
    note_deployed(desk)
    make_dear(desk, 50)
    desk.secrets["OPS"] = "http://127.0.0.1:9/nobody"
    desk.export_files(tmp_path / "files", monkeypatch)

    assert main(["list", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert line["schedule"].startswith("deployed every 15m; every 30m instead of 15m: ")
    assert "overdue: " in line["schedule"]

    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    (symptom,) = [one for one in found if one["thing"] == "schedule acme"]
    assert symptom["level"] == "warn"
    assert symptom["sentence"] == line["schedule"]
    assert "runbooks" in symptom["remedy"]

    with desk.state() as state:
        bots.pause(state, "acme", "customers", by="user", reason="holidays")
    main(["list", "--json"])
    (line,) = json.loads(capsys.readouterr().out)
    assert "overdue" not in line["schedule"]


def test_woken_runs_get_what_the_schedule_leaves_of_the_share(desk: Desk) -> None:
    """ALL-05, ALL-12"""
    note_deployed(desk)

    def least() -> float:
        wanted = Definition.model_validate(desk.wanted)
        return least_wake(desk.settings, wanted, desk.connections)

    assert least() < 60
    make_dear(desk, 100)
    assert 86_400 / 5 <= least() <= 86_400 / 3.9
    make_dear(desk, 20)
    assert least() == 86_400


@pytest.fixture
def client(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: PrefectServer
) -> Iterator[SyncPrefectClient]:
    """A Prefect server for the command line and its workers, which has the desk's files."""
    desk.export_files(tmp_path / "files", monkeypatch)
    for name, value in prefect_server.environ.items():
        monkeypatch.setenv(name, value)
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield get_client(sync_client=True)


def deploy(desk: Desk, folder: Path, schedule: dict[str, str], *, bears: float) -> int:
    """Deploy by command, with a share that bears so many runs a day."""
    make_dear(desk, bears)
    facts = {name: one.model_dump(mode="json") for name, one in desk.connections.items()}
    (folder / "connections.yaml").write_text(json.dumps(facts))
    wanted = json.dumps(desk.wanted | {"schedule": schedule})
    (folder / "syncs" / "acme.yaml").write_text(wanted)
    return main(["deploy"])


def deployed(client: SyncPrefectClient) -> DeploymentResponse:
    return client.read_deployment_by_name("mailigen-pipedrive/acme")


def interval(client: SyncPrefectClient) -> float:
    (schedule,) = deployed(client).schedules
    assert isinstance(schedule.schedule, IntervalSchedule)
    return schedule.schedule.interval.total_seconds()


@pytest.mark.slow
def test_deploy_sets_the_interval_the_share_bears_and_refuses_what_none_does(
    desk: Desk, tmp_path: Path, client: SyncPrefectClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """ALL-05, ALL-01: no vendor is asked; what is refused stays as it was on the server"""
    folder = tmp_path / "files"
    desk.journal()

    assert deploy(desk, folder, {"every": "15m"}, bears=50) == 0
    assert "acme: every 30m instead of 15m: a run reads for" in capsys.readouterr().out
    assert interval(client) == 1800
    assert "every 30m instead of 15m" in str(deployed(client).description)

    assert deploy(desk, folder, {"every": "15m"}, bears=0.4) == 2
    assert "acme was not deployed: no interval fits" in capsys.readouterr().err
    assert deploy(desk, folder, {"cron": "*/15 * * * *"}, bears=50) == 2
    assert "write `every: 30m`" in capsys.readouterr().err
    assert interval(client) == 1800

    assert deploy(desk, folder, {"every": "15m"}, bears=500) == 0
    assert "instead of" not in capsys.readouterr().out
    assert interval(client) == 900
    assert desk.journal() == []


@pytest.mark.slow
@pytest.mark.sqlite  # a worker of Prefect starts it, where nothing of these tests reaches
def test_a_scheduled_run_tells_its_gap_and_a_paused_deployment_has_none(
    desk: Desk, tmp_path: Path, client: SyncPrefectClient, prefect_server: PrefectServer,
    called: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """ALL-01, ALL-04: a real worker runs it, and calls"""
    address, arrived = called
    monkeypatch.setenv("OPS", address)
    assert deploy(desk, tmp_path / "files", {"every": "4s"}, bears=1_000_000) == 0
    with desk.state() as state:
        schedules.forget_deployed(state, "acme")
    note_deployed(desk)  # as if it had been there for hours
    settings = replace(desk.settings, prefect_api_url=prefect_server.api_url)

    client.pause_deployment(deployed(client).id)
    assert found_overdue(settings, [ACME]) == {}
    client.resume_deployment(deployed(client).id)
    assert list(found_overdue(settings, [ACME])) == ["acme"]

    with prefect_server.worker(POOL) as log:
        wait_until(lambda: bool(arrived), seconds=240, what="the gap was told", log=log)
    client.pause_deployment(deployed(client).id)
    assert arrived[0]["kind"] == "missed"
    assert "this run caught up" in arrived[0]["said"]
