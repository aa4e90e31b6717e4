"""Commands that look after an installation: sandbox, deploy, doctor, schema."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import settings_of
from deployments.screen import complain, say, say_finding, say_json

if TYPE_CHECKING:
    from deployments.prefect_deploy import Changes
    from pipelines.definition import SyncDefinition
    from pipelines.settings import Connections, Settings
    from pipelines.timetable import Fit

ROOT = Path(__file__).absolute().parent.parent


def sandbox(ctx: typer.Context) -> None:
    """Run all vendors on loopback: syncline sandbox --port 8400 --seed 7 --people 1000."""
    import os
    import sys

    # Replaced, not started: signals and the exit code are the sandbox's own.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", *ctx.args])


def deploy(
    ctx: typer.Context,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Remove deployments of syncs and flows no file lists any more."),
    ] = False,
) -> None:
    """Make Prefect deployments of the definitions: of each sync or flow, and of each audit."""
    from deployments.definitions import load

    settings = settings_of(ctx)
    loaded = load(settings, with_secrets=False)
    definitions = loaded.all()
    if settings.prefect_api_url is None:
        complain("syncline: PREFECT_API_URL is not set; start a server with `prefect server start`")
        raise typer.Exit(2)
    from deployments.running import require_server

    require_server(settings.prefect_api_url)
    from prefect.client.orchestration import get_client

    from deployments.prefect_deploy import AUDIT, deploy_installation, entrypoint_of, survey
    from deployments.prefect_deploy import deploy as deploy_all
    from deployments.timing import fits, note_deployed
    from pipelines.kinds import KINDS

    fitting = fits(settings, definitions, loaded.connections)
    with get_client(sync_client=True) as client:
        by_flow = {
            entrypoint_of(kind): [one for one in definitions if one.kind == kind] for kind in KINDS
        }
        gone = [
            name for flow, mine in by_flow.items()
            for name in survey(client, mine, entrypoint=flow).removed
        ]  # fmt: skip
        for name in gone:
            complain(f"no file lists {name} any more: " + ("removing it" if yes else "kept"))
        changes = [
            deploy_all(client, mine, settings, root=ROOT, entrypoint=flow, remove=yes, fits=fitting)
            for flow, mine in by_flow.items()
        ]
        deploy_all(
            client, definitions, settings, root=ROOT, entrypoint=AUDIT, remove=yes, fits=fitting
        )
        note_deployed(settings, fitting, gone if yes else ())
        installed = deploy_installation(client, settings, ROOT)
    _say_changes(changes)
    for name in installed:
        say(f"deployed {name}")
    if yes:
        for name in gone:
            say(f"removed  {name}")
        _close_doors(settings, loaded.connections, _ended(gone, definitions))
    elif gone:
        say("to remove them, their history of runs and their webhooks: syncline deploy --yes")
    if any(KINDS[one.kind].doors.audit for one in definitions):
        say("each has an audit of the same name, every night unless its file says otherwise")
    say("run them with: prefect worker start --pool syncline")
    if _say_fits(fitting):
        raise typer.Exit(2)


def _ended(gone: "Sequence[str]", definitions: "Sequence[SyncDefinition]") -> list[str]:
    """The syncs that no file lists any more. Where parts are deployed one by one, the sync's name
    is what stands before the dot."""
    return sorted({name.partition(".")[0] for name in gone} - {one.name for one in definitions})


def _say_changes(changes: "Sequence[Changes]") -> None:
    for name in (name for one in changes for name in one.created):
        say(f"created  {name}")
    for name in (name for one in changes for name in one.updated):
        say(f"updated  {name}")


def _say_fits(fitting: "Mapping[str, Fit]") -> bool:
    """Tell which schedules are not the wanted ones; whether some sync was refused for its cost."""
    refused = False
    for sync, fit in sorted(fitting.items()):
        if fit.schedule is None:
            refused = True
            complain(f"syncline: {sync} was not deployed: {fit.said}; {fit.remedy}")
        elif fit.said:
            say(f"{sync}: {fit.said}; {fit.remedy}")
    return refused


def _close_doors(settings: "Settings", connections: "Connections", gone: Sequence[str]) -> None:
    """Remove webhooks of syncs no file lists; what cannot be is said, and stops no deployment."""
    from deployments.closing import StillListenedError, close_door, has_door
    from deployments.oncall import opened

    with opened(settings) as state:
        for name in gone:
            try:
                if has_door(settings, state, name):
                    close_door(settings, connections, state, name, (), say)
            except StillListenedError as error:
                complain(str(error))


def doctor(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Look at versions, folders, databases, connections and Prefect, with a remedy for each."""
    from deployments.doctor import examine

    findings = examine(settings_of(ctx))
    if as_json:
        say_json([{"level": f.level} | f._asdict() for f in findings])
    else:
        for finding in findings:
            say_finding(finding.level, finding.thing, finding.sentence, finding.remedy)
    raise typer.Exit(1 if any(finding.level == "fail" for finding in findings) else 0)


def schema(
    accounts: Annotated[
        bool, typer.Option("--accounts", help="That of connections.yaml instead.")
    ] = False,
) -> None:
    """Print the JSON schema of a definition, for editors."""
    from deployments.definitions import connections_schema, sync_schema

    say(json.dumps(connections_schema() if accounts else sync_schema(), indent=2))
