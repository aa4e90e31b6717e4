"""Where the time of a single deed goes, between claim and settlement, with a vendor of no time.

Taken around the driver's calls, which costs next to nothing; a profiler would bill every Python
call and show the ledger twice as slow as it is. On a busy machine believe the processor's time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from bench.instant import Instantly
from bench.ledger_work import DEEDS, carry_out, planned
from bench.stopwatch import Spent, now, passed
from bench.tables import Row
from state.lease import Lease

PARTS = ("part of a deed's time", "ms a deed", "of it processor", "share", "times a deed")
COMMIT, STATEMENTS, REST = "durable commits", "statements in SQLite", "Python around them"


def where_time_goes(folder: Path, repetitions: int, count: int) -> Iterator[Row]:
    """Yield a row per part, and the whole: medians over the repetitions."""
    taken = [_taken(folder, count) for _ in range(repetitions)]
    whole = median(sum(spent.seconds for spent in one.values()) for one in taken)
    for part in (COMMIT, STATEMENTS, REST):
        seconds = median(one[part].seconds for one in taken)
        processor = median(one[part].processor for one in taken)
        times = taken[0][part].times / count
        yield (
            part, f"{seconds * 1000 / count:.3f}", f"{processor * 1000 / count:.3f}",
            f"{seconds / whole:.0%}", f"{times:.2f}" if times else "",
        )  # fmt: skip
    processor = median(sum(spent.processor for spent in one.values()) for one in taken)
    together = (f"{whole * 1000 / count:.3f}", f"{processor * 1000 / count:.3f}")
    yield ("together", *together, "100%", "")


def _taken(folder: Path, count: int) -> dict[str, Spent]:
    with planned(DEEDS, count, folder) as lease, _watched(lease) as spent:
        since = now()
        carry_out(lease, Instantly())
        seconds, processor = passed(since)
    rest = Spent(
        seconds - sum(part.seconds for part in spent.values()),
        processor - sum(part.processor for part in spent.values()),
    )
    return {COMMIT: spent[COMMIT], STATEMENTS: spent[STATEMENTS], REST: rest}


@contextmanager
def _watched(lease: Lease) -> Iterator[dict[str, Spent]]:
    """What the driver's calls took, added up while the block runs."""
    spent = {COMMIT: Spent(), STATEMENTS: Spent()}
    engine = lease.state.engine

    def before(connection: Connection, *_: Any) -> None:
        connection.info["since"] = now()

    def after(connection: Connection, *_: Any) -> None:
        spent[STATEMENTS] = spent[STATEMENTS].more(connection.info["since"])

    plain_commit = engine.dialect.do_commit

    def commit(connection: PoolProxiedConnection) -> None:
        # The end of a read is a commit too, and waits for no disk.
        part = COMMIT if has_changed(connection) else STATEMENTS
        since = now()
        plain_commit(connection)
        spent[part] = spent[part].more(since)

    watch_changes(engine)
    # On this engine's own dialect object: there is no event after the driver's commit.
    vars(engine.dialect)["do_commit"] = commit
    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    yield spent


def watch_changes(engine: Engine) -> None:
    """Note, whenever a connection is taken from the pool, how much it has changed so far."""

    def note(driver: Any, record: ConnectionPoolEntry, _: object) -> None:
        record.info["changes"] = driver.total_changes

    event.listen(engine, "checkout", note)


def has_changed(connection: PoolProxiedConnection) -> bool:
    """Whether SQLite has changed a row over it since it was taken from the watched pool."""
    driver: Any = connection.dbapi_connection
    return bool(driver.total_changes > connection.info["changes"])
