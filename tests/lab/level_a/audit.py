"""What a nightly audit could tell from outside: the vendor's list held against the ledger.

It stands in for the product's own audit, which is played in the levels of whole flows, and sees
only what a reader of the list sees: references in notes, addresses of persons, values of members.
"""

from collections import Counter
from collections.abc import Iterable

from tests.lab.level_a.desk import Desk
from tests.lab.level_a.vendor import Books


def audit(desk: Desk, books: Books, barred: Iterable[str]) -> list[str]:
    """Return a sentence for each duplicate, loss and drift, and for the barred on the list."""
    there = Counter(note.marker for note in books.notes if note.visible_at <= books.now)
    deeds = desk.ask("SELECT write_key, marker, state FROM deeds WHERE object = 'note'")
    found = [f"{key}: {there[marker]} times" for key, marker, _ in deeds if there[marker] > 1]
    found += [
        f"{key}: never" for key, marker, state in deeds if state == "done" and not there[marker]
    ]
    born = Counter(f"person {person.address}" for person in books.seen_persons())
    found += [f"{person}: {count} times" for person, count in born.items() if count > 1]
    for subject, value in desk.acknowledged().items():
        shown = books.seen_member(subject)
        if shown is None or shown.value != value:
            found.append(f"member {subject}: drifted")
    for subject in sorted(barred):
        shown = books.seen_member(subject)
        if shown is not None and shown.status == "subscribed":
            found.append(f"member {subject}: left, and is subscribed")
    return found
