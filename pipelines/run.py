"""Open everything a run of any sync needs, run it, and say how it ended.

    lease -> accounts -> work files -> what the kind does -> counted, kept, published -> outcome

Nothing below raises to the caller: every way a run can end is an `Outcome` with a sentence,
the next step and an exit code. What was read and planned is published either way.
"""

import gc
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import uuid4

from connectors.errors import ConnectorError, QuotaExhausted, StopTheSync
from pipelines import forgotten, left_over, price
from pipelines.accounts import Accounts, ConnectionMismatchError
from pipelines.alerts import alert
from pipelines.checks import CheckFailedError
from pipelines.definition import SyncDefinition
from pipelines.report import Outcome, Reporter, RunOptions, counted
from pipelines.settings import Connections, MissingSecretError, Settings, read_settings
from pipelines.signing_in import UNAUTHORIZED, unauthorized
from pipelines.step import Step, plainly
from pipelines.surroundings import REAL, Surroundings
from pipelines.sweep import (
    DefinitionError,
    IncompleteError,
    SetupIncompleteError,
    StoppedByGuardError,
    Sweep,
    require_flow,
)
from state import deeds, lease, ledger, runs, schedules
from state.database import State, open_state
from state.doors import listener_name
from state.errors import HistoryDamaged, LeaseHeld, LeaseLost, StateTrouble
from state.staging import Work, open_scratch, open_work, publish

EXPECTED = (
    ConnectorError, StateTrouble, CheckFailedError, IncompleteError, SetupIncompleteError,
    MissingSecretError, ConnectionMismatchError,
)  # fmt: skip
AGAIN = "Run it again: what was written is known, and only what is missing will be sent"
D = TypeVar("D", bound=SyncDefinition)
S = TypeVar("S", bound=Sweep)
D_contra = TypeVar("D_contra", bound=SyncDefinition, contravariant=True)
S_co = TypeVar("S_co", bound=Sweep, covariant=True)


class Begins(Protocol[D_contra, S_co]):
    """A sweep over what was opened, without lease and number (see sweep.begun_with)."""

    def __call__(
        self, settings: Settings, definition: D_contra, options: RunOptions,
        accounts: Accounts[Any], work: Work, outcome: Outcome, report: Reporter, /,
    ) -> S_co: ...  # fmt: skip


# A page of records is ten thousand objects and none of them garbage: at Python's own thresholds a
# third of reading a hundred thousand persons was looking for some.
COLLECTED_AFTER = (50_000, 20, 100)


@dataclass(frozen=True)
class Course(Generic[D, S]):
    """What a kind of sync does where every run of any kind does something."""

    open_accounts: Callable[
        [Settings, Connections, D, State, Surroundings], AbstractContextManager[Accounts[Any]]
    ]
    begin: Begins[D, S]
    sync: Callable[[S, Step], None]  # everything from reading to writing; see each flow.py
    take_in: Callable[[State, D, Settings], int]  # deliveries nobody answered: the last one's id
    running: Callable[[S], list[str]]  # whose writes may go out
    keep: Callable[[S], None]  # counts and plan into the outcome, the run into history
    parts: str  # what a person pauses and resumes: bots
    # The part of each account's pace that a run leaves to windows while somebody listens: it has
    # time, and who has edited something has not.
    left_to_windows: float = 0.0

    def run(
        self,
        definition: D,
        connections: Connections,
        *,
        options: RunOptions,
        report: Reporter,
        step: Step = plainly,
        settings: Settings | None = None,
        around: Surroundings = REAL,
    ) -> Outcome:
        """Run one sync to its end. A second run at once ends as skipped and says who holds it."""
        gc.set_threshold(*COLLECTED_AFTER)
        (settings := settings or read_settings()).make_home()
        outcome = Outcome(options.run_id or _new_id(around.now()), definition.name)
        began = time.monotonic()
        try:
            require_flow(definition, options.flow)
            with ExitStack() as stack:
                state = open_state(settings.state_url, now=around.now)
                stack.callback(state.close)
                held = lease.acquire(state, definition.name, run_id=outcome.run_id)
                stack.enter_context(lease.keeping(held))
                outcome.sweep = held.sweep
                runs.start(held)
                try:
                    known = runs.standing(held.state, definition.name)
                    accounts = stack.enter_context(
                        self.open_accounts(settings, connections, definition, held.state, around)
                    )
                    work = stack.enter_context(
                        open_work(
                            settings.home, definition.name,
                            expected_history=known.history_generation if known else None,
                        )
                    )  # fmt: skip
                    waited = self.take_in(state, definition, settings)
                    swept = self.begin(
                        settings, definition, options, accounts, work, outcome, report
                    )
                    swept = replace(swept, lease=held, sweep=held.sweep, sleep=around.sleep)
                    swept.read_cost = accounts.cost
                    _run_held(self, swept, accounts, work, step)
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
        except DefinitionError as error:
            _misnamed(outcome, error)
        except EXPECTED as error:
            _failed(outcome, error)
        measure(outcome, began)
        alert(definition, settings, outcome, around.now().date())
        return outcome

    @contextmanager
    def planning(
        self, definition: D, connections: Connections, *, options: RunOptions, report: Reporter,
        settings: Settings, previewed: str = "",
    ) -> Iterator[S]:  # fmt: skip
        """Give a sweep that planned what a run would do, in a temporary file that ends with it.

        `previewed` names one of its parts that is planned for as if it ran. Raises what a run
        would have reported: ConnectorError, DefinitionError, CheckFailedError, ...
        """
        outcome = Outcome("plan", definition.name)
        settings.make_home()
        with (
            closing(open_state(settings.state_url)) as state,
            self.open_accounts(settings, connections, definition, state, REAL) as accounts,
            open_scratch(settings.home, definition.name) as work,
        ):
            forgotten.refuse_old_state(state, definition.name, work.db, accounts.credentials)
            known = runs.standing(state, definition.name)
            swept = self.begin(settings, definition, options, accounts, work, outcome, report)
            swept.previewed, swept.read_cost = previewed, accounts.cost
            swept.sweep = (known.last_sweep if known else 0) + 1
            if known and known.history_generation:
                swept.history_generation = known.history_generation
            self.sync(swept, plainly)
            yield swept


def _new_id(now: datetime) -> str:
    return f"run-{now:%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"


def measure(outcome: Outcome, began: float) -> None:
    """Say how long it took since `began` (of time.monotonic), and how much memory at the most."""
    outcome.seconds = round(time.monotonic() - began, 2)
    outcome.peak_memory_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _run_held(
    course: Course[D, S], swept: S, accounts: Accounts[Any], work: Work, step: Step
) -> None:
    assert swept.lease is not None
    outcome = swept.outcome
    forgotten.refuse_old_state(swept.state, swept.lease.sync, work.db, swept.credentials)
    if course.left_to_windows and lease.holder(swept.state, listener_name(swept.lease.sync)):
        accounts.leave_room(course.left_to_windows)
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
        _carry_through(course, swept, step)
    finally:
        outcome.cost = accounts.cost()
        if is_usual and swept.reading:
            _note_price(swept, accounts)
        _close(course, swept, work)


def _carry_through(course: Course[D, S], swept: S, step: Step) -> None:
    """Run the sync and turn every way it can end into the outcome."""
    outcome = swept.outcome
    try:
        course.sync(swept, step)
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
    _weigh(swept, course.running(swept), course.parts)


def _note_price(swept: Sweep, accounts: Accounts[Any]) -> None:
    """Keep what the reading cost, and say so when the schedule costs more than our share."""
    price.note(swept.state, swept.definition, swept.reading, is_of_run=True)
    for one in swept.definition.scheduled:
        fitting = price.fit_of(swept.state, swept.definition, accounts.allowances, one)
        known = schedules.deployed(swept.state, one.name)
        used = fitting.schedule and fitting.schedule.model_dump()
        if known is not None and fitting.said and known.schedule != used:
            thing = f"schedule of {one.part}" if one.part else "schedule"
            swept.warn(thing, fitting.said, f"`syncline deploy` tells more; {fitting.remedy}")


def _weigh(swept: Sweep, running: Sequence[str], parts: str) -> None:
    """Done, or done but for records that were refused or are still in doubt."""
    assert swept.lease is not None
    outcome, counts = swept.outcome, ledger.counts(swept.lease)
    # Those of a part that Syncline paused go on when it is resumed: no run can send them before.
    held = deeds.held_count(swept.lease, running) if counts.waiting else 0
    waiting, doubtful = counts.waiting - held, counts.open + swept.doubts_beside
    if counts.refused or doubtful or waiting:
        outcome.outcome = "open"
        outcome.said = (
            f"Finished with {counts.refused} refused, {doubtful} doubtful and "
            f"{counted(waiting, 'waiting record')}."
        )
        outcome.next_step = (
            f"`syncline sql {outcome.sync} \"from history.writes where run_id = '{outcome.run_id}' "
            "and state <> 'done'\"` "
            "lists them with what the vendor said; the next run takes them up again."
        )
        if doubtful:
            outcome.next_step += f" `syncline doubts {outcome.sync}` says when each doubt decides."
    else:
        outcome.outcome, outcome.said, outcome.next_step = "done", "Everything is in step.", ""
        if swept.suspended:
            paused = ", ".join(sorted(swept.suspended))
            outcome.said = f"Everything is in step but {parts} that are paused: {paused}."
            outcome.next_step = "`syncline list` says why each is."
        if held:
            outcome.said = (
                f"Everything is in step but what paused {parts} had planned "
                f"({counted(held, 'record')}): it is sent when they are resumed."
            )
        if counts.standing_refused:
            outcome.said = (
                f"Everything is in step but {counted(counts.standing_refused, 'record')} that the "
                "vendor refused before; each is tried again daily, or when its data changes."
            )


def _misnamed(outcome: Outcome, error: DefinitionError) -> None:
    outcome.outcome, outcome.said = "invalid", f"{error}."
    outcome.findings += error.findings
    outcome.next_step = "Name a flow of the definition; nothing was read or written."


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


def _close(course: Course[D, S], swept: S, work: Work) -> None:
    """Count, keep the run in history, publish for readers, and note how it ended.

    LeaseLost for a run that was frozen until another took over: the tables are that one's now.
    """
    assert swept.lease is not None
    lease.check(swept.lease)
    swept.outcome.checks = [one._asdict() for one in swept.checked]
    course.keep(swept)
    publish(work)
    _finish(swept.lease, swept.outcome)


def _finish(held: lease.Lease, outcome: Outcome) -> None:
    runs.finish(
        held, outcome=outcome.outcome, exit_code=outcome.exit_code,
        counts=outcome.counts, said=f"{outcome.said} {outcome.next_step}".strip(),
    )  # fmt: skip
