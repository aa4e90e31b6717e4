"""Hold a definition against its accounts: who we are, what its names mean, what it costs a day.

Reads what a run would read from the CRM, and nothing more. The cost that is told is what the
last runs paid for reading, or what was just paid where none has run yet, times the runs of a day.
"""

from collections.abc import Iterable
from contextlib import closing

from connectors.errors import ConnectorError
from connectors.mailigen import Mailigen
from pipelines import price
from pipelines.accounts import Accounts, ConnectionMismatchError, open_accounts
from pipelines.mailigen_pipedrive.bind import NO_FILTER, Bound
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.edits import refused_edits, unlisted_bots
from pipelines.mailigen_pipedrive.naming import look_up_with
from pipelines.mailigen_pipedrive.signing_in import recognise
from pipelines.pipedrive_side.walks import problem_of
from pipelines.report import CheckReport, Finding, counted
from pipelines.settings import (
    Connections,
    MissingSecretError,
    Settings,
    read_settings,
)
from pipelines.signing_in import UNAUTHORIZED, account_of
from pipelines.timetable import Fit, runs_a_day
from state import bots
from state.database import open_state


def check_sync(
    definition: Definition, connections: Connections, *, settings: Settings | None = None
) -> CheckReport:
    """Return everything found, errors included; what it cost is noted, and no lease is taken."""
    settings = settings or read_settings()
    settings.make_home()
    findings: list[Finding] = []
    runs = runs_a_day(definition.schedule)
    tokens = calls = 0.0
    allowance: float | None = None
    fitting = Fit(definition.schedule)
    try:
        with (
            closing(open_state(settings.state_url)) as state,
            open_accounts(settings, connections, definition, state) as accounts,
        ):
            findings += _introductions(definition, accounts)
            bound = look_up_with(definition, accounts.crm, accounts.engagement, accounts.state)[1]
            findings += bound.findings
            known_bots = bots.bots(state, definition.name)
            findings += refused_edits(definition, bound, known_bots, state)
            findings += unlisted_bots(definition, known_bots)
            findings += _selections(accounts, bound)
            findings += _newcomers(accounts, bound)
            price.note(state, definition, accounts.cost(), is_of_run=False)
            known = price.price_of(state, definition)
            if known is not None:
                tokens, calls = known.by_account[definition.connections.crm], known.calls
            allowance = accounts.allowances[definition.connections.crm].share
            fitting = price.fit_of(state, definition, accounts.allowances)
            findings += _weighed(fitting)
    except UNAUTHORIZED as error:
        said = f"connection {account_of(definition, error)} needs_reauthorization: {error.said}"
        findings.append(Finding("error", "connections", said, error.next_step))
    except (ConnectorError, ConnectionMismatchError, MissingSecretError) as error:
        remedy = getattr(error, "next_step", "")
        findings.append(Finding("error", "connections", str(error), remedy))
    used = fitting.schedule.every if fitting.schedule and fitting.said else None
    return CheckReport(
        definition.name, findings, runs, tokens * runs, calls * runs, allowance, used
    )


def _introductions(definition: Definition, accounts: Accounts[Mailigen]) -> Iterable[Finding]:
    me = recognise(definition, accounts).crm
    yield Finding("ok", "pipedrive", f"connected as user {me.get('id')}, an administrator")
    yield Finding(
        "ok",
        "mailigen",
        "the key passed an account-level call; Mailigen tells no role, so that its owner is an "
        "administrator could not be proved",
    )


def _selections(accounts: Accounts[Mailigen], bound: Bound) -> Iterable[Finding]:
    """Look at each bot's filter, and walk the persons once for the cost."""
    walked: set[int | None] = set()
    for one in bound.bots:
        name = f"bot {one.bot.id}"
        if one.terms is not None:
            yield Finding("ok", name, f"the first run makes its filter {one.terms.name!r}")
            continue
        if one.filter_id == NO_FILTER:
            continue  # its name could not be bound; that was said already
        problem = "" if one.filter_id is None else problem_of(accounts.crm, one.filter_id)
        if problem:
            yield Finding("error", name, problem, "restore the filter or choose another one")
            continue
        if one.filter_id not in walked:
            walked.add(one.filter_id)
            count = sum(len(page) for page in accounts.crm.persons(one.filter_id))
            yield Finding("ok", name, f"selects {counted(count, 'person')}")


def _newcomers(accounts: Accounts[Mailigen], bound: Bound) -> Iterable[Finding]:
    """A run that meets new subscribers reads every person; the cost counts that for each run."""
    if bound.import_owner_id is None:
        return
    said = f"new persons will belong to user {bound.import_owner_id}"
    if not any(one.filter_id is None for one in bound.bots):
        count = sum(len(page) for page in accounts.crm.persons(None, None, ()))
        said += f"; a run that meets new subscribers reads all {count} persons, which is counted "
        said += "as if every run did"
    yield Finding("ok", "new_subscribers", said)


def _weighed(fitting: Fit) -> Iterable[Finding]:
    """Nothing to say while the wanted schedule fits."""
    if fitting.schedule is None:
        yield Finding("error", "schedule", fitting.said, fitting.remedy)
    elif fitting.said:
        remedy = f"`syncline deploy` sets it; or {fitting.remedy}"
        yield Finding("warn", "schedule", fitting.said, remedy)
