"""A book that is also found by parent and key: members by list and address, opens by campaign.

Records are replaced, never edited, so a reader may keep one.
"""

from collections import Counter
from collections.abc import Callable

from sandbox.books import Book, Effect, Record


class Shelf:
    """`parent` and `key` are the fields it is found by; `tally` is the field it is counted by."""

    def __init__(
        self,
        name: str,
        note: Callable[[Effect], None],
        parent: str,
        key: str = "id",
        tally: str = "",
    ) -> None:
        self.book = Book(name, note)
        self._parent, self._key, self._tally = parent, key, tally
        self._groups: dict[str, dict[str, Record]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def put(self, record: Record) -> Record:
        """Store by `record["id"]`, wherever it stood before."""
        record_id = record["id"]
        old = None if self.book.is_deleted(record_id) else self.book.get(record_id)
        group = self._groups.setdefault(record[self._parent], {})
        if old is not None:
            self._count(old, -1)
            if self._place(old) != self._place(record):
                del self._groups[old[self._parent]][self._fold(old)]
        group[self._fold(record)] = record
        self._count(record, 1)
        return self.book.put(record_id, record)

    def delete(self, record: Record) -> None:
        del self._groups[record[self._parent]][self._fold(record)]
        self._count(record, -1)
        self.book.delete(record["id"])

    def find(self, parent: str, key: str) -> Record | None:
        """The live record of that parent and key; capitals do not matter."""
        return self._groups.get(parent, {}).get(key.lower())

    def of(self, parent: str) -> list[Record]:
        """The live records of a parent, in order of creation."""
        return list(self._groups.get(parent, {}).values())

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
