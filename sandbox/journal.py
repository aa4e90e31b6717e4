"""What was committed, whatever was answered: one line per request, played event or due work.

A vendor's books write effects with the pen they were given; whoever handles the request
(the server, the control surface, the clock) closes the line. Status 0: no answer got out.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

import orjson

from sandbox.books import Effect
from sandbox.vendor import Request

SECRETS = frozenset(
    {"api_token", "apikey", "api_key", "access_token", "refresh_token", "token", "code",
     "client_secret", "password", "secret", "signing_secret"}
)  # fmt: skip


class Entry(NamedTuple):
    seq: int
    at: datetime
    vendor: str
    method: str
    path: str
    status: int
    effects: tuple[Effect, ...]

    def line(self) -> bytes:
        """This entry as a line of the journal, with exactly the promised keys."""
        shown = self._asdict() | {"effects": [e._asdict() for e in self.effects]}
        return orjson.dumps(shown) + b"\n"


def told_path(request: Request) -> str:
    """The path with its query, without what opens doors."""
    kept = [(key, value) for key, value in request.query if key.lower() not in SECRETS]
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


class Journal:
    """Append-only. Effects noted since the last line belong to the next line of their vendor."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.requests: Counter[str] = Counter()
        self.is_open = False  # closed while the books are seeded
        self._noted: list[tuple[str, Effect]] = []

    def note(self, vendor: str, effect: Effect) -> None:
        """The pen: remember a committed change until its line is written."""
        if self.is_open:
            self._noted.append((vendor, effect))

    def write(self, at: datetime, vendor: str, method: str, path: str, status: int) -> None:
        """Close a line: everything noted so far is what this did."""
        effects = tuple(effect for _, effect in self._noted)
        self._noted.clear()
        entry = Entry(len(self.entries) + 1, at, vendor, method, path, status, effects)
        self.entries.append(entry)

    def write_due(self, at: datetime) -> None:
        """Lines for what due work did on its own (method CLOCK), one per vendor."""
        noted, self._noted = self._noted, []
        for vendor in dict.fromkeys(vendor for vendor, _ in noted):
            self._noted = [pair for pair in noted if pair[0] == vendor]
            self.write(at, vendor, "CLOCK", "", 0)

    def lines(self, after: int) -> Iterator[bytes]:
        return (entry.line() for entry in self.entries[max(after, 0) :])
