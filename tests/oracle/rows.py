"""The list's side of the oracle: what must be true of every address after a run that wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

from tests.oracle.definition import ListField, read_fields, value_of
from tests.oracle.lives import Lives
from tests.oracle.people import Contact, People, Vacated
from tests.oracle.reading import Json, Member, World

SOURCE = "SOURCE"


@dataclass
class Row:
    """What must be true of one address of the list.

    presence: subscribed | absent | not_subscribed (absent or in another status) | as_before |
    may_go (absent or as before)
    values: per field name every value that is right; sources: the bots, None for no source value
    """

    presence: str
    values: dict[str, set[str]] = field(default_factory=dict)
    sources: list[frozenset[str] | None] = field(default_factory=list)
    why: str = ""


class ListSide:
    """Who was put on the list, who may not be, and which fields are carried there."""

    def __init__(self, people: People, lives: Lives) -> None:
        self._people, self._lives = people, lives
        self._pinned: dict[tuple[str, str], ListField] = {}
        self._chosen: set[ListField] = set()
        self.barred: set[str] = set()
        self.put_there: set[str] = set()
        self.ever_put: set[str] = set()

    def pin(self, definition: Json, world: World) -> None:
        """Names are looked up once, when first seen: later renames and removals change nothing."""
        self._chosen = set(read_fields(definition, world, self._pinned))

    def believe(self, after: World) -> None:
        self.put_there &= set(after.members)
        for contact in self._people.contacts:
            contact.is_synced &= contact.address in after.members

    def let_go(self, after: World) -> None:
        """Who could go and went is nobody of ours any more, whoever comes back there."""
        for contact in self._people.contacts:
            if contact.person not in after.persons:
                contact.is_synced &= contact.address in after.members

    def expect(
        self, world: World, vacated: list[Vacated], shown: Mapping[str, dict[str, str]] | None
    ) -> dict[str, Row]:
        """`shown` are the values that stood right when last compared: an edit of theirs by hand
        may stay. None: it must be set right."""
        rows = {address: Row("as_before") for address in world.members}
        for left in vacated:
            member = world.members.get(left.old)
            is_theirs = member and member.status == "subscribed" and not left.was_synced
            if member and not is_theirs and self._people.at(left.old) is None:
                stays_out = "absent" if member.status == "subscribed" else "not_subscribed"
                rows[left.old] = Row(stays_out, why="its person has another address now")
        moved_from = {
            v.contact.heir.number: v.old for v in reversed(vacated) if v.old in world.members
        }
        for contact in self._people.contacts:
            row = self._row(contact, world, moved_from.get(contact.number, ""), shown or {})
            if row:
                rows[contact.address] = row
            contact.is_synced |= bool(row and row.presence == "subscribed")
            if row and row.presence == "absent":
                contact.is_synced = False  # who comes back there by an own act is nobody of ours
        self.put_there = {
            c.address for c in self._people.contacts
            if c.address in rows
            and (rows[c.address].presence == "subscribed"
                 or (rows[c.address].presence == "as_before" and c.is_synced))
        }  # fmt: skip
        # Who moved on is known by the old address too: back there, it is nobody new.
        self.ever_put |= self.put_there | {v.old for v in vacated if v.contact.heir.is_synced}
        return rows

    def _row(
        self,
        contact: Contact,
        world: World,
        moved_from: str,
        shown: Mapping[str, dict[str, str]],
    ) -> Row | None:
        member = world.members.get(contact.address)
        if contact.bots:
            return self._selected_row(contact, world, moved_from, shown)
        if contact.person not in world.persons:
            return self._deleted_row(contact, member)
        if member and member.status == "subscribed" and contact.is_synced:
            had = read_source(member.merges.get(SOURCE, "")) or frozenset()
            kept = [source or None for source in self._with_stopped(frozenset(), had)]
            return Row("as_before", sources=list(kept), why="no bot selects it")
        return None

    def _deleted_row(self, contact: Contact, member: Member | None) -> Row | None:
        if member is None:
            return None
        presence = "absent" if contact.is_synced else "not_subscribed"
        if not contact.is_synced and member.status == "subscribed":
            presence = "as_before"
        if presence == "absent" and not self._lives.at_work:
            presence = "may_go"  # with no bot at work nothing flows to the list (MG-20)
        return Row(presence, why="its person was deleted")

    def _selected_row(
        self,
        contact: Contact,
        world: World,
        moved_from: str,
        shown: Mapping[str, dict[str, str]],
    ) -> Row:
        member, old = world.members.get(contact.address), world.members.get(moved_from)
        is_refused = contact.is_blocked or contact.address in self.barred
        if member and member.status != "subscribed":
            return Row("not_subscribed", why=f"it is {member.status}")
        if member is None and (is_refused or (old and old.status != "subscribed")):
            return Row("not_subscribed", why="its contact has opted out or was taken off by hand")
        wanted = self._values(contact, world)
        allowed = {name: {value} for name, value in wanted.items()}
        tags = _tags(world)
        known = member or old
        on_list = known.merges if known else {}
        carried = old.merges if old else on_list  # who moves may bring what was on the list there
        for listed in self._pinned.values():
            if listed.name not in wanted:
                tag = tags.get(listed.name.casefold(), "")
                allowed[listed.name] = {on_list.get(tag, ""), carried.get(tag, "")}
        was_right = shown.get(contact.address, {})
        for name, value in wanted.items():
            tag = tags.get(name.casefold(), name)
            if contact.desired.get(name) == value == was_right.get(tag):
                allowed[name].add(on_list.get(tag, value))
        contact.desired = wanted
        why = f"person {contact.person} is selected"
        sources = list[frozenset[str] | None](self._with_stopped(frozenset(contact.bots)))
        return Row("subscribed", allowed, sources, why=why)

    def _with_stopped(
        self, bots: frozenset[str], had: frozenset[str] | None = None
    ) -> list[frozenset[str]]:
        """The source by `bots`; one that is stopped by its filter may keep its part of it."""
        stopped = sorted(self._lives.stopped if had is None else self._lives.stopped & had)
        return [
            bots | set(kept)
            for count in range(len(stopped) + 1)
            for kept in combinations(stopped, count)
        ]

    def _values(self, contact: Contact, world: World) -> dict[str, str]:
        person = world.persons[contact.person]
        values = {"FNAME": person["first_name"] or "", "LNAME": person["last_name"] or ""}
        for listed in self._chosen:
            value = value_of(listed, person, world)
            if value is not None:
                values[listed.name] = value
        return values


def read_source(text: str) -> frozenset[str] | None:
    """The bots of a source value; None for none. Their order says nothing."""
    origin, *bots = text.split("|")
    return frozenset(bots) if origin == "Pipedrive" else None


def _tags(world: World) -> dict[str, str]:
    """Merge tags by the name the list shows, folded; tags are found by themselves too."""
    named = {str(v["name"]).casefold(): str(v["tag"]) for v in world.merge_vars}
    return {str(v["tag"]).casefold(): str(v["tag"]) for v in world.merge_vars} | named
