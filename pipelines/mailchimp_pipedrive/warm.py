"""What a listener keeps between the windows of a sync, and how each of them ends.

The state, both accounts' clients with their connections, and a database in memory: opening them
takes longer than most windows. An error leaves nothing of it, so that the next window begins as
the first did; what is kept is never what a window believes of the vendors, but who they are.
"""

import time
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from connectors.mailchimp import Mailchimp
from pipelines.accounts import Accounts
from pipelines.listening import Named
from pipelines.mailchimp_pipedrive.accounts import open_accounts
from pipelines.mailchimp_pipedrive.bind import Bound
from pipelines.mailchimp_pipedrive.config import Definition
from pipelines.mailchimp_pipedrive.naming import look_up_with, recognise
from pipelines.mailchimp_pipedrive.people import Newcomers
from pipelines.mailchimp_pipedrive.run import begin
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.mailchimp_pipedrive.window import LEFT, carry_across
from pipelines.report import Outcome, RunOptions, counted
from pipelines.run import EXPECTED
from pipelines.settings import Connections, Settings
from pipelines.surroundings import REAL, Surroundings
from state import horizons, lease, ledger
from state.database import State, open_state
from state.errors import LeaseHeld
from state.staging import WindowFiles, Work
from state.writers import window_name

MOST_AGAIN = 5  # times in a row that somebody is named again
NAMES_LAST = timedelta(minutes=5)  # what fields, stages and audiences are called changes seldom


class Opened(NamedTuple):
    """What stays open from one window to the next; `held` closes it."""

    state: State
    accounts: Accounts[Mailchimp]
    files: WindowFiles
    held: ExitStack


class Told(NamedTuple):
    """What the vendors said of names, and of whose account it is; `at` that time."""

    bound: Bound
    currency: str
    at: datetime


@dataclass
class Warm:
    """What one process keeps between the windows of a sync. Close it."""

    definition: Definition
    connections: Connections
    settings: Settings
    around: Surroundings = REAL
    _opened: Opened | None = field(default=None, repr=False)
    _told: Told | None = None
    _again: dict[Named, int] = field(default_factory=dict, repr=False)
    _newcomers: Newcomers = field(default_factory=Newcomers, repr=False)

    def window(self, named: Collection[Named]) -> Outcome:
        """Carry out what became of these; every way it can end is an Outcome."""
        began = time.perf_counter()
        run_id = f"window-{self.around.now():%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
        outcome = Outcome(run_id, self.definition.name)
        outcome.outcome, outcome.said = "failed", "An error nobody foresaw ended the window."
        try:
            self._carry(named, outcome)
        except LeaseHeld as error:
            outcome.outcome, outcome.said = "skipped", str(error)
        except EXPECTED as error:
            outcome.outcome, outcome.said = "failed", f"{error}; all of it {LEFT}"
        finally:
            if outcome.outcome == "failed":
                self.close()
        outcome.seconds = time.perf_counter() - began
        return outcome

    def close(self) -> None:
        """Give back what is kept. The next window opens it anew."""
        opened, self._opened, self._told = self._opened, None, None
        self._newcomers = Newcomers()
        if opened is not None:
            opened.held.close()

    def _bounded(self, again: Collection[Named]) -> Collection[Named]:
        """Whom to name again: what stays in doubt for longer is the sweep's to settle."""
        self._again = {one: self._again.get(one, 0) + 1 for one in again}
        return [one for one, times in self._again.items() if times <= MOST_AGAIN]

    def _open(self) -> Opened:
        if self._opened is None:
            with ExitStack() as stack:
                state = open_state(self.settings.state_url, now=self.around.now)
                stack.callback(state.close)
                files = WindowFiles(self.settings.home, self.definition.name)
                stack.callback(files.close)
                accounts = stack.enter_context(
                    open_accounts(
                        self.settings, self.connections, self.definition, state, self.around
                    )
                )
                self._opened = Opened(state, accounts, files, stack.pop_all())
        return self._opened

    def _carry(self, named: Collection[Named], outcome: Outcome) -> None:
        opened = self._open()
        held = lease.acquire(opened.state, window_name(self.definition.name), run_id=outcome.run_id)
        with lease.keeping(held):
            work = opened.files.renew()
            if work is None:
                outcome.outcome, outcome.said = "done", f"no run has published yet: all {LEFT}"
                return
            swept = self._begin(opened.accounts, work, held, outcome)
            outcome.again = self._bounded(carry_across(swept, named, self._newcomers))
            counts = ledger.counts(held)
        outcome.counts = vars(counts)
        outcome.outcome = "open" if counts.open or counts.waiting else "done"
        writes = counted(counts.done + counts.adopted, "write")
        outcome.said = f"{writes} for {counted(len(named), 'record')}"

    def _begin(
        self, accounts: Accounts[Mailchimp], work: Work, held: lease.Lease, outcome: Outcome
    ) -> Sweep:
        told = self._look_up(accounts)
        # A sweep may have learned meanwhile that an account hides writes for longer.
        known = replace(accounts, horizons=horizons.in_use(accounts.state, accounts.configured))
        swept = begin(
            self.settings, self.definition, RunOptions(run_id=outcome.run_id), known, work,
            outcome, lambda _: None,
        )  # fmt: skip
        return replace(
            swept, lease=held, sweep=held.sweep, sleep=self.around.sleep, settle_within=0.0,
            is_window=True, bound=told.bound, currency=told.currency,
        )  # fmt: skip

    def _look_up(self, accounts: Accounts[Mailchimp]) -> Told:
        """Names and who we are, asked again now and then: a key may be another account's now."""
        now = self.around.now()
        if self._told is None or now - self._told.at > NAMES_LAST:
            me, _ = recognise(self.definition, accounts)
            bound = look_up_with(self.definition, accounts.crm, accounts.engagement, accounts.state)
            self._told = Told(bound, str(me.get("default_currency") or "USD"), now)
        return self._told
