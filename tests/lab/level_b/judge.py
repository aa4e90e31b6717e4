"""What a schedule did wrong, told from the log, the books and what the script says happened.

Imports nothing of the engine. A deed is known by whose timeline it is on and what it says, never
by our reference; what the ledger believes is not asked.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.lab.level_b.log import Entry

OPENS_TO_ACTIVITY, CLICKS_TO_DEAL = 1, 2  # as the lab's definition has it
NOTED = ("open", "bounce")
SOURCE = "Pipedrive|customers"  # the one bot's
# What a reader takes a note to be about; one that says neither is about nothing that happened.
OPENED, BOUNCED = re.compile(r"Opened the e-mail “(.*)”"), re.compile(r"e-mail “(.*)” bounced")


class Cause(NamedTuple):
    """Something that happened at an address since the world was settled, in the vendor's books."""

    kind: str  # open | click | bounce
    campaign: str  # its title
    email: str
    times: int


@dataclass(frozen=True)
class Known:
    """One of the cast at the end, as the script knows it. Addresses oldest first."""

    id: int
    name: str
    addresses: tuple[str, ...]
    inherited: tuple[str, ...]  # of persons merged into this one: their events are its own
    is_there: bool
    is_selected: bool
    is_steady: bool  # selected from first to last, by a bot that was never paused
    is_edited_on_list: bool
    tier: str = ""


@dataclass(frozen=True)
class Ending:
    """Everything the verdict is drawn from."""

    log: Sequence[Entry]
    people: Sequence[Known]
    causes: Sequence[Cause]
    members: Mapping[str, Mapping[str, Any]]  # by address
    left: frozenset[str]
    ever_left: frozenset[str]
    joined: frozenset[str]
    unseen: Mapping[str, int] = field(default_factory=dict)
    tier_tag: str = "TIER"  # the list's field for the customer tier


@dataclass(frozen=True)
class Verdict:
    """Sentences; empty when all is well."""

    effects: int
    duplicates: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    breaches: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()  # effects without a cause, deletions nobody asked for
    unseen: tuple[str, ...] = ()  # breaches that nobody could know to be any

    @property
    def sentences(self) -> list[str]:
        return [*self.duplicates, *self.lost, *self.breaches, *self.wrong]


def judge(ending: Ending) -> Verdict:
    """Weigh one schedule after it has come to rest."""
    made = Counter(_deed(e) for e in ending.log if e.who == "us" and _is_new_deed(e))
    breaches, unseen = _breaches(ending)
    return Verdict(
        effects=sum(1 for e in ending.log if e.who == "us"),
        duplicates=(*_twice(made), *_second_members(ending)),
        lost=(*_missing(ending, made), *_wrong_members(ending), *_wrong_sources(ending)),
        breaches=breaches,
        wrong=(*_uncaused(ending, made), *_wrong_deletes(ending)),
        unseen=unseen,
    )


Deed = tuple[str, str, str]  # object, person, what a note is about


def _is_new_deed(entry: Entry) -> bool:
    return entry.object in ("activities", "deals", "notes") and entry.verb == "create"


def _deed(entry: Entry) -> Deed:
    # One rule a kind: a second activity is a second one, however it is worded.
    return entry.object, entry.subject, _about(entry.content) if entry.object == "notes" else ""


def _about(content: str) -> str:
    for kind, worded in (("open", OPENED), ("bounce", BOUNCED)):
        if found := worded.search(content):
            return f"{kind} of {found[1]}"
    return content


def _twice(made: Mapping[Deed, int]) -> Iterator[str]:
    for (noun, person, said), count in sorted(made.items()):
        if count > 1:
            yield f"person {person} has {count} {noun} for one cause {said}".rstrip()


def _second_members(ending: Ending) -> Iterator[str]:
    """A changed address moves the member; if both stand there as ours, one is too many."""
    for person in ending.people:
        if not person.is_steady:
            continue  # a merged person has two addresses by right
        ours = [
            a for a in person.addresses
            if a in ending.members and a not in ending.ever_left | ending.joined
            and ending.members[a]["status"] == "subscribed"
            and ending.members[a]["merges"].get("SOURCE")
        ]  # fmt: skip
        if len(ours) > 1:
            yield f"person {person.id} is on the list as {' and '.join(ours)}"


def _missing(ending: Ending, made: Mapping[Deed, int]) -> Iterator[str]:
    for person in ending.people:
        if not person.is_steady:
            continue
        due = _due(c for c in ending.causes if c.email in person.addresses)
        for noun, about in sorted(due):
            if not made.get((noun, str(person.id), about)):
                yield f"person {person.id} has 0 of 1 {noun} {about}".rstrip()


def _due(causes: Iterable[Cause]) -> set[tuple[str, str]]:
    """The deeds these causes must have had: which kind, and about what."""
    seen = list(causes)
    opened = {c.campaign for c in seen if c.kind == "open"}
    clicks = sum(c.times for c in seen if c.kind == "click")
    due = {("notes", f"{c.kind} of {c.campaign}") for c in seen if c.kind in NOTED}
    if len(opened) >= OPENS_TO_ACTIVITY:
        due.add(("activities", ""))
    if clicks >= CLICKS_TO_DEAL:
        due.add(("deals", ""))
    return due


def _wrong_members(ending: Ending) -> Iterator[str]:
    for person in ending.people:
        if not (person.is_steady or person.is_selected) or not person.is_there:
            continue
        if set(person.addresses) & ending.ever_left:
            continue  # whether it is there is the matter of `_breaches`
        member = ending.members.get(person.addresses[-1])
        if member is None or member["status"] != "subscribed":
            yield f"person {person.id} is not on the list as {person.addresses[-1]}"
        elif not person.is_edited_on_list:
            right = {"FNAME": person.name, ending.tier_tag: person.tier, "SOURCE": SOURCE}
            for tag, value in right.items():
                if (shown := member["merges"].get(tag, "")) != value:
                    yield f"person {person.id} is on the list with {tag} {shown!r}, not {value!r}"


def _breaches(ending: Ending) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Addresses of people who left that a call of ours made subscribed; apart, those taken off
    while our first request was in doubt: once each time, it looks like one that never arrived."""
    found: tuple[list[str], list[str]] = ([], [])
    passes = Counter(ending.unseen)
    gone: set[str] = set()
    status: dict[str, str] = {}
    holder = {a: person for person in ending.people for a in person.addresses}
    for entry in ending.log:
        if entry.object != "members":
            continue
        before, status[entry.id] = status.get(entry.id, ""), _standing(entry)
        if entry.who == "user":
            is_here = status[entry.id] == "subscribed"
            (gone.discard if is_here else gone.add)(entry.subject)
            continue
        became = status[entry.id] == "subscribed" and before != "subscribed"
        person = holder.get(entry.subject)
        theirs = set(person.addresses) if person else {entry.subject}
        is_first_sight = entry.verb == "update" and not before
        if became and not is_first_sight and theirs & gone:
            said = f"{entry.subject} left ({sorted(theirs & gone)}) and was subscribed again"
            is_unseen = theirs & gone == {entry.subject} and passes[entry.subject] > 0
            passes[entry.subject] -= is_unseen
            found[is_unseen].append(said)
    return tuple(found[0]), tuple(found[1])


def _standing(entry: Entry) -> str:
    return "gone" if entry.verb == "delete" else entry.status


def _uncaused(ending: Ending, made: Mapping[Deed, int]) -> Iterator[str]:
    """Deeds that all a person ever did does not add up to, whoever selected it when."""
    people = {str(p.id): p for p in ending.people}
    for noun, person, about in sorted(made):
        known = people.get(person)
        addresses = (*known.addresses, *known.inherited) if known else ()
        happened = [c for c in ending.causes if c.email in addresses]
        if not happened:
            yield f"person {person} has one of {noun} and did nothing {about}".rstrip()
        elif (noun, about) not in _due(happened):
            yield f"person {person} has one of {noun} without its cause {about}".rstrip()


def _wrong_sources(ending: Ending) -> Iterator[str]:
    """Whom nobody selects any more stays as it is, but for the source (MG-25)."""
    for person in ending.people:
        if person.is_selected or not person.is_there or person.is_edited_on_list:
            continue
        for email in set(person.addresses) - ending.ever_left:
            member = ending.members.get(email)
            if member and member["status"] == "subscribed" and member["merges"].get("SOURCE"):
                yield f"person {person.id} is on the list with a source as {email}, by nobody"


def _wrong_deletes(ending: Ending) -> Iterator[str]:
    for entry in ending.log:
        if entry.object != "members" or entry.verb != "delete" or entry.who != "us":
            continue
        holders = [p for p in ending.people if p.is_there and p.addresses[-1] == entry.subject]
        if holders:
            yield f"{entry.subject} was deleted, and person {holders[0].id} is there"
