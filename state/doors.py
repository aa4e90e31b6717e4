"""What a listener leaves for others to see: how its webhook stands, and how often it said no.

Both are cursors under the listener's name, which no sync can have: small, seldom written, and
gone with the door. A delivery is never a commit here.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete

from state import cursors
from state.cursors import NO_FILE, Cursor
from state.database import State
from state.schema import cursors as table

WEBHOOK, REFUSED = "door|webhook", "door|refused"
# Where the headers of a delivery hold what stood in its address; no header can be called that.
QUERY = ":query"
QUIET = timedelta(days=7)  # after so long without another refusal, the count begins anew


class Standing(NamedTuple):
    """How the webhook at the vendor stands, as the last look found it; `trouble`: why not."""

    trouble: str
    since: datetime

    @property
    def is_as_wanted(self) -> bool:
        return not self.trouble


class Refused(NamedTuple):
    """Deliveries nobody had signed with the webhook's secret, since the first of them."""

    deliveries: int
    since: datetime
    last_at: datetime


def listener_name(sync: str) -> str:
    """What a listener is called where syncs are: no sync can be called that."""
    return f"{sync}:listen"


def note_webhook(state: State, listener: str, trouble: str) -> None:
    """Keep what a look found; the same as before is no commit."""
    known = webhook(state, listener)
    if known is None or known.trouble != trouble:
        _store(state, listener, WEBHOOK, [trouble, state.now().isoformat()])


def webhook(state: State, listener: str) -> Standing | None:
    """None: no listener has looked yet, or the webhook was removed."""
    found = cursors.read(state, listener, WEBHOOK, NO_FILE)
    return Standing(found[0], datetime.fromisoformat(found[1])) if found else None


def count_refused(state: State, listener: str, more: int) -> None:
    """Add to the count, in one commit however many there were."""
    known, now = refused(state, listener), state.now()
    count, since = (known.deliveries, known.since) if known else (0, now)
    _store(state, listener, REFUSED, [count + more, since.isoformat(), now.isoformat()])


def refused(state: State, listener: str) -> Refused | None:
    """None when nobody was refused for a week."""
    found = cursors.read(state, listener, REFUSED, NO_FILE)
    if not found:
        return None
    known = Refused(found[0], *(datetime.fromisoformat(at) for at in found[1:]))
    return known if state.now() - known.last_at < QUIET else None


def forget(state: State, listener: str) -> None:
    """Nobody is to listen any more: nothing is shown any more."""
    with state.write() as db:
        db.execute(
            delete(table).where(table.c.sync == listener, table.c.stream.in_((WEBHOOK, REFUSED)))
        )


def _store(state: State, listener: str, stream: str, value: Any) -> None:
    with state.write() as db:
        cursors.store(db, state, listener, Cursor(stream, value, NO_FILE))
