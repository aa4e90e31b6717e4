"""The loop behind the receiver: take in what was stored, wake the syncs it rings for.

    stored -> taken in (who left is barred, at once) -> rings -> one run per window -> dismissed

The receiver's threads only store and ring. Runs, one after another, and looks at the vendors have
a worker of their own, so that what comes in meanwhile is taken in at once; everything else happens
in the thread that calls `work`. What is in the inbox when the process dies is there when it starts
again, and rings then.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from state.errors import InboxUnusable
from state.inbox import Arrived, Delivery, Inbox, Waiting
from web.receiver import Source
from web.windows import Ending, Windows

LONGEST_WAIT_S = 60.0
TOO_SOON = "it ran not long ago (--wake-after, or what our share of the day bears)"
AFTER_TROUBLE_S = 5.0
TELL_REFUSED_S = 60.0  # whoever knocks without a key must not make us write more often than this
DROP_OLD_S = 86_400.0


class Woken(NamedTuple):
    """How a run that was rung for ended, and what to say of it in one line."""

    ending: Ending
    said: str


class Listened(Protocol):
    """A sync that is listened for. Its methods raise only for what nobody foresaw."""

    @property
    def name(self) -> str: ...

    def take_in(self, account: str, body: bytes) -> str | None:
        """Do what a delivery demands at once; return what was done, '' for nothing, or None
        when it could not be done now and must be tried again."""

    def missed(self) -> None:
        """Something may never be delivered, or its body is gone: the next run reads everything."""

    @property
    def is_owed_a_run(self) -> bool:
        """Whether it is to run though nobody rang: a look found that deliveries were lost."""

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody was named whom no window has been about yet."""

    def is_edited(self) -> bool:
        """Whether the files changed since the last look. Asked often: cheap."""

    def keep_webhook(self) -> float | None:
        """See to the webhook at the vendor; return the seconds until the next look, or None when
        the sync is deleted and its webhook removed: nobody listens for it any more."""

    def refused(self, count: int) -> None:
        """Keep that so many more deliveries were refused."""

    def close(self) -> None:
        """Give back what listening for the sync held."""

    def obstacle(self) -> str:
        """Why the sync may not be woken now, '' for no reason: another run holds it, say."""

    def run(self) -> Woken: ...


class _Job(NamedTuple):
    """What the worker is at: a run (with what waited when it began), or a look at a webhook."""

    sync: str
    is_run: bool
    waiting: Waiting
    result: Future[Any]


class Listener:
    """One loop over an inbox, for some syncs."""

    def __init__(
        self,
        syncs: Sequence[Listened],
        inbox: Inbox,
        windows: Windows,
        worker: Executor,
        *,
        say: Callable[[str], object],
        added: Callable[[Collection[str]], Sequence[Listened]] = lambda _names: (),
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`worker` must do one thing after another: two runs at once would be too many. `added`
        gives who is listened for beside those named, from now on. Asked often: cheap."""
        self._syncs = {sync.name: sync for sync in syncs}
        self._inbox, self._windows, self._worker = inbox, windows, worker
        self._say, self._added, self._seconds = say, added, seconds
        self._bell, self._is_ending = threading.Event(), threading.Event()
        self._look_at = dict.fromkeys(self._syncs, 0.0)  # when each webhook is looked at next
        self._job: _Job | None = None
        self._refused: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._trouble_until = self._tell_at = self._drop_at = 0.0
        self._told_until: dict[str, float] = {}

    # Called by other threads

    def store(self, arrived: Sequence[Arrived]) -> None:
        """Store what came in together, then ring. InboxUnusable: none of it is stored."""
        self._inbox.put_all(arrived)
        self._bell.set()

    def refuse(self, source: Source) -> None:
        """Count a delivery that was not signed; it is told with the next line."""
        with self._counting:
            self._refused[source.sync] += 1

    def stop(self) -> None:
        """Let `work` end: after the run that goes on, and what is due by then."""
        self._is_ending.set()
        self._bell.set()

    # The loop

    def work(self) -> None:
        """Listen until `stop`. What was left in the inbox rings first."""
        self.begin()
        while not self._is_ending.is_set():
            self._bell.wait(self.turn())
            self._bell.clear()
        self.finish()

    def begin(self) -> None:
        self._ring_again(self._syncs)

    def _ring_again(self, syncs: Collection[str]) -> None:
        for sync, waiting in self._inbox.waiting(syncs).items():
            self._say(f"{sync}: {_deliveries(waiting.deliveries)} left from before")
            self._syncs[sync].missed()
            self._windows.ring(sync, self._seconds())

    def turn(self) -> float:
        """Do what is to be done now; return the seconds until there may be more.

        Raises whatever a run raised that nobody foresaw.
        """
        if self._seconds() >= self._tell_at:
            self._tell_refused()
        self._welcome()
        self._take_in()
        self._drop_old()
        self._collect()
        self._start_next()
        self._tell_who_waits()
        return self._wait()

    def finish(self) -> None:
        """Take in what came last and run what is due; what must wait stays for the next start."""
        if self._job is not None:
            self._job.result.exception()  # waits; `_collect` raises it
            self._collect()
        self._trouble_until = 0.0
        self._take_in()
        for sync in self._windows.due(self._seconds(), gather=0):
            if not self._is_held(sync):
                self._run(sync)
                assert self._job is not None
                self._job.result.exception()
                self._collect()
        self._tell_refused()
        for sync, waiting in self._inbox.waiting(self._syncs).items():
            self._say(f"{sync}: {_deliveries(waiting.deliveries)} kept for the next start")

    def _wait(self) -> float:
        now = self._seconds()
        times = [now + LONGEST_WAIT_S]
        if self._job is None:  # else its end rings
            times += self._look_at.values()
            times += [at for at in (self._windows.next_at(),) if at is not None]
        if self._trouble_until > now:
            times.append(self._trouble_until)
        return max(min(times) - now, 0.0)

    def _tell_who_waits(self) -> None:
        """Say once of each wait what for, and until when. Who holds a sync says so itself."""
        now = self._seconds()
        for sync, until, last in self._windows.put_off(now):
            if last == "held" or self._told_until.get(sync) == until:
                continue
            self._told_until[sync] = until
            at = datetime.now(UTC) + timedelta(seconds=until - now)
            why = "its last run failed" if last == "failed" else TOO_SOON
            self._say(f"{sync}: rung for, waits until {at:%H:%M:%S} UTC: {why}")

    def _take_in(self) -> None:
        """Act on what nobody has read yet. What cannot be done now is tried again, in order."""
        now = self._seconds()
        if now < self._trouble_until:
            return
        taken: list[Delivery] = []
        try:
            for delivery in self._inbox.unread(self._syncs):
                self._windows.ring(delivery.sync, now)
                said = self._syncs[delivery.sync].take_in(delivery.account, delivery.body)
                if said is None:
                    self._trouble_until = now + AFTER_TROUBLE_S
                    break
                taken.append(delivery)
                if said:
                    self._say(f"{delivery.sync}: {said}")
            if taken:  # one commit for all: killed before it, they are taken in again
                self._inbox.mark_read(taken)
        except InboxUnusable as error:
            self._say(str(error))
            self._trouble_until = now + AFTER_TROUBLE_S

    def _drop_old(self) -> None:
        """Once a day, drop what nobody answered for a week, whosever it is. Never what this loop
        has still to take in: who left would not be barred."""
        now = self._seconds()
        if now < max(self._drop_at, self._trouble_until):
            return
        try:
            if next(self._inbox.unread(self._syncs, most=1), None) is not None:
                return
            dropped = self._inbox.drop_old()
        except InboxUnusable as error:
            self._say(str(error))
            self._trouble_until = now + AFTER_TROUBLE_S
            return
        self._drop_at = now + DROP_OLD_S
        for sync, count in sorted(dropped.items()):
            self._say(f"{sync}: {_deliveries(count)} older than a week dropped")

    def _start_next(self) -> None:
        """Give the worker the next thing to do: who rings before what is only looked at. Before
        either, whose files were edited: a run is woken by what they say now."""
        if self._job is not None:
            return
        now = self._seconds()
        for sync, listened in self._syncs.items():
            if listened.is_edited():
                self._give(sync, listened.keep_webhook, is_run=False)
                return
        for sync in self._windows.due(now):
            if not self._is_held(sync):
                self._run(sync)
                return
        for sync, look_at in self._look_at.items():
            if look_at <= now:
                self._give(sync, self._syncs[sync].keep_webhook, is_run=False)
                return

    def _is_held(self, sync: str) -> bool:
        """Whether the sync may not be woken; if so it is rung for again a little later."""
        is_held = bool(self._syncs[sync].obstacle())
        if is_held:
            self._windows.ended(sync, "held", self._seconds())
        return is_held

    def _run(self, sync: str) -> None:
        self._windows.began(sync)
        self._give(sync, self._syncs[sync].run, is_run=True)

    def _give(self, sync: str, work: Callable[[], Any], *, is_run: bool) -> None:
        waiting = self._inbox.waiting([sync]).get(sync, Waiting(0, 0))
        result = self._worker.submit(work)
        self._job = _Job(sync, is_run, waiting, result)
        result.add_done_callback(lambda _: self._bell.set())

    def _collect(self) -> None:
        """Take what the worker has finished, if it has."""
        if self._job is None or not self._job.result.done():
            return
        (sync, is_run, waiting, result), self._job = self._job, None
        if not is_run:
            again: float | None = result.result()
            if again is None:
                self._leave(sync)
            else:
                self._look_at[sync] = self._seconds() + again
                self._ring_if_owed(sync)
            return
        woken: Woken = result.result()
        if woken.ending == "answered":
            self._inbox.dismiss(sync, waiting.last_id)
        self._windows.ended(sync, woken.ending, self._seconds())
        self._ring_if_owed(sync)
        if woken.said:
            self._say(f"{sync}: {_deliveries(waiting.deliveries)}; {woken.said}")

    def _ring_if_owed(self, sync: str) -> None:
        if self._syncs[sync].is_owed_a_run or self._syncs[sync].is_waited_for:
            self._windows.ring(sync, self._seconds())

    def _welcome(self) -> None:
        """Listen for syncs that were added, also for what came in while nobody did."""
        for listened in self._added(self._syncs):
            self._syncs[listened.name] = listened
            self._look_at[listened.name] = self._seconds()
            self._ring_again([listened.name])

    def _leave(self, sync: str) -> None:
        """Listen for a sync no more, and forget what waited for it."""
        listened = self._syncs.pop(sync)
        del self._look_at[sync]
        self._windows.forget(sync)
        listened.close()
        if dropped := self._inbox.forget(sync):
            self._say(f"{sync}: {_deliveries(dropped)} dropped")
        if not self._syncs:
            self._say("nobody is left to listen for: ending")
            self.stop()

    def _tell_refused(self) -> None:
        with self._counting:
            refused, self._refused = self._refused, Counter()
        for sync in refused.keys() & self._syncs.keys():
            count = refused[sync]
            self._say(f"{sync}: {_deliveries(count)} refused: not signed with the webhook's secret")
            self._syncs[sync].refused(count)
        if refused:
            self._tell_at = self._seconds() + TELL_REFUSED_S


def _deliveries(count: int) -> str:
    return "1 delivery" if count == 1 else f"{count} deliveries"
