"""What one run carries from stage to stage."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from connectors.mailigen import Mailigen
from connectors.pipedrive import Pipedrive
from pipelines.mailigen_pipedrive.bind import Bound
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.report import Finding, Outcome, Progress, Reporter
from state.database import State
from state.lease import Lease

SYNC = "mailigen_pipedrive"  # the folder of its SQL


@dataclass
class Sweep:
    """One run of one sync. `lease` is None in a dry run, which writes nothing but the work tables."""

    definition: Definition
    run_id: str
    sweep: int
    read_at: datetime
    state: State
    lease: Lease | None
    db: duckdb.DuckDBPyConnection
    crm: Pipedrive
    engagement: Mailigen
    crm_account: str
    engagement_account: str
    horizons: dict[str, float]  # account -> seconds a write may stay invisible
    history_generation: str
    report: Reporter
    outcome: Outcome
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    is_full: bool = False
    since: datetime | None = None
    bound: Bound | None = None
    suspended: dict[str, str] = field(default_factory=dict)  # bot -> why it cannot be walked
    cursors: list[tuple[str, Any]] = field(
        default_factory=list
    )  # stream, value: sealed with the plan

    @property
    def is_dry(self) -> bool:
        return self.lease is None

    def tell(self, stage: str, text: str, done: int = 0, total: int | None = None) -> None:
        self.report(Progress(stage, text, done, total))

    def warn(self, thing: str, sentence: str, remedy: str = "") -> None:
        self.outcome.findings.append(Finding("warn", thing, sentence, remedy))
