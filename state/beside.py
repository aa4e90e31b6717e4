"""Settings that the answer to a deed already settles: what was made with values holds them.

They are put down in the commit of the deed, so that no run ever finds the one without the other,
and belong to no run: nothing was sent for them.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from state import machine
from state.database import upsert
from state.lease import Lease
from state.schema import settings as table
from state.settings import Setting


def put(db: Connection, lease: Lease, held: Sequence[Setting]) -> None:
    """Store these as acknowledged, with what the answer shows; one that is known is left alone."""
    rows = [
        {
            **one.key._asdict(), "sync": lease.sync, "natural_key": one.natural_key,
            "desired": one.desired, "desired_hash": one.desired_hash, "held": one.held,
            "acknowledged": one.desired, "acknowledged_hash": one.desired_hash, "generation": 1,
            "acknowledged_generation": 1, "verb": one.verb, "reason": one.reason,
            "state": machine.DONE, "attempt": 0, "tries": 0, "said": "", "is_adopted": False,
            "sending_at": one.sending_at, "settled_at": lease.state.now(), "sweep": 0,
            "position": 0, "fence": 0, "wanted_sweep": 0,
        }
        for one in held
    ]  # fmt: skip
    if rows:
        db.execute(upsert(db, table).on_conflict_do_nothing(), rows)
