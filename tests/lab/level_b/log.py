"""What really happened at the vendors, in order, with what the records held at that moment.

Read from the sandbox's journal and books only. The judge and a replay read nothing else.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sandbox.stage import Stage

REFERENCE = re.compile(r"<p>ref [^<]*</p>|ref SL-\w*")
DEEDS = ("activities", "deals", "notes")


class Entry(NamedTuple):
    """One committed change. `subject` is an address of the list or a person's id."""

    at: float
    who: str  # us | user
    verb: str  # create | update | delete
    object: str  # members | activities | deals | notes | persons
    id: str
    subject: str
    status: str  # of a member
    content: str  # of a deed, without our reference
    values: dict[str, str]  # of a member

    def __str__(self) -> str:
        what = f"{self.object[:-1]} {self.subject} {self.status} {self.content}".rstrip()
        return f"{self.at:>10.1f} s  {self.who:5}{self.verb:7}{what}"


class Log:
    """Grows as `take` is called; who did what is said by whoever lets it happen."""

    def __init__(self, stage: Stage) -> None:
        self.entries: list[Entry] = []
        self._stage = stage
        self._seen = len(stage.journal.entries)
        self._began = stage.clock.now()

    def take(self, who: str) -> None:
        """Note whatever was committed since the last look as done by `who`."""
        entries = self._stage.journal.entries
        for line in entries[self._seen :]:
            at = (line.at - self._began).total_seconds()
            for effect in line.effects:
                if effect.object in (*DEEDS, "members", "persons"):
                    self.entries.append(
                        self._entry(line.vendor, at, who, effect.object, effect.id, effect.verb)
                    )
        self._seen = len(entries)

    def _entry(self, vendor: str, at: float, who: str, noun: str, key: str, verb: str) -> Entry:
        record = self._stage.vendors[vendor].books[noun].get(key) or {}
        if noun == "members":
            subject, status = str(record["email"]).lower(), str(record["status"])
            return Entry(at, who, verb, noun, key, subject, status, "", dict(record["merges"]))
        person = person_of(record) if noun != "persons" else int(key)
        return Entry(at, who, verb, noun, key, str(person), "", said_by(noun, record), {})


def person_of(record: dict[str, Any]) -> int | None:
    """Whose timeline a deed stands on."""
    people = [record.get("person_id"), *(p["person_id"] for p in record.get("participants") or ())]
    return next((int(p) for p in people if p), None)


def said_by(noun: str, record: dict[str, Any]) -> str:
    """What a reader of the record would call the same thing said twice."""
    text = {"activities": "subject", "deals": "title", "notes": "content"}.get(noun, "name")
    return REFERENCE.sub("", str(record.get(text) or "")).strip()


def living(stage: Stage, vendor: str, noun: str) -> Iterator[dict[str, Any]]:
    """The records of a book that are not deleted."""
    return stage.vendors[vendor].books[noun].live()
