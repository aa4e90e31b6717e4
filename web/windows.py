"""When a sync that was rung for may run.

    silent --ring--> rung --a second, and not before `not_before`--> due --began--> running
       ^                ^                                                             |
       |                '-- held by another run, or failed: later, rung still --------|
       '------------------------------- answered: nothing more until `wake_after` ----'

What rings while a sync runs is for the window after it: that run may have read before.
Times are seconds of one clock that never goes back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Ending = Literal["answered", "held", "failed"]

GATHER_S = 1.0  # what rings within this shares a run
HELD_AGAIN_S = 5.0  # how often to look whether a held sync is free: a read, no vendor call
LONGEST_BACK_OFF_S = 3600.0  # a run that fails every time fails no more often than this


class PutOff(NamedTuple):
    """A sync that is rung for, until when it waits, and how its last run ended."""

    sync: str
    until: float
    last: Ending | None


@dataclass
class _Bell:
    rung_at: float | None = None
    not_before: float = 0.0
    last: Ending | None = None
    failures: int = 0


@dataclass
class Windows:
    """The bells of some syncs. `wake_after`: seconds between the end of a run and the next; a
    sync of which `bears` asks for more, since its runs cost too much, waits for that."""

    wake_after: float
    bears: Callable[[str], float] = lambda _sync: 0.0
    # Whose runs are about those alone who rang: idle they begin at once, and one after another.
    is_prompt: Callable[[str], bool] = lambda _sync: False
    _bells: dict[str, _Bell] = field(default_factory=dict)

    def ring(self, sync: str, now: float) -> None:
        """Somebody wants this sync to run. Ringing again changes nothing."""
        bell = self._bells.setdefault(sync, _Bell())
        if bell.rung_at is None:
            bell.rung_at = now

    def due(self, now: float, *, gather: float = GATHER_S) -> list[str]:
        """Return the syncs that may run now, who has waited longest first."""
        ready = [
            (bell.rung_at, sync)
            for sync, bell in self._bells.items()
            if bell.rung_at is not None
            and max(bell.rung_at + min(gather, self._gather(sync)), bell.not_before) <= now
        ]
        return [sync for _, sync in sorted(ready)]

    def put_off(self, now: float) -> list[PutOff]:
        """Return who is rung for and has to wait longer than for others to ring along."""
        return [
            PutOff(sync, bell.not_before, bell.last)
            for sync, bell in self._bells.items()
            if bell.rung_at is not None and bell.not_before > now + GATHER_S
        ]

    def next_at(self) -> float | None:
        """Return when the next sync may run; None while nothing rings."""
        times = [
            max(bell.rung_at + self._gather(sync), bell.not_before)
            for sync, bell in self._bells.items()
            if bell.rung_at is not None
        ]
        return min(times, default=None)

    def began(self, sync: str) -> None:
        """The sync runs: it answers all that rang until now."""
        self._bells.setdefault(sync, _Bell()).rung_at = None

    def ended(self, sync: str, ending: Ending, now: float) -> None:
        """Say how the run ended. Unless it answered, the sync is still rung for."""
        bell = self._bells.setdefault(sync, _Bell())
        bell.last = ending
        if ending == "answered":
            bell.failures = 0
            wait = 0.0 if self.is_prompt(sync) else max(self.wake_after, self.bears(sync))
        elif ending == "held":
            wait = HELD_AGAIN_S
        else:
            bell.failures = min(bell.failures + 1, 20)
            wait = min(max(self.wake_after, 1.0) * 2**bell.failures, LONGEST_BACK_OFF_S)
        bell.not_before = now + wait
        if ending != "answered":
            self.ring(sync, now)

    def _gather(self, sync: str) -> float:
        return 0.0 if self.is_prompt(sync) else GATHER_S

    def forget(self, sync: str) -> None:
        """Nobody listens for the sync any more."""
        self._bells.pop(sync, None)
