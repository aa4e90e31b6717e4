"""What the vendors' books and journals say of all lists, and the runs' table of who ran when.

Wanted on every list of an account is the address of each of its persons: the one flagged primary,
else the first, if it can be an address at all. That is read from the CRM's book alone: what no list
has is missing from all of them.
"""

import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
WINDOW = timedelta(seconds=2)
NOT_ASKED = {"PLAY", "CLOCK"}  # lines of the journal that are nobody's request
Book = Sequence[Mapping[str, Any]]


class Run(NamedTuple):
    """One run of a sync; without an end it died or goes on."""

    sync: str
    started_at: datetime
    ended_at: datetime | None


class Judged(NamedTuple):
    """Of one account, or of several together: counts are added, the busiest is the busiest one."""

    made: int = 0
    doubled: int = 0
    missing: int = 0
    unwanted: int = 0
    too_fast: int = 0  # requests a vendor answered with 429
    busiest_crm: int = 0  # requests in any two seconds
    busiest_list: int = 0

    def plus(self, other: "Judged") -> "Judged":
        counts = [a + b for a, b in zip(self[:5], other[:5], strict=True)]
        busiest = [max(a, b) for a, b in zip(self[5:], other[5:], strict=True)]
        return Judged(*counts, *busiest)


def judge(url: str, titles: Sequence[str]) -> Judged:
    """One sandbox: its lists of these titles against its persons, and its journal."""
    with httpx.Client(base_url=f"{url}/_sandbox", timeout=60, trust_env=False) as control:
        persons = control.get("/books/pipedrive/persons").json()
        lists = control.get("/books/mailigen/lists").json()
        members = control.get("/books/mailigen/members").json()
        journal = [json.loads(line) for line in control.get("/journal").text.splitlines()]
    titled = {one["id"]: one["name"] for one in lists if one["name"] in titles}
    return on_lists(titled, titles, wanted(persons), members)._replace(
        too_fast=sum(line["status"] == 429 for line in journal),
        busiest_crm=busiest(journal, "pipedrive"),
        busiest_list=busiest(journal, "mailigen"),
    )


def on_lists(
    titled: Mapping[str, str], titles: Sequence[str], addresses: set[str], members: Book
) -> Judged:
    """`titled`: the lists there are, by id; two of one title are one list, doubled."""
    held = Counter(
        (titled[one["list"]], str(one["email"]).lower())
        for one in members
        if one["list"] in titled and not one["_deleted"]
    )
    asked = {(title, email) for title in titles for email in addresses}
    return Judged(
        made=len(held), doubled=held.total() - len(held),
        missing=len(asked - held.keys()), unwanted=len(held.keys() - asked),
    )  # fmt: skip


def wanted(persons: Book) -> set[str]:
    """The address of each person that is not deleted and has one.

    >>> ann = {"value": "Ann@x.example", "primary": False}
    >>> at_work = {"value": "ann@work.example", "primary": True}
    >>> wanted([{"emails": [ann, at_work], "is_deleted": False}])
    {'ann@work.example'}
    """
    found = set()
    for one in persons:
        entries = sorted(one["emails"], key=lambda entry: not entry["primary"])
        if entries and not one["is_deleted"]:
            found.add(str(entries[0]["value"]).strip().lower())
    return {email for email in found if ADDRESS.fullmatch(email)}


def busiest(journal: Iterable[Mapping[str, Any]], vendor: str) -> int:
    """The most requests that reached a vendor in any two seconds, wherever they begin."""
    recent, most = deque[datetime](), 0
    for line in journal:
        if line["vendor"] == vendor and line["method"] not in NOT_ASKED:
            recent.append(datetime.fromisoformat(line["at"]))
            while recent[0] <= recent[-1] - WINDOW:
                recent.popleft()
            most = max(most, len(recent))
    return most


def overlapping(runs: Iterable[Run], killed_at: datetime | None) -> int:
    """How many runs began while another of their sync went on.

    One without an end went on until the kill, where there was one; else it has not ended.
    """
    goes_on: dict[str, datetime | None] = {}  # until when; None: nobody knows of an end
    count = 0
    for one in sorted(runs, key=lambda run: run.started_at):
        if one.sync in goes_on:
            until = goes_on[one.sync]
            count += until is None or one.started_at < until
        ended = one.ended_at or killed_at
        before = goes_on.get(one.sync, ended)
        goes_on[one.sync] = None if ended is None or before is None else max(ended, before)
    return count
