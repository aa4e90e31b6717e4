"""Hold a definition against its accounts: who we are, what its names mean, what it costs a day.

Reads what a run would read from the CRM, and nothing more: the cost that is told is the cost
that was just paid, times the runs of a day.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.errors import ConnectorError, Gone
from pipelines.accounts import Accounts, ConnectionMismatchError, daily_tokens, open_accounts
from pipelines.mailigen_pipedrive.bind import NO_FILTER, Bound, filter_problem
from pipelines.mailigen_pipedrive.config import Definition, Schedule
from pipelines.mailigen_pipedrive.edits import refused_edits
from pipelines.mailigen_pipedrive.naming import look_up_with
from pipelines.mailigen_pipedrive.signing_in import UNAUTHORIZED, account_of, recognise
from pipelines.report import CheckReport, Finding
from pipelines.settings import (
    Connections,
    MissingSecretError,
    PipedriveConnection,
    Settings,
    read_settings,
)
from state.database import open_state

INTERVALS = ("15m", "20m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
DAY = 86_400
UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY}


def check_sync(
    definition: Definition, connections: Connections, *, settings: Settings | None = None
) -> CheckReport:
    """Return everything found, errors included; nothing is written and no lease is taken."""
    settings = settings or read_settings()
    settings.make_home()
    findings: list[Finding] = []
    runs = runs_a_day(definition.schedule)
    tokens = calls = 0
    allowance: float | None = None
    try:
        state = open_state(settings.state_url)
        with open_accounts(settings, connections, definition, state) as accounts:
            findings += _introductions(definition, accounts)
            bound = look_up_with(definition, accounts.crm, accounts.engagement, accounts.state)[1]
            findings += bound.findings
            findings += refused_edits(definition, bound, state)
            findings += _selections(accounts, bound)
            findings += _newcomers(accounts, bound)
            cost = accounts.cost()
            tokens, calls = cost[0].tokens, sum(c.requests for c in cost)
        crm = connections[definition.connections.crm]
        assert isinstance(crm, PipedriveConnection)
        allowance = daily_tokens(crm) * crm.quota_share
    except UNAUTHORIZED as error:
        said = f"connection {account_of(definition, error)} needs_reauthorization: {error.said}"
        findings.append(Finding("error", "connections", said, error.next_step))
    except (ConnectorError, ConnectionMismatchError, MissingSecretError) as error:
        remedy = getattr(error, "next_step", "")
        findings.append(Finding("error", "connections", str(error), remedy))
    stretched = _stretched(definition.schedule, tokens, allowance)
    if allowance is not None and tokens * runs > allowance:
        findings.append(_too_much(tokens, runs, allowance, stretched))
    return CheckReport(
        definition.name, findings, runs, tokens * runs, calls * runs, allowance, stretched
    )


def runs_a_day(schedule: Schedule) -> float:
    """How often a schedule fires in a day."""
    if schedule.seconds is not None:
        return DAY / schedule.seconds
    from cronsim import CronSim

    zone = ZoneInfo(schedule.timezone or "UTC")
    start = datetime.now(UTC).astimezone(zone)
    end = start + timedelta(days=7)
    count = 0
    for moment in CronSim(str(schedule.cron), start):
        if moment >= end:
            break
        count += 1
    return count / 7


def _introductions(definition: Definition, accounts: Accounts) -> Iterable[Finding]:
    me = recognise(definition, accounts.crm, accounts.engagement, accounts.state).crm
    yield Finding("ok", "pipedrive", f"connected as user {me.get('id')}, an administrator")
    yield Finding(
        "ok",
        "mailigen",
        "the key passed an account-level call; Mailigen tells no role, so that its owner is an "
        "administrator could not be proved",
    )


def _selections(accounts: Accounts, bound: Bound) -> Iterable[Finding]:
    """Look at each bot's filter, and walk the persons once for the cost."""
    walked: set[int | None] = set()
    for one in bound.bots:
        name = f"bot {one.bot.id}"
        if one.terms is not None:
            yield Finding("ok", name, f"the first run makes its filter {one.terms.name!r}")
            continue
        if one.filter_id == NO_FILTER:
            continue  # its name could not be bound; that was said already
        problem = _problem(accounts, one.filter_id)
        if problem:
            yield Finding("error", name, problem, "restore the filter or choose another one")
            continue
        if one.filter_id not in walked:
            walked.add(one.filter_id)
            count = sum(len(page) for page in accounts.crm.persons(one.filter_id))
            yield Finding("ok", name, f"selects {count} persons")


def _newcomers(accounts: Accounts, bound: Bound) -> Iterable[Finding]:
    """A run that meets new subscribers reads every person; the cost counts that for each run."""
    if bound.import_owner_id is None:
        return
    said = f"new persons will belong to user {bound.import_owner_id}"
    if not any(one.filter_id is None for one in bound.bots):
        count = sum(len(page) for page in accounts.crm.persons(None, None, ()))
        said += f"; a run that meets new subscribers reads all {count} persons, which is counted "
        said += "as if every run did"
    yield Finding("ok", "new_subscribers", said)


def _problem(accounts: Accounts, filter_id: int | None) -> str:
    if filter_id is None:
        return ""
    try:
        return filter_problem(accounts.crm.filter(filter_id))
    except Gone:
        return filter_problem(None)


def _stretched(schedule: Schedule, tokens: int, allowance: float | None) -> str | None:
    """The shortest interval that fits the budget, when the wanted one does not."""
    if allowance is None or not tokens or tokens * runs_a_day(schedule) <= allowance:
        return None
    for interval in INTERVALS:
        if tokens * DAY / (int(interval[:-1]) * UNITS[interval[-1]]) <= allowance:
            return interval
    return None


def _too_much(tokens: int, runs: float, allowance: float, stretched: str | None) -> Finding:
    sentence = (
        f"a run reads for {tokens} tokens: {tokens * runs:.0f} a day, and our share is "
        f"{allowance:.0f}"
    )
    if stretched is None:
        return Finding(
            "error", "schedule", sentence, "raise quota_share or the plan, or select fewer contacts"
        )
    return Finding("warn", "schedule", sentence, f"every {stretched} would fit: change `schedule`")
