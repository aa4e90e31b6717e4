"""One virtual time for the sandbox and the runs: nobody waits, and a seed gives the same times."""

from datetime import UTC, datetime, timedelta

from sandbox.clock import OffsetClock

EPOCH = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def nobody() -> None:
    """Whom the clock would wake; a function of the module, so that a world can be pickled."""


class VirtualClock(OffsetClock):
    """The sandbox's clock, moved by hand only."""

    def __init__(self, woken: object = None) -> None:  # noqa: ARG002  the stage gives one
        super().__init__(nobody)
        self._at = EPOCH

    def now(self) -> datetime:
        return self._held or self._at

    def advance(self, seconds: float) -> None:
        """Move time on, stopping at whatever falls due on the way."""
        self._at += timedelta(seconds=seconds)
        self.run_due()
