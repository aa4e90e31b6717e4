"""What must hold whatever the rules say: checked without the model.

Left                 who unsubscribed, bounced hard or was taken off, and has not come back
resubscribed(...)    those of them that a call subscribed, though only for a moment
unclear_reasons(...) skips and refusals whose reason is no sentence for an operator
"""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from tests.oracle.reading import Json, World

OUT = ("unsubscribed", "bounced")
# What an operator cannot read: names of code, of exceptions, empty values, addresses.
UNREADABLE = (
    (re.compile(r"[^\s@]+@[^\s@]+"), "an address"),
    (re.compile(r"\b\w+_\w+\b"), "a name of code"),
    (re.compile(r"\b[a-z]+[A-Z]\w*"), "a name of code"),
    (re.compile(r"\b\w*(Error|Exception)\b|Traceback"), "the name of an exception"),
    (re.compile(r"\b(None|null|NULL|nan|True|False)\b"), "a value of code"),
    (re.compile(r"[{}\[\]<>\\]"), "brackets of code"),
    (re.compile(r"\A\S*\Z"), "no sentence"),
)
REASONS = """
SELECT DISTINCT 'skipped ' || object, reason FROM history.skipped
UNION
SELECT DISTINCT 'refused ' || object, coalesce(nullif(said, ''), reason, '')
FROM history.writes WHERE state = 'refused'
"""


class Left:
    """Addresses nobody may subscribe but their owner."""

    def __init__(self, world: World) -> None:
        self.list_id = world.list_id
        self.addresses = {a for a, member in world.members.items() if member.status in OUT}

    def has_left(self, address: str) -> None:
        self.addresses.add(address.lower())

    def is_back(self, address: str) -> None:
        self.addresses.discard(address.lower())


def resubscribed(told: list[Json], left: Left, lines: list[Json]) -> Iterator[str]:
    """`told` is every member there ever was, `lines` the journal since the last look: a created
    member is a subscribed one."""
    members = [member for member in told if member["list"] == left.list_id]
    by_id = {str(m["id"]): m for m in members}
    for member in members:
        is_there = not member["_deleted"] and member["status"] == "subscribed"
        if is_there and member["email"].lower() in left.addresses:
            yield f"{member['email']} had left and is subscribed again"
    for line in lines:
        for effect in line["effects"]:
            is_ours = line["method"] != "PLAY" and line["vendor"] == "mailigen"
            if is_ours and (effect["object"], effect["verb"]) == ("members", "create"):
                email = by_id.get(effect["id"], {}).get("email", "")
                if email.lower() in left.addresses:
                    yield f"{email} had left, and {line['path']} (line {line['seq']}) put it back"


def unclear_reasons(published: Path) -> Iterator[str]:
    """Reads what an analyst reads; a sync that never published says nothing."""
    if not published.exists():
        return
    with duckdb.connect(str(published), read_only=True) as db:
        told = db.execute(REASONS).fetchall()
    for of, reason in told:
        for pattern, what in UNREADABLE:
            if pattern.search(reason):
                yield f"the reason of a {of} record holds {what}: {reason!r}"
                break
