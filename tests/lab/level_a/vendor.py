"""The simulated vendor: notes, persons and one list of members, with everything logged.

Imports nothing of the engine. Every change of a book is one line of the append-only `log`,
whatever was answered; the judge reads nothing else. Reads see the books as the lag lets them.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Entry(NamedTuple):
    """One thing that really happened at the vendor."""

    at: float
    who: str  # us | user | reader
    verb: str  # create | update | unsubscribe | edit_member | remove | see
    object: str  # note | person | member
    subject: str
    content: str  # a note's text, a person's address, a member's value


@dataclass
class Note:
    note_id: str
    subject: str
    text: str
    marker: str
    visible_at: float


class Person(NamedTuple):
    """Addresses are no key here: the vendor lets two persons have one."""

    person_id: str
    address: str
    marker: str
    visible_at: float


@dataclass
class Version:
    """A member as it stood from one change to the next; None once it is off the list."""

    visible_at: float
    value: str | None
    status: str = "subscribed"


@dataclass
class Books:
    """What the vendor has. `now` is moved by whoever owns the time."""

    now: float = 0.0
    notes: list[Note] = field(default_factory=list)
    persons: list[Person] = field(default_factory=list)
    members: dict[str, list[Version]] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)

    def create_note(self, subject: str, text: str, marker: str, lag: float) -> str:
        note = Note(str(len(self.notes) + 1), subject, text, marker, self.now + lag)
        self.notes.append(note)
        self._write("us", "create", "note", subject, text)
        return note.note_id

    def find_note(self, subject: str, marker: str) -> str | None:
        """The oldest visible note of a subject with the marker, deleted ones included."""
        if not marker:
            return None
        for note in self.notes:
            is_seen = note.subject == subject and note.visible_at <= self.now
            if is_seen and marker in note.marker:
                return note.note_id
        return None

    def create_person(self, address: str, marker: str, lag: float) -> str:
        person = Person(str(len(self.persons) + 1), address, marker, self.now + lag)
        self.persons.append(person)
        self._write("us", "create", "person", address, address)
        return person.person_id

    def seen_persons(self) -> list[Person]:
        """The persons a reader is shown."""
        return [person for person in self.persons if person.visible_at <= self.now]

    def create_member(
        self, subject: str, value: str, lag: float, updates_existing: bool = False
    ) -> bool:
        """Put a new address on the list; False when it is there, in whatever status.

        With `updates_existing`, as vendors offer it, whoever is there is subscribed again.
        """
        if self.member(subject) is not None and not updates_existing:
            return False
        self._change(subject, value, "subscribed", lag)
        self._write("us", "create", "member", subject, value)
        return True

    def update_member(self, subject: str, value: str, lag: float) -> bool:
        """Change the value, never the status; False when nobody is there."""
        there = self.member(subject)
        if there is None:
            return False
        self._change(subject, value, there.status, lag)
        self._write("us", "update", "member", subject, value)
        return True

    def member(self, subject: str) -> Version | None:
        """The member as it is."""
        versions = self.members.get(subject)
        return versions[-1] if versions and versions[-1].value is not None else None

    def seen_member(self, subject: str) -> Version | None:
        """The member as a reader sees it: changes younger than their lag are not shown."""
        shown = None
        for version in self.members.get(subject, ()):
            if version.visible_at <= self.now:
                shown = version
        return shown if shown is not None and shown.value is not None else None

    def read_member(self, subject: str) -> Version | None:
        """As `seen_member`, for a run; that somebody was shown to have left is logged."""
        shown = self.seen_member(subject)
        if shown is not None and shown.status != "subscribed":
            self._write("reader", "see", "member", subject, shown.status)
        return shown

    def act(self, verb: str, subject: str) -> None:
        """Let a user do something; nothing happens when there is nothing to do it to."""
        if verb.endswith("_note"):
            self._touch_note(verb.removesuffix("_note"), subject)
            return
        there = self.member(subject)
        if there is None or there.value is None:
            return
        if verb == "unsubscribe":
            self._change(subject, there.value, "unsubscribed", 0.0)
        elif verb == "remove":
            self._change(subject, None, there.status, 0.0)
        else:
            self._change(subject, "edited", there.status, 0.0)
        self._write("user", verb, "member", subject, "edited" if verb == "edit_member" else "")

    def _touch_note(self, verb: str, subject: str) -> None:
        mine = [note for note in self.notes if note.subject == subject]
        if not mine:
            return
        if verb == "edit":
            mine[-1].text += ", says the user"  # the reference in its last line survives
        self._write("user", verb, "note", subject, mine[-1].text)

    def _change(self, subject: str, value: str | None, status: str, lag: float) -> None:
        self.members.setdefault(subject, []).append(Version(self.now + lag, value, status))

    def _write(self, who: str, verb: str, noun: str, subject: str, content: str) -> None:
        self.log.append(Entry(self.now, who, verb, noun, subject, content))
