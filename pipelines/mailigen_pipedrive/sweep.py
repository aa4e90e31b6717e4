"""What one run carries from stage to stage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from connectors.mailigen import Mailigen
from connectors.pipedrive import Pipedrive
from pipelines.accounts import Credentials
from pipelines.checks import Checked
from pipelines.mailigen_pipedrive.bind import Bound
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.report import Cost, Finding, Outcome, Progress, Reporter
from state import consent
from state.bots import Bot as KnownBot
from state.consent import Erased
from state.database import State
from state.lease import Lease

SYNC = "mailigen_pipedrive"  # the folder of its SQL


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


@dataclass
class Sweep:
    """One run of one sync. `lease` is None in a dry run: it fills work tables, nothing else."""

    definition: Definition
    run_id: str
    sweep: int
    read_at: datetime
    home: Path
    state: State
    lease: Lease | None
    db: duckdb.DuckDBPyConnection
    history_generation: str
    crm: Pipedrive
    engagement: Mailigen
    crm_account: str
    engagement_account: str
    horizons: dict[str, float]  # account -> seconds a write may stay invisible
    budget_left: Callable[[], dict[str, float]]  # account -> of today's share, in its unit
    credentials: Mapping[str, Credentials]  # by vendor: how to name them
    consent_key: bytes
    report: Reporter
    outcome: Outcome
    sleep: Callable[[float], None]
    counts_emails: bool = True  # False: the plan is by subscribers, 0 e-mails left mean nothing
    settle_within: float | None = None
    is_full: bool = False
    since: datetime | None = None
    bound: Bound | None = None
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
    is_planned: bool = False  # before that, plan.* is what an earlier run left

    @property
    def is_dry(self) -> bool:
        return self.lease is None

    @cached_property
    def erased(self) -> Erased:
        """Whose records are not taken in."""
        return consent.erased(self.state, self.engagement_account, key=self.consent_key)

    @property
    def names(self) -> Bound:
        """The definition bound to ids; asking before it was bound is a mistake of ours."""
        if self.bound is None:
            raise RuntimeError("the names of this sync are not bound yet")
        return self.bound

    def tell(self, stage: str, text: str, done: int = 0, total: int | None = None) -> None:
        self.report(Progress(stage, text, done, total))

    def warn(self, thing: str, sentence: str, remedy: str = "") -> None:
        self.outcome.findings.append(Finding("warn", thing, sentence, remedy))
