"""Hold a definition against its accounts: who we are, what its names mean, whom its flows match.

Reads what a run would read of the CRM's filters and of segments, and nothing more.
"""

from collections.abc import Iterable
from contextlib import closing

from connectors.errors import ConnectorError
from connectors.mailchimp import Mailchimp
from pipelines import price
from pipelines.accounts import Accounts, ConnectionMismatchError
from pipelines.mailchimp_pipedrive.accounts import open_accounts
from pipelines.mailchimp_pipedrive.bind import Bound, BoundFlow
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.due import is_before_its_first
from pipelines.mailchimp_pipedrive.life import unlisted
from pipelines.mailchimp_pipedrive.naming import look_up_with, recognise
from pipelines.report import CheckReport, Finding, counted
from pipelines.settings import Connections, MissingSecretError, Settings, read_settings
from pipelines.signing_in import UNAUTHORIZED, account_of
from pipelines.timetable import Fit, runs_a_day
from state import bots, lease, schedules
from state.database import State, open_state
from state.doors import listener_name

SOON = 600  # seconds within which the first sync of a flow is to begin (MC-04, MC-10)


def check_sync(
    definition: Definition, connections: Connections, *, settings: Settings | None = None
) -> CheckReport:
    """Return everything found, errors included; what it cost is noted, and no lease is taken."""
    settings = settings or read_settings()
    settings.make_home()
    findings: list[Finding] = []
    runs = sum(
        runs_a_day(one.schedule)
        for one, flow in zip(definition.scheduled, definition.flows, strict=True)
        if flow.active
    )
    tokens = calls = 0.0
    allowance: float | None = None
    longest: str | None = None
    try:
        with (
            closing(open_state(settings.state_url)) as state,
            open_accounts(settings, connections, definition, state) as accounts,
        ):
            findings += _introductions(definition, accounts)
            bound = look_up_with(definition, accounts.crm, accounts.engagement, accounts.state)
            findings += bound.findings
            findings += _flows(accounts, bound)
            findings += unlisted(definition, bots.bots(state, definition.name))
            findings += _soon(definition, state)
            price.note(state, definition, accounts.cost(), is_of_run=False)
            known = price.price_of(state, definition)
            if known is not None:
                tokens, calls = known.by_account[definition.connections.crm], known.calls
            allowance = accounts.allowances[definition.connections.crm].share
            for one in definition.scheduled:
                fitting = price.fit_of(state, definition, accounts.allowances, one)
                findings += _weighed(one.part, fitting)
                longest = _stretched(fitting) or longest
    except UNAUTHORIZED as error:
        said = f"connection {account_of(definition, error)} needs_reauthorization: {error.said}"
        findings.append(Finding("error", "connections", said, error.next_step))
    except (ConnectorError, ConnectionMismatchError, MissingSecretError) as error:
        remedy = getattr(error, "next_step", "")
        findings.append(Finding("error", "connections", str(error), remedy))
    return CheckReport(
        definition.name, findings, runs, tokens * runs, calls * runs, allowance, longest
    )


def _introductions(definition: Definition, accounts: Accounts[Mailchimp]) -> Iterable[Finding]:
    me, them = recognise(definition, accounts)
    yield Finding("ok", "pipedrive", f"connected as user {me.get('id')}, an administrator")
    role = f", as {them['role']}" if them.get("role") else ""
    yield Finding("ok", "mailchimp", f"connected to account {them.get('account_id')}{role}")


def _flows(accounts: Accounts[Mailchimp], bound: Bound) -> Iterable[Finding]:
    """Say of each flow whether it could go on, and whom it matches now."""
    mistaken = {one.thing.partition(",")[0] for one in bound.findings if one.level == "error"}
    for one in bound.flows:
        name = f"flow {one.flow.id}"
        if name in mistaken:
            continue  # its mistakes are told; whom it matches is not known before they are mended
        if one.problem:
            yield Finding("error", name, one.problem, "choose something that exists")
        elif one.list_id:
            is_saved = "" if one.flow.active else " (saved, not active)"
            yield Finding("ok", name, f"{_matches(accounts, one)}{is_saved}")


def _matches(accounts: Accounts[Mailchimp], one: BoundFlow) -> str:
    if one.filter_ids:
        found = {
            record["id"]
            for filter_id in one.filter_ids
            for page in accounts.crm.persons(filter_id, None, ())
            for record in page
        }
        return f"matches {counted(len(found), 'person')}"
    if one.segment_ids:
        members = {
            record["id"]
            for segment_id in one.segment_ids
            for page in accounts.engagement.segment_members(
                one.list_id, segment_id, every_state=True
            )
            for record in page
        }
        return f"matches {counted(len(members), 'contact')}"
    if one.new_filters:
        made = ", ".join(repr(terms.name) for terms in one.new_filters)
        return f"the first run makes its filter {made}"
    return "is told by what happens after its activation"


def _soon(definition: Definition, state: State) -> Iterable[Finding]:
    """The first sync is to begin within ten minutes, and without a listener the schedule says."""
    if lease.holding(state, listener_name(definition.name)):
        return  # it runs what is due at once
    known = {one.bot_id: one for one in bots.bots(state, definition.name)}
    for flow, one in zip(definition.flows, definition.scheduled, strict=True):
        seconds = one.schedule.seconds
        if not flow.active or seconds is None or seconds <= SOON:
            continue
        served = schedules.served(state, one.name)
        if served is None or flow.id not in known or is_before_its_first(served, known[flow.id]):
            yield Finding(
                "warn", f"flow {flow.id}", "its schedule alone begins the first sync later than "
                "ten minutes after activation", "`syncline run` begins it at once",
            )  # fmt: skip


def _weighed(flow_id: str, fitting: Fit) -> Iterable[Finding]:
    """Nothing to say while the wanted schedule fits."""
    thing = f"schedule of {flow_id}"
    if fitting.schedule is None:
        yield Finding("error", thing, fitting.said, fitting.remedy)
    elif fitting.said:
        remedy = f"`syncline deploy` sets it; or {fitting.remedy}"
        yield Finding("warn", thing, fitting.said, remedy)


def _stretched(fitting: Fit) -> str | None:
    return fitting.schedule.every if fitting.schedule and fitting.said else None
