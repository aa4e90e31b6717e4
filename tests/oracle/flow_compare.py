"""Hold what the vendors show after a run against what the model says; every difference a sentence.

Records the model left open are not compared, but nobody barred may be subscribed, open or not, and
no address may have two persons that a run created.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.oracle.flow_model import NAMES, Model
from tests.oracle.flow_world import Both, Member, Person


@dataclass
class Compared:
    """What differs, and which records of the vendors the predicted ones turned out to be."""

    said: list[str] = field(default_factory=list)
    persons: dict[int, int] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)


def compare(model: Model, before: Both, right: Both, after: Both) -> Compared:
    """`right` is what the model made of `before`."""
    done = Compared()
    done.said += _barred(model, before, after)
    done.said += _twins(before, after)
    _find_new(model, before, right, after, done)
    for i, person in right.persons.items():
        now = after.persons.get(done.persons.get(i, i))
        if i not in model.book.open:
            done.said += _person_differences(person, now, is_new=i < 0, free=i in model.free_names)
    for key, member in right.members.items():
        found = after.members.get(done.members.get(key, key))
        if key not in model.book.open:
            done.said += _member_differences(member, found)
    return done


def _barred(model: Model, before: Both, after: Both) -> Iterator[str]:
    was = {(m.audience, m.email) for m in before.members.values() if m.status == "subscribed"}
    for member in after.members.values():
        place = (member.audience, member.email)
        if member.status == "subscribed" and place not in was:
            holders = [i for i, p in before.persons.items() if p.emails[:1] == [member.email]]
            contacts = [c for c in map(model.book.of_person, holders) if c]
            is_new = member.id not in before.members
            former = contacts[0].addresses if is_new and len(contacts) == 1 else set()
            why = model.bars.why({member.email} | former)
            if why:
                yield f"{member.email} is subscribed by a run, and was {why}"


def _twins(before: Both, after: Both) -> Iterator[str]:
    for i in sorted(set(after.persons) - set(before.persons)):
        for email in after.persons[i].emails:
            others = [p for p in after.persons.values() if email in p.emails and p.id != i]
            if others:
                yield f"person {i} was created for {email}, which person {others[0].id} has"


def _find_new(model: Model, before: Both, right: Both, after: Both, done: Compared) -> None:
    """Whom a run created, by address; who was not to be created is a difference."""
    unnamed = {i: p for i, p in right.persons.items() if i < 0}
    open_emails = _open_addresses(model, before)
    for i in sorted(set(after.persons) - set(before.persons)):
        emails = set(after.persons[i].emails)
        match = next((n for n, p in unnamed.items() if set(p.emails) == emails), None)
        if match is not None:
            done.persons[match] = i
            del unnamed[match]
        elif emails & open_emails:
            model.book.leave_open(i)
        else:
            done.said.append(f"person {i} ({', '.join(emails)}) was created and should not be")
    for key in sorted(set(after.members) - set(before.members)):
        member = after.members[key]
        predicted = right.at_address(member.audience, member.email)
        if predicted and predicted.id.startswith("new"):
            done.members[predicted.id] = key
        elif member.email in open_emails:
            model.book.leave_open(key)
            model.ours.add(key)
        else:
            done.said.append(f"{member.email} was put in {member.audience} and should not be")


def _open_addresses(model: Model, before: Both) -> set[str]:
    persons = [p for i, p in before.persons.items() if i in model.book.open]
    members = [m for i, m in before.members.items() if i in model.book.open]
    return {e for p in persons for e in p.emails} | {m.email for m in members}


def _person_differences(
    right: Person, now: Person | None, *, is_new: bool, free: bool
) -> Iterator[str]:
    who = f"the new person of {right.emails[0]}" if is_new else f"person {right.id}"
    if now is None:
        yield f"{who} is missing"
        return
    if right.emails != now.emails:
        yield f"{who} has {now.emails} and should have {right.emails}"
    for name, value in right.values.items():
        is_free = name == "name" or (free and name in NAMES)
        if not is_free and now.values[name] != value:
            yield f"{who}: {name} is {now.values[name]!r} and should be {value!r}"


def _member_differences(right: Member, now: Member | None) -> Iterator[str]:
    who = f"{right.email} in {right.audience}"
    if now is None:
        yield f"{who} is missing"
        return
    if now.email != right.email:
        yield f"{who} has the address {now.email}"
    if now.status != right.status:
        yield f"{who} is {now.status} and should be {right.status}"
    for tag in sorted(set(right.values) | set(now.values)):
        value, shown = right.values.get(tag, ""), now.values.get(tag, "")
        if value != shown:
            yield f"{who}: {tag} is {shown!r} and should be {value!r}"
    if now.tags != right.tags:
        yield f"{who} has the tags {sorted(now.tags)} and should have {sorted(right.tags)}"
