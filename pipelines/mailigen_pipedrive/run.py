"""What a run of this sync puts into the run that every sync has (pipelines/run.py)."""

from contextlib import AbstractContextManager

from connectors.mailigen import Mailigen
from pipelines.accounts import Accounts, open_accounts
from pipelines.mailigen_pipedrive import left_over, life, record
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.flow import sync
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.report import Outcome, PlanReport, Reporter, RunOptions
from pipelines.run import Course
from pipelines.settings import Connections, Settings, read_settings
from pipelines.surroundings import Surroundings
from pipelines.sweep import begun_with
from state.database import State
from state.staging import Work


def begin(
    settings: Settings, definition: Definition, options: RunOptions,
    accounts: Accounts[Mailigen], work: Work, outcome: Outcome, report: Reporter,
) -> Sweep:  # fmt: skip
    """A sweep over what was opened, without lease and number: whoever holds one adds them."""
    return Sweep(
        **begun_with(settings, definition, options, accounts, work, outcome, report),
        engagement=accounts.engagement,
        counts_emails=accounts.counts_emails,
    )


def _open(
    settings: Settings, connections: Connections, definition: Definition, state: State,
    around: Surroundings,
) -> AbstractContextManager[Accounts[Mailigen]]:  # fmt: skip
    return open_accounts(settings, connections, definition, state, around)


COURSE: Course[Definition, Sweep] = Course(
    open_accounts=_open,
    begin=begin,
    sync=sync,
    take_in=left_over.take_in,
    running=life.running,
    keep=record.tell_and_keep,
    parts="bots",
)
run_sync = COURSE.run


def plan_sync(
    definition: Definition,
    connections: Connections,
    *,
    options: RunOptions,
    report: Reporter,
    settings: Settings | None = None,
    shown: int = 20,
) -> PlanReport:
    """Work out what a run would do, in a temporary file: no write, no lease, no cursor.

    Raises what a run would have reported: ConnectorError, DefinitionError, CheckFailedError, ...
    """
    with COURSE.planning(
        definition, connections, options=options, report=report,
        settings=settings or read_settings(),
    ) as swept:  # fmt: skip
        return record.plan_report(swept, shown, swept.read_cost())
