"""Hold what the vendors show against what the oracle expects; every difference is a sentence."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.oracle.model import Expected
from tests.oracle.newcomers import NewPerson
from tests.oracle.reading import Json, Member, World
from tests.oracle.rows import SOURCE, Row, read_source

REFERENCE = re.compile(r"\bref SL-\w+|SL-[A-Z2-7]{5,}")


def differences(
    expected: Expected, after: World, seeded: World, own: Iterable[int] = ()
) -> list[str]:
    """Everything that is not as it should be; empty when all is well.

    `seeded` is the world before the first run: its activities, deals and notes are not the
    product's. `own` are the ids of activities that the scenario itself created.
    """
    before = expected.before or seeded
    return [
        *_list_differences(expected.rows, before, after),
        *_deed_differences(expected, after, seeded, set(own)),
        *_person_differences(before, after, expected.persons),
    ]


def _list_differences(rows: Mapping[str, Row], before: World, after: World) -> Iterator[str]:
    tags = {str(v["tag"]).casefold(): str(v["tag"]) for v in after.merge_vars}
    tags |= {str(v["name"]).casefold(): str(v["tag"]) for v in after.merge_vars}
    for address in sorted(set(rows) | set(after.members)):
        row = rows.get(address) or Row("absent", why="nobody asked for it")
        yield from _row_differences(
            address, row, (before.members.get(address), after.members.get(address)), tags
        )


def _row_differences(
    address: str, row: Row, members: tuple[Member | None, Member | None], tags: dict[str, str]
) -> Iterator[str]:
    was, now = members
    because = f" ({row.why})" if row.why else ""
    match row.presence:
        case "absent" if now:
            yield f"{address} is on the list as {now.status} and should not be{because}"
        case "not_subscribed" if now and now.status == "subscribed":
            yield f"{address} is subscribed and must not be{because}"
        case "subscribed" if now is None:
            yield f"{address} is missing from the list{because}"
        case "subscribed" if now and now.status != "subscribed":
            yield f"{address} is {now.status} and should be subscribed{because}"
        case "subscribed" if now:
            yield from _value_differences(address, row, now, tags)
        case "may_go" if now is None:
            return
        case "as_before" | "may_go":
            yield from _untouched_differences(address, row, was, now)


def _value_differences(address: str, row: Row, now: Member, tags: dict[str, str]) -> Iterator[str]:
    for name, right in row.values.items():
        tag = tags.get(name.casefold())
        if tag is None:
            yield f"the list has no field named {name}, looked for at {address}"
        elif now.merges.get(tag, "") not in right:
            wanted = " or ".join(repr(value) for value in sorted(right))
            yield f"{address}: {name} is {now.merges.get(tag, '')!r} and should be {wanted}"
    if read_source(now.merges.get(SOURCE, "")) not in row.sources:
        wanted = " or ".join(_told(source) for source in row.sources)
        yield f"{address}: source is {now.merges.get(SOURCE, '')!r} and should be {wanted}"


def _untouched_differences(
    address: str, row: Row, was: Member | None, now: Member | None
) -> Iterator[str]:
    if was is None or now is None:
        if was != now:
            yield f"{address} was {'there' if was else 'not there'} and should be left as it was"
        return
    if was.status != now.status:
        yield f"{address} was {was.status}, is {now.status}, and should be left as it was"
    for tag in sorted(set(was.merges) | set(now.merges)):
        old, new = was.merges.get(tag, ""), now.merges.get(tag, "")
        if tag == SOURCE and row.sources:
            if read_source(new) not in row.sources:
                wanted = " or ".join(_told(source) for source in row.sources)
                yield f"{address}: source is {new!r} and should be {wanted} ({row.why})"
        elif old != new:
            yield f"{address}: {tag} was {old!r}, is {new!r}, and should be left as it was"


def _told(source: frozenset[str] | None) -> str:
    return "empty" if source is None else f"Pipedrive and {sorted(source)}"


def _deed_differences(
    expected: Expected, after: World, seeded: World, own: set[int]
) -> Iterator[str]:
    activities = _new(after.activities, seeded.activities, own)
    deals, notes = _new(after.deals, seeded.deals), _new(after.notes, seeded.notes)
    made = Counter((a["type"], a["owner_id"], a["person_id"]) for a in activities)
    yield from _counted("activity (type, owner, person)", expected.activities, made)
    sold = Counter((d["stage_id"], d["pipeline_id"], d["owner_id"], d["person_id"]) for d in deals)
    yield from _counted("deal (stage, pipeline, owner, person)", expected.deals, sold)
    noted = Counter(n["person_id"] for n in notes)
    yield from _counted("note (person)", expected.notes, noted, expected.may_notes)
    texts = Counter((n["person_id"], REFERENCE.sub("", n["content"])) for n in notes)
    for (person, text), count in texts.items():
        if count > 1 and person not in expected.merged:
            yield f"person {person} has {count} notes that say the same: {text[:80]!r}"


def _new(
    after: Mapping[int, Json], seeded: Mapping[int, Json], own: Iterable[int] = ()
) -> list[Json]:
    return [record for i, record in after.items() if i not in seeded and i not in set(own)]


def _counted(
    noun: str, right: Counter[Any], found: Counter[Any], may: Counter[Any] | None = None
) -> Iterator[str]:
    more = may or Counter()
    for key in sorted(set(right) | set(found), key=str):
        if not right[key] <= found[key] <= right[key] + more[key]:
            yield f"{noun} {key}: {found[key]} found, {right[key]} right"


def _person_differences(before: World, after: World, made: Iterable[NewPerson]) -> Iterator[str]:
    """No run may change a person or an organization (MG-12), nor create any but newcomers."""
    for noun in ("persons", "organizations"):
        old, new = getattr(before, noun), getattr(after, noun)
        for i in sorted(set(old) | set(new)):
            if i in old and old.get(i) != new.get(i):
                yield f"{noun} {i} changed during the run"
            elif i not in old and noun == "organizations":
                yield f"organization {i} was created during the run"
    created = [after.persons[i] for i in sorted(set(after.persons) - set(before.persons))]
    found = Counter(_told_person(person) for person in created)
    right = Counter(
        (one.email, one.owner, one.first_name, one.last_name) for one in made
    )  # fmt: skip
    yield from _counted("new person (e-mail, owner, first name, last name)", right, found)


def _told_person(person: Json) -> tuple[Any, ...]:
    emails = " ".join(str(way["value"]).lower() for way in person["emails"])
    return emails, person["owner_id"], person["first_name"] or "", person["last_name"] or ""
