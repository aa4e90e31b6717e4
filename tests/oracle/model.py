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

from tests.oracle.definition import Bot, Rule, read_bots, read_fields, value_of
from tests.oracle.people import Contact, Increment, People, Vacated, first_address, winners
from tests.oracle.reading import Happening, Json, World

SOURCE = "SOURCE"
OPTED_OUT = ("unsubscribed", "bounced")


@dataclass(frozen=True)
class Readings:
    """Where the requirements leave something open; README.md says why each is as it is."""

    edit_on_list_may_stay: bool = True
    filter_bots_override: bool = True


@dataclass
class Row:
    """What must be true of one address of the list.

    presence: subscribed | absent | not_subscribed (absent or in another status) | as_before
    values: per field name every value that is right; source: the bots, None for no source value
    """

    presence: str
    values: dict[str, set[str]] = field(default_factory=dict)
    sources: list[frozenset[str] | None] = field(default_factory=list)
    why: str = ""


@dataclass
class Expected:
    """Rows by address; deeds of the whole history, counted."""

    rows: dict[str, Row] = field(default_factory=dict)
    activities: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    deals: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    notes: Counter[int] = field(default_factory=Counter)
    before: World | None = None


class Oracle:
    """One sync through its runs."""

    def __init__(self, definition: Json, readings: Readings | None = None) -> None:
        self.definition, self.readings = definition, readings or Readings()
        self.expected = Expected()
        self.people = People()
        self.n = 0
        self.shown: dict[str, dict[str, str]] = {}  # values by address when last compared
        self._seen: Counter[Happening] = Counter()
        self._unowned: dict[str, list[Increment]] = {}
        self._last_holder: dict[str, Contact] = {}
        self._active_since: dict[str, int] = {}
        self._bots: dict[str, Bot] = {}
        self._stopped: set[str] = set()
        self._pinned: list[Any] = []
        self._opted_out: set[str] = set()
        self._on_list: set[str] = set()

    def sweep(self, world: World, *, wrote: bool) -> Expected:
        """Take in what the vendors showed just before a run; returns what must hold after it."""
        self.n += 1
        self._pin(world)
        active = self._active(world)
        self._observe_consent(world)
        selected = {b.id: self._selected(b, world) for b in active}
        won = winners(world, selected)
        vacated = self.people.resolve(won, _holders(world, selected))
        self._attribute(world)
        for contact in self.people.contacts:
            is_won = won.get(contact.address) == contact.person
            contact.bots = tuple(
                b.id for b in active if is_won and contact.person in selected[b.id]
            )
            self._note(contact)
        if wrote:
            self._fire(world)
            self._expect_rows(world, vacated)
        return self.expected

    def synced(self) -> set[str]:
        """Addresses of contacts that a bot has synced."""
        return {contact.address for contact in self.people.contacts if contact.is_synced}

    # -- who takes part

    def _pin(self, world: World) -> None:
        """Names are looked up once, when first seen: later renames and removals change nothing."""
        for bot in self.definition.get("bots", ()):
            if bot["id"] not in self._bots:
                [self._bots[bot["id"]]] = read_bots({**self.definition, "bots": [bot]}, world)
                self._active_since[bot["id"]] = self.n
        if not self._pinned:
            self._pinned = read_fields(self.definition, world)

    def _active(self, world: World) -> list[Bot]:
        """The bots of the definition whose filter lives; one that died stays stopped."""
        present = [self._bots[bot["id"]] for bot in self.definition.get("bots", ())]
        for bot in present:
            if bot.filter_id is not None and bot.filter_id not in world.filter_members:
                self._stopped.add(bot.id)
        return [bot for bot in present if bot.id not in self._stopped]

    def _selected(self, bot: Bot, world: World) -> set[int]:
        everybody = set(world.persons)
        if bot.filter_id is None:
            return everybody
        return everybody & world.filter_members[bot.filter_id]

    # -- who left, and what happened

    def _observe_consent(self, world: World) -> None:
        for address, member in world.members.items():
            if member.status in OPTED_OUT:
                self._block(address, is_blocked=True)
            elif member.status == "subscribed":
                self._block(address, is_blocked=False)
        for address in self._on_list - set(world.members):
            self._block(address, is_blocked=True)  # somebody took it off by hand

    def _block(self, address: str, *, is_blocked: bool) -> None:
        (self._opted_out.add if is_blocked else self._opted_out.discard)(address)
        contact = self.people.at(address)
        if contact:
            contact.is_blocked = is_blocked

    def _attribute(self, world: World) -> None:
        """New happenings go to who holds the address now, else to who held it last."""
        for contact in self.people.contacts:
            first_time = contact.address not in self._last_holder
            self._last_holder[contact.address] = contact
            if first_time:
                contact.increments += self._unowned.pop(contact.address, [])
        for happening, total in world.happened.items():
            times = total - self._seen[happening]
            if times > 0:
                self._seen[happening] = total
                increment = Increment(happening, times, self.n)
                holder = self._last_holder.get(happening.email)
                if holder:
                    holder.increments.append(increment)
                else:
                    self._unowned.setdefault(happening.email, []).append(increment)

    # -- automations

    def _automating(self, contact: Contact) -> list[Bot]:
        """The bots whose automations the contact gets: filter bots override the one for all."""
        bots = [self._bots[b] for b in contact.bots]
        filtering = [b for b in bots if b.filter_id is not None and (b.rules or b.notes)]
        return filtering if filtering and self.readings.filter_bots_override else bots

    def _note(self, contact: Contact) -> None:
        """Remember what was first seen in this run while a bot with that note selects them."""
        for bot in self._automating(contact):
            since = 0 if bot.notes_count_all else self._active_since[bot.id]
            for seen in contact.increments:
                happening = seen.happening
                is_new = seen.sweep == self.n and seen.sweep > since
                if is_new and happening.kind in bot.notes:
                    contact.to_note.add((happening.campaign, happening.kind, happening.link))

    def _fire(self, world: World) -> None:
        for contact in self.people.contacts:
            for bot in self._automating(contact):
                for rule in bot.rules:
                    self._fire_rule(contact, bot, rule, world)
            kinds = {kind for bot in self._automating(contact) for kind in bot.notes}
            due = {n for n in contact.to_note if n[1] in kinds} - contact.noted
            contact.noted |= due
            if due:
                self.expected.notes[contact.person] += len(due)

    def _fire_rule(self, contact: Contact, bot: Bot, rule: Rule, world: World) -> None:
        since = 0 if rule.counts_all else self._active_since[bot.id]
        counted = [
            i for i in contact.increments if i.sweep > since and i.happening.kind == rule.event
        ]
        if rule.event == "click":
            count = sum(i.times for i in counted)
        else:
            count = len({i.happening.campaign for i in counted})
        reached = count // rule.after if rule.repeats else int(count >= rule.after)
        for number in range(1, reached + 1):
            crossing = (bot.id, rule.id, number)
            if crossing not in contact.fired:
                contact.fired.add(crossing)
                owner = world.persons[contact.person]["owner_id"]
                result = rule.result if rule.is_deal else (*rule.result, owner)
                deeds = self.expected.deals if rule.is_deal else self.expected.activities
                deeds[(*result, contact.person)] += 1

    # -- the list

    def _expect_rows(self, world: World, vacated: list[Vacated]) -> None:
        rows = {address: Row("as_before") for address in world.members}
        self.expected.rows, self.expected.before = rows, world
        if self._stopped and not any(c.bots for c in self.people.contacts):
            return
        for left in vacated:
            member = world.members.get(left.old)
            if member and self.people.at(left.old) is None:
                stays_out = "absent" if member.status == "subscribed" else "not_subscribed"
                rows[left.old] = Row(stays_out, why="its person has another address now")
        moved_from = {v.contact.number: v.old for v in vacated}
        for contact in self.people.contacts:
            row = self._row(contact, world, moved_from.get(contact.number, ""))
            if row:
                rows[contact.address] = row
            contact.is_synced |= bool(row and row.presence == "subscribed")
        self._on_list = {
            c.address for c in self.people.contacts
            if c.address in rows
            and (rows[c.address].presence == "subscribed"
                 or (rows[c.address].presence == "as_before" and c.is_synced))
        }  # fmt: skip

    def _row(self, contact: Contact, world: World, moved_from: str) -> Row | None:
        member = world.members.get(contact.address)
        if contact.bots:
            return self._selected_row(contact, world, moved_from)
        if contact.person not in world.persons:
            if member is None:
                return None
            presence = "absent" if contact.is_synced else "not_subscribed"
            if not contact.is_synced and member.status == "subscribed":
                presence = "as_before"
            return Row(presence, why="its person was deleted")
        if member and member.status == "subscribed" and contact.is_synced:
            kept = [None, self._source_of(member.merges)] if self._stopped else [None]
            return Row("as_before", sources=list(kept), why="no bot selects it")
        return None

    def _selected_row(self, contact: Contact, world: World, moved_from: str) -> Row:
        member, old = world.members.get(contact.address), world.members.get(moved_from)
        is_refused = contact.is_blocked or contact.address in self._opted_out
        if member and member.status != "subscribed":
            return Row("not_subscribed", why=f"it is {member.status}")
        if member is None and (is_refused or (old and old.status != "subscribed")):
            return Row("not_subscribed", why="its contact has opted out or was taken off by hand")
        wanted = self._values(contact, world)
        allowed = {name: {value} for name, value in wanted.items()}
        tags = _tags(world)
        known = member or old
        shown = known.merges if known else {}
        for listed in self._pinned:
            if listed.name not in wanted:
                allowed[listed.name] = {shown.get(tags.get(listed.name.casefold(), ""), "")}
        if self.readings.edit_on_list_may_stay:
            was_right = self.shown.get(contact.address, {})
            for name, value in wanted.items():
                tag = tags.get(name.casefold(), name)
                if contact.desired.get(name) == value == was_right.get(tag):
                    allowed[name].add(shown.get(tag, value))
        contact.desired = wanted
        sources: list[frozenset[str] | None] = [frozenset(contact.bots)]
        if self._stopped:
            sources.append(frozenset(contact.bots) | self._stopped)
        return Row("subscribed", allowed, sources, why=f"person {contact.person} is selected")

    def _values(self, contact: Contact, world: World) -> dict[str, str]:
        person = world.persons[contact.person]
        values = {"FNAME": person["first_name"] or "", "LNAME": person["last_name"] or ""}
        for listed in self._pinned:
            value = value_of(listed, person, world)
            if value is not None:
                values[listed.name] = value
        return values

    def _source_of(self, merges: dict[str, str]) -> frozenset[str] | None:
        return read_source(merges.get(SOURCE, ""))


def read_source(text: str) -> frozenset[str] | None:
    """The bots of a source value; None for none. Their order says nothing."""
    origin, *bots = text.split("|")
    return frozenset(bots) if origin == "Pipedrive" else None


def _holders(world: World, selected: dict[str, set[int]]) -> dict[str, set[int]]:
    held: dict[str, set[int]] = {}
    for person in {p for people in selected.values() for p in people}:
        held.setdefault(first_address(world.persons[person]), set()).add(person)
    return held


def _tags(world: World) -> dict[str, str]:
    """Merge tags by the name the list shows, folded; tags are found by themselves too."""
    named = {str(v["name"]).casefold(): str(v["tag"]) for v in world.merge_vars}
    return {str(v["tag"]).casefold(): str(v["tag"]) for v in world.merge_vars} | named
