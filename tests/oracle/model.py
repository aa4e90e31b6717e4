"""The oracle: plain, slow Python that recomputes what should stand at both vendors.

    oracle = Oracle(definition)
    before = read_world(...)                 just before a run of the product
    oracle.sweep(before, wrote=True)         wrote: the run ended with exit 0, not at the guard
    oracle.expected                          what must now be so; see compare.py

A sweep is one run that read everything. The first sweep a bot takes part in is its baseline,
also when the guard stopped it. A killed run is not a sweep: nothing may differ for it.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.automations import (
    automating,
    crossings,
    follow_overriding,
    note_doubtful,
    note_news,
)
from tests.oracle.lives import Life, Lives
from tests.oracle.newcomers import Newcomers, NewPerson
from tests.oracle.people import Contact, Increment, People, Vacated, first_address, winners
from tests.oracle.reading import Happening, Json, World
from tests.oracle.rows import ListSide, Row

OPTED_OUT = ("unsubscribed", "bounced")


@dataclass(frozen=True)
class Readings:
    """Where the requirements leave something open; README.md says why each is as it is."""

    edit_on_list_may_stay: bool = True
    filter_bots_override: bool = True


@dataclass
class Expected:
    """Rows by address; deeds of the whole history, counted. `may_notes` may be there or not."""

    rows: dict[str, Row] = field(default_factory=dict)
    activities: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    deals: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    notes: Counter[int] = field(default_factory=Counter)
    may_notes: Counter[int] = field(default_factory=Counter)
    persons: list[NewPerson] = field(default_factory=list)  # created by this very run
    merged: set[int] = field(default_factory=set)  # persons with what was another's, notes too
    before: World | None = None


class Oracle:
    """One sync through its runs."""

    def __init__(self, definition: Json, readings: Readings | None = None) -> None:
        self.definition, self.readings = definition, readings or Readings()
        self.expected = Expected()
        self.people, self.lives = People(), Lives()
        self.n = 0
        self.shown: dict[str, dict[str, str]] = {}  # values by address when last compared
        self._newcomers = Newcomers()
        self._vacated: list[Vacated] = []
        self._went_into: dict[int, int] = {}  # persons merged away, and into whom
        self._told_left: set[str] = set()  # by webhooks, and not subscribed when last seen
        self._list = ListSide(self.people, self.lives)
        self._seen: Counter[Happening] = Counter()
        self._asked: set[str] = set()
        self._unasked: set[Happening] = set()  # new when no bot asked for their kind
        self._first_run_of: dict[str, int] = {}
        self._unowned: dict[str, list[Increment]] = {}
        self._last_holder: dict[str, Contact] = {}

    def sweep(self, world: World, *, wrote: bool) -> Expected:
        """Take in what the vendors showed just before a run; returns what must hold after it."""
        self.n += 1
        self.lives.meet(self.definition, world, self.n)
        self.lives.begin(wrote=wrote)
        self._list.pin(self.definition, world)
        at_work = self.lives.at_work
        self._observe_leaving(world)
        self._newcomers.look(self.definition, world, self._list.ever_put)
        selected = {life.bot.id: _selected(life, world) for life in at_work}
        won = winners(world, selected)
        self._vacated += self.people.resolve(won, _holders(world, selected))
        self._observe_coming_back(world)
        self._attribute(world)
        for contact in self.people.contacts:
            is_won = won.get(contact.address) == contact.person
            contact.bots = tuple(
                one for one, people in selected.items() if is_won and contact.person in people
            )
            follow_overriding(contact, self.lives, self.n)
            self._note(contact)
        self._remember_selections()
        if wrote:
            self._fire(world)
            shown = self.shown if self.readings.edit_on_list_may_stay else None
            # Who moved in a run that a guard stopped moves on the list in the one that writes.
            self.expected.rows = self._list.expect(world, self._vacated, shown)
            self._vacated = []
            self.expected.persons = self._newcomers.expect(world, self._list.ever_put)
            self.expected.before = world
        return self.expected

    def synced(self) -> set[str]:
        """Addresses of contacts that a bot has synced."""
        return {contact.address for contact in self.people.contacts if contact.is_synced}

    def cut_short(self, after: World) -> None:
        """The last run could not put everybody on the list: only who is there was put there."""
        self._list.believe(after)

    def compared(self, after: World) -> None:
        """Take in how the list stood after a run that was compared."""
        self.shown = {address: member.merges for address, member in after.members.items()}
        self._list.let_go(after)

    def told_of_leaving(self, address: str) -> None:
        """A webhook was delivered that says so. From now on no sync may subscribe the address,
        also if no run ever sees the member as one who left (ALL-08, ALL-12)."""
        self._told_left.add(address.lower())

    def persons_merged(self, loser: int, winner: int) -> None:
        """What the vendor moved from one person to another in a merge of its own."""
        for deeds in (self.expected.activities, self.expected.deals):
            for key in [key for key in deeds if key[-1] == loser]:
                deeds[(*key[:-1], winner)] += deeds.pop(key)
        for notes in (self.expected.notes, self.expected.may_notes):
            notes[winner] += notes.pop(loser, 0)
        self.expected.merged.add(winner)
        self._went_into[loser] = winner

    def _whose(self, person: int) -> int:
        """Who shows by now what was noted on a person."""
        while person in self._went_into:
            person = self._went_into[person]
        return person

    # -- who left, and what happened

    def _observe_leaving(self, world: World) -> None:
        for address in self._told_left:
            self._block(address, is_blocked=True)
        for address, member in world.members.items():
            if member.status in OPTED_OUT:
                self._block(address, is_blocked=True)
        for address in self._list.put_there - set(world.members):
            self._block(address, is_blocked=True)  # somebody took it off by hand

    def _observe_coming_back(self, world: World) -> None:
        """By an own act: no sync could. It speaks for the address alone: a contact that has moved
        to another one meanwhile stays out, whichever came first."""
        for address, member in world.members.items():
            if member.status == "subscribed":
                self._block(address, is_blocked=False)
                self._told_left.discard(address)

    def _block(self, address: str, *, is_blocked: bool) -> None:
        barred = self._list.barred
        (barred.add if is_blocked else barred.discard)(address)
        contact = self.people.at(address)
        if contact:
            contact.is_blocked = is_blocked

    def _attribute(self, world: World) -> None:
        """New happenings go to who holds the address now, else to who held it last.

        A kind of event that no bot asked for until now is as old as its campaign is to us.
        """
        for contact in self.people.contacts:
            first_time = contact.address not in self._last_holder
            self._last_holder[contact.address] = contact
            if first_time:
                contact.increments += self._unowned.pop(contact.address, [])
        asked = {kind for life in self.lives.listed if life.is_asking for kind in life.kinds}
        for campaign in world.campaigns:
            self._first_run_of.setdefault(campaign, self.n)
        for happening, total in world.happened.items():
            times = total - self._seen[happening]
            if times > 0 and happening.kind not in asked:
                self._unasked.add(happening)
            if times > 0 and happening.kind in asked:
                self._seen[happening] = total
                is_new_kind = happening.kind not in self._asked
                run = self._first_run_of[happening.campaign] if is_new_kind else self.n
                increment = Increment(happening, times, run, happening in self._unasked)
                self._unasked.discard(happening)
                holder = self._last_holder.get(happening.email)
                if holder:
                    holder.heir.increments.append(increment)
                else:
                    self._unowned.setdefault(happening.email, []).append(increment)
        self._asked |= asked

    # -- automations

    def _automating(self, contact: Contact) -> list[Life]:
        return automating(
            contact, self.lives, filter_bots_override=self.readings.filter_bots_override
        )

    def _note(self, contact: Contact) -> None:
        stopped = [self.lives[bot_id] for bot_id in self.lives.stopped]
        note_doubtful(contact, stopped, self.n)
        note_news(contact, self._automating(contact), self.n)

    def _remember_selections(self) -> None:
        for life in self.lives.at_work:
            life.last_selected = frozenset(
                c.number for c in self.people.contacts if life.bot.id in c.bots
            )

    def _fire(self, world: World) -> None:
        self.expected.may_notes = Counter()
        for contact in self.people.contacts:
            automates = self._automating(contact)
            for life in automates:
                for rule in life.bot.rules:
                    for crossing in set(crossings(contact, life, rule)) - contact.fired:
                        contact.fired.add(crossing)
                        owner = world.persons[contact.person]["owner_id"]
                        result = rule.result if rule.is_deal else (*rule.result, owner)
                        expected = self.expected
                        deeds = expected.deals if rule.is_deal else expected.activities
                        deeds[(*result, contact.person)] += 1
            wanted = {(life.bot.id, kind) for life in automates for kind in life.bot.notes}
            due = {n for bot, n in contact.to_note if (bot, n[1]) in wanted} - contact.noted
            contact.noted |= due
            if due:
                self.expected.notes[contact.person] += len(due)
            may_be = len(contact.may_note - contact.noted)
            self.expected.may_notes[self._whose(contact.person)] += may_be
        for contact in self.people.contacts:
            if contact.parted_from:
                # What both had reached in the run in which they parted is the other's: it would
                # fire for the same events.
                contact.take_fired(contact.parted_from)
                contact.noted |= contact.parted_from.noted
                contact.parted_from = None


def _selected(life: Life, world: World) -> set[int]:
    everybody = set(world.persons)
    if life.bot.filter_id is None:
        return everybody
    return everybody & world.filter_members[life.bot.filter_id]


def _holders(world: World, selected: dict[str, set[int]]) -> dict[str, set[int]]:
    held: dict[str, set[int]] = {}
    for person in {p for people in selected.values() for p in people}:
        held.setdefault(first_address(world.persons[person]), set()).add(person)
    return held
