"""How long each account may hide a write: what its late answers taught us.

A horizon is configured with the connection. When a write shows later than half of it, the next
one may show later than all of it, so the horizon grows. It is the configured one again after 30
days in which no write was late.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update

from state.database import State, take_turns
from state.schema import horizons as table

LONGEST = 3600.0  # seconds: every doubt is waited for, and beyond this a person decides sooner
LASTS = timedelta(days=30)
PATH = "list"  # plain lists: where every look-up of ours looks


class Learned(NamedTuple):
    """What one account's path was found to need, by which write, and since when by none."""

    account: str
    path: str
    seconds: float
    learned_at: datetime
    said: str


def read(state: State, account: str, path: str = PATH) -> Learned | None:
    """Return what stands of an account's path; None once it has lapsed."""
    query = select(*(table.c[name] for name in Learned._fields)).where(
        table.c.account == account, table.c.path == path
    )
    with state.read() as db:
        row = db.execute(query).one_or_none()
    return Learned(*row) if row is not None and not _is_lapsed(state, row.learned_at) else None


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
    state: State, account: str, *, configured: float, delay: float, said: str,
    at: datetime | None = None, path: str = PATH,
) -> float | None:  # fmt: skip
    """Let the horizon grow for a write that showed `delay` seconds late; None: it is long enough.

    `at` is when that write was sent, now unless told: from the newest such moment on a horizon
    lasts 30 days, so the same write told every night does not prolong it. `said` names the write,
    never an address.
    """
    at = min(at or state.now(), state.now())
    if delay <= configured / 2 or _is_lapsed(state, at):
        return None
    with state.write() as db:
        take_turns(db, f"horizon of {account}")
        mine = (table.c.account == account, table.c.path == path)
        known = db.execute(select(table).where(*mine)).one_or_none()
        stands = known is not None and not _is_lapsed(state, known.learned_at)
        before = max(configured, known.seconds) if known is not None and stands else configured
        longer = fitting(before, delay)
        values = {"seconds": longer, "learned_at": at, "said": said}
        if longer <= before:
            if known is not None and at > known.learned_at:
                db.execute(update(table).where(*mine).values(learned_at=at))
            return None
        if known is None:
            db.execute(table.insert().values(account=account, path=path, **values))
        else:
            values["learned_at"] = max(at, known.learned_at)
            db.execute(update(table).where(*mine).values(**values))
    return longer


def _is_lapsed(state: State, learned_at: datetime) -> bool:
    return learned_at < state.now() - LASTS
