"""Walk Mailigen's pages to their real end, and not faster than we may.

`start` is a page number, and whether the vendor serves the page size asked for
is not known everywhere: openers are said to come by 50 at most, and the
vendor's own sample asks for 1000. When the first page is shorter than asked,
the walk goes on with that size, which is right whether the vendor multiplies
the page number by what was asked or by what it serves.
"""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from connectors.errors import ReadFailed
from connectors.mailigen.wire import VENDOR

R = TypeVar("R")


class Pace:
    """At most so many calls a second; the vendor publishes no limit, so this is ours."""

    def __init__(
        self,
        calls_per_second: float = 10.0,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gap_s, self._clock, self.sleep = 1.0 / calls_per_second, clock, sleep
        self._free_at = clock()

    def wait(self) -> None:
        """Return when the next call may leave."""
        wait_s = self._free_at - self._clock()
        if wait_s > 0:
            self.sleep(wait_s)
        self._free_at = max(self._free_at, self._clock()) + self._gap_s


def until_empty(
    fetch: Callable[[int, int], list[R]], *, name: str, limit: int, default: int
) -> Iterator[list[R]]:
    """Yield pages of a list without a total.

    A short page is the last only if it is shorter than `default`, the size the
    vendor serves to those who name none; after any other, one more is asked
    for. A vendor that ignores `start` would be read for ever: ReadFailed.
    """
    before: list[R] = []
    start = 0
    while rows := fetch(start, limit):
        if rows == before:
            raise ReadFailed(VENDOR, name, f"served page {start} twice, {len(rows)} rows")
        yield rows
        if len(rows) < min(default, limit):
            return
        limit = len(rows) if start == 0 and len(rows) < limit else limit
        before, start = rows, start + 1


def until_total(
    fetch: Callable[[int, int], tuple[int, list[R]]],
    *,
    name: str,
    limit: int,
    key: Callable[[R], str],
) -> Iterator[list[R]]:
    """Yield pages until as many different `key`s came as the latest total says.

    A page that brings nothing new before that ends the walk: ReadFailed, with
    both numbers. Rows that moved from page to page do not count twice.
    """
    seen: set[str] = set()
    start = 0
    while True:
        total, rows = fetch(start, limit)
        known = len(seen)
        seen.update(key(row) for row in rows)
        if rows:
            yield rows
        if len(seen) >= total:
            return
        if len(seen) == known:
            raise short(name, len(seen), total)
        limit = len(rows) if start == 0 and len(rows) < limit else limit
        start += 1


def short(name: str, got: int, total: int) -> ReadFailed:
    return ReadFailed(VENDOR, name, f"came short: {got} of {total} rows")
