"""Deliveries that came in and that no listener answers: a scheduled run takes their place.

It takes them in before it reads (who left is barred, in time for its own plan) and drops them
after it ended well: each came in before that sweep began to read, so the sweep has read whatever
it told of. While somebody listens, all of it is the listener's.
"""

import logging
from collections.abc import Callable
from contextlib import closing

from pipelines.settings import Settings
from state import lease
from state.database import State
from state.doors import listener_name
from state.errors import InboxUnusable
from state.inbox import FILE, Inbox

log = logging.getLogger(__name__)
ANSWERED = ("done", "open", "guarded")  # all have read; what is left undone the next one takes up


def is_nobodys(state: State, sync: str, settings: Settings) -> bool:
    """Whether what may wait for this sync is for a run to take in: nobody listens for it."""
    return (settings.home / FILE).exists() and not lease.holding(state, listener_name(sync))


def take_in(sync: str, settings: Settings, bar_leavers: Callable[[bytes], int]) -> int:
    """Take in what waits; return the last id, 0 for nothing. An inbox that cannot be used stops
    no run: the sweep reads the same. `bar_leavers` says how many a delivery's body told of."""
    try:
        with closing(Inbox(settings.home)) as inbox:
            while unread := list(inbox.unread([sync])):
                for delivery in unread:
                    if left := bar_leavers(delivery.body):
                        log.info("%s: %s unsubscribed, by a delivery left over", sync, left)
                inbox.mark_read(unread)
            found = inbox.waiting([sync]).get(sync)
            return found.last_id if found else 0
    except InboxUnusable as error:
        log.warning("%s: %s", sync, error)
        return 0


def drop(settings: Settings, sync: str, up_to: int, outcome: str) -> None:
    """Drop what was taken in, if the run that began later has read what it told of."""
    if not up_to or outcome not in ANSWERED:
        return
    try:
        with closing(Inbox(settings.home)) as inbox:
            inbox.dismiss(sync, up_to)
    except InboxUnusable as error:
        log.warning("%s: %s", sync, error)
