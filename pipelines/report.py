"""What a run tells: to the terminal, to Prefect, to whoever is woken by it.

Counts, ids, reasons and sentences only; never a name, an address or a field's value.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Ending = Literal["done", "failed", "invalid", "guarded", "open", "skipped"]
EXIT_CODES: dict[str, int] = {
    "done": 0,
    "skipped": 0,
    "failed": 1,
    "invalid": 2,
    "guarded": 3,
    "open": 4,
}


@dataclass(frozen=True)
class Progress:
    """A stage has begun, moved on (`done` of `total`, when known) or ended."""

    stage: str
    text: str
    done: int = 0
    total: int | None = None


Reporter = Callable[[Progress], None]


def minute(at: datetime) -> str:
    """A moment as people read it.

    >>> minute(datetime(2026, 11, 22, 9, 5))
    '2026-11-22 09:05 UTC'
    """
    return f"{at:%Y-%m-%d %H:%M} UTC"


def counted(count: float, noun: str, plural: str = "") -> str:
    """A number and its noun, which ends in an s unless `plural` says otherwise.

    >>> counted(1, "sync"), counted(0, "sync"), counted(3, "delivery", "deliveries")
    ('1 sync', '0 syncs', '3 deliveries')
    """
    return f"{count:.0f} {noun if count == 1 else plural or noun + 's'}"


@dataclass(frozen=True)
class RunOptions:
    """What `syncline run` may be told."""

    full: bool = False  # forget cursors: read everything again
    since: str | None = None  # read engagement of campaigns sent since that ISO date
    settle_within: float | None = None  # seconds to wait for doubtful writes; None: the horizon
    run_id: str | None = None
    flow: str = ""  # of syncs whose flows have schedules of their own: the one that is due now


@dataclass(frozen=True)
class Finding:
    """One thing `check` or a run found, with what to do about it."""

    level: Literal["ok", "warn", "error"]
    thing: str
    sentence: str
    remedy: str = ""
    choices: tuple[str, ...] = ()  # everything a name could have meant; the remedy names a few


@dataclass(frozen=True)
class Cost:
    """What a run took from the vendors' budgets, per account."""

    account: str
    requests: int
    tokens: int
    budget_left: int | None = None


@dataclass
class Outcome:
    """How a run ended. `said` is the sentence, `next_step` the remedy."""

    run_id: str
    sync: str
    sweep: int = 0
    outcome: Ending = "done"
    said: str = ""
    next_step: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    guards: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    cost: list[Cost] = field(default_factory=list)
    unauthorized: str = ""  # the connection that somebody has to connect again
    used_up: str = ""  # the vendor whose allowance of the day is spent
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    plan: list[dict[str, Any]] = field(default_factory=list)  # rows by table, action and reason
    checks: list[dict[str, Any]] = field(default_factory=list)
    created: dict[str, list[str]] = field(default_factory=dict)  # object -> vendor's ids
    links: dict[str, str] = field(default_factory=dict)  # object -> address, with {id} in it
    again: Collection[tuple[str, ...]] = ()  # whom a window is to be about once more

    @property
    def needs_reauthorization(self) -> bool:
        return bool(self.unauthorized)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.outcome]


@dataclass(frozen=True)
class PlanReport:
    """What a run would do. `rows` holds at most `shown` rows a table, for reading."""

    sync: str
    totals: dict[str, dict[str, int]]  # table -> action -> rows
    rows: dict[str, list[dict[str, Any]]]
    skipped: dict[str, int]
    guards: list[str]
    findings: list[Finding]
    writes: int  # what an approval would name
    calls: dict[str, float]  # account -> requests the writes would take
    tokens: dict[str, float]
    read_cost: list[Cost]
    found: dict[str, int] = field(default_factory=dict)  # rows of tables that write nothing


@dataclass(frozen=True)
class CheckReport:
    """What `check` found, and what the definition costs a day."""

    sync: str
    findings: list[Finding]
    runs_a_day: float
    tokens_a_day: float
    calls_a_day: float
    allowance: float | None
    stretched_to: str | None = (
        None  # the interval that fits the budget, when the wanted one does not
    )

    @property
    def is_sound(self) -> bool:
        return all(f.level != "error" for f in self.findings)
