"""The books an adoption reads: both vendors', the history and the keep file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pipelines.adopted import Reference
from pipelines.kept import Kept
from pipelines.mailigen_pipedrive import forgotten, references
from pipelines.mailigen_pipedrive.lineup import Person, Written
from pipelines.mailigen_pipedrive.sweep import Sweep
from pipelines.pipedrive_side.remote_ids import known_id
from pipelines.report import counted
from state.restore import Done

OPERATIONS = {
    "activity": "create_activity", "deal": "create_deal", "note": "create_note",
    "list": "create_list", "merge_var": "create_merge_var", "deal_field": "create_deal_field",
    "person": "create_person", "person_link": "link_person",
    "filter": "create_filter",
}  # fmt: skip


@dataclass(frozen=True)
class Books:
    """Everything that was read. Members are those that carry our source, by address."""

    kept: Kept
    persons: Mapping[int, Person]
    references: list[Reference]
    doubles: list[Reference]
    statuses: Mapping[str, str]  # address on the list -> status
    members: Mapping[str, Mapping[str, str]]  # address -> merge values
    done: Mapping[str, Done]  # write key -> what the history says was done
    written: Mapping[str, Written]
    has_history: bool

    @property
    def highest_person(self) -> int:
        on_records = [one.person_id or 0 for one in self.references]
        return max([*self.persons, *on_records, 0])

    @property
    def is_blank(self) -> bool:
        """Nothing shows that the sync ever wrote, references aside: they may be another sync's."""
        return not (self.members or self.done or self.written)


def read_books(sweep: Sweep, kept: Kept, *, has_history: bool) -> Books:
    """Read every person, every thing with a reference and every member of the list."""
    found = list(references.read_references(sweep.crm))
    ours, doubles = references.first_of_each(found)
    sweep.tell("recognise", f"{counted(len(ours), 'reference')} found")
    rows = sweep.db.execute("SELECT email, status FROM staging.mailigen__members").fetchall()
    written = dict(_written(sweep))
    return Books(
        kept=kept,
        persons={one.person_id: one for one in _persons(sweep)},
        references=ours,
        doubles=doubles,
        statuses=dict(rows),
        members=dict(_members(sweep, [email for email, _ in rows], _places(written))),
        done={one.write_key: one for one in (*_settled(kept), *_done(sweep, kept.settled))},
        written=written,
        has_history=has_history,
    )


def _persons(sweep: Sweep) -> Iterator[Person]:
    for page in sweep.crm.persons(None, None, ()):
        for record in sweep.erased.without(page):
            entries = record.get("emails") or []
            emails = [str(e.get("value") or "").strip().lower() for e in entries]
            primary = [e for e, entry in zip(emails, entries, strict=True) if entry.get("primary")]
            first = next(iter([*primary, *emails]), None)
            yield Person(int(record["id"]), first or None, frozenset(e for e in emails if e))


def _members(
    sweep: Sweep, emails: Iterable[str], ours: set[str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Read the list's members one by one, for the list tells no values; yield our own."""
    list_id = sweep.names.list_id
    for count, email in enumerate(emails, 1):
        record = sweep.engagement.member(str(list_id), email)
        sweep.tell("recognise", "members read", count)
        is_ours = forgotten.source_of(record).partition("|")[0] == "Pipedrive" or email in ours
        if record is not None and is_ours:
            yield email, record.get("merges") or {}


def _places(written: Mapping[str, Written]) -> set[str]:
    return {one.address for one in written.values() if one.address}


def _done(sweep: Sweep, told: Mapping[str, str | None]) -> Iterator[Done]:
    """What the history says was done. Which thing it was, a person's word may know better."""
    for key, account, noun, subject, remote_id, body, first in sweep.db.execute(DONE).fetchall():
        parts = key.split("|")
        bot_id, rule_id = parts[3:5] if noun in ("activity", "deal") else ("", "")
        wanted = orjson.loads(body) if body else None
        address = str(wanted["emails"][0]["value"]) if noun == "person" and wanted else ""
        its_id = known_id(noun, told.get(key)) or known_id(noun, remote_id)
        yield Done(
            key, account, OPERATIONS.get(noun, noun), noun, subject,
            "done, by the history", its_id, bot_id, rule_id, wanted, int(first),
            natural_key=address.strip().lower(),
        )  # fmt: skip


def _settled(kept: Kept) -> Iterator[Done]:
    """Deeds that a person said had happened."""
    for key, remote_id in kept.settled.items():
        noun, account, _, *parts = key.split("|")
        if noun in ("activity", "deal") and len(parts) == 4:
            bot_id, rule_id, contact, _ = parts
        elif noun == "note" and len(parts) >= 3:
            bot_id, rule_id, contact = "", "", parts[0]
        else:
            continue
        said = "happened, by somebody's word"
        its_id = known_id(noun, remote_id)
        yield Done(key, account, OPERATIONS[noun], noun, contact, said, its_id, bot_id, rule_id)


def _written(sweep: Sweep) -> Iterator[tuple[str, Written]]:
    rows: dict[str, list[tuple[str, Any, int]]] = {}
    for contact, action, after, at in sweep.db.execute(WRITTEN).fetchall():
        rows.setdefault(contact, []).append((action, after and orjson.loads(after), at))
    for contact, told in rows.items():
        places = [value["email"] for _, value, _ in told if value]
        action, value, at = told[-1]
        address = places[-1] if places and action != "delete" else None
        former = tuple(dict.fromkeys(email for email in places if email != address))
        yield contact, Written(address, value if action != "delete" else None, former, at)


# An adoption dates what it puts back by its own sweep: what it found first is older than that.
DONE = """
SELECT
    write_key, account, object, subject, remote_id, after::VARCHAR,
    CASE
        WHEN first(run_id) OVER earliest LIKE 'adopt-%' THEN 0
        ELSE min(sweep) OVER (PARTITION BY write_key)
    END AS first_sweep
FROM history.writes
WHERE object <> 'list_member' AND state = 'done'
WINDOW earliest AS (PARTITION BY write_key ORDER BY sweep)
QUALIFY row_number() OVER (PARTITION BY write_key ORDER BY sweep DESC) = 1
"""
WRITTEN = """
SELECT subject, action, after::VARCHAR, sweep
FROM history.writes
WHERE object = 'list_member' AND state = 'done'
ORDER BY subject, sweep, settled_at
"""
