"""The write ledger as a whole: seal a plan, and say how its writes came out.

    seal      identity first (`identity.apply`), then deeds and settings in
              chunks, the input cursors with the last chunk
    load      deeds.py and settings.py: planned, claim, done, refused, unknown
    doubts    deeds.doubts and settings.doubts, before anything else is sent
    counts    what the run's report prints

A crash between two chunks loses nothing: the cursors have not moved, so the
next run plans the same keys again and finds the sealed ones in place.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, func, or_, select

from state import cursors, machine, replanning
from state import deeds as deed_rows
from state.arrow import ArrowTable, as_arrow
from state.cursors import Cursor
from state.database import State
from state.deeds import Deed
from state.lease import Lease
from state.schema import deeds, settings
from state.settings import Setting

CHUNK = 10_000  # rows a commit; a commit holds everybody's writes up for under half a second

MOST_RUNS = 1_000  # named in one statement

Kind = Literal["deeds", "settings"]
Wanted = TypeVar("Wanted")


@dataclass(frozen=True)
class Counts:
    """What one run intended and what became of it."""

    intents: int  # planned or replanned by this sweep
    done: int
    adopted: int  # found at the vendor after a doubt
    resent: int  # done by a second or later attempt
    refused: int
    open: int  # may have happened; nobody knows yet
    waiting: int  # planned and not sent
    standing_refused: int  # by earlier runs, and not asked again by this one


def seal(
    lease: Lease,
    *,
    deeds: Iterable[Deed] = (),
    settings: Iterable[Setting] = (),
    moved: Sequence[Cursor] = (),
    chunk: int = CHUNK,
) -> int:
    """Write a plan into the ledger; return how many writes this sweep has planned so far.

    Sealing the same plan twice changes nothing. Deeds are planned before
    settings; within each the given order is the order of sending.
    """
    for position, part in _chunks(deeds, chunk):
        with lease.changing() as db:
            deed_rows.seal(db, lease, part, position)
    for position, some in _chunks(settings, chunk):
        with lease.changing() as db:
            replanning.seal(db, lease, some, position)
    with lease.changing() as db:
        for cursor in moved:
            cursors.move(db, lease, cursor)
        return counts_on(db, lease).intents


def counts(lease: Lease) -> Counts:
    """Count what this run did, over deeds and settings together."""
    with lease.state.read() as db:
        return counts_on(db, lease)


def counts_on(db: Connection, lease: Lease) -> Counts:
    each = [db.execute(_counting(table), machine.who(lease)).one() for table in (deeds, settings)]
    return Counts(*(int(sum(column)) for column in zip(*each, strict=True)))


def outside(
    state: State, kind: Kind, writer: str, runs: Collection[str], *, or_sweep: int | None = None
) -> ArrowTable:
    """Return a writer's rows that none of these runs wrote last, and what `or_sweep` planned.

    Rows that were never sent have no run, and come by their sweep alone.
    """
    table = {"deeds": deeds, "settings": settings}[kind]
    mine = table.c.sync == writer
    with state.read() as db:
        named = db.scalars(select(table.c.run_id).where(mine).distinct())
        others = {one for one in named if one is not None} - {*runs}
        # More than a statement takes happens where the history was lost: then all of them.
        few = len(others) <= MOST_RUNS
        wanted: list[ColumnElement[bool]] = [
            table.c.run_id.in_(others) if few else table.c.run_id.is_not(None)
        ]
        if or_sweep is not None:
            wanted.append(table.c.sweep == or_sweep)
        return as_arrow(db, select(*table.c).where(mine, or_(*wanted)))


@cache
def _counting(table: Table) -> Select[Any]:
    is_mine = table.c.run_id == machine.MY_RUN
    is_done = and_(table.c.state == machine.DONE, is_mine)
    conditions: list[Any] = [
        table.c.sweep == machine.MY_FENCE,
        and_(is_done, ~table.c.is_adopted),
        and_(is_done, table.c.is_adopted),
        and_(is_done, ~table.c.is_adopted, table.c.attempt > 1),
        and_(table.c.state == machine.REFUSED, is_mine),
        table.c.state.in_((machine.SENDING, machine.UNKNOWN)),
        table.c.state == machine.PLANNED,
        and_(table.c.state == machine.REFUSED, ~is_mine),
    ]
    sums = [func.coalesce(func.sum(case((where, 1), else_=0)), 0) for where in conditions]
    return select(*sums).where(table.c.sync == machine.MY_SYNC)


def _chunks(rows: Iterable[Wanted], size: int) -> Iterator[tuple[int, list[Wanted]]]:
    source, position = iter(rows), 0
    while part := list(islice(source, size)):
        yield position, part
        position += len(part)
