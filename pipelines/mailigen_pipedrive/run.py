"""Open everything a run needs, run the sync, and say how it ended.

Nothing below raises to the caller: every way a run can end is an `Outcome` with a sentence,
the next step and an exit code. What was read and planned is published either way.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from connectors.errors import ConnectorError, QuotaExhausted, StopTheSync
from pipelines import price
from pipelines.accounts import Accounts, ConnectionMismatchError, open_accounts
from pipelines.alerts import alert
from pipelines.checks import CheckFailedError
from pipelines.mailigen_pipedrive import forgotten, left_over, life, record
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.extract import IncompleteError
from pipelines.mailigen_pipedrive.flow import sync
from pipelines.mailigen_pipedrive.loading import SetupIncompleteError
from pipelines.mailigen_pipedrive.signing_in import UNAUTHORIZED, unauthorized
from pipelines.mailigen_pipedrive.sweep import DefinitionError, StoppedByGuardError, Sweep
from pipelines.report import Outcome, PlanReport, Reporter, RunOptions, counted
from pipelines.settings import Connections, MissingSecretError, Settings, read_settings
from pipelines.step import Step, plainly
from pipelines.surroundings import REAL, Surroundings
from state import consent, deeds, lease, ledger, runs, schedules
from state.database import open_state
from state.errors import HistoryDamaged, LeaseHeld, LeaseLost, StateTrouble
from state.staging import Work, open_scratch, open_work, publish

EXPECTED = (
    ConnectorError, StateTrouble, CheckFailedError, IncompleteError, SetupIncompleteError,
    MissingSecretError, ConnectionMismatchError,
)  # fmt: skip
AGAIN = "Run it again: what was written is known, and only what is missing will be sent"


def run_sync(
    definition: Definition,
    connections: Connections,
    *,
    options: RunOptions,
    report: Reporter,
    step: Step = plainly,
    settings: Settings | None = None,
    around: Surroundings = REAL,
) -> Outcome:
    """Run one sync to its end. A second run at once ends as skipped and says who holds it."""
    settings = settings or read_settings()
    settings.make_home()
    run_id = options.run_id or f"run-{around.now():%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    outcome = Outcome(run_id, definition.name)
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            state = open_state(settings.state_url, now=around.now)
            stack.callback(state.close)
            held = lease.acquire(state, definition.name, run_id=run_id)
            stack.enter_context(lease.keeping(held))
            outcome.sweep = held.sweep
            runs.start(held)
            try:
                known = runs.standing(held.state, definition.name)
                accounts = stack.enter_context(
                    open_accounts(settings, connections, definition, held.state, around)
                )
                work = stack.enter_context(
                    open_work(
                        settings.home, definition.name,
                        expected_history=known.history_generation if known else None,
                    )
                )  # fmt: skip
                waited = left_over.take_in(state, definition, settings)
                swept = begin(settings, definition, options, accounts, work, outcome, report)
                swept = replace(swept, lease=held, sweep=held.sweep, sleep=around.sleep)
                swept.read_cost = accounts.cost
                _run_held(swept, accounts, work, step)
                left_over.drop(settings, definition.name, waited, outcome.outcome)
            except EXPECTED as error:
                # Nothing could be opened, or the end could not be kept: `list` must show it.
                if isinstance(error, UNAUTHORIZED):  # a token no client takes
                    unauthorized(held.state, definition, outcome, error)
                _failed(outcome, error)
                _finish(held, outcome)
    except LeaseHeld as error:
        outcome.outcome, outcome.said = "skipped", str(error)
        outcome.next_step = "Wait for that run to end; nothing was read or written by this one."
    except EXPECTED as error:
        _failed(outcome, error)
    outcome.seconds = round(time.monotonic() - began, 2)
    outcome.peak_memory_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    alert(definition, settings, outcome, around.now().date())
    return outcome


def _run_held(swept: Sweep, accounts: Accounts, work: Work, step: Step) -> None:
    assert swept.lease is not None
    outcome = swept.outcome
    forgotten.refuse_old_state(swept.state, swept.lease.sync, work.db, swept.credentials)
    known = runs.standing(swept.state, swept.lease.sync)
    # With a new work file, or told to, it reads everything: that is not what a day is made of.
    is_usual = known is not None and known.work_generation == work.generation
    is_usual = is_usual and not swept.is_full and swept.since is None
    runs.remember_files(
        swept.lease, work_generation=work.generation, history_generation=work.history_generation
    )
    # Until something better is known: an error nobody foresaw leaves it at this.
    outcome.outcome, outcome.said = "failed", "An error nobody foresaw ended the run."
    outcome.next_step = f"Safe so far: what was acknowledged is kept. {AGAIN}."
    try:
        _carry_through(swept, step)
    finally:
        outcome.cost = accounts.cost()
        if is_usual and swept.reading:
            _note_price(swept, accounts)
        _close(swept, work)


def _carry_through(swept: Sweep, step: Step) -> None:
    """Run the sync and turn every way it can end into the outcome."""
    outcome = swept.outcome
    try:
        sync(swept, step)
    except StoppedByGuardError as error:
        outcome.outcome, outcome.guards = "guarded", error.reasons
        outcome.said = f"Stopped before the first write: {error}."
        if swept.made_first:
            made = ", ".join(swept.made_first)
            outcome.said = (
                f"Stopped before the first write of the plan: {error}. In Pipedrive is now {made}, "
                "made first: nobody could be counted without it."
            )
        outcome.next_step = (
            f"Look at the plan (syncline plan {outcome.sync}), then `syncline approve "
            f"{outcome.sync}` and run again within 24 hours."
        )
        return
    except DefinitionError as error:
        outcome.outcome = "invalid"
        outcome.findings += error.findings
        outcome.said = f"The definition does not fit the accounts: {error}."
        outcome.next_step = (
            "Correct the names in the definition and run again; nothing was written."
        )
        return
    except UNAUTHORIZED as error:
        named = swept.credentials[error.vendor].named(error)
        unauthorized(swept.state, swept.definition, outcome, named)
        _failed(outcome, named)
        return
    except KeyboardInterrupt:
        outcome.said = "Interrupted by whoever started it."
        raise
    except EXPECTED as error:
        _failed(outcome, error)
        if isinstance(error, CheckFailedError):
            swept.checked += error.checked
        return
    _weigh(swept)


def _note_price(swept: Sweep, accounts: Accounts) -> None:
    """Keep what the reading cost, and say so when the schedule costs more than our share."""
    price.note(swept.state, swept.definition, swept.reading, is_of_run=True)
    fitting = price.fit_of(swept.state, swept.definition, accounts.allowances)
    known = schedules.deployed(swept.state, swept.definition.name)
    used = fitting.schedule and fitting.schedule.model_dump()
    if known is not None and fitting.said and known.schedule != used:
        swept.warn("schedule", fitting.said, f"`syncline deploy` tells more; {fitting.remedy}")


def _weigh(swept: Sweep) -> None:
    """Done, or done but for records that were refused or are still in doubt."""
    assert swept.lease is not None
    outcome, counts = swept.outcome, ledger.counts(swept.lease)
    # Those of a bot that Syncline paused go on when it is resumed: no run can send them before.
    held = deeds.held_count(swept.lease, life.running(swept)) if counts.waiting else 0
    waiting = counts.waiting - held
    if counts.refused or counts.open or waiting:
        outcome.outcome = "open"
        outcome.said = (
            f"Finished with {counts.refused} refused, {counts.open} doubtful and "
            f"{counted(waiting, 'waiting record')}."
        )
        outcome.next_step = (
            f"`syncline sql {outcome.sync} \"from history.writes where run_id = '{outcome.run_id}' "
            "and state <> 'done'\"` "
            "lists them with what the vendor said; the next run takes them up again."
        )
        if counts.open:
            outcome.next_step += f" `syncline doubts {outcome.sync}` says when each doubt decides."
    else:
        outcome.outcome, outcome.said, outcome.next_step = "done", "Everything is in step.", ""
        if held:
            outcome.said = (
                "Everything is in step but what paused bots had planned "
                f"({counted(held, 'record')}): it is sent when they are resumed."
            )
        if counts.standing_refused:
            outcome.said = (
                f"Everything is in step but {counted(counts.standing_refused, 'record')} that the "
                "vendor refused before; each is tried again daily, or when its data changes."
            )


def _failed(outcome: Outcome, error: Exception) -> None:
    outcome.outcome, outcome.said = "failed", str(error)
    if isinstance(error, StopTheSync):
        outcome.said = f"{error.vendor}: {error.call}: {error.said}"  # the next step stands apart
        outcome.used_up = error.vendor if isinstance(error, QuotaExhausted) else ""
        step = error.next_step[:1].upper() + error.next_step[1:]
        outcome.next_step = f"Safe so far: what was acknowledged is kept. {step}."
    elif isinstance(error, ConnectionMismatchError):
        outcome.outcome = "invalid"
        outcome.next_step = "Correct the definition or connections.yaml and run again."
    elif isinstance(error, MissingSecretError):
        outcome.next_step = "Set the secret and start the sync again; nothing was read or written."
    elif isinstance(error, LeaseLost):
        outcome.next_step = "Start the sync again."
    elif isinstance(error, HistoryDamaged):
        outcome.next_step = "Nothing was written. Do what the sentence says, then run again."
    else:
        outcome.next_step = f"Safe so far: what was acknowledged is kept. {AGAIN}."


def _close(swept: Sweep, work: Work) -> None:
    """Count, keep the run in history, publish for readers, and note how it ended.

    LeaseLost for a run that was frozen until another took over: the tables are that one's now.
    """
    assert swept.lease is not None
    outcome = swept.outcome
    lease.check(swept.lease)
    outcome.counts = record.counts(swept)
    outcome.skipped = record.skipped(swept)
    outcome.plan = record.plan_reasons(swept)
    outcome.created = record.created(swept)
    outcome.checks = [one._asdict() for one in swept.checked]
    record.keep(swept)
    publish(work)
    _finish(swept.lease, outcome)


def _finish(held: lease.Lease, outcome: Outcome) -> None:
    runs.finish(
        held, outcome=outcome.outcome, exit_code=outcome.exit_code,
        counts=outcome.counts, said=f"{outcome.said} {outcome.next_step}".strip(),
    )  # fmt: skip


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
    with planning(
        definition, connections, options=options, report=report,
        settings=settings or read_settings(),
    ) as swept:  # fmt: skip
        return record.plan_report(swept, shown, swept.read_cost())


@contextmanager
def planning(
    definition: Definition, connections: Connections, *, options: RunOptions, report: Reporter,
    settings: Settings, previewed: str = "",
) -> Iterator[Sweep]:  # fmt: skip
    """Give a sweep that planned what a run would do, in a temporary file that ends with it.

    `previewed` names a bot that is planned for as if it ran.
    """
    outcome = Outcome("plan", definition.name)
    settings.make_home()
    with (
        closing(open_state(settings.state_url)) as state,
        open_accounts(settings, connections, definition, state) as accounts,
        open_scratch(settings.home, definition.name) as work,
    ):
        forgotten.refuse_old_state(state, definition.name, work.db, accounts.credentials)
        known = runs.standing(state, definition.name)
        swept = begin(settings, definition, options, accounts, work, outcome, report)
        swept.previewed, swept.read_cost = previewed, accounts.cost
        swept.sweep = (known.last_sweep if known else 0) + 1
        if known and known.history_generation:
            swept.history_generation = known.history_generation
        sync(swept, plainly)
        yield swept


def begin(
    settings: Settings, definition: Definition, options: RunOptions, accounts: Accounts,
    work: Work, outcome: Outcome, report: Reporter,
) -> Sweep:  # fmt: skip
    """A sweep over what was opened, without lease and number: whoever holds one adds them."""
    since = options.since and datetime.fromisoformat(options.since)
    return Sweep(
        definition=definition,
        run_id=outcome.run_id,
        sweep=0,
        read_at=accounts.state.now(),
        home=settings.home,
        state=accounts.state,
        lease=None,
        db=work.db,
        history_generation=work.history_generation,
        crm=accounts.crm,
        engagement=accounts.engagement,
        crm_account=definition.connections.crm,
        engagement_account=definition.connections.engagement,
        horizons=accounts.horizons,
        budget_left=accounts.budget_left,
        credentials=accounts.credentials,
        consent_key=consent.read_key(settings.home),
        report=report,
        outcome=outcome,
        sleep=time.sleep,
        counts_emails=accounts.counts_emails,
        settle_within=options.settle_within,
        is_full=options.full,
        since=since.replace(tzinfo=since.tzinfo or UTC) if since else None,
    )
