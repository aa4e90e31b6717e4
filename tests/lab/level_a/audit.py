"""What a nightly audit could tell from outside: the vendor's list held against the ledger.

It stands in for the product's own audit, which does not exist yet, and sees only what a reader
of the list sees: references in notes, values of members.
"""

from collections import Counter

from sqlalchemy import Engine

from tests.lab.level_a.vendor import Books

ACKNOWLEDGED = "SELECT subject, acknowledged FROM settings WHERE acknowledged IS NOT NULL"


def audit(engine: Engine, books: Books) -> list[str]:
    """Return a sentence for each duplicate, loss and drift."""
    there = Counter(note.marker for note in books.notes if note.visible_at <= books.now)
    with engine.connect() as db:
        deeds = db.exec_driver_sql("SELECT write_key, marker, state FROM deeds").all()
        members = db.exec_driver_sql(ACKNOWLEDGED).all()
    found = [f"{d.write_key}: {there[d.marker]} times" for d in deeds if there[d.marker] > 1]
    found += [f"{d.write_key}: never" for d in deeds if d.state == "done" and not there[d.marker]]
    for subject, value in members:
        shown = books.seen_member(subject)
        if shown is None or f'"{shown.value}"' != value:
            found.append(f"member {subject}: drifted")
    return found
