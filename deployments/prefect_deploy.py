"""The definitions as Prefect deployments: one to sync and one to audit each, scheduled.

A sync whose parts have schedules of their own has one for each part, `sync.part`, in place of one
for itself.

    survey(...)  -> Changes: what is new, what stays, what nobody lists any more
    deploy(...)  -> the same, done and read back: a schedule that is not there is an error

The Prefect server is the only thing contacted. A deployment somebody paused stays paused.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from prefect import Flow
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowFilter,
    FlowFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.events import AutomationCore, ChangeFlowRunState, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from prefect.utilities.callables import parameter_schema
from ruamel.yaml import YAML

from deployments.trouble import OperatorError
from pipelines.definition import Part, Schedule, Scheduled, SyncDefinition
from pipelines.kinds import KINDS, MAILIGEN_PIPEDRIVE
from pipelines.settings import Settings
from pipelines.timetable import Fit, anchor, in_words

ENTRYPOINT = f"deployments.scheduled.{MAILIGEN_PIPEDRIVE.name}"
AUDIT = "deployments.scheduled.audit"
POOL = "syncline"
TAG = "syncline"
SCHEDULE_SLUG = "definition"
NIGHT_BEGINS, NIGHT_SECONDS = 1, 4 * 3600  # audits begin between one and five o'clock

# 30 s is the shortest Prefect takes; three missed ones are silence, a fourth is patience.
HEARTBEAT_SECONDS = 30
SILENCE_SECONDS = 4 * HEARTBEAT_SECONDS
NO_FITS: Mapping[str, Fit] = MappingProxyType({})  # every definition's own schedule
ZOMBIES = "Syncline: a run without heartbeat has crashed"


class DeployError(OperatorError):
    """What was deployed is not what the server has."""


@dataclass(frozen=True)
class Changes:
    """Names of deployments: to create, to update, and those that no file lists any more."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]


def entrypoint_of(kind: str) -> str:
    """The flow that syncs of this kind are deployed with."""
    return f"deployments.scheduled.{kind}"


def survey(
    client: SyncPrefectClient,
    definitions: Sequence[SyncDefinition],
    *,
    entrypoint: str = ENTRYPOINT,
) -> Changes:
    """What `deploy` would do. Changes nothing."""
    wanted = {one.name for one, _ in _wanted(definitions, entrypoint)}
    there = set(_deployed(client, _flow(entrypoint).name))
    return Changes(
        created=tuple(sorted(wanted - there)),
        updated=tuple(sorted(wanted & there)),
        removed=tuple(sorted(there - wanted)),
    )


def deploy(
    client: SyncPrefectClient,
    definitions: Sequence[SyncDefinition],
    settings: Settings,
    *,
    root: Path,
    entrypoint: str = ENTRYPOINT,
    remove: bool = False,
    fits: Mapping[str, Fit] = NO_FITS,
) -> Changes:
    """Every definition is a deployment afterwards, checked by reading back.

    `root` is the folder runs start in, on the worker's machine. Deployments that no file
    lists go only with `remove`: their history of runs goes with them. `entrypoint` is the flow:
    that of the sync, or AUDIT, each with a deployment and a schedule of its own. `fits` are the
    schedules that budgets bear; a sync for which there is none is left as it is on the server.
    """
    changes = survey(client, definitions, entrypoint=entrypoint)
    refused = {name for name, fit in fits.items() if fit.schedule is None}
    wanted = [
        (one, its) for one, its in _wanted(definitions, entrypoint) if one.name not in refused
    ]
    flow = _flow(entrypoint)
    there = _deployed(client, flow.name)
    ensure_pool(client)
    ensure_zombie_automation(client)
    flow_id = client.create_flow(flow)
    is_audit = entrypoint == AUDIT
    for one, definition in wanted:
        old, fit = there.get(one.name), fits.get(one.name)
        client.create_deployment(
            flow_id=flow_id,
            name=one.name,
            entrypoint=entrypoint,
            path=str(root),
            work_pool_name=POOL,
            parameters={"sync": one.sync} | ({"flow": one.part} if one.part else {}),
            parameter_openapi_schema=parameter_schema(flow).model_dump(),
            enforce_parameter_schema=True,
            schedules=[_schedule_create(_schedule(one, definition, entrypoint, fit), old)],
            paused=old.paused if old else False,
            description=(
                describe_audit(definition) if is_audit else describe(definition, fit, one)
            ),
            tags=[
                TAG,
                definition.kind,
                *(["audit"] if is_audit else sorted(KINDS[definition.kind].vendors.values())),
            ],
            pull_steps=[_start_in(root)],
            job_variables={"env": _environment(settings, root)},
        )
    if remove:
        for name in changes.removed:
            client.delete_deployment(there[name].id)
    _verify(client, wanted, entrypoint, fits)
    return Changes(
        created=tuple(name for name in changes.created if name not in refused),
        updated=tuple(name for name in changes.updated if name not in refused),
        removed=changes.removed,
    )


def ensure_pool(client: SyncPrefectClient) -> None:
    """The work pool exists; one that somebody configured is left as it is."""
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))


def ensure_zombie_automation(client: SyncPrefectClient) -> None:
    """Runs of ours that fall silent are marked crashed; Prefect itself would wait for ever.

    Only runs with our tag: other flows beat every 180 s, and would be called dead while alive.
    """
    if client.read_automations_by_name(ZOMBIES):
        return
    endings = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended")
    trigger = EventTrigger(
        posture=Posture.Proactive,
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={
            "prefect.resource.id": f"prefect.tag.{TAG}",
            "prefect.resource.role": "tag",
        },
        for_each={"prefect.resource.id"},
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{end}" for end in endings)},
        threshold=1,
        within=timedelta(seconds=SILENCE_SECONDS),
    )
    message = (
        f"No heartbeat for {SILENCE_SECONDS} s: the process or its machine is gone. "
        "Running the sync again is safe and goes on where this run stopped."
    )
    action = ChangeFlowRunState(state=StateType.CRASHED, message=message)
    client.create_automation(AutomationCore(name=ZOMBIES, trigger=trigger, actions=[action]))


def describe(
    definition: SyncDefinition, fit: Fit | None = None, one: Scheduled | None = None
) -> str:
    """What the deployment's page says: the definition in words, without personal data."""
    used = one.schedule if one else definition.schedule
    said = f"{fit.said}; {fit.remedy}" if fit and fit.said else in_words(used)
    mine = [part for part in definition.parts if one is None or one.part in ("", part.id)]
    parts = "\n".join(f"- **{part.id}**: {part.described}{_saved(part)}" for part in mine)
    none = f"No {KINDS[definition.kind].parts}: nothing is synced."
    return (
        f"{definition.purpose}, {said}.\n\n{parts or none}\n\n"
        f"`syncline explain {definition.name} KEY` tells why something happened."
    )


def _saved(part: Part) -> str:
    return "" if part.is_on else " (saved, not active: its runs read nothing)"


def describe_audit(definition: SyncDefinition) -> str:
    """What the page of a sync's audit says."""
    share = f"{definition.audit.budget_share:.0%}"
    return (
        f"Holds what **{definition.name}** wrote against the vendors' books, every "
        f"{definition.audit.every}, for at most {share} of what is left of the day's budget. "
        "Writes nothing at a vendor; what it finds is in `history.findings`, and "
        "docs/runbooks.md says what to do."
    )


def prefect_schedule(name: str, wanted: Schedule) -> CronSchedule | IntervalSchedule:
    """The schedule in Prefect's terms, the same one at every deploy."""
    if wanted.cron:
        return CronSchedule(cron=wanted.cron, timezone=wanted.timezone or "UTC")
    seconds = wanted.seconds or 1
    interval = timedelta(seconds=seconds)
    return IntervalSchedule(interval=interval, anchor_date=anchor(name, seconds))


def audit_schedule(definition: SyncDefinition) -> IntervalSchedule:
    """When a sync is audited: in the night (UTC) where it is once a day, each at its own minute."""
    shift = int.from_bytes(sha256(definition.name.encode()).digest()[8:16]) % NIGHT_SECONDS
    night = datetime(2026, 1, 1, NIGHT_BEGINS, tzinfo=UTC) + timedelta(seconds=shift)
    interval = timedelta(seconds=definition.audit.seconds)
    return IntervalSchedule(interval=interval, anchor_date=night)


def _wanted(
    definitions: Sequence[SyncDefinition], entrypoint: str
) -> list[tuple[Scheduled, SyncDefinition]]:
    """What is to be deployed with a flow of the server. An audit is of a whole sync."""
    if entrypoint != AUDIT:
        return [(one, its) for its in definitions for one in its.scheduled]
    return [
        (Scheduled(its.name, "", its.schedule), its)
        for its in definitions
        if KINDS[its.kind].doors.audit is not None
    ]


def _schedule(
    one: Scheduled, definition: SyncDefinition, entrypoint: str, fit: Fit | None
) -> CronSchedule | IntervalSchedule:
    if entrypoint == AUDIT:
        return audit_schedule(definition)
    return prefect_schedule(one.name, fit.schedule if fit and fit.schedule else one.schedule)


def _schedule_create(
    wanted: CronSchedule | IntervalSchedule, old: DeploymentResponse | None
) -> DeploymentScheduleCreate:
    is_active = all(one.active for one in old.schedules) if old and old.schedules else True
    return DeploymentScheduleCreate(schedule=wanted, active=is_active, slug=SCHEDULE_SLUG)


def _flow(entrypoint: str) -> Flow[Any, Any]:
    module, _, name = entrypoint.rpartition(".")
    flow: Flow[Any, Any] = getattr(importlib.import_module(module), name)
    return flow


def _deployed(client: SyncPrefectClient, flow_name: str) -> Mapping[str, DeploymentResponse]:
    found = client.read_deployments(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name])),
        deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG])),
    )
    return {deployment.name: deployment for deployment in found}


def _start_in(root: Path) -> dict[str, Any]:
    return {"prefect.deployments.steps.set_working_directory": {"directory": str(root)}}


def _environment(settings: Settings, root: Path) -> dict[str, str]:
    """What a run must know wherever it starts. Never a secret: Prefect shows job variables."""
    return {
        "PYTHONPATH": str(root),
        "SYNCLINE_HOME": str(settings.home.absolute()),
        "SYNCLINE_SYNCS": str(settings.syncs.absolute()),
        "SYNCLINE_CONNECTIONS": str(settings.connections.absolute()),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    }


def _verify(
    client: SyncPrefectClient, deployed: Sequence[tuple[Scheduled, SyncDefinition]],
    entrypoint: str, fits: Mapping[str, Fit],
) -> None:  # fmt: skip
    """Read back: Prefect accepts some things in silence and then does not run them."""
    there = _deployed(client, _flow(entrypoint).name)
    for one, definition in deployed:
        deployment = there.get(one.name)
        if deployment is None:
            raise DeployError(f"{one.name}: the server has no such deployment; deploy again")
        wanted = _schedule(one, definition, entrypoint, fits.get(one.name))
        if [each.schedule for each in deployment.schedules] != [wanted]:
            raise DeployError(
                f"{one.name}: the server has another schedule than the definition; "
                "remove schedules added by hand and deploy again"
            )


def deploy_installation(client: SyncPrefectClient, settings: Settings, root: Path) -> list[str]:
    """What prefect.yaml lists is deployed afterwards, by Prefect's own command, and read back."""
    deployments = read_prefect_yaml(root / "prefect.yaml").deployments
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    environ = os.environ | {
        "PREFECT_API_URL": str(client.api_url),
        "SYNCLINE_HOME": str(settings.home.absolute()),
    }
    ran = subprocess.run(
        command, cwd=root, env=environ, capture_output=True, text=True, check=False
    )
    there = {one.name for one in client.read_deployments()}
    missing = [str(one.name) for one in deployments if one.name not in there]
    if ran.returncode or missing:
        said = " ".join((ran.stderr or ran.stdout).split())[-300:]
        raise DeployError(f"prefect.yaml was not deployed ({', '.join(missing) or 'all'}): {said}")
    return [str(one.name) for one in deployments]


def read_prefect_yaml(file: Path) -> PrefectYamlModel:
    """The file as Prefect's own command reads it; raises where that would reject it."""
    return PrefectYamlModel.model_validate(YAML(typ="safe").load(file.read_text()))
