"""Wait for writes whose outcome is unknown, as long as a run may, and learn how late they show."""

from collections.abc import Callable, Sequence

from pipelines.audit import note_late
from pipelines.load import Loader, settle_doubts
from pipelines.sweep import Sweep
from state import horizons, ledger
from state.deeds import Deed, by_key

FIRST_SLEEP, LONGEST_SLEEP = 1.0, 60.0  # seconds; doubled each time: every look costs calls


def wait_for_doubts(
    sweep: Sweep, loaders: Sequence[Loader], send: Callable[[], None], ask: Callable[[], object]
) -> None:
    """Look up doubts until none is left or patience is over; `send` what a look-up freed.

    `loaders` are one run's, one for each account that settings go to. `ask` asks each vendor
    something cheap, so that its own clock is known anew.
    """
    lease = loaders[0].lease
    patience = sweep.settle_within
    if patience is None:
        patience = max(sweep.horizons.values()) + 1
    longest, was_freed = FIRST_SLEEP, False
    while True:
        wait = settle_all(loaders)
        waiting = ledger.counts(lease).waiting
        if waiting:
            send()
            # What was sent just now may be in doubt itself and hold up the next of its subject.
            if ledger.counts(lease).waiting < waiting:
                if not was_freed:
                    was_freed = True
                    continue
                # Again: a vendor that loses what it is sent gets a breath before the next.
                wait = longest
        if wait is None or wait > patience:
            return
        pause = min(max(wait, 0.05), longest)
        longest = min(2 * longest, LONGEST_SLEEP)
        sweep.tell("load", f"waiting {wait:.0f} s for the vendor to show or deny a doubtful write")
        sweep.sleep(pause)
        patience -= pause
        ask()


def settle_all(loaders: Sequence[Loader]) -> float | None:
    """Look up every doubt; the seconds until one can be decided, None when none would be."""
    waits = [wait for loader in loaders if (wait := settle_doubts(loader)) is not None]
    return min(waits, default=None)


def state_of(sweep: Sweep, deed: Deed) -> str:
    """How a sealed deed stands; `not approved` for one that is in no ledger."""
    known = by_key(sweep.state, deed.write_key)
    return known.state if known else "not approved"


def learn(sweep: Sweep, deed: Deed, remote_id: str, delay: float) -> None:
    """Give the account more time from the next run on, and tell the analyst by which write."""
    said = f"it was not there yet {delay:.0f} s after it was sent"
    horizons.learn(
        sweep.state, deed.account, configured=sweep.horizons[deed.account], delay=delay,
        said=f"{deed.write_key}: {said}",
    )  # fmt: skip
    found = {"write_key": deed.write_key, "account": deed.account, "object": deed.object,
             "subject": deed.subject, "remote_id": remote_id, "run_id": sweep.run_id,
             "said": said}  # fmt: skip
    note_late(sweep.db, found, sweep.state.now())
