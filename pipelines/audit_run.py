"""Open everything an audit of any sync needs, let its kind look, and say how it ended.

The run of an audit is like that of a sync (run.py): under the sync's lease, ended in an Outcome.
It writes nothing at a vendor, so whatever ends it has changed nothing.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import uuid4

from pipelines.accounts import Accounts
from pipelines.alerts import alert
from pipelines.definition import SyncDefinition
from pipelines.forgotten import refuse_old_state
from pipelines.report import Outcome, Reporter
from pipelines.run import EXPECTED, measure
from pipelines.settings import Connections, Settings, read_settings
from pipelines.signing_in import UNAUTHORIZED, unauthorized
from pipelines.step import Step, plainly
from pipelines.surroundings import REAL, Surroundings
from state import audits, lease, restore, runs
from state.database import State, open_state
from state.errors import LeaseHeld
from state.lease import Lease
from state.staging import Work, open_work, publish

D = TypeVar("D", bound=SyncDefinition)


class NothingToAuditError(Exception):
    """The state database knows of nothing the sync did."""


class Opened(NamedTuple):
    """What an audit has to look with."""

    lease: Lease
    accounts: Accounts[Any]
    work: Work
    home: Path
    outcome: Outcome
    report: Reporter


@dataclass(frozen=True)
class AuditCourse(Generic[D]):
    """What a kind of sync does where every audit does something."""

    open_accounts: Callable[
        [Settings, Connections, D, State, Surroundings], AbstractContextManager[Accounts[Any]]
    ]
    # Look, compare, keep what was found, and say in the outcome how it ended.
    look: Callable[[D, Opened, Step], None]

    def audit(
        self,
        definition: D,
        connections: Connections,
        *,
        report: Reporter,
        step: Step = plainly,
        run_id: str | None = None,
        settings: Settings | None = None,
        around: Surroundings = REAL,
    ) -> Outcome:
        """Audit one sync. While it runs this ends as skipped; every other end is an Outcome."""
        settings = settings or read_settings()
        settings.make_home()
        made_up = f"{around.now():%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
        outcome = Outcome(f"{audits.PREFIX}{run_id or made_up}", definition.name)
        began = time.monotonic()
        try:
            with ExitStack() as stack:
                state = open_state(settings.state_url, now=around.now)
                stack.callback(state.close)
                held = lease.acquire(state, definition.name, run_id=outcome.run_id)
                stack.enter_context(lease.keeping(held))
                outcome.sweep = held.sweep
                runs.start(held)
                outcome.outcome, outcome.said = "failed", "An error nobody foresaw ended the audit."
                try:
                    accounts = stack.enter_context(
                        self.open_accounts(settings, connections, definition, state, around)
                    )
                    known = runs.standing(state, definition.name)
                    expected = known.history_generation if known else None
                    work = stack.enter_context(
                        open_work(settings.home, definition.name, expected_history=expected)
                    )
                    opened = Opened(held, accounts, work, settings.home, outcome, report)
                    self.look(definition, opened, step)
                    publish(work)
                except NothingToAuditError as error:
                    outcome.outcome, outcome.said = "skipped", str(error)
                except EXPECTED as error:
                    if isinstance(error, UNAUTHORIZED):
                        unauthorized(state, definition, outcome, error)
                    _fail(outcome, error)
                finally:
                    _finish(held, outcome)
        except LeaseHeld as error:
            outcome.outcome, outcome.said = "skipped", str(error)
            outcome.next_step = (
                "Nothing was read; the next audit looks at what this one would have."
            )
        except EXPECTED as error:
            _fail(outcome, error)
        measure(outcome, began)
        alert(definition, settings, outcome, around.now().date())
        return outcome


def refuse_unknown_sync(held: Lease, work: Work) -> None:
    """Held against a state that was lost, the books would say nothing true."""
    refuse_old_state(held.state, held.sync, work.db)
    if restore.adoption(held.state, held.sync) is None and not restore.obstacle(
        held.state, held.sync
    ):
        raise NothingToAuditError(
            f"The state database knows of nothing {held.sync} wrote, so nothing was audited: "
            f"`syncline run {held.sync}` comes first. If it has run before, the database was lost: "
            f"`syncline adopt {held.sync}`."
        )


def _finish(held: Lease, outcome: Outcome) -> None:
    runs.finish(
        held, outcome=outcome.outcome, exit_code=outcome.exit_code, counts=outcome.counts,
        said=f"{outcome.said} {outcome.next_step}".strip(), is_audit=True,
    )  # fmt: skip


def _fail(outcome: Outcome, error: Exception) -> None:
    outcome.outcome, outcome.said = "failed", str(error)
    outcome.next_step = "Nothing was changed; the next audit looks at what this one would have."
