"""What a vendor of the sandbox has stored.

A `Book` holds the records of one object (persons, members, ...). Deleted records stay,
marked, because vendors remember them too and because checks want to see them. Every
change is reported to the journal as an effect of the request being handled, whatever
that request is answered.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Record = dict[str, Any]


class Effect(NamedTuple):
    """One committed change: of which object, which record, what was done to it."""

    object: str
    id: str
    verb: str  # create | update | delete


class Book:
    """The records of one object, by the vendor's id (as text), in order of creation."""

    def __init__(self, name: str, note: Callable[[Effect], None]) -> None:
        self.name = name
        self._note = note
        self._records: dict[str, Record] = {}
        self._deleted: set[str] = set()

    def __len__(self) -> int:
        return len(self._records) - len(self._deleted)

    def get(self, record_id: object) -> Record | None:
        """The record, deleted or not; `None` if there never was one."""
        return self._records.get(str(record_id))

    def is_deleted(self, record_id: object) -> bool:
        return str(record_id) in self._deleted

    def live(self) -> Iterator[Record]:
        """Records that are not deleted, in order of creation."""
        return (r for key, r in self._records.items() if key not in self._deleted)

    def everything(self) -> Iterator[Record]:
        """Copies of all records, each with `_deleted`."""
        return ({**r, "_deleted": key in self._deleted} for key, r in self._records.items())

    def put(self, record_id: object, record: Record) -> Record:
        """Create or replace a record and note the effect."""
        key = str(record_id)
        verb = "update" if key in self._records and key not in self._deleted else "create"
        self._records[key] = record
        self._deleted.discard(key)
        self._note(Effect(self.name, key, verb))
        return record

    def delete(self, record_id: object, left: Record | None = None) -> None:
        """Mark a record deleted and note the effect; a KeyError if no such record is alive.

        `left` is the record as the vendor keeps it from now on, when that differs.
        """
        key = str(record_id)
        if key not in self._records or key in self._deleted:
            raise KeyError(key)
        if left is not None:
            self._records[key] = left
        self._deleted.add(key)
        self._note(Effect(self.name, key, "delete"))
