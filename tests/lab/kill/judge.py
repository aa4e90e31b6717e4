"""What a killed and recovered run did wrong, told from the vendors' journal and books.

Imports nothing of the engine. An unkilled twin in an equal world says what should be there; our
things are known by their references, and everything that was created is counted in the journal.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import httpx

REFERENCE = re.compile(r"SL-[A-Z2-7]{8}")
BARRED = ("unsubscribed", "bounced", "cleaned", "archived")
Json = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One world after a run came to its end. `created` counts the journal's creations by kind."""

    references: Counter[str]  # "book reference" -> records that carry it, deleted ones too
    created: Counter[str]
    members: Mapping[str, str]  # "list address" -> status
    books: tuple[str, ...]
    remembered: tuple[str, ...]  # what the history file counts on from here


@dataclass(frozen=True)
class Verdict:
    """Sentences; empty tuples when all is well."""

    duplicates: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    breaches: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        return self.duplicates + self.lost + self.breaches + self.differences


def look(url: str, home: Path, books: Iterable[str], *, after: int) -> Seen:
    """Read a world; `after` is the journal's line before the run under attack."""
    with httpx.Client(base_url=f"{url}/_sandbox", trust_env=False, timeout=30) as http:
        records = {
            f"{vendor}/{name}": http.get(f"/books/{vendor}/{name}").json()
            for vendor in http.get("").json()["vendors"]
            for name in http.get(f"/books/{vendor}").json()
        }
        lines = http.get("/journal", params={"after": after}).text.splitlines()
    effects = [effect for line in lines for effect in json.loads(line)["effects"]]
    return Seen(
        references=Counter(
            f"{name} {reference}"
            for name, rows in records.items()
            for row in rows
            for reference in set(REFERENCE.findall(json.dumps(row)))
        ),
        created=Counter(e["object"] for e in effects if e["verb"] == "create"),
        members={
            f"{m['list']} {m['email'].lower()}": "gone" if m["_deleted"] else m["status"]
            for m in records.get("mailigen/members", ())
        }
        | {
            f"{m['list_id']} {m['email_address'].lower()}": "gone" if m["_deleted"] else m["status"]
            for m in records.get("mailchimp/members", ())
            if "email_address" in m  # whoever was erased there has none any more
        },
        books=tuple(books),
        remembered=_remembered(home),
    )


def judge(before: Seen, twin: Seen, found: Seen) -> Verdict:
    """Weigh a world against its unkilled twin; both began as `before`."""
    own = found.references.keys() | twin.references.keys()
    kinds = found.created.keys() | twin.created.keys()
    return Verdict(
        duplicates=(
            *_told("carried too often", own, found.references, twin.references),
            *_told("created too often", kinds, found.created, twin.created),
        ),
        lost=(
            *_told("not carried", own, twin.references, found.references),
            *_told("created too rarely", kinds, twin.created, found.created),
        ),
        breaches=tuple(
            f"{member} was {status}, and is subscribed"
            for member, status in before.members.items()
            if status in (*BARRED, "gone") and found.members.get(member) == "subscribed"
        ),
        differences=(
            *_only("only after the kill", found.books, twin.books),
            *_only("only without the kill", twin.books, found.books),
            *_only("history, only after the kill", found.remembered, twin.remembered),
            *_only("history, only without the kill", twin.remembered, found.remembered),
        ),
    )


def _told(said: str, names: Iterable[str], more: Counter[str], less: Counter[str]) -> list[str]:
    return [
        f"{name}: {said} ({more[name]}, {less[name]})"
        for name in sorted(names)
        if more[name] > less[name]
    ]


def _only(said: str, these: Iterable[str], those: Iterable[str]) -> list[str]:
    return [f"{said}: {line}" for line in sorted((Counter(these) - Counter(those)).elements())]


# Sums and not rows: which of two sweeps saw a happening first depends on where the first one died.
# Attempt 0 is what an adoption found done: one that died half-way and was begun again found it twice.
REMEMBERED = (
    """SELECT 'event', campaign, email, kind, link, sum(times)::BIGINT
       FROM history.events GROUP BY ALL""",
    """SELECT 'selected', bot_id, contact_id FROM history.selections
       WHERE until_sweep IS NULL""",
    """SELECT 'done', write_key, count(*) FROM history.writes
       WHERE state = 'done' AND attempt > 0 AND object IN ('activity', 'deal', 'note')
       GROUP BY ALL""",
    """SELECT 'finding', finding, write_key, closed_at IS NULL FROM history.findings""",
)


def _remembered(home: Path) -> tuple[str, ...]:
    """What later runs count on, from the published copies of a home."""
    found = []
    for path in sorted(home.glob("published/*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as db:
            for query in REMEMBERED:
                found += [json.dumps(row, default=str) for row in db.execute(query).fetchall()]
    return tuple(sorted(found))
