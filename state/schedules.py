"""What is remembered of a sync's schedule, for whoever asks whether it keeps to it.

    deployed   the schedule the server was given, and since when it is this one
    held       when a scheduled run last found the sync held by another, and ended at once
    price      what reading cost the last runs, or the last check, for one kind of definition

Each is a cursor that speaks of no work file, under a name of its own.
"""

from datetime import datetime
from statistics import fmean
from typing import Any, NamedTuple

from sqlalchemy import delete

from state import cursors
from state.cursors import NO_FILE, Cursor
from state.database import State
from state.schema import cursors as table

DEPLOYED, HELD, PRICE = "schedule|deployed", "schedule|held", "schedule|price"
READINGS_KEPT = 5  # one run that met newcomers, or a long gap, is not what a day is made of


class Deployed(NamedTuple):
    """A schedule as its definition writes it, and since when the server has it."""

    schedule: dict[str, Any]
    since: datetime


class Price(NamedTuple):
    """What a run's reading costs: of each account in its own unit, and in requests to all."""

    by_account: dict[str, float]
    calls: float
    is_of_runs: bool


def deployed(state: State, sync: str) -> Deployed | None:
    """What `deploy` gave the server; None for what was never deployed, or was removed."""
    kept = cursors.read(state, sync, DEPLOYED, NO_FILE)
    return Deployed(kept["schedule"], datetime.fromisoformat(kept["since"])) if kept else None


def note_deployed(state: State, sync: str, schedule: dict[str, Any]) -> None:
    """Keep what the server was given. The same schedule again is as old as it was."""
    known = deployed(state, sync)
    if known is None or known.schedule != schedule:
        _store(state, sync, DEPLOYED, {"schedule": schedule, "since": state.now().isoformat()})


def forget_deployed(state: State, sync: str) -> None:
    with state.write() as db:
        db.execute(delete(table).where(table.c.sync == sync, table.c.stream == DEPLOYED))


def held_at(state: State, sync: str) -> datetime | None:
    kept = cursors.read(state, sync, HELD, NO_FILE)
    return datetime.fromisoformat(kept) if kept else None


def note_held(state: State, sync: str) -> None:
    """A scheduled run came, and left since another had the sync: it was not missed."""
    _store(state, sync, HELD, state.now().isoformat())


def price(state: State, sync: str, kind: str) -> Price | None:
    """What reading costs a run. None when nobody has read for such a definition yet."""
    kept = cursors.read(state, sync, PRICE, NO_FILE)
    if not kept or kept["kind"] != kind:
        return None
    readings = kept["readings"]
    accounts = {account for reading in readings for account in reading["by_account"]}
    by_account = {a: fmean(one["by_account"].get(a, 0) for one in readings) for a in accounts}
    return Price(by_account, fmean(one["calls"] for one in readings), kept["is_of_runs"])


def note_reading(
    state: State, sync: str, kind: str, by_account: dict[str, int], calls: int, *, is_of_run: bool
) -> None:
    """Add what one reading cost. What runs paid counts, and a check only while none has."""
    kept = cursors.read(state, sync, PRICE, NO_FILE)
    is_known = bool(kept) and kept["kind"] == kind and kept["is_of_runs"]
    if is_known and not is_of_run:
        return
    reading = {"by_account": by_account, "calls": calls}
    readings = [*(kept["readings"] if is_known else ()), reading][-READINGS_KEPT:]
    _store(state, sync, PRICE, {"kind": kind, "readings": readings, "is_of_runs": is_of_run})


def _store(state: State, sync: str, stream: str, value: Any) -> None:
    with state.write() as db:
        cursors.store(db, state, sync, Cursor(stream, value, NO_FILE))
