"""A deployed sync really runs by itself.

Some versions of SQLAlchemy and FastAPI let the Prefect server accept a schedule and never act
on it, or not start at all; nothing else of ours would notice. This test is the notice.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_server import ROOT, PrefectServer, prefect_server, wait_until

from deployments.cli import main
from deployments.prefect_deploy import (
    AUDIT,
    POOL,
    ZOMBIES,
    deploy,
    deploy_installation,
    ensure_pool,
    entrypoint_of,
    survey,
)
from pipelines.definition import SyncDefinition
from pipelines.kinds import MAILCHIMP_PIPEDRIVE
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.settings import read_settings

__all__ = ["prefect_server"]
TINY = "tests.deployments.tiny_flow.tiny"


def definition(name: str, **schedule: str) -> Definition:
    return Definition.model_validate(
        {
            "kind": "mailigen_pipedrive",
            "name": name,
            "schedule": schedule,
            "connections": {"crm": "a", "engagement": "b"},
            "list": {"title": "Newsletter"},
        }
    )


@pytest.fixture
def client(prefect_server: PrefectServer) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield get_client(sync_client=True)


@pytest.fixture
def settings(tmp_path: Path):
    (tmp_path / "syncs").mkdir()
    return read_settings({"SYNCLINE_HOME": str(tmp_path / "home")}, syncs=tmp_path / "syncs")


@pytest.mark.slow
@pytest.mark.slow
def test_a_deployed_sync_runs_by_itself(prefect_server, client, settings):
    deploy(client, [definition("every-few", every="3s")], settings, root=ROOT, entrypoint=TINY)
    deployment = client.read_deployment_by_name("tiny/every-few")

    def has_completed() -> bool:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id])
            )
        )
        return any(run.state and run.state.is_completed() and run.auto_scheduled for run in runs)

    with prefect_server.worker(POOL) as log:
        wait_until(has_completed, seconds=120, what="a scheduled run completed", log=log)
    assert (settings.home / "ran.txt").read_text().startswith(f"every-few {settings.syncs}")


def test_deploying_again_keeps_a_pause_and_makes_no_second_schedule(client, settings):
    twice = [definition("paused-once", every="1h")]
    deploy(client, twice, settings, root=ROOT, entrypoint=TINY)
    client.pause_deployment(client.read_deployment_by_name("tiny/paused-once").id)
    deploy(client, [definition("paused-once", every="2h")], settings, root=ROOT, entrypoint=TINY)
    again = client.read_deployment_by_name("tiny/paused-once")
    assert again.paused
    assert [one.schedule.interval.total_seconds() for one in again.schedules] == [7200]


def test_a_cron_line_keeps_its_time_zone(client, settings):
    nightly = definition("nightly", cron="0 3 * * *", timezone="Europe/Riga")
    deploy(client, [nightly], settings, root=ROOT, entrypoint=TINY)
    (schedule,) = client.read_deployment_by_name("tiny/nightly").schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 3 * * *", "Europe/Riga")


def test_a_sync_no_longer_listed_is_shown_first_and_removed_when_told(client, settings):
    old, kept = definition("old", every="1h"), definition("kept", every="1h")
    deploy(client, [old, kept], settings, root=ROOT, entrypoint=TINY)
    assert "old" in survey(client, [kept], entrypoint=TINY).removed
    deploy(client, [kept], settings, root=ROOT, entrypoint=TINY)
    assert client.read_deployment_by_name("tiny/old")
    deploy(client, [kept], settings, root=ROOT, entrypoint=TINY, remove=True)
    assert "old" not in survey(client, [], entrypoint=TINY).removed


def test_every_sync_has_an_audit_of_its_own_at_night_and_at_its_own_minute(client, settings):
    syncs = [definition("one", every="15m"), definition("two", every="15m")]
    deploy(client, syncs, settings, root=ROOT, entrypoint=AUDIT)
    audits = [client.read_deployment_by_name(f"audit/{one.name}") for one in syncs]
    schedules = [one.schedules[0].schedule for one in audits]
    assert {one.interval.total_seconds() for one in schedules} == {86400}
    assert all(1 <= one.anchor_date.hour < 5 for one in schedules)
    assert schedules[0].anchor_date != schedules[1].anchor_date
    assert all({"syncline", "audit", "mailigen_pipedrive"} <= set(one.tags) for one in audits)


def test_every_flow_of_a_sync_is_a_deployment_with_its_own_schedule(client, settings):
    """MC-02, ALL-01: none for the sync as a whole but its audit; a flow taken out of the file is
    shown first and removed when told."""
    out = {"id": "out", "trigger": {"filters": ["F"]}, "audience": "N", "active": True,
           "consent": {"confirmed_by": "ann@acme.example", "on": "2026-11-01"}}  # fmt: skip
    into = {"id": "into", "trigger": {"new_contacts": True}, "audience": "N",
            "schedule": {"every": "1d"}}  # fmt: skip
    both, one = flows(out, into), flows(out)
    entrypoint = entrypoint_of("mailchimp_pipedrive")
    made = deploy(client, [both], settings, root=ROOT, entrypoint=entrypoint)
    assert made.created == ("audience.into", "audience.out")
    shown = {
        name: client.read_deployment_by_name(f"mailchimp-pipedrive/audience.{name}")
        for name in ("out", "into")
    }
    assert {name: its.parameters for name, its in shown.items()} == {
        "out": {"sync": "audience", "flow": "out"}, "into": {"sync": "audience", "flow": "into"},
    }  # fmt: skip
    seconds = {n: its.schedules[0].schedule.interval.total_seconds() for n, its in shown.items()}
    assert seconds == {"out": 900, "into": 86_400}
    assert {"syncline", "mailchimp_pipedrive", "mailchimp", "pipedrive"} <= set(shown["out"].tags)
    assert "filter F of audience N" in shown["out"].description
    assert "saved, not active" in shown["into"].description
    assert survey(client, [both], entrypoint=AUDIT).created == ("audience",)
    assert survey(client, [one], entrypoint=entrypoint).removed == ("audience.into",)
    deploy(client, [one], settings, root=ROOT, entrypoint=entrypoint, remove=True)
    assert survey(client, [both], entrypoint=entrypoint).created == ("audience.into",)


def flows(*listed: dict[str, object]) -> SyncDefinition:
    return MAILCHIMP_PIPEDRIVE.definition.model_validate({
        "kind": "mailchimp_pipedrive", "name": "audience", "schedule": {"every": "15m"},
        "connections": {"crm": "a", "engagement": "b"}, "flows": list(listed),
    })  # fmt: skip


def test_the_automation_for_silent_runs_is_made_once(client, settings):
    for _ in range(2):
        deploy(client, [], settings, root=ROOT, entrypoint=TINY)
    assert len(client.read_automations_by_name(ZOMBIES)) == 1


def test_what_prefect_yaml_lists_is_deployed_and_knows_where_home_is(
    client, settings, prefect_server, monkeypatch
):
    for name, value in prefect_server.environ.items():
        monkeypatch.setenv(name, value)
    ensure_pool(client)
    assert deploy_installation(client, settings, ROOT) == ["approve"]
    approve = client.read_deployment_by_name("approve/approve")
    assert approve.job_variables["env"] == {"SYNCLINE_HOME": str(settings.home)}
    assert set(approve.parameter_openapi_schema["properties"]) == {"sync", "approved_by"}


def test_the_command_deploys_the_folder_and_removes_only_with_yes(
    prefect_server, tmp_path, monkeypatch, capsys
):
    for name, value in prefect_server.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "home"))
    shutil.copytree(ROOT / "deployments/syncs", tmp_path / "syncs")
    shutil.copy(ROOT / "deployments/connections.yaml", tmp_path)
    command = ["deploy", "--syncs", str(tmp_path / "syncs")]
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        assert main(command) == 0
        assert "created  acme-newsletter" in capsys.readouterr().out
        (tmp_path / "syncs/acme-newsletter.yaml").unlink()
        assert main(command) == 0
        assert "no file lists acme-newsletter any more: kept" in capsys.readouterr().err
        assert main([*command, "--yes"]) == 0
        assert "removed  acme-newsletter" in capsys.readouterr().out
