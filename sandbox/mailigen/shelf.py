"""A book that is also found by parent and key: members by list and address, opens by campaign.

Records are replaced, never edited, so a reader may keep one.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sandbox.books import Book, Effect, Record


class Past(NamedTuple):
    """What a record was until then; `None` before it was there."""

    until: datetime
    id: str
    before: Record | None


class Shelf:
    """`parent` and `key` are the fields it is found by; `tally` is the field it is counted by.

    With a clock (`now`) it remembers what every record was before each change.
    """

    def __init__(
        self,
        name: str,
        note: Callable[[Effect], None],
        parent: str,
        key: str = "id",
        tally: str = "",
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.book = Book(name, note)
        self._now = now
        self._past: list[Past] = []
        self._parent, self._key, self._tally = parent, key, tally
        self._groups: dict[str, dict[str, Record]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def put(self, record: Record) -> Record:
        """Store by `record["id"]`, wherever it stood before."""
        record_id = record["id"]
        old = None if self.book.is_deleted(record_id) else self.book.get(record_id)
        self._remember(record_id, old)
        group = self._groups.setdefault(record[self._parent], {})
        if old is not None:
            self._count(old, -1)
            if self._place(old) != self._place(record):
                del self._groups[old[self._parent]][self._fold(old)]
        group[self._fold(record)] = record
        self._count(record, 1)
        return self.book.put(record_id, record)

    def delete(self, record: Record) -> None:
        self._remember(record["id"], self.book.get(record["id"]))
        del self._groups[record[self._parent]][self._fold(record)]
        self._count(record, -1)
        self.book.delete(record["id"])

    def find(self, parent: str, key: str) -> Record | None:
        """The live record of that parent and key; capitals do not matter."""
        return self._groups.get(parent, {}).get(key.lower())

    def of(self, parent: str) -> list[Record]:
        """The live records of a parent, in order of creation."""
        return list(self._groups.get(parent, {}).values())

    def as_of(self, parent: str, since: datetime) -> list[Record]:
        """The records of a parent as they were at that moment, by id where any changed since."""
        then: dict[str, Record | None] = {}
        for past in reversed(self._past):
            if past.until <= since:
                break
            then[past.id] = past.before
        if not then:
            return self.of(parent)
        kept = [r for r in self.of(parent) if r["id"] not in then]
        was = [r for r in then.values() if r is not None and r[self._parent] == parent]
        return sorted([*kept, *was], key=lambda r: int(r["id"]))

    def forget_past(self) -> None:
        """From here on everything has been as it is for ever."""
        self._past.clear()

    def _remember(self, record_id: str, before: Record | None) -> None:
        if self._now is not None:
            self._past.append(Past(self._now(), record_id, before))

    def count(self, parent: str, tally: str) -> int:
        return self._counts[parent, tally]

    def total(self, *tallies: str) -> int:
        """How many over all parents."""
        return sum(n for (_, tally), n in self._counts.items() if tally in tallies)

    def size(self, parent: str) -> int:
        return len(self._groups.get(parent, {}))

    def _fold(self, record: Record) -> str:
        return str(record[self._key]).lower()

    def _place(self, record: Record) -> tuple[str, str]:
        return record[self._parent], self._fold(record)

    def _count(self, record: Record, by: int) -> None:
        if self._tally:
            self._counts[record[self._parent], record[self._tally]] += by
