"""Walk a collection by offsets although it changes meanwhile, and know whether all of it came.

The vendor has no cursors. A row that goes moves all behind it one place up, and a walk in plain
steps jumps over one; counting does not tell, for the total has shrunk as well. So each page
begins a few rows before the last one ended:

    page 1   a b c d e f g h            next offset = 8 - 3
    page 2           g h i j k ...      one of f, g, h is here: nothing was jumped over
    page 2           p q r s t ...      none is: begin anew, and give up the second time

Rows that come twice are one by their key, and in the end there must be as many as the total says.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Any

from connectors.errors import ReadFailed
from connectors.mailchimp.wire import VENDOR, Page

Record = dict[str, Any]
SHARED_ROWS = 25  # of a thousand: so many may go between two pages
PASSES = 2


def walk(
    fetch: Callable[[int], Page],
    *,
    name: str,
    key: Callable[[Record], str],
    shared: int = SHARED_ROWS,
) -> Iterator[list[Record]]:
    """Yield every record once, by `key`; ReadFailed when the walk came short twice.

    What changes while the walk goes on may come as it was before. `fetch` is given an offset.
    """
    seen: set[str] = set()
    problem = ""
    for _ in range(PASSES):
        problem = yield from _pass(fetch, key, shared, seen)
        if not problem:
            return
    raise ReadFailed(VENDOR, name, problem)


def _pass(
    fetch: Callable[[int], Page], key: Callable[[Record], str], shared: int, seen: set[str]
) -> Generator[list[Record], None, str]:
    """Go through once; return what went wrong, '' when nothing did."""
    offset, tail, keys = 0, set[str](), list[str]()
    passed: set[str] = set()
    while True:
        total, records = fetch(offset)
        keyed = {key(record): record for record in records}
        if tail and records and not tail & keyed.keys():
            return f"rows moved while they were read, at {offset} of {total}"
        before, keys = keys, [key(record) for record in records]
        passed.update(keyed)
        fresh = [record for at, record in keyed.items() if at not in seen]
        seen.update(keyed)
        if fresh:
            yield fresh
        if offset + len(records) >= total or not records:
            return f"came short: {len(passed)} of {total} rows" if len(passed) < total else ""
        if keys == before:
            return f"came short: the same {len(keys)} of {total} rows came twice"
        back = min(shared, len(keys) - 1)
        tail = set(keys[-back:]) if back else set()
        offset += len(keys) - back
