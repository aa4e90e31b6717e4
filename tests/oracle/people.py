"""Who speaks for an address, and which contact an address belongs to from run to run."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.oracle.reading import Happening, Json, World

# The look of an address that a mail could be sent to: one @, a dot after it, no blanks.
USABLE = re.compile(r"[^@\s,;<>\"()\[\]\\]+@([^@\s.,;<>\"()\[\]\\]+\.)+[^@\s.,;<>\"()\[\]\\]{2,}")

# Bot, rule, the count that was reached, and after how many fallbacks it was counted: None where
# a fallback begins no series of its own.
Crossing = tuple[str, str, int, int | None]
Noted = tuple[str, str, str]  # campaign, kind, link


@dataclass(frozen=True)
class Increment:
    """What was first seen of a happening in one run."""

    happening: Happening
    times: int
    sweep: int
    is_late: bool = False  # it was there in an earlier run, in which nobody asked for its kind


@dataclass
class Contact:
    """One subscriber through time: changes of address and of person do not make another."""

    number: int
    address: str
    person: int
    bots: tuple[str, ...] = ()
    merged_into: "Contact | None" = None
    parted_from: "Contact | None" = None  # in the last run, from whoever stays at the address
    is_synced: bool = False
    is_blocked: bool = False
    is_overridden: bool = False  # a filter bot overrode the all-contacts bot in the last run
    fallbacks: int = 0  # how often such a time ended
    fell_back_in: int = 0  # the run that found the last one ended
    increments: list[Increment] = field(default_factory=list)
    overridden: set[Increment] = field(default_factory=set)  # those of such times
    fired: set[Crossing] = field(default_factory=set)
    noted: set[Noted] = field(default_factory=set)
    to_note: set[tuple[str, Noted]] = field(default_factory=set)
    may_note: set[Noted] = field(default_factory=set)
    desired: dict[str, str] = field(default_factory=dict)

    @property
    def heir(self) -> "Contact":
        """Who this contact is by now."""
        return self.merged_into.heir if self.merged_into else self

    def inherit(self, other: "Contact") -> None:
        """What the other one did and caused counts as this one's too, its overridden past too."""
        self.overridden |= set(other.increments) if other.is_overridden else other.overridden
        self.increments += [i for i in other.increments if i not in self.increments]
        self.take_fired(other)
        self.noted |= other.noted
        self.to_note |= other.to_note
        self.may_note |= other.may_note
        self.is_blocked = self.is_blocked or other.is_blocked

    def take_fired(self, other: "Contact") -> None:
        """What the other one fired counts as fired in this one's series too, as far as it was
        fired for events that count on: those of an earlier series were overridden since."""
        for bot, rule, count, series in other.fired:
            if series is None:
                self.fired.add((bot, rule, count, None))
            elif series == other.fallbacks and not other.is_overridden:
                self.fired.add((bot, rule, count, self.fallbacks))


@dataclass(frozen=True)
class Vacated:
    """An address a contact has left in this run, and where it went."""

    contact: Contact
    old: str
    was_synced: bool  # a member there was the contact's own: not one who came back unseen


def first_address(person: Json) -> str:
    """The one address of a person that is synced, lower case; empty when there is no usable one.

    The flagged one, else the first (MG-07); when that one is unusable the others do not stand in.
    """
    emails = person["emails"] or []
    flagged = [each for each in emails if each["primary"]]
    chosen = str((flagged or emails or [{"value": ""}])[0]["value"] or "").strip()
    return chosen.lower() if USABLE.fullmatch(chosen) else ""


def last_contacted(world: World, person: int) -> str:
    """The latest of mail out, mail in and activity done; empty for never (MG-08)."""
    record = world.persons[person]
    times = (record["last_outgoing_mail_time"], record["last_incoming_mail_time"])
    return max(*(t or "" for t in times), world.done_at.get(person, ""))


def winners(world: World, selected: Mapping[str, Iterable[int]]) -> dict[str, int]:
    """Per address the selected person that speaks for it."""
    best: dict[str, tuple[str, int]] = {}
    for person in sorted({p for people in selected.values() for p in people}):
        address = first_address(world.persons[person])
        claim = (last_contacted(world, person), -person)
        if address and (address not in best or claim > best[address]):
            best[address] = claim
    return {address: -negated for address, (_, negated) in best.items()}


class People:
    """Contacts from run to run: one per subscriber address, carried along."""

    def __init__(self) -> None:
        self.contacts: list[Contact] = []
        self._linked: dict[int, Contact] = {}  # whose a person was when it last won an address
        self._next = 1

    def at(self, address: str) -> Contact | None:
        return next((c for c in self.contacts if c.address == address), None)

    def resolve(self, won: Mapping[str, int], held: Mapping[str, set[int]]) -> list[Vacated]:
        """Give every winner its contact; `held` says which selected persons hold an address.

        Who was whose is what the last run left: a chain of changes in one interval is one step.
        """
        before = dict(self._linked)
        address_before = {c.number: c.address for c in self.contacts}
        vacated: list[Vacated] = []
        settled: dict[str, Contact] = {c.address: c for c in self.contacts}
        for address, person in sorted(won.items()):
            former = before.get(person)
            known = settled.get(address)
            if former and address_before[former.number] != address:
                is_free = not held.get(address_before[former.number])
            else:
                former, is_free = None, False
            if known:
                if former and is_free and former is not known:
                    known.inherit(former)
                    former.merged_into = known
                    vacated.append(Vacated(known, address_before[former.number], former.is_synced))
                    self._drop(former, settled)
                known.person = person
            elif former and is_free and former in self.contacts:
                vacated.append(Vacated(former, address_before[former.number], former.is_synced))
                settled.pop(former.address, None)
                former.address, former.person = address, person
                settled[address] = former
            else:
                settled[address] = self._found(address, person, former)
            self._linked[person] = settled[address]
        return vacated

    def _found(self, address: str, person: int, ancestor: Contact | None) -> Contact:
        contact = Contact(self._next, address, person)
        self._next += 1
        if ancestor:
            contact.inherit(ancestor)
            contact.parted_from = ancestor
        self.contacts.append(contact)
        return contact

    def _drop(self, contact: Contact, settled: dict[str, Contact]) -> None:
        if contact in self.contacts:
            self.contacts.remove(contact)
            settled.pop(contact.address, None)
