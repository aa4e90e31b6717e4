"""Work out who is who again, from what is left when the state database is gone.

    kept        the keep file: contacts whose story no record tells, exactly
    written     the history: which address each contact was last written under
    found       references: whose contact did something, and on whose record it stands
    on the list an address with our source, held by somebody in the CRM

Earlier lines win. Of several contacts at one address one stays and the others end in it: what
any of them did counts as done, which errs on the side of doing nothing twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from pipelines.kept import Kept
from state.identity import contact_id
from state.restore import Contact, Who

KEPT, WRITTEN, FOUND, LISTED, IMPLIED = range(5)  # which evidence a contact stands on


class Person(NamedTuple):
    """A living person: the address it would be synced by, and all it has."""

    person_id: int
    address: str | None
    addresses: frozenset[str]


class Written(NamedTuple):
    """What the history last wrote for a contact: where (None: taken off), and when."""

    address: str | None
    value: Any
    former: tuple[str, ...]
    sweep: int


@dataclass(frozen=True)
class Evidence:
    """All that is known. `is_exact` says that keep file and history are both there: nothing
    has to be guessed from where things stand."""

    account: str
    sweep: int
    persons: Mapping[int, Person]
    kept: Kept
    address_of: Mapping[str, str]  # address hash -> address
    written: Mapping[str, Written]
    founders: Mapping[str, tuple[int, int]]
    found: Sequence[tuple[str, int | None]]  # contact, and the person its deed stands on
    listed: Sequence[str]  # addresses on the list with our source
    is_exact: bool

    @cached_property
    def at(self) -> Mapping[str, list[int]]:
        """The living persons by the address they would be synced by."""
        found: dict[str, list[int]] = {}
        for person in self.persons.values():
            if person.address:
                found.setdefault(person.address, []).append(person.person_id)
        return found


@dataclass
class _Draft:
    """The contacts so far, and what each stands on."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    grade: dict[str, tuple[int, int]] = field(default_factory=dict)
    lineage: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, contact: Contact, evidence: int, sweep: int = 0) -> None:
        if contact.contact_id not in self.contacts:
            self.contacts[contact.contact_id] = contact
            self.grade[contact.contact_id] = (evidence, -sweep)

    def standing(self) -> list[Contact]:
        """Contacts that did not end, on the best evidence first."""
        living = [c for c in self.contacts.values() if c.merged_into is None]
        return sorted(living, key=lambda c: (self.grade[c.contact_id], -c.n, c.contact_id))


def line_up(known: Evidence) -> Who:
    """Return the identity map as far as the evidence goes; the next run's resolving goes on
    from there."""
    draft = _Draft()
    _gather(known, draft)
    _end_doubles(known, draft)
    _give_speakers(known, draft)
    if not known.is_exact:
        _inherit(known, draft)
    for line in known.kept.lineage:
        if line["contact_id"] in draft.contacts:
            draft.lineage[(line["contact_id"], line["ancestor_id"])] = line["up_to_sweep"]
    return Who(
        contacts=list(draft.contacts.values()),
        addresses=sorted(set(_addresses(known, draft)), key=str),
        lineage=[(heir, ancestor, up_to) for (heir, ancestor), up_to in draft.lineage.items()],
        links=sorted(_links(draft).items()),
    )


def _gather(known: Evidence, draft: _Draft) -> None:
    for line in known.kept.contacts:
        address = known.address_of.get(line["address_hash"] or "")
        draft.add(
            Contact(
                line["contact_id"], line["person_id"], line["n"], line["speaker_id"], address,
                line["merged_into"],
            ),
            KEPT,
        )  # fmt: skip
    for one, last in known.written.items():
        if one in known.founders:
            person, n = known.founders[one]
            draft.add(Contact(one, str(person), n, str(person), last.address), WRITTEN, last.sweep)
    for one, stands_on in known.found:
        if one in known.founders:
            person, n = known.founders[one]
            home = known.persons.get(person) or known.persons.get(stands_on or 0)
            speaker, address = (home.person_id, home.address) if home else (person, None)
            draft.add(Contact(one, str(person), n, str(speaker), address), FOUND)
    _gather_listed(known, draft)
    # A person's next contact is named by how many it founded, so none may be missing below it.
    for contact in list(draft.contacts.values()):
        for n in range(1, contact.n):
            earlier = contact_id(known.account, contact.person_id, n)
            draft.add(Contact(earlier, contact.person_id, n, None, None), IMPLIED)


def _gather_listed(known: Evidence, draft: _Draft) -> None:
    taken = {c.address for c in draft.standing()}
    for address in known.listed:
        here = _people_at(known, address)
        one = contact_id(known.account, str(here[0]), 1) if here else ""
        if one and address not in taken:
            draft.add(Contact(one, str(here[0]), 1, str(here[0]), address), LISTED)


def _end_doubles(known: Evidence, draft: _Draft) -> None:
    """Leave one contact at each address; the others end in it."""
    heads: dict[str, str] = {}
    for contact in draft.standing():
        if contact.address is None:
            continue
        head = heads.setdefault(contact.address, contact.contact_id)
        if head != contact.contact_id:
            ended = contact._replace(merged_into=head, address=None)
            draft.contacts[contact.contact_id] = ended
            draft.lineage[(head, contact.contact_id)] = known.sweep


def _give_speakers(known: Evidence, draft: _Draft) -> None:
    """Give each contact one person to speak for it: nobody speaks for two."""
    taken: set[str | None] = set()
    for contact in draft.standing():
        speaker = contact.speaker_id
        if speaker in taken:
            others = [str(one) for one in _people_at(known, contact.address)]
            speaker = next((one for one in others if one not in taken), None)
            draft.contacts[contact.contact_id] = contact._replace(speaker_id=speaker)
        if speaker is not None:
            taken.add(speaker)


def _inherit(known: Evidence, draft: _Draft) -> None:
    """Count a contact's deeds for whoever they may have passed to: the contact of the person
    they stand on, and the later contacts of its founder."""
    heads = {c.address: c.contact_id for c in draft.standing() if c.address}
    for one, stands_on in known.found:
        home = known.persons.get(stands_on or 0)
        heir = heads.get(home.address) if home and home.address else None
        if heir and heir != one:
            draft.lineage[(heir, one)] = known.sweep
    for contact in draft.contacts.values():
        for n in range(1, contact.n):
            earlier = contact_id(known.account, contact.person_id, n)
            draft.lineage[(contact.contact_id, earlier)] = known.sweep


def _addresses(known: Evidence, draft: _Draft) -> Iterator[tuple[str, str, int, int | None]]:
    told = set()
    for line in known.kept.addresses:
        address, one = known.address_of.get(line["address_hash"]), line["contact_id"]
        if one in draft.contacts:
            told.add(one)
            if address:
                yield one, address, line["from_sweep"], line["until_sweep"]
    current = {c.address for c in draft.standing()}
    for contact in draft.contacts.values():
        if contact.contact_id in told:
            continue
        heir = contact.merged_into or contact.contact_id
        if contact.address:
            yield contact.contact_id, contact.address, 0, None
        written = known.written.get(contact.contact_id)
        for former in written.former if written else ():
            if former not in current:
                yield heir, former, 0, None


def _links(draft: _Draft) -> dict[str, str]:
    """Whom each person stands for: the contact it speaks for, else one it founded."""
    found: dict[str, str] = {}
    for contact in sorted(draft.contacts.values(), key=lambda c: (-c.n, c.contact_id)):
        if contact.n:
            found.setdefault(contact.person_id, contact.merged_into or contact.contact_id)
    for contact in draft.standing():
        if contact.speaker_id is not None:
            found[contact.speaker_id] = contact.contact_id
    return {person: one for person, one in found.items() if one in draft.contacts}


def _people_at(known: Evidence, address: str | None) -> list[int]:
    """The living persons synced by an address, the lowest id first."""
    if address is None:
        return []
    return sorted(known.at.get(address, ()))
