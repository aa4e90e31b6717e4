"""What one run of any sync carries from stage to stage, and the errors that end one.

A kind's own `Sweep` extends it with its engagement platform and with what its names are bound to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from connectors.pipedrive import Pipedrive
from pipelines.accounts import Accounts, Credentials
from pipelines.checks import Checked
from pipelines.definition import SyncDefinition
from pipelines.report import Cost, Finding, Outcome, Progress, Reporter, RunOptions
from pipelines.settings import Settings
from pipelines.surroundings import REAL
from state import consent
from state.bots import Bot as KnownBot
from state.consent import Erased
from state.database import State
from state.lease import Lease
from state.staging import Work


class StoppedByGuardError(Exception):
    """The plan waits for an approval; nothing of it was written."""

    def __init__(self, reasons: list[str], guard_id: str) -> None:
        self.reasons, self.guard_id = reasons, guard_id
        super().__init__("; ".join(reasons))


class DefinitionError(Exception):
    """Names in the definition that fit nothing, or several things; all of them at once."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__("; ".join(f"{f.thing}: {f.sentence} ({f.remedy})" for f in findings))


def require_flow(definition: SyncDefinition, flow_id: str) -> None:
    """DefinitionError for a flow that the definition does not list, with the nearest name. To name
    none, '', is to mean all."""
    known = [one.part for one in definition.scheduled if one.part]
    if flow_id in ("", *known):
        return
    near = get_close_matches(flow_id, known, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'no flows'}"
    said = f"{definition.name} has no flow {flow_id!r}"
    raise DefinitionError([Finding("error", f"flow {flow_id}", said, remedy)])


class IncompleteError(Exception):
    """The vendor says there is more than it gave us; nothing may be planned on that."""


class SetupIncompleteError(Exception):
    """What the writes need at the vendor is not there; sending them would lose values."""


@dataclass(kw_only=True)
class Sweep:
    """One run of one sync. `lease` is None in a dry run: it fills work tables, nothing else."""

    definition: SyncDefinition
    run_id: str
    sweep: int
    read_at: datetime
    home: Path
    state: State
    lease: Lease | None
    db: duckdb.DuckDBPyConnection
    history_generation: str
    crm: Pipedrive
    crm_account: str
    engagement_account: str
    horizons: dict[str, float]  # account -> seconds a write may stay invisible
    budget_left: Callable[[], dict[str, float]]  # account -> of today's share, in its unit
    credentials: Mapping[str, Credentials]  # by vendor: how to name them
    consent_key: bytes
    report: Reporter
    outcome: Outcome
    sleep: Callable[[float], None]
    settle_within: float | None = None
    is_full: bool = False
    since: datetime | None = None
    # What is activated and paused on its own: state calls it a bot, whatever its kind does.
    known_bots: dict[str, KnownBot] = field(default_factory=dict)
    suspended: dict[str, str] = field(default_factory=dict)  # bot -> why it cannot be walked
    cursors: list[tuple[str, Any]] = field(
        default_factory=list
    )  # stream, value: sealed with the plan
    checked: list[Checked] = field(default_factory=list)
    guards: list[str] = field(default_factory=list)
    made_first: list[str] = field(default_factory=list)  # written before the guards are asked
    previewed: str = ""  # a dry run plans for this bot whether it is paused or not
    read_cost: Callable[[], list[Cost]] = list
    reading: list[Cost] = field(default_factory=list)  # what was spent before the first write
    doubts_beside: int = 0  # of a window that died: only the sweep tells of them
    is_planned: bool = False  # before that, plan.* is what an earlier run left

    @property
    def is_dry(self) -> bool:
        return self.lease is None

    @cached_property
    def erased(self) -> Erased:
        """Whose records are not taken in."""
        return consent.erased(self.state, self.engagement_account, key=self.consent_key)

    def tell(self, stage: str, text: str, done: int = 0, total: int | None = None) -> None:
        self.report(Progress(stage, text, done, total))

    def warn(self, thing: str, sentence: str, remedy: str = "") -> None:
        self.outcome.findings.append(Finding("warn", thing, sentence, remedy))


def begun_with(
    settings: Settings, definition: SyncDefinition, options: RunOptions, accounts: Accounts[Any],
    work: Work, outcome: Outcome, report: Reporter,
) -> dict[str, Any]:  # fmt: skip
    """The fields of a sweep over what was opened, without lease and number: whoever holds a lease
    adds them."""
    since = options.since and datetime.fromisoformat(options.since)
    return {
        "definition": definition,
        "run_id": outcome.run_id,
        "sweep": 0,
        "read_at": accounts.state.now(),
        "home": settings.home,
        "state": accounts.state,
        "lease": None,
        "db": work.db,
        "history_generation": work.history_generation,
        "crm": accounts.crm,
        "crm_account": definition.connections.crm,
        "engagement_account": definition.connections.engagement,
        "horizons": accounts.horizons,
        "budget_left": accounts.budget_left,
        "credentials": accounts.credentials,
        "consent_key": consent.key_for(
            accounts.state, definition.connections.engagement, settings.home
        ),
        "report": report,
        "outcome": outcome,
        "sleep": REAL.sleep,
        "settle_within": options.settle_within,
        "is_full": options.full,
        "since": since.replace(tzinfo=since.tzinfo or UTC) if since else None,
    }
