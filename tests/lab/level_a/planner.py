"""What the lab's two syncs want now, planned as the product plans for such vendors.

Notes and members are the first sync's. Persons are wanted by both: each plans what it does not
see at the vendor, under a key of its own, and withdraws what has come to be there meanwhile.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from state import deeds
from state.deeds import Deed
from state.lease import Lease
from state.settings import Setting, SettingKey
from tests.lab.level_a.desk import Desk
from tests.lab.level_a.story import HORIZON, Story
from tests.lab.level_a.vendor import Books

ACCOUNT = "crm"


@dataclass(frozen=True)
class Protections:
    """Which protections the lab itself carries; the others are switched in `switches.py`."""

    has_marker: bool = True
    horizon: timedelta = timedelta(seconds=HORIZON)
    has_intent: bool = True
    has_key_from_facts: bool = True
    has_generations: bool = True
    has_read_back: bool = True
    has_lease: bool = True
    has_consent: bool = True


@dataclass
class Planner:
    """One schedule's wishes held against ledger and vendor."""

    desk: Desk
    books: Books
    kept: Protections
    acked_once: set[tuple[str, Any]] = field(default_factory=set)
    barred: set[str] = field(default_factory=set)  # whom a run was shown to have left

    def notes(self, story: Story, at: float, run_id: str) -> list[Deed]:
        tail = "" if self.kept.has_key_from_facts else f"|{run_id}"
        return [
            Deed(d.key + tail, ACCOUNT, "create_note", "note", d.subject, {"text": d.key})
            for d in story.deeds
            if d.since <= at
        ]

    def persons(self, story: Story, lease: Lease) -> list[Deed]:
        if not story.persons:
            return []
        there = {person.address for person in self.books.seen_persons()}
        deeds.withdraw(lease, sorted(there), why="is there")
        return [
            Deed(
                f"person|{lease.sync}|{person.address}", ACCOUNT, "create_person", "person", "",
                {"address": person.address}, bot_id=person.address, natural_key=person.address,
            )
            for person in story.persons
            if person.address not in there
        ]  # fmt: skip

    def members(self, story: Story, at: float) -> list[Setting]:
        """Plan against live membership and last acknowledged values, as for Mailigen."""
        latest = {w.subject: w.value for w in story.wishes if w.since <= at}
        if not latest:
            return []
        held = self.desk.acknowledged()
        return [
            Setting(
                *SettingKey(ACCOUNT, "list_member", subject, "list"),
                desired=value, verb=verb, seen_different=True,
            )
            for subject, value in latest.items()
            if (verb := self._verb(subject, value, held.get(subject)))
        ]  # fmt: skip

    def _verb(self, subject: str, value: str, held: Any) -> str | None:
        there = self.books.read_member(subject)
        has_left = there is not None and there.status != "subscribed"
        if has_left:
            self.barred.add(subject)
        if subject in self.barred and self.kept.has_consent:
            return None
        if there is None and held is not None:
            return None  # taken off by hand, or not shown yet
        if held == value:
            return None  # whatever else was sent meanwhile: plans of SQL see what is held
        if not self.kept.has_generations and self._was_ever(held, subject, value):
            return None
        return "create" if there is None or has_left else "update"

    def _was_ever(self, held: Any, subject: str, value: str) -> bool:
        """Remember by value alone, as tools do that keep a fingerprint a row."""
        if held is not None:
            self.acked_once.add((subject, held))
        return (subject, value) in self.acked_once

    def has_all(self, story: Story) -> bool:
        """Whether another run would find nothing to do."""
        keys = {key for (key,) in self.desk.ask("SELECT write_key FROM deeds")}
        latest = {w.subject: w.value for w in story.wishes}
        born = {person.address for person in self.books.persons}
        return (
            keys >= {d.key for d in story.deeds}
            and self.desk.acknowledged() == latest
            and born >= {person.address for person in story.persons}
        )
