"""One run or audit now: recorded by Prefect where a server is configured, else here alone."""

import os
from typing import TYPE_CHECKING, Any

import httpx

from deployments.desk import need
from deployments.trouble import OperatorError
from pipelines.definition import SyncDefinition
from pipelines.kinds import KINDS
from pipelines.report import Outcome, Reporter, RunOptions
from pipelines.settings import Connections, Settings

if TYPE_CHECKING:
    from prefect import State


class RunUnreadableError(OperatorError):
    """Prefect ended the run without an outcome; its own message is the sentence."""


class NoPrefectServerError(OperatorError):
    """Nothing answers at PREFECT_API_URL."""


def require_server(api_url: str) -> None:
    """Raise NoPrefectServerError unless a server answers: Prefect itself tries for half a minute
    and then ends in a traceback."""
    try:
        httpx.get(f"{api_url.rstrip('/')}/health", timeout=10)  # any answer is an answer
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise NoPrefectServerError(
            f"no Prefect server answers at {api_url} ({type(error).__name__}): start it with "
            "`prefect server start`, or correct PREFECT_API_URL; unset, `run` works without one. "
            "Nothing was done"
        ) from error


def is_recorded(settings: Settings) -> bool:
    """Whether a run is made as a Prefect flow run."""
    return settings.prefect_api_url is not None


def run_here(
    settings: Settings,
    definition: SyncDefinition,
    connections: Connections,
    options: RunOptions,
    report: Reporter,
) -> Outcome:
    """Run without Prefect: seconds faster to start, and seen by nobody else."""
    doors = KINDS[definition.kind].doors
    return doors.run(definition, connections, options=options, report=report, settings=settings)


def run_recorded(settings: Settings, definition: SyncDefinition, options: RunOptions) -> Outcome:
    """Run as the flow that the deployment runs, in this process."""
    _prepare(settings)
    from prefect import tags

    from deployments.scheduled import FLOWS

    with tags("syncline"):
        run: Any = FLOWS[definition.kind]
        state = run(definition.name, **_said(options), return_state=True)
    return _outcome(state)


def _said(options: RunOptions) -> dict[str, Any]:
    """What was asked for. A kind's flow takes no more than makes sense for it."""
    asked = {"full": options.full, "since": options.since, "flow": options.flow,
             "settle_within": options.settle_within}  # fmt: skip
    return {name: value for name, value in asked.items() if value not in (None, False, "")}


def audit_here(
    settings: Settings, definition: SyncDefinition, connections: Connections, report: Reporter
) -> Outcome:
    """Audit without Prefect."""
    audit_sync = need(KINDS[definition.kind].doors.audit, definition, "audit")
    return audit_sync(definition, connections, report=report, settings=settings)


def audit_recorded(settings: Settings, sync: str) -> Outcome:
    """Audit as the flow that the deployment runs, in this process."""
    _prepare(settings)
    from prefect import tags

    from deployments.scheduled import audit

    with tags("syncline", "audit"):
        return _outcome(audit(sync, return_state=True))


def _prepare(settings: Settings) -> None:
    """The flow reads its settings again, as it does on a worker."""
    require_server(settings.prefect_api_url or "")
    os.environ["SYNCLINE_SYNCS"] = str(settings.syncs.absolute())
    os.environ["SYNCLINE_CONNECTIONS"] = str(settings.connections.absolute())
    # The automation for silent runs watches our tag and expects this beat.
    os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "30")


def _outcome(state: "State[Any]") -> Outcome:
    from deployments.scheduled import EndedBadlyError

    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, EndedBadlyError):
        return outcome.outcome
    if isinstance(outcome, Exception):
        raise outcome
    if not isinstance(outcome, Outcome):
        raise RunUnreadableError(state.message or f"the run ended as {state.name}")
    return outcome
