"""The write ledger as a whole: seal a plan, and say how its writes came out.

    seal      identity first (`identity.apply`), then deeds and settings in
              chunks, the input cursors with the last chunk
    load      deeds.py and settings.py: planned, claim, done, refused, unknown
    doubts    deeds.doubts and settings.doubts, before anything else is sent
    counts    what the run's report prints

A crash between two chunks loses nothing: the cursors have not moved, so the
next run plans the same keys again and finds the sealed ones in place.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, and_, case, func, select

from state import cursors, machine, replanning
from state import deeds as deed_rows
from state.cursors import Cursor
from state.deeds import Deed
from state.lease import Lease
from state.schema import deeds, settings
from state.settings import Setting

CHUNK = 10_000  # rows a commit; a commit holds everybody's writes up for under half a second

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
