"""What is remembered of a sync's schedule, for whoever asks whether it keeps to it.

    deployed   the schedule the server was given, and since when it is this one
    held       when a scheduled run last found the sync held by another, and ended at once
    price      what reading cost the last runs, or the last check, for one kind of definition
    served     when a part with a schedule of its own was last dealt with

Each is a cursor that speaks of no work file, under a name of its own. `name` is that of the
deployment: a sync's, or `sync.part` where parts have schedules of their own.
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
SERVED = "schedule|served"
READINGS_KEPT = 5  # one run that met newcomers, or a long gap, is not what a day is made of


class Deployed(NamedTuple):
    """A schedule as its definition writes it, and since when the server has it."""

    schedule: dict[str, Any]
    since: datetime


class Served(NamedTuple):
    """What was read at `read_at` was written by `ended_at`, or `waits` for an approval."""

    read_at: datetime
    ended_at: datetime
    waits: bool


class Price(NamedTuple):
    """What a run's reading costs: of each account in its own unit, and in requests to all."""

    by_account: dict[str, float]
    calls: float
    is_of_runs: bool


def deployed(state: State, name: str) -> Deployed | None:
    """What `deploy` gave the server; None for what was never deployed, or was removed."""
    kept = cursors.read(state, name, DEPLOYED, NO_FILE)
    return Deployed(kept["schedule"], datetime.fromisoformat(kept["since"])) if kept else None


def note_deployed(state: State, name: str, schedule: dict[str, Any]) -> None:
    """Keep what the server was given. The same schedule again is as old as it was."""
    known = deployed(state, name)
    if known is None or known.schedule != schedule:
        _store(state, name, DEPLOYED, {"schedule": schedule, "since": state.now().isoformat()})


def forget_deployed(state: State, name: str) -> None:
    with state.write() as db:
        db.execute(delete(table).where(table.c.sync == name, table.c.stream == DEPLOYED))


def held_at(state: State, name: str) -> datetime | None:
    kept = cursors.read(state, name, HELD, NO_FILE)
    return datetime.fromisoformat(kept) if kept else None


def note_held(state: State, name: str) -> None:
    """A scheduled run came, and left since another had the sync: it was not missed."""
    _store(state, name, HELD, state.now().isoformat())


def served(state: State, name: str) -> Served | None:
    """When a part was last dealt with; None for one that never was."""
    kept = cursors.read(state, name, SERVED, NO_FILE)
    if not kept:
        return None
    read_at, ended_at = (datetime.fromisoformat(kept[one]) for one in ("read_at", "ended_at"))
    return Served(read_at, ended_at, bool(kept["waits"]))


def note_served(state: State, name: str, read_at: datetime, *, waits: bool) -> None:
    """A run has dealt with a part, by what it read then; or it `waits` for an approval."""
    said = {"read_at": read_at.isoformat(), "ended_at": state.now().isoformat(), "waits": waits}
    _store(state, name, SERVED, said)


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
