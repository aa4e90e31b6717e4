"""What all vendors of one sandbox share: seed, clock, inhabitants, the journal's pen."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sandbox.books import Effect
from sandbox.population import Inhabitant


class Clock(Protocol):
    def now(self) -> datetime:
        """Sandbox time, UTC: real time plus the offset that the control surface advances."""

    def at(self, when: datetime, work: Callable[[], None]) -> None:
        """Do `work` once sandbox time has reached `when` (late commits, deliveries, schedules)."""


@dataclass(frozen=True)
class World:
    """Handed to each vendor's constructor: `PipedriveVendor(world)`, `MailigenVendor(world)`."""

    seed: int
    people: tuple[Inhabitant, ...]
    clock: Clock
    note: Callable[[Effect], None]  # the pen given to every Book
    # a webhook: vendor, url, headers, body
    deliver: Callable[[str, str, dict[str, str], bytes], None]

    def dice(self, label: str) -> random.Random:
        """A random generator for one purpose, so that one more draw shifts nothing else."""
        return random.Random(f"{self.seed}/{label}")
