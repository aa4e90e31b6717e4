"""What an audit reads in Pipedrive: each thing of ours by its person's list, or by its id.

The place of a look is (which noun, person, id): they are taken in that order, then SET_UP, then
what is the kind's own, and an audit that has to stop goes on after its last one. A person with
many deeds is several looks; a deed of which no person is known, as adopt restores them, is looked
for by its id alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from connectors.errors import Gone
from connectors.pipedrive import COSTS, Pipedrive
from connectors.pipedrive.nouns import CHANGED, ONE, Noun, is_deleted
from pipelines.audit import Place, Share
from pipelines.pipedrive_side.remote_ids import is_possible
from transforms.plain_text import plain_text

NOUNS: tuple[Noun, ...] = ("activity", "deal", "note", "person")
SET_UP = len(NOUNS)  # the place after those of the nouns; a kind's own come after it
# By person: the calls of `activities_of`, `deals_of` (living and deleted), `notes_of`.
LIST_COSTS: Mapping[str, int] = {
    noun: sum(COSTS[name] for name in CHANGED[noun]) * (2 if noun == "deal" else 1)
    for noun in NOUNS
}
FIELDS_COST, FILTERS_COST = COSTS["GET /api/v2/dealFields"], COSTS["GET /v1/filters"]
REFERENCE = re.compile(r"SL-[A-Z2-7]{8}")
# A first attempt that was looked for in vain may have landed this long before the second.
EARLIER = timedelta(hours=1)
MOST_BY_ID = 20  # things of one look


class Thing(NamedTuple):
    """Something of ours at a vendor, as a reader sees it."""

    object: str
    remote_id: str
    reference: str | None
    is_deleted: bool
    added_at: datetime | None
    shown: str | None  # JSON: what is compared with what we sent


class Look(NamedTuple):
    """One person's deeds of one kind, to be looked at together; person 0: nobody knows whose."""

    place: Place
    write_keys: Sequence[str]
    remote_ids: Sequence[str]
    sent_since: datetime
    twins: Sequence[str] = ()  # addresses that two of our persons may have


@dataclass
class Books:
    """What was read of Pipedrive so far. Every read is paid for out of the share."""

    crm: Pipedrive
    share: Share
    things: list[Thing] = field(default_factory=list)
    _met: set[tuple[str, str]] = field(default_factory=set)
    _is_listed: dict[Noun, bool] = field(default_factory=dict)
    _asked_for: set[tuple[Noun, int]] = field(default_factory=set)

    def look(self, look: Look, of_its_kind: Sequence[Look]) -> None:
        """Read all there is of one person's deeds; after ShareUsedUp some of it is missing."""
        noun, person = NOUNS[look.place[0]], look.place[1]
        if person:
            if noun not in self._is_listed:
                self._is_listed[noun] = self._list_changes(noun, of_its_kind)
            self._list(noun, person)
        if look.twins:
            self._look_for_twins(look)
        self.share.require(COSTS[ONE[noun]] * len(self._unmet(noun, look)))
        for remote_id in self._unmet(noun, look):
            try:
                thing = self.crm.thing(noun, int(remote_id))
            except Gone:
                continue
            self._take(noun, [thing])
            # A merge, or a colleague, took it to somebody else; and a copy of it as well.
            if person and isinstance(holder := thing.get("person_id"), int):
                self._list(noun, holder)

    def _list(self, noun: Noun, person: int) -> None:
        """Read what a person has of a kind, once, unless all that changed was read."""
        if self._is_listed.get(noun) or (noun, person) in self._asked_for:
            return
        self.share.require(LIST_COSTS[noun])
        for page in self._pages(noun, person):
            self._take(noun, page)
        self._asked_for.add((noun, person))

    def _look_for_twins(self, look: Look) -> None:
        """Read who changed since the first request: a second person may have come of it."""
        wanted = set(look.twins)
        pages = self.crm.persons(None, look.sent_since - EARLIER, ())
        while True:
            self.share.require(COSTS["GET /api/v2/persons"])
            page = next(pages, None)
            if page is None:
                return
            self._take("person", [one for one in page if wanted & set(_emails_of(one))])

    def look_at_set_up(self, *, has_fields: bool) -> None:
        """Read what set-up may have made twice: filters of people, and deal fields of a kind that
        makes some."""
        self.share.require(FILTERS_COST + (FIELDS_COST if has_fields else 0))
        for record in self.crm.deal_fields() if has_fields else ():
            code, name = str(record.get("field_code")), str(record.get("field_name"))
            self.things.append(Thing("deal_field", code, name, False, None, None))
        for record in self.crm.filters():
            number, name = str(record.get("id")), str(record.get("name"))
            if record.get("type") == "people":
                self.things.append(Thing("filter", number, name, False, None, None))

    def _list_changes(self, noun: Noun, looks: Sequence[Look]) -> bool:
        """Ask for what the account changed, where that may spare asking person by person.

        False: it is more than a page, or there is only one person to ask about.
        """
        cost = sum(COSTS[name] for name in CHANGED[noun])
        since = {look.place[1]: look.sent_since for look in looks if look.place[1]}
        if len(since) < 2 or cost >= LIST_COSTS[noun] * len(since):
            return False
        self.share.require(cost)
        oldest = min(look.sent_since for look in looks if look.place[1])
        changed = self.crm.changed_since(noun, oldest - EARLIER)
        if changed is None:
            return False
        self._take(noun, changed)
        return True

    def _pages(self, noun: Noun, person_id: int) -> Iterator[list[dict[str, Any]]]:
        if noun == "activity":
            return self.crm.activities_of(person_id)
        return self.crm.deals_of(person_id) if noun == "deal" else self.crm.notes_of(person_id)

    def _unmet(self, noun: Noun, look: Look) -> list[str]:
        """The ids to ask for. What no vendor can have made is left: it is not found."""
        ids = [one for one in look.remote_ids if is_possible(noun, one)]
        return [one for one in ids if (noun, one) not in self._met]

    def _take(self, noun: Noun, records: Iterable[dict[str, Any]]) -> None:
        for record in records:
            if (noun, str(record["id"])) not in self._met:
                self._met.add((noun, str(record["id"])))
                self.things += _things(noun, record)


def looks_of(rows: Iterable[Sequence[Any]], after: Place) -> Iterator[Look]:
    """Make looks of what LOOK_QUERY returns, from a place on, none asking for too many ids.

    The place of a look is that of its last row, so that a look cut off is begun anew.
    """
    part: list[Sequence[Any]] = []
    order = {noun: number for number, noun in enumerate(NOUNS)}
    placed = sorted(
        ((order.get(noun, SET_UP), person, first), *found) for noun, person, first, *found in rows
    )
    for row in placed:
        if row[0] <= after:
            continue
        is_full = part and sum(len(one[2]) for one in part) + len(row[2]) > MOST_BY_ID
        if part and (is_full or part[0][0][:2] != row[0][:2]):
            yield _look(part)
            part = []
        part.append(row)
    if part:
        yield _look(part)


def _look(rows: Sequence[Sequence[Any]]) -> Look:
    return Look(
        rows[-1][0],
        [key for row in rows for key in row[1]],
        list(dict.fromkeys(one for row in rows for one in row[2])),
        min(row[3] for row in rows),
        sorted({one for row in rows for one in (row[4] if len(row) > 4 else None) or ()}),
    )


def _things(noun: Noun, record: dict[str, Any]) -> Iterator[Thing]:
    """The record once per reference it carries: somebody may have pasted several."""
    if noun == "person":
        emails: list[str | None] = [*_emails_of(record)] or [None]
        for email in emails:
            yield Thing(
                noun, str(record["id"]), email, is_deleted(record),
                _moment(record.get("add_time")), None,
            )  # fmt: skip
        return
    carriers = {
        "activity": ("note", "public_description", "subject"),
        "deal": ("custom_fields",),
        "note": ("content",),
    }[noun]
    text = _json({name: record.get(name) for name in carriers})
    for reference in sorted(set(REFERENCE.findall(text))) or [None]:
        yield Thing(
            noun, str(record["id"]), reference, is_deleted(record),
            _moment(record.get("add_time")), _json(_shown(noun, record)),
        )  # fmt: skip


def _emails_of(record: Mapping[str, Any]) -> list[str]:
    entries = record.get("emails") or []
    return sorted({str(entry.get("value") or "").strip().lower() for entry in entries})


def _shown(noun: Noun, record: dict[str, Any]) -> dict[str, Any]:
    """What audit.deeds compares with, under the same names."""
    if noun == "deal":
        value = record.get("value")
        return {
            "title": record.get("title"),
            "value": float(value) if isinstance(value, int | float) else None,
        }
    if noun == "note":
        return {"text": plain_text(str(record.get("content") or ""))}
    return {
        "subject": record.get("subject"),
        "type": record.get("type"),
        "due date": record.get("due_date"),
        "text": plain_text(str(record.get("note") or "")),
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _moment(text: object) -> datetime | None:
    """A time of the vendor's: v1 writes UTC without saying so."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
