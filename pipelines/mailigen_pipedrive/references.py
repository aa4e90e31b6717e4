"""Our things at Pipedrive, and which write each of them is.

What we make carries a reference, eight letters of its write key's hash. A hash cannot be read
back, but the keys that could have made it can be written down and compared: every contact that
a person may have founded, with every crossing of every rule and every note of every campaign.
Crossings after a fallback are named for its sweep as well, which the history knows.

    near   who the thing stands on, who shares an address with them, whom history knows
    wide   the same people, with every count a rule could have had
    far    every person there may have been: merged and deleted ones leave no other trace
"""

import hashlib
import re
from base64 import b32decode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from connectors.pipedrive import Pipedrive
from pipelines.adopted import Reference
from pipelines.mailigen_pipedrive.bind import DEAL_FIELD
from state.deeds import marker_of

REFERENCE = re.compile(r"\bref (SL-[A-Z2-7]{8})\b")
PLAIN = re.compile(r"SL-[A-Z2-7]{8}")
TEXTS = {"activity": ("note", "public_description"), "note": ("content",)}
KINDS = ("open", "send", "click", "bounce")
NEAR_N, WIDE_N = 3, 9  # how many contacts one person may have founded
NEAR_COUNT, WIDE_COUNT = 20, 1000  # 1000 is the highest `after` a rule may have


class Ending(NamedTuple):
    """A write key but for its contact, which stands between `head` and `tail`."""

    object: str
    head: str
    tail: str
    bot_id: str
    rule_id: str
    is_wide: bool


class Key(NamedTuple):
    """A write key that a reference was made of. Who founded the contact is None when unknown."""

    write_key: str
    object: str
    contact_id: str
    bot_id: str = ""
    rule_id: str = ""
    person_id: int | None = None
    n: int = 0


def read_references(crm: Pipedrive) -> Iterator[Reference]:
    """Yield every activity, deal and note of the account that carries a reference.

    Deleted activities and notes are not listed by the vendor; deals are for thirty days.
    """
    for page in crm.activities_of(None):
        for record in page:
            yield from _in_texts("activity", record)
    for page in crm.notes_of(None):
        for record in page:
            yield from _in_texts("note", record)
    codes = [f["field_code"] for f in crm.deal_fields() if f.get("field_name") == DEAL_FIELD]
    for page in crm.deals_of(None) if codes else ():
        for record in page:
            values = record.get("custom_fields") or {}
            for code in codes:
                if PLAIN.fullmatch(str(values.get(code) or "")):
                    yield _reference(str(values[code]), "deal", record)


def first_of_each(references: Iterable[Reference]) -> tuple[list[Reference], list[Reference]]:
    """Return one thing for each reference, living before deleted and the lower id first, and
    the living doubles left over."""
    ours: dict[str, Reference] = {}
    doubles = []
    for one in sorted(references, key=lambda r: (not r.is_living, r.remote_id)):
        if one.marker not in ours:
            ours[one.marker] = one
        elif one.is_living and one != ours[one.marker]:
            doubles.append(one)
    return list(ours.values()), doubles


def rule_endings(
    crm: str, sync: str, rules: Iterable[tuple[str, str, str, int]]
) -> Iterator[Ending]:
    """Yield the keys of rules, given as (activity or deal, bot, rule, threshold)."""
    for does, bot_id, rule_id, threshold in rules:
        head = f"{does}|{crm}|{sync}|{bot_id}|{rule_id}"
        near = {*range(1, NEAR_COUNT + 1), *(threshold * k for k in range(1, NEAR_COUNT + 1))}
        for count in sorted(near | set(range(1, WIDE_COUNT + 1))):
            yield Ending(does, head, str(count), bot_id, rule_id, count not in near)


def fallback_keys(
    endings: Iterable[Ending], fallbacks: Iterable[tuple[str, str, int]]
) -> Iterator[Key]:
    """Yield the keys of repeated crossings after a fallback, given as (bot, contact, sweep).

    Which sweep it was only the history tells: without it these are not recognised.
    """
    of_bot: dict[str, list[Ending]] = {}
    for one in endings:
        if one.rule_id and not one.is_wide:
            of_bot.setdefault(one.bot_id, []).append(one)
    for bot_id, contact, sweep in fallbacks:
        for one in of_bot.get(bot_id, ()):
            key = f"{one.head}|{contact}|{one.tail}@{sweep}"
            yield Key(key, one.object, contact, bot_id, one.rule_id)


def note_endings(
    crm: str, sync: str, campaigns: Iterable[str], links: Iterable[tuple[str, str]], bot_id: str
) -> Iterator[Ending]:
    """Yield the keys of notes: each kind of each campaign, clicks also by link."""
    head = f"note|{crm}|{sync}"
    for campaign in sorted(set(campaigns)):
        for kind in KINDS:
            yield Ending("note", head, f"{campaign}|{kind}", bot_id, "", False)
    for campaign, link in sorted(set(links)):
        short = hashlib.sha256(link.encode()).hexdigest()[:12]
        yield Ending("note", head, f"{campaign}|click|{short}", bot_id, "", False)


def recognise(
    db: duckdb.DuckDBPyConnection,
    references: Sequence[Reference],
    *,
    account: str,
    known: Iterable[Key],
    endings: Iterable[Ending],
    near: Collection[int],
    highest: int,
) -> dict[str, Key]:
    """Return, by reference, the one key it was made of. What two keys would explain is left out.

    `known` are keys that the history names; `near` are persons to try first, `highest` the
    highest person id there may have been.
    """
    wanted = {one.marker: one.object for one in references}
    found = {m: k for k in known if wanted.get(m := marker_of(k.write_key)) == k.object}
    _fill(db, "adopt_endings", list(Ending._fields), set(endings))
    _fill(db, "adopt_near", ["person_id"], [(str(one),) for one in sorted(near)])
    everybody = f"SELECT range::VARCHAR AS person_id FROM range(1, {int(highest) + 1})"
    for people, n, is_wide in (
        ("FROM adopt_near", NEAR_N, False),
        ("FROM adopt_near", WIDE_N, True),
        (everybody, NEAR_N, False),
    ):
        left = [(m, _hex(m), noun) for m, noun in wanted.items() if m not in found]
        if not left:
            break
        _fill(db, "adopt_wanted", ["marker", "hex", "object"], left)
        query = MATCHES.format(people=people, wide="TRUE" if is_wide else "NOT e.is_wide")
        for marker, *parts in db.execute(query, [n, account]).fetchall():
            found[marker] = Key._make(parts)
    return found


def founders(
    db: duckdb.DuckDBPyConnection, account: str, contacts: Collection[str], highest: int
) -> Mapping[str, tuple[int, int]]:
    """Return by contact the person that founded it and as whose how manieth, where one did."""
    _fill(db, "adopt_contacts", ["contact_id"], [(one,) for one in sorted(contacts)])
    rows = db.execute(FOUNDERS, [int(highest) + 1, WIDE_N, account]).fetchall()
    return {contact: (int(person), int(n)) for contact, person, n in rows}


def _in_texts(noun: str, record: Mapping[str, Any]) -> Iterator[Reference]:
    texts = [str(record.get(name) or "") for name in TEXTS[noun]]
    for marker in {found for text in texts for found in REFERENCE.findall(text)}:
        yield _reference(marker, noun, record)


def _reference(marker: str, noun: str, record: Mapping[str, Any]) -> Reference:
    person = record.get("person_id")
    is_gone = record.get("is_deleted") or record.get("active_flag") is False
    return Reference(
        marker, noun, int(record["id"]), person if isinstance(person, int) else None, not is_gone
    )


def _hex(marker: str) -> str:
    """The first ten hex digits of the hash whose first eight letters in base 32 these are.

    >>> _hex(marker_of("note|acme|news|c1|7|open"))
    '35b8cf32bf'
    """
    return b32decode(marker.removeprefix("SL-")).hex()


def _fill(
    db: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str], rows: Collection[Any]
) -> None:
    kinds = [pa.bool_() if column.startswith("is_") else pa.string() for column in columns]
    schema = pa.schema(list(zip(columns, kinds, strict=True)))
    told = [dict(zip(columns, row, strict=True)) for row in rows]
    db.register("arrived", pa.Table.from_pylist(told, schema=schema))
    db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM arrived")
    db.unregister("arrived")


MATCHES = """
WITH people AS ({people}),

contacts AS (
    SELECT
        p.person_id,
        n.range AS n,
        'c' || left(sha256(concat_ws('|', $2, p.person_id, n.range)), 16) AS contact_id
    FROM people AS p
    CROSS JOIN range(1, $1 + 1) AS n
),

matches AS (
    SELECT
        w.marker,
        concat_ws('|', e.head, c.contact_id, e.tail) AS write_key,
        e.object, c.contact_id, e.bot_id, e.rule_id, c.person_id::BIGINT AS person_id, c.n
    FROM contacts AS c
    CROSS JOIN adopt_endings AS e
    INNER JOIN adopt_wanted AS w
        ON
            w.object = e.object
            AND w.hex = left(sha256(concat_ws('|', e.head, c.contact_id, e.tail)), 10)
    WHERE {wide}
)

SELECT * FROM matches
QUALIFY count(DISTINCT write_key) OVER (PARTITION BY marker) = 1
"""
FOUNDERS = """
SELECT
    'c' || left(sha256(concat_ws('|', $3, p.range, n.range)), 16) AS contact_id,
    p.range,
    n.range
FROM range(1, $1) AS p
CROSS JOIN range(1, $2 + 1) AS n
INNER JOIN adopt_contacts AS c
    ON c.contact_id = 'c' || left(sha256(concat_ws('|', $3, p.range, n.range)), 16)
"""
