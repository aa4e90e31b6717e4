"""Take a sync's door away: its webhook at the vendor, what waits in the inbox, what was counted.

Only where nobody listens: a listener would make the webhook again, or removes it by itself once
no file lists the sync.
"""

from collections.abc import Callable, Collection
from contextlib import closing
from uuid import uuid4

from deployments.doorbells import deliveries_waiting
from deployments.trouble import OperatorError
from pipelines.kinds import bell_at, rung_from
from pipelines.listening import IN_DOUBT, TROUBLES, Wires
from pipelines.report import counted
from pipelines.settings import Connections, Settings
from state import doors, lease
from state.database import State
from state.doors import listener_name
from state.errors import LeaseHeld
from state.inbox import Inbox

OPEN = 4


class StillListenedError(OperatorError):
    """A process listens for the sync: it would make the webhook again."""


def has_door(settings: Settings, state: State, sync: str) -> bool:
    """Whether there is anything to take away, as far as state and inbox know."""
    return bool(rung_from(state, sync) or sync in deliveries_waiting(settings))


def close_door(
    settings: Settings,
    connections: Connections,
    state: State,
    sync: str,
    listed_at: Collection[str],
    say: Callable[[str], object],
) -> int:
    """Remove the webhook wherever it may be and drop what waits; return the exit code.

    `listed_at` are the accounts the sync's file names, if there is one: there a webhook is looked
    for though the state knows of none. StillListenedError while somebody listens.
    """
    accounts = rung_from(state, sync) | set(listed_at)
    listener = listener_name(sync)
    try:
        held = lease.acquire(state, listener, run_id=f"close-{uuid4().hex[:6]}")
    except LeaseHeld as error:
        raise StillListenedError(
            f"process {error.pid} on {error.host} listens for {sync}: end it first, it would make "
            "the webhook again. If no file lists the sync any more, it removes the webhook itself "
            "within two minutes"
        ) from error
    with lease.keeping(held):
        code = max((_remove(settings, connections, held, sync, account, say)
                    for account in sorted(accounts)), default=0)  # fmt: skip
        if code == 0:
            doors.forget(state, listener)
    if dropped := _drop(settings, sync):
        what = counted(dropped, "delivery", "deliveries")
        say(f"{sync}: dropped {what} that nobody had answered")
    if not accounts:
        say(f"{sync}: no webhook was ever made for it")
    return code


def _remove(
    settings: Settings, connections: Connections, held: lease.Lease, sync: str, account: str,
    say: Callable[[str], object],
) -> int:  # fmt: skip
    try:
        bell = bell_at(connections, account)
        found = bell.remove(Wires(settings, connections, held), sync, account)
    except TROUBLES as error:
        say(f"{sync}: the webhook at {account} is not removed: {error}. Ask again: {_again(sync)}")
        return 1
    if found.trouble:
        say(f"{sync}: the webhook at {account} may still be there: {found.trouble}. "
            f"Ask again in a few minutes: {_again(sync)}")  # fmt: skip
        return OPEN if found.trouble == IN_DOUBT else 1
    said = f"webhook {found.webhook_id} removed" if found.webhook_id else "there is no webhook"
    say(f"{sync}: {said} at {account}")
    return 0


def _again(sync: str) -> str:
    return f"syncline unlisten {sync}"


def _drop(settings: Settings, sync: str) -> int:
    if sync not in deliveries_waiting(settings):
        return 0
    with closing(Inbox(settings.home)) as inbox:
        return inbox.forget(sync)
