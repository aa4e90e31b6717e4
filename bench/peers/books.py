"""The judge: how often each row of the job became a note.

Reads what the sandbox wrote down, the journal (what was committed, whatever was answered)
and the books, and knows nothing of the tools. Notes that somebody deleted count: they were made.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

TEXT = re.compile(r"\brow-\d{4}\b")


class Verdict(NamedTuple):
    """Extra notes, and rows without any."""

    duplicates: int
    lost: int

    def plus(self, other: "Verdict") -> "Verdict":
        return Verdict(self.duplicates + other.duplicates, self.lost + other.lost)


class BooksDisagreeError(Exception):
    """Journal and books tell different stories, or a note belongs to no row: no verdict."""


def judge(
    wanted: Iterable[str],
    journal: Iterable[Mapping[str, Any]],
    notes: Iterable[Mapping[str, Any]],
) -> Verdict:
    """Count, over the notes created since the journal began, against the texts of the rows."""
    texts = {str(note["id"]): str(note["content"]) for note in notes}
    made: Counter[str] = Counter()
    for note_id in created_notes(journal):
        found = TEXT.findall(texts.get(note_id, ""))
        if len(found) != 1:
            raise BooksDisagreeError(f"note {note_id} was created; the books say {found}")
        made[found[0]] += 1
    expected = set(wanted)
    if strangers := sorted(set(made) - expected):
        raise BooksDisagreeError(f"notes of rows nobody asked for: {strangers}")
    extra = sum(count - 1 for count in made.values())
    return Verdict(extra, len(expected - set(made)))


def created_notes(journal: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of notes the journal says were created, in that order."""
    return [
        str(effect["id"])
        for line in journal
        for effect in line["effects"]
        if effect["object"] == "notes" and effect["verb"] == "create"
    ]
