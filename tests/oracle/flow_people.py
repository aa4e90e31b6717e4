"""Who is who to the flows: a contact is a person, its members, and every address it ever had.

    linked      a person and a member of an audience that were dealt with as one
    candidates  where nothing is linked the address decides: a member that a flow brings looks for
                any address of a person, a person that a flow brings for the member at its first
                address; of several persons the oldest, and one person has one member an audience

Where one person could have two members, or stands at two addresses, the requirements name no
winner: all who are concerned are left unjudged (`open`), but for what holds for everybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.oracle.flow_world import Both
from tests.oracle.people import USABLE

Who = int | str


@dataclass(eq=False)
class Contact:
    """`person` is negative, a member's id begins with "new", until the vendors have named them."""

    person: int | None = None
    members: dict[str, str] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)
    has_lost_person: bool = False
    bases: dict[tuple[str, str, str], tuple[str, str]] = field(default_factory=dict)


@dataclass
class Book:
    """Every contact, and who cannot be judged."""

    contacts: list[Contact] = field(default_factory=list)
    open: set[Who] = field(default_factory=set)

    def of_person(self, person: int | None) -> Contact | None:
        if person is None:
            return None
        return next((c for c in self.contacts if c.person == person), None)

    def of_member(self, member: str) -> Contact | None:
        return next((c for c in self.contacts if member in c.members.values()), None)

    def leave_open(self, *who: Who | None) -> None:
        """From now on nothing is said of them; nor of whom they are linked to."""
        for one in who:
            if one is None:
                continue
            self.open.add(one)
            known = self.of_person(one) if isinstance(one, int) else self.of_member(one)
            if known:
                self.open |= set(known.members.values())
                if known.person is not None:
                    self.open.add(known.person)

    def look(self, world: Both) -> None:
        """Links of persons that are gone end; addresses of who is there are remembered."""
        for contact in self.contacts:
            if contact.person is not None and contact.person not in world.persons:
                contact.person, contact.has_lost_person = None, True
            for audience, member in list(contact.members.items()):
                if member not in world.members:
                    del contact.members[audience]
                else:
                    contact.addresses.add(world.members[member].email)
            if contact.person is not None:
                contact.addresses |= set(world.persons[contact.person].emails)

    def join(self, person: int | None, member: str | None, audience: str) -> Contact:
        """The one contact of both; of two the person's goes on and inherits."""
        by_person = self.of_person(person)
        by_member = self.of_member(member) if member else None
        contact = by_person or by_member or Contact()
        if contact not in self.contacts:
            self.contacts.append(contact)
        if by_member and by_member is not contact:
            contact.addresses |= by_member.addresses
            contact.bases = by_member.bases | contact.bases
            contact.members = by_member.members | contact.members
            self.contacts.remove(by_member)
        if person is not None:
            contact.person, contact.has_lost_person = person, False
        if member:
            contact.members[audience] = member
        return contact

    def pair(
        self, world: Both, audience: str, persons: Iterable[int], members: Iterable[str]
    ) -> list[Contact]:
        """The contacts of all who are brought up in this audience; who is skipped is not there."""
        wanted_persons, wanted_members = sorted(set(persons)), sorted(set(members))
        claims: dict[str, set[int]] = {}  # a member that is nobody's yet: who could be its person
        alone: dict[str, set[int]] = {}  # an address without a member: who would be created there
        found: list[Contact] = []
        for person in wanted_persons:
            linked = self._linked(person, audience)
            if linked:
                found.append(linked)
                continue
            email = next(iter(world.persons[person].emails), "")
            if not USABLE.fullmatch(email):
                continue
            member = world.at_address(audience, email)
            if member is None:
                alone.setdefault(email, set()).add(person)
            elif not self._has_person(member.id):
                claims.setdefault(member.id, set()).add(person)
        for member_id in wanted_members:
            known = self.of_member(member_id)
            if known and known.person is not None:
                found.append(known)
                continue
            email = world.members[member_id].email
            at_address = {i for i, p in world.persons.items() if email in p.emails}
            holders = {i for i in at_address if not self._linked(i, audience)}
            if at_address and not holders:
                # Its only persons are other contacts of the audience; and nobody is created at an
                # address that a person has.
                continue
            claims.setdefault(member_id, set()).update(holders)
        self._open_ambiguous(world, claims)
        found += [self._first(world, audience, m, who) for m, who in claims.items()]
        for who in alone.values():
            found.append(self.join(self._oldest(who), None, audience))
        return list(dict.fromkeys(found))

    def _first(self, world: Both, audience: str, member: str, who: set[int]) -> Contact:
        person = self._oldest(who) if who else None
        contact = self.join(person, member, audience)
        contact.addresses.add(world.members[member].email)
        return contact

    def _oldest(self, who: set[int]) -> int:
        """The linked one, else the oldest."""
        return min(who, key=lambda i: (self.of_person(i) is None, i))

    def _open_ambiguous(self, world: Both, claims: dict[str, set[int]]) -> None:
        for member, who in claims.items():
            for person in who:
                others = [m for m, them in claims.items() if person in them and m != member]
                if others:
                    self.leave_open(person, member, *others, *who)
            linked = [i for i in who if self.of_person(i)]
            if len(linked) > 1:
                self.leave_open(member, *who)
            known = self.of_member(member)
            if known and known.person is None and known.has_lost_person and who:
                # Whoever lives decides anew; whether what the former held counts is nowhere said.
                self.leave_open(member, *who)
        emails = [e for p in world.persons.values() for e in set(p.emails)]
        for member, who in claims.items():
            if len(who) > 1 and emails.count(world.members[member].email) != len(who):
                # An older person has the address too, and no flow brings that one up.
                self.leave_open(member, *who)

    def _linked(self, person: int, audience: str) -> Contact | None:
        known = self.of_person(person)
        return known if known and audience in known.members else None

    def _has_person(self, member: str) -> bool:
        known = self.of_member(member)
        return known is not None and known.person is not None
