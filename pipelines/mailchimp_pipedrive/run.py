"""What a run of this sync puts into the run that every sync has (pipelines/run.py)."""

from functools import partial

from connectors.mailchimp import Mailchimp
from pipelines import left_over
from pipelines.accounts import Accounts
from pipelines.mailchimp_pipedrive import life, record
from pipelines.mailchimp_pipedrive.accounts import open_accounts
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.flow import sync
from pipelines.mailchimp_pipedrive.listening import bar_leavers
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.report import Outcome, PlanReport, Reporter, RunOptions
from pipelines.run import Course
from pipelines.settings import Connections, Settings, read_settings
from pipelines.sweep import begun_with
from state.database import State
from state.staging import Work


def begin(
    settings: Settings, definition: Definition, options: RunOptions,
    accounts: Accounts[Mailchimp], work: Work, outcome: Outcome, report: Reporter,
) -> Sweep:  # fmt: skip
    """A sweep over what was opened, without lease and number: whoever holds one adds them."""
    return Sweep(
        **begun_with(settings, definition, options, accounts, work, outcome, report),
        engagement=accounts.engagement,
        work_generation=work.generation,
        named_flow=options.flow,
    )


def _take_in(state: State, definition: Definition, settings: Settings) -> int:
    """Take in what nobody's listener answered; return the last id, 0 for nothing."""
    if not left_over.is_nobodys(state, definition.name, settings):
        return 0
    bar = partial(bar_leavers, state, definition, settings)
    return left_over.take_in(definition.name, settings, bar)


COURSE: Course[Definition, Sweep] = Course(
    open_accounts=open_accounts,
    begin=begin,
    sync=sync,
    take_in=_take_in,
    running=life.running,
    keep=record.tell_and_keep,
    parts="flows",
    left_to_windows=0.5,
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
