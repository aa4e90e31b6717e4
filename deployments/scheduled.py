"""The flows that a sync's deployments run: read its YAML again, run or audit, end as it ended.

The YAML is read at run time, so what runs is what stands in the folder now; `deploy` is
needed for a new name or another schedule only.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from prefect import Flow, State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from deployments.definitions import load
from deployments.run_page import RunPage
from pipelines.definition import Scheduled
from pipelines.report import Outcome, RunOptions
from pipelines.settings import read_settings

T = TypeVar("T")
STATE_NAMES = {2: "Definition does not fit", 3: "Stopped by a guard", 4: "Open records"}


@flow(name="mailigen-pipedrive", flow_run_name="{sync}", log_prints=False)
def mailigen_pipedrive(
    sync: str,
    full: bool = False,
    since: str | None = None,
    settle_within: float | None = None,
) -> State[Any]:
    """Run one sync between a Mailigen list and Pipedrive.

    A second run at once ends as skipped: our lease is the only lock. Re-running is always
    safe and goes on where the last run stopped.
    """
    return _run(sync, RunOptions(full=full, since=since, settle_within=settle_within))


def _flow_run_name() -> str:
    asked = flow_run.parameters
    return f"{asked['sync']}.{asked['flow']}" if asked.get("flow") else str(asked["sync"])


@flow(name="mailchimp-pipedrive", flow_run_name=_flow_run_name, log_prints=False)
def mailchimp_pipedrive(
    sync: str,
    flow: str = "",
    full: bool = False,
    settle_within: float | None = None,
) -> State[Any]:
    """Run one sync between Mailchimp audiences and Pipedrive: the flow named, and whichever is due.

    A second run at once ends as skipped: our lease is the only lock, and the flow stays due.
    Re-running is always safe and goes on where the last run stopped.
    """
    return _run(sync, RunOptions(flow=flow, full=full, settle_within=settle_within))


# By kind. Each has a flow of its own, so that Prefect shows and deploys it under its name.
FLOWS: Mapping[str, Flow[..., Any]] = {
    "mailigen_pipedrive": mailigen_pipedrive,
    "mailchimp_pipedrive": mailchimp_pipedrive,
}


def _run(sync: str, options: RunOptions) -> State[Any]:
    # Deploying reads this file too, and must not wait for DuckDB and the rest.
    from deployments.listing import SHOWN, list_bots
    from pipelines import missed
    from pipelines.kinds import KINDS

    settings = read_settings()
    settings.make_home()
    definitions = load(settings)
    page = RunPage(sync)
    definition = definitions.get(sync)
    mine = [one for one in definition.scheduled if one.part == options.flow]
    gap = missed.before_run(settings, mine[0]) if mine and is_scheduled() else None
    outcome = KINDS[definition.kind].doors.run(
        definition,
        definitions.connections,
        options=options,
        report=page.tell,
        step=as_task,
        settings=settings,
    )
    if is_scheduled():
        missed.after_run(definition, settings, outcome, gap, part=options.flow)
    page.finish(outcome)
    lines = list_bots(settings, [definition], definitions.connections)
    rows = [line.shown() for line in lines if line.sync == sync]
    page.show_parts(KINDS[definition.kind].parts, SHOWN, rows)
    return end_state(outcome)


@flow(name="audit", flow_run_name="audit {sync}", log_prints=False)
def audit(sync: str) -> State[Any]:
    """Hold a sync's ledger against the vendors' books; nothing is written to a vendor.

    While the sync runs this ends as skipped: the next audit looks at the same and more.
    """
    from deployments.desk import need
    from deployments.timing import found_overdue
    from pipelines import missed
    from pipelines.kinds import KINDS

    settings = read_settings()
    settings.make_home()
    definitions = load(settings)
    page = RunPage(f"audit {sync}")
    definition = definitions.get(sync)
    whole = [Scheduled(sync, "", definition.schedule)]
    gap = found_overdue(settings, whole).get(sync) if is_scheduled() else None
    audit_sync = need(KINDS[definition.kind].doors.audit, definition, "audit")
    outcome = audit_sync(
        definition,
        definitions.connections,
        report=page.tell,
        step=as_task,
        settings=settings,
    )
    missed.after_run(definition, settings, outcome, gap, is_audit=True)
    page.finish(outcome)
    return end_state(outcome)


def is_scheduled() -> bool:
    """Whether the flow run that goes on was made by a schedule, and not by a hand or a webhook."""
    running = FlowRunContext.get()
    return bool(running and running.flow_run and running.flow_run.auto_scheduled)


def as_task(name: str, stage: Callable[..., T], *args: Any) -> T:
    """Run a stage as a Prefect task: no retry and no cache, writes are the ledger's business.

    The arguments stay in a closure: Prefect would walk through everything they hold.
    """

    @task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)
    def run_stage() -> T:
        return stage(*args)

    return run_stage()


class EndedBadlyError(Exception):
    """What a failed run's state holds: Prefect raises it, so its log ends in the run's sentence."""

    def __init__(self, said: str, outcome: Outcome) -> None:
        super().__init__(said)
        self.outcome = outcome


def end_state(outcome: Outcome) -> State[Any]:
    """How Prefect shows an outcome: failed when a person has to do something first."""
    said = f"{outcome.said.rstrip('.')}. {outcome.next_step}".strip()
    if outcome.exit_code in (1, 2, 3):
        name = STATE_NAMES.get(outcome.exit_code, "Failed")
        if outcome.needs_reauthorization:
            name = "Needs reauthorization"
        return Failed(message=said, name=name, data=EndedBadlyError(said, outcome))
    if outcome.outcome == "skipped":
        return Completed(message=said, name="Skipped", data=outcome)
    name = STATE_NAMES.get(outcome.exit_code, "Completed")
    return Completed(message=said, name=name, data=outcome)
