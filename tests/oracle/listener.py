"""`syncline listen` beside a scenario, woken only when the scenario knows what the world is.

    listener.begin()              a process; what an earlier one has left rings first
    listener.hold()               its webhook is there, deliveries wait: people may act
    before = bench.world()        nobody acts from here on until all has been answered
    listener.let_ring()           they go out; how many the listener has taken
    listener.ending()             how the run ended that they woke
    listener.is_rung              whether another run will follow
    listener.end()                SIGTERM; it must end with 0

Between the end of a woken run and the next one lie at least `WAKE_AFTER` seconds: time to read
both vendors as the first has left them.
"""

import re
import sqlite3
from contextlib import closing

from tests.oracle.bench import DONE, Bench
from tests.oracle.warm import Command

WAKE_AFTER = 3
PATIENCE_S = 180.0
ENDING = re.compile(r"outside: (\d+) deliver(?:y|ies); (?:run\S* (\w+) in .*|.*)$", re.MULTILINE)
READY = "Mailigen rings at"
WAITING = "SELECT count(*) FROM deliveries"


class Listener:
    """One listener after another for the sync of a bench."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._running: Command | None = None
        self._told = 0  # endings of this process that were asked for
        self.woken = 0  # runs, of all processes

    @property
    def is_rung(self) -> bool:
        """Whether something is in the inbox that no run has answered."""
        with closing(sqlite3.connect(self._bench.home / "state" / "inbox.db")) as db:
            return bool(db.execute(WAITING).fetchone()[0])

    @property
    def has_ended_runs(self) -> bool:
        """Whether `ending` would not wait."""
        return len(self._endings()) > self._told

    def begin(self) -> None:
        """Start a process. Where one has left something in the inbox, ask for its `ending`."""
        self._told = 0
        self._running = self._bench.spawn(
            "listen", "outside", "--port", "0", "--wake-after", f"{WAKE_AFTER}s"
        )

    def hold(self) -> None:
        """Once the webhook is there and nothing is on its way, let nothing out any more."""
        self._process.until(lambda: READY in self._process.said, PATIENCE_S)
        self._process.until(lambda: not self._bench.pending_deliveries(), PATIENCE_S)
        self._bench.hold_deliveries(are_held=True)

    def let_ring(self) -> int:
        """Let out what was held and wait until all of it was answered; how many were taken."""
        before = len(self._bench.delivered())
        self._bench.hold_deliveries(are_held=False)
        self._process.until(lambda: not self._bench.pending_deliveries(), PATIENCE_S)
        answers = [status for status in self._bench.delivered()[before:] if status != -1]
        if set(answers) - {200}:
            raise AssertionError(f"deliveries were answered {answers}:\n{self._process.said}")
        return len(answers)

    def ending(self) -> str:
        """How the next woken run ended: done or guarded; anything else is an error."""
        self._process.until(lambda: self.has_ended_runs, PATIENCE_S)
        outcome = self._endings()[self._told]
        self._told += 1
        self.woken += 1
        if outcome not in ("done", "guarded"):
            raise AssertionError(f"a woken run ended as {outcome}:\n{self._process.said}")
        return outcome

    def endings_left(self) -> list[str]:
        """How the runs ended that were not asked for yet."""
        return [self.ending() for _ in self._endings()[self._told :]]

    def kill_at(self, line: int) -> None:
        """kill -9 once the journal has reached that line, or a woken run has ended before."""
        self._process.until(lambda: self._bench.seq() >= line or self.has_ended_runs, PATIENCE_S)
        self.kill()

    def end(self) -> None:
        """SIGTERM; a run that goes on, or is due, it finishes. AssertionError unless with 0."""
        self._process.end(PATIENCE_S)
        if self._process.code != DONE:
            said = f"listen ended with {self._process.code}:\n{self._process.said}"
            raise AssertionError(said)

    def kill(self) -> None:
        """Nothing happens when it does not run."""
        if self._running is not None:
            self._running.kill()

    @property
    def _process(self) -> Command:
        if self._running is None:
            raise AssertionError("nobody listens yet")
        return self._running

    def _endings(self) -> list[str]:
        """Of each run that was woken in this process: its outcome, or what was said instead."""
        found = ENDING.finditer(self._process.said)
        return [match[2] or match[0] for match in found]
