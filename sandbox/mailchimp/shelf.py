"""The members' book, also found by list and address.

An address is found among all members of its list, archived ones included.
"""

import hashlib

from sandbox.books import Book, Record


class Members:
    """By contact id in the book; by list and md5 of the lower-case address here."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._places: dict[str, dict[str, Record]] = {}

    def put(self, record: Record) -> Record:
        """Store by contact id, wherever its address stood before."""
        old = self.book.get(record["contact_id"])
        place = self._places.setdefault(record["list_id"], {})
        if old is not None and old["id"] != record["id"]:
            place.pop(old["id"], None)
        place[record["id"]] = record
        return self.book.put(record["contact_id"], record)

    def erase(self, record: Record) -> None:
        """Forget all but the contact id: what a permanent deletion leaves."""
        del self._places[record["list_id"]][record["id"]]
        left = {"contact_id": record["contact_id"], "list_id": record["list_id"]}
        self.book.delete(record["contact_id"], left)

    def remove_list(self, list_id: str) -> None:
        for record in self._places.pop(list_id, {}).values():
            self.book.delete(record["contact_id"])

    def find(self, list_id: str, named: str) -> Record | None:
        """By hash, plain address or contact id, as a path may name a member."""
        place = self._places.get(list_id, {})
        if "@" in named:
            folded = named.lower().encode()
            return place.get(hashlib.md5(folded, usedforsecurity=False).hexdigest())
        if found := place.get(named.lower()):
            return found
        record = self.book.get(named)
        is_here = record is not None and record["list_id"] == list_id
        return record if is_here and not self.book.is_deleted(named) else None

    def of(self, list_id: str) -> list[Record]:
        """All members of a list, in order of creation (a moved address keeps no place)."""
        return list(self._places.get(list_id, {}).values())
