"""The members' book, also found by list and address.

An address is found among all members of its list, archived ones included.
"""

import hashlib
from collections.abc import Callable, Hashable

from sandbox.books import Book, Record

MOST_KEPT = 20  # questions of a list: its walks, one for each tag, and what else is asked meanwhile


class Members:
    """By contact id in the book; by list and md5 of the lower-case address here."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._places: dict[str, dict[str, Record]] = {}
        self._kept: dict[str, dict[Hashable, list[Record]]] = {}

    def put(self, record: Record) -> Record:
        """Store by contact id, wherever its address stood before."""
        self._kept.pop(record["list_id"], None)
        old = self.book.get(record["contact_id"])
        place = self._places.setdefault(record["list_id"], {})
        if old is not None and old["id"] != record["id"]:
            place.pop(old["id"], None)
        place[record["id"]] = record
        return self.book.put(record["contact_id"], record)

    def erase(self, record: Record) -> None:
        """Forget all but the contact id: what a permanent deletion leaves."""
        self._kept.pop(record["list_id"], None)
        del self._places[record["list_id"]][record["id"]]
        left = {"contact_id": record["contact_id"], "list_id": record["list_id"]}
        self.book.delete(record["contact_id"], left)

    def remove_list(self, list_id: str) -> None:
        self._kept.pop(list_id, None)
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

    def kept(
        self, list_id: str, question: Hashable, find: Callable[[], list[Record]]
    ) -> list[Record]:
        """What `find` finds, once for all pages of a walk: until a member of the list is written.

        `question` names all that the answer depends on beside the members. Not to be edited.
        """
        answers = self._kept.setdefault(list_id, {})
        if question not in answers:
            if len(answers) >= MOST_KEPT:
                answers.clear()
            answers[question] = find()
        return answers[question]
