"""Deliveries that came in and that no listener answers: a scheduled run takes their place.

It takes them in before it reads (who left is barred, in time for its own plan) and drops them
after it ended well: each came in before that sweep began to read, so the sweep has read whatever
it told of. While somebody listens, all of it is the listener's.
"""

import logging
from contextlib import closing

from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.listening import bar_leavers
from pipelines.mailigen_pipedrive.naming import list_id_of
from pipelines.mailigen_pipedrive.webhook import listener_name
from pipelines.settings import Settings
from state import lease
from state.database import State
from state.errors import InboxUnusable
from state.inbox import FILE, Inbox

log = logging.getLogger(__name__)
ANSWERED = ("done", "open", "guarded")  # all have read; what is left undone the next one takes up


def take_in(state: State, definition: Definition, settings: Settings) -> int:
    """Take in what waits; return the last id, 0 for nothing. An inbox that cannot be used stops
    no run: the sweep reads the same."""
    name = definition.name
    if not (settings.home / FILE).exists() or lease.holding(state, listener_name(name)):
        return 0
    if list_id_of(state, definition) is None:
        return 0  # nobody could say which list a delivery is about
    try:
        with closing(Inbox(settings.home)) as inbox:
            while unread := list(inbox.unread([name])):
                for delivery in unread:
                    if left := bar_leavers(state, definition, settings, delivery.body):
                        log.info("%s: %s unsubscribed, by a delivery left over", name, left)
                inbox.mark_read(unread)
            found = inbox.waiting([name]).get(name)
            return found.last_id if found else 0
    except InboxUnusable as error:
        log.warning("%s: %s", name, error)
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
