"""A process as the lab sees it: numbered boundaries, at each of which it can die or freeze."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row

from state import lease as leases
from state.database import State
from state.errors import LeaseLost
from state.lease import Lease, Owner
from tests.lab.level_a.story import LEASE, Run
from tests.lab.level_a.time_line import TimeLine


class Crash(BaseException):
    """The process is gone, without a chance to tidy up."""


@dataclass(frozen=True)
class WatchedState(State):
    """The state database with a boundary before and after each durable commit."""

    boundary: Callable[[str], None] = field(default=lambda _: None, repr=False)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        # Not inside: a crash between is a transaction that never was.
        self.boundary("before commit")
        with super().write() as db:
            yield db
        self.boundary("after commit")


@dataclass
class Holder:
    """One run: its script, how many boundaries it has passed, when it last renewed its lease."""

    number: int
    run: Run
    time: TimeLine
    dead: set[int]
    has_lease: bool = True
    lease: Lease | None = None
    boundaries: int = 0
    renewed_at: float = 0.0

    def boundary(self, name: str) -> None:
        """Pass one boundary, or end or freeze there."""
        del name  # for whoever follows a replay with a debugger
        self.boundaries += 1
        if self.boundaries == self.run.crash_at:
            raise Crash
        if self.boundaries == self.run.freeze_at:
            self.time.pause(self.run.freeze_seconds)
            self.come_alive()

    def pause(self, seconds: float) -> None:
        """Wait without being frozen: the lease is renewed in time, as by its thread."""
        left = seconds
        while left > 0:
            step = min(left, LEASE / 3)
            self.time.pause(step)
            left -= step
            self.come_alive()
            self._renew()

    def come_alive(self) -> None:
        """Be the process that runs now: `this_process` and `is_dead` ask the lab."""
        owner = Owner(self.run.host, "boot", self.number, 0.0)
        leases.this_process = lambda: owner
        leases.is_dead = self._is_dead

    def _is_dead(self, row: Row[Any]) -> bool:
        """As the product judges it: certain only of a process on the same machine."""
        return not self.has_lease or (row.host == self.run.host and row.pid in self.dead)

    def _renew(self) -> None:
        if self.lease is None or self.time.at - self.renewed_at < LEASE / 3:
            return
        self.renewed_at = self.time.at
        # Beside the numbered boundaries: a renewal writes nothing a crash could split.
        quiet = State(self.lease.state.engine, self.lease.state.now)
        with suppress(LeaseLost):
            leases.renew(replace(self.lease, state=quiet))
