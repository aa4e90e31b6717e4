"""How long each account may hide a write: what its late answers taught us.

A horizon is configured with the connection. When a write shows later than half of it, the next
one may show later than all of it, so the horizon grows; it never shrinks by itself.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update

from state.database import State
from state.schema import horizons as table

LONGEST = 3600.0  # seconds: every doubt is waited for, and beyond this a person decides sooner
PATH = "list"  # plain lists: where every look-up of ours looks


class Learned(NamedTuple):
    """What one account's path was found to need, and by which write."""

    account: str
    path: str
    seconds: float
    learned_at: datetime
    said: str


def read(state: State, account: str, path: str = PATH) -> Learned | None:
    query = select(*(table.c[name] for name in Learned._fields)).where(
        table.c.account == account, table.c.path == path
    )
    with state.read() as db:
        row = db.execute(query).one_or_none()
    return Learned(*row) if row is not None else None


def in_use(state: State, configured: Mapping[str, float]) -> dict[str, float]:
    """Return the horizon of each account: the configured one, or a longer one that was learned."""
    learned = {account: read(state, account) for account in configured}
    return {
        account: max(seconds, known.seconds if (known := learned[account]) else 0.0)
        for account, seconds in configured.items()
    }


def fitting(horizon: float, delay: float) -> float:
    """Double a horizon until the delay fits into its half, up to an hour.

    >>> fitting(120, 50), fitting(120, 61), fitting(120, 900), fitting(120, 86400)
    (120, 240, 1920, 3600.0)
    """
    while horizon < LONGEST and delay > horizon / 2:
        horizon = min(2 * max(horizon, 1.0), LONGEST)
    return horizon


def learn(
    state: State, account: str, *, configured: float, delay: float, said: str, path: str = PATH
) -> float | None:
    """Let the horizon grow for a write that showed `delay` seconds late; None: it is long enough.

    The same delay learned twice changes nothing. `said` names the write, never an address.
    """
    with state.write() as db:
        mine = (table.c.account == account, table.c.path == path)
        known = db.scalar(select(table.c.seconds).where(*mine).with_for_update())
        longer = fitting(max(configured, known or 0.0), delay)
        if longer <= max(configured, known or 0.0):
            return None
        values = {"seconds": longer, "learned_at": state.now(), "said": said}
        if known is None:
            db.execute(table.insert().values(account=account, path=path, **values))
        else:
            db.execute(update(table).where(*mine).values(**values))
    return longer
