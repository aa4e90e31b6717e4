"""Commands that work on one sync: check, plan, run, audit, approve, list."""

from textwrap import fill
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from deployments.desk import need, settings_of, sync_of
from deployments.screen import complain, progress, say, say_finding, say_json, say_table
from pipelines.report import counted

if TYPE_CHECKING:
    from pipelines.definition import SyncDefinition
    from pipelines.report import CheckReport, Outcome, PlanReport
    from pipelines.settings import Settings

Sync = Annotated[str, typer.Argument(help="Name of the sync.")]
KINDS_WORD = "{} is a {} sync"
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def check(
    ctx: typer.Context,
    sync: Annotated[str | None, typer.Argument(help="Only this sync.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Files only; contact nobody.")] = False,
    as_json: Json = False,
) -> None:
    """Check definitions: the files first, then each against its accounts, with its cost."""
    from deployments.definitions import load

    settings = settings_of(ctx)
    definitions = load(settings, are_needed=not offline)
    chosen = [definitions.get(sync)] if sync else definitions.all()
    for warning in definitions.warnings:
        complain(f"warning: {warning}")
    if offline:
        say(f"{counted(len(chosen), 'definition')} read; nothing wrong in the files.")
        return
    from pipelines.kinds import KINDS

    reports = [KINDS[one.kind].doors.check(one, definitions.connections) for one in chosen]
    if as_json:
        say_json([_as_object(report) for report in reports])
    else:
        for report in reports:
            _say_check(report)
    errors = [f for report in reports for f in report.findings if f.level == "error"]
    unreached = any(f.thing == "connections" for f in errors)
    raise typer.Exit((1 if unreached else 2) if errors else 0)


def plan(ctx: typer.Context, sync: Sync, as_json: Json = False) -> None:
    """Say what a run would do, and write nothing anywhere."""
    settings, definition, connections = sync_of(ctx, sync)
    from pipelines.kinds import KINDS
    from pipelines.report import RunOptions

    with progress() as report:
        planned = KINDS[definition.kind].doors.plan(
            definition,
            connections,
            options=RunOptions(),
            report=report,
            settings=settings,
            shown=1_000_000 if as_json else 20,
        )
    if as_json:
        say_json(planned)
    else:
        _say_plan(planned)
    raise typer.Exit(1 if any(finding.level == "error" for finding in planned.findings) else 0)


def run(
    ctx: typer.Context,
    sync: Sync,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    since: Annotated[
        str | None, typer.Option(help="Read engagement of campaigns sent since, 2026-11-01.")
    ] = None,
    flow: Annotated[
        str, typer.Option("--flow", help="Only this flow, and whatever else is due by schedule.")
    ] = "",
    settle_within: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds to wait for doubtful writes; default: the horizon."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a sync now. Running again is always safe and goes on where the last run stopped."""
    from deployments.running import is_recorded, run_here, run_recorded
    from pipelines.report import RunOptions

    _refuse_bad_date(since)
    settings, definition, connections = sync_of(ctx, sync)
    _refuse_unfit(definition, since, flow)
    options = RunOptions(full=full, since=since, settle_within=settle_within, flow=flow)
    if is_recorded(settings):
        complain(f"recorded as a Prefect flow run on {settings.prefect_api_url}")
        outcome = run_recorded(settings, definition, options)
    else:
        complain("running in this process; PREFECT_API_URL is not set, so Prefect records nothing")
        with progress() as report:
            outcome = run_here(settings, definition, connections, options, report)
    _end_with(outcome, as_json)


def audit(ctx: typer.Context, sync: Sync, as_json: Json = False) -> None:
    """Hold what was written against the vendors' books: doubles, losses, deletions, edits."""
    from deployments.running import audit_here, audit_recorded, is_recorded
    from pipelines.kinds import KINDS

    settings, definition, connections = sync_of(ctx, sync)
    need(KINDS[definition.kind].doors.audit, definition, "audit")
    if is_recorded(settings):
        outcome = audit_recorded(settings, sync)
    else:
        with progress() as report:
            outcome = audit_here(settings, definition, connections, report)
    _end_with(outcome, as_json)


def approve(
    ctx: typer.Context,
    sync: Sync,
    by: Annotated[str | None, typer.Option(help="Who approves; default: who is logged in.")] = None,
) -> None:
    """Let the next run do what a guard stopped; holds for 24 hours and for that set only."""
    from getpass import getuser

    from pipelines.approve import approve_latest

    say(approve_latest(settings_of(ctx), sync, approved_by=by or getuser()))


def list_syncs(ctx: typer.Context, as_json: Json = False) -> None:
    """Every sync and bot or flow: last run, selection, actions, active or why not."""
    from deployments.definitions import load
    from deployments.listing import SHOWN, list_bots
    from deployments.lost import all_lost

    settings = settings_of(ctx)
    definitions = load(settings, with_secrets=False)
    lost = all_lost(settings)  # looked for first: a list of what is known makes a database
    for mistake in definitions.mistakes:
        complain(str(mistake))
    known = [one.definition for one in definitions.syncs.values()]
    rows = list_bots(settings, known, definitions.connections)
    listening = _listening(settings)
    if as_json:
        say_json([row._asdict() | {"listening": listening.get(row.sync)} for row in rows])
    elif rows:
        say_table(SHOWN, [row.shown() for row in rows])
        for line in listening.values():
            complain(fill(line, 100, subsequent_indent="  "))  # stdout is a table, for scripts too
    elif not definitions.mistakes:
        say(f"no syncs in {settings.syncs}")
    for old in lost:
        complain(f"syncline: {old.said}. {old.remedy}")
    raise typer.Exit(2 if definitions.mistakes else int(bool(lost)))


def _listening(settings: "Settings") -> dict[str, str]:
    """By sync how its webhook and who listens for it stand; syncs without either are left out."""
    from deployments.doorbells import doorbells
    from state.errors import InboxUnusable

    try:
        return {one.sync: one.shown() for one in doorbells(settings, [])}
    except InboxUnusable as error:
        complain(str(error))
        return {}


def _refuse_bad_date(since: str | None) -> None:
    from datetime import date

    try:
        _ = since and date.fromisoformat(since)
    except ValueError as error:
        raise typer.BadParameter("--since takes a date like 2026-11-01") from error


def _refuse_unfit(definition: "SyncDefinition", since: "str | None", flow: str) -> None:
    """What an option is about must be something that this kind of sync has."""
    has_flows = any(one.part for one in definition.scheduled)
    kind = KINDS_WORD.format(definition.name, definition.kind)
    if flow and not has_flows and definition.scheduled:
        raise typer.BadParameter(f"{kind}, which runs as a whole: leave out --flow")
    if since and (has_flows or not definition.scheduled):
        raise typer.BadParameter(f"{kind}, which reads no engagement: leave out --since")


def _as_object(report: "CheckReport | Outcome") -> dict[str, object]:
    """All fields, and the verdict that is a property."""
    from dataclasses import asdict

    from pipelines.report import Outcome

    verdict = "exit_code" if isinstance(report, Outcome) else "is_sound"
    return asdict(report) | {verdict: getattr(report, verdict)}


def _say_check(report: "CheckReport") -> None:
    say(report.sync)
    for finding in report.findings:
        say_finding(finding.level, finding.thing, finding.sentence, finding.remedy)
    if report.allowance is None:
        return  # nobody could be asked
    allowed = f" of {report.allowance:.0f} allowed" if report.allowance is not None else ""
    say(
        f"costs {counted(report.calls_a_day, 'call')} and "
        f"{counted(report.tokens_a_day, 'token')}{allowed} a day, in "
        f"{counted(report.runs_a_day, 'run')}"
    )
    if report.stretched_to:
        say(f"the wanted interval costs too much: `syncline deploy` sets every "
            f"{report.stretched_to}")  # fmt: skip


def _say_plan(planned: "PlanReport") -> None:
    for finding in planned.findings:
        say_finding(finding.level, finding.thing, finding.sentence, finding.remedy)
    rows = [
        (table, action, count)
        for table, actions in planned.totals.items()
        for action, count in actions.items()
    ]
    say_table(("table", "action", "rows"), rows, title=f"A run of {planned.sync} would write")
    say(f"{counted(planned.writes, 'write')} in all: rows that skip, forget or link write nothing")
    for table, shown in planned.rows.items():
        if shown:
            columns = list(shown[0])
            say_table(columns, [[row.get(name) for name in columns] for row in shown], title=table)
            there_are = planned.found.get(table, sum(planned.totals.get(table, {}).values()))
            left_out = there_are - len(shown)
            if left_out > 0:
                say(f"... and {left_out} more; --json lists all")
    _say_counts("skipped", planned.skipped)
    for account, calls in planned.calls.items():
        say(
            f"{account}: {counted(calls, 'call')}, "
            f"{counted(planned.tokens.get(account, 0), 'token')} to write it"
        )
    for guard in planned.guards:
        say_finding("warn", "guard", guard, f"syncline approve {planned.sync} after a run")


def _end_with(outcome: "Outcome", as_json: bool) -> NoReturn:
    """Say how a run or audit ended, and end as it did."""
    if as_json:
        say_json(_as_object(outcome))
    else:
        _say_outcome(outcome)
    raise typer.Exit(outcome.exit_code)


def _say_outcome(outcome: "Outcome") -> None:
    for finding in outcome.findings:
        say_finding(finding.level, finding.thing, finding.sentence, finding.remedy)
    _say_counts("counts", outcome.counts)
    _say_counts("skipped", outcome.skipped)
    for guard in outcome.guards:
        say_finding("warn", "guard", guard)
    for cost in outcome.cost:
        left = f", {cost.budget_left} left today" if cost.budget_left is not None else ""
        spent = f"{counted(cost.requests, 'request')}, {counted(cost.tokens, 'token')}"
        say(f"{cost.account}: {spent}{left}")
    say(f"{outcome.seconds:.1f} s, at most {outcome.peak_memory_mb:.0f} MB of memory")
    say(f"{outcome.outcome} (run {outcome.run_id}): {outcome.said}")
    if outcome.next_step:
        say(f"next: {outcome.next_step}")


def _say_counts(title: str, counts: "dict[str, object] | dict[str, int]") -> None:
    if counts:
        say(f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
