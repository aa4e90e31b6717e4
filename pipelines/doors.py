"""The doors of a kind of sync: what can be asked of it. Each takes the kind's own definition.

A door that is None a kind has not: a command that needs it says so and does nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from pipelines.adopted import Adopted
from pipelines.listening import Bell, Named
from pipelines.preview import Preview
from pipelines.report import CheckReport, Outcome, PlanReport, Reporter, RunOptions
from pipelines.settings import Connections, Settings
from pipelines.step import Step


class Runs(Protocol):
    """Run to the end: every way it can end is an Outcome."""

    def __call__(
        self, definition: Any, connections: Connections, *, options: RunOptions,
        report: Reporter, step: Step = ..., settings: Settings | None = ...,
    ) -> Outcome: ...  # fmt: skip


class Plans(Protocol):
    """Work out what a run would do. Raises what a run would have reported."""

    def __call__(
        self, definition: Any, connections: Connections, *, options: RunOptions,
        report: Reporter, settings: Settings | None = ..., shown: int = ...,
    ) -> PlanReport: ...  # fmt: skip


class Checks(Protocol):
    """Hold a definition against its accounts: everything found, errors included."""

    def __call__(self, definition: Any, connections: Connections) -> CheckReport: ...


class Windows(Protocol):
    """What one process keeps between the windows of a sync."""

    def window(self, named: Collection[Named]) -> Outcome:
        """Carry out what became of these; every way it can end is an Outcome."""

    def close(self) -> None:
        """Give back what is kept; a window after it opens it anew."""


class OpensWindows(Protocol):
    """Keep what windows need; nothing is opened yet."""

    def __call__(
        self, definition: Any, connections: Connections, settings: Settings
    ) -> Windows: ...


class Audits(Protocol):
    """Hold the ledger against the vendors' books: every way it can end is an Outcome."""

    def __call__(
        self, definition: Any, connections: Connections, *, report: Reporter,
        step: Step = ..., settings: Settings | None = ...,
    ) -> Outcome: ...  # fmt: skip


class Adopts(Protocol):
    """Rebuild what a lost state database knew. NotAllowed: it is not lost."""

    def __call__(
        self, definition: Any, connections: Connections, *, settings: Settings, report: Reporter
    ) -> Adopted: ...


class Previews(Protocol):
    """Look at the part of one bot or flow. Raises what a plan raises."""

    def __call__(
        self, definition: Any, connections: Connections, bot_id: str, /, *,
        report: Reporter, settings: Settings, shown: int = ...,
    ) -> Preview: ...  # fmt: skip


@dataclass(frozen=True)
class Explaining:
    """What `explain` tells of a kind beside the ledger: the happenings behind a deed."""

    events: str  # SQL: those of the addresses (first ?) up to a sweep (second ?)
    title: str  # SQL: what a campaign (?) is called
    newcomers: Collection[str]  # operations whose deeds are about somebody who is no contact yet
    newcomer_of: Callable[[bytes, str], str]  # consent key, address -> the subject of such a deed
    members: str = ""  # SQL: what skips call the members who have an address (?)


@dataclass(frozen=True)
class Doors:
    """One kind's."""

    run: Runs
    plan: Plans
    check: Checks
    explaining: Explaining
    audit: Audits | None = None
    adopt: Adopts | None = None
    preview: Previews | None = None
    # What a listener keeps warm to carry across whom deliveries name; None: it runs the sync.
    warm: OpensWindows | None = None
    bells: tuple[Bell, ...] = ()  # none: nobody can ring for it, its schedule is all it has
