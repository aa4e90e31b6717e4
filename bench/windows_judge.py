"""What the windows of `bench.windows` did, by the sandbox's journal and books alone.

A change is carried across by the sync's first write to the other side's record after it. At the
end every value must be there, everybody must be there once, and nobody was written to more often
than changed.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

Json = dict[str, Any]
CRM, ENGAGEMENT = "pipedrive", "mailchimp"
KINDS = {
    "person": "person edited in Pipedrive", "member": "member edited at Mailchimp",
    "joined": "somebody joined at Mailchimp", "deal": "deal moved to the stage",
}  # fmt: skip
WRITTEN_TO = {"person": ENGAGEMENT, "deal": ENGAGEMENT, "member": CRM, "joined": CRM}


class Change(NamedTuple):
    """What somebody did at one vendor, and what became of its webhook ('': delivered once)."""

    kind: str
    email: str
    value: str
    at: float
    fate: str = ""


class Books(NamedTuple):
    """Both sides as they stand, records that are deleted left out."""

    persons: Sequence[Json]
    members: Sequence[Json]

    def names(self, vendor: str) -> dict[str, list[str]]:
        """Address -> the first names under which it is there: one, if all is well."""
        found = defaultdict(list)
        if vendor == CRM:
            for one in self.persons:
                for email in {str(e["value"]).lower() for e in one["emails"]}:
                    found[email].append(str(one["first_name"]))
        else:
            for one in self.members:
                shown = one["merge_fields"].get("FNAME", "")
                found[str(one["email_address"]).lower()].append(str(shown))
        return found

    def left(self) -> dict[str, tuple[str, str]]:
        """Who is no subscriber, and by whose act."""
        return {
            str(one["email_address"]).lower(): (str(one["status"]), str(one["left_by"]))
            for one in self.members if one["status"] in ("unsubscribed", "cleaned", "archived")
        }  # fmt: skip


class Write(NamedTuple):
    """A write of the sync to somebody's fields."""

    vendor: str
    email: str
    at: float
    is_new: bool


def writes(journal: Sequence[Mapping[str, Any]], books: Books) -> list[Write]:
    """The sync's own, in their order. Tags are no fields; what somebody did says so itself."""
    owners = {
        ("persons", str(one["id"])): str(one["emails"][0]["value"]).lower()
        for one in books.persons if one["emails"]
    } | {
        ("members", str(one["contact_id"])): str(one["email_address"]).lower()
        for one in books.members
    }  # fmt: skip
    found = []
    for entry in journal:
        path, method = str(entry["path"]), entry["method"]
        if method not in ("POST", "PATCH", "CLOCK") or "by=somebody" in path or "/tags" in path:
            continue
        at = datetime.fromisoformat(entry["at"]).timestamp()
        for effect in entry["effects"]:
            email = owners.get((effect["object"], effect["id"]))
            if email is not None:
                is_new = effect["verb"] == "create"
                found.append(Write(str(entry["vendor"]), email, at, is_new))
    return found


class Verdict(NamedTuple):
    """How soon each change got across, and what is wrong at the end."""

    took: list[tuple[Change, float | None]]  # None: no write after it
    lost: list[str]
    doubled: list[str]
    left_differs: list[str]

    @property
    def is_well(self) -> bool:
        return not (self.lost or self.doubled or self.left_differs)

    def lines(self) -> Iterator[str]:
        told = [(c, s) for c, s in self.took if c.fate != "dropped"]
        yield _line("all delivered", [s for _, s in told])
        for kind, noun in KINDS.items():
            yield _line(noun, [s for c, s in told if c.kind == kind])
        for fate in ("doubled", "reordered", "dropped"):
            yield _line(f"webhook {fate}", [s for c, s in self.took if c.fate == fate])
        for what, found in (
            ("lost", self.lost), ("doubled", self.doubled), ("opt-outs changed", self.left_differs),
        ):  # fmt: skip
            yield f"{what}: {len(found)}" + (f" ({'; '.join(found[:5])})" if found else "")


def _line(what: str, seconds: Sequence[float | None]) -> str:
    took = sorted(one for one in seconds if one is not None)
    missing = len(seconds) - len(took)
    if not took:
        return f"{what}: {len(seconds)}, none got across by itself"
    p95 = took[min(int(len(took) * 0.95), len(took) - 1)]
    shown = f"median {statistics.median(took):.2f} s, p95 {p95:.2f} s, longest {took[-1]:.2f} s"
    return f"{what}: {len(took)}, {shown}" + (f"; {missing} without a write" if missing else "")


def judge(
    changes: Sequence[Change], journal: Sequence[Mapping[str, Any]], before: Books, after: Books
) -> Verdict:
    """Hold what was done against what is there."""
    made = defaultdict[tuple[str, str], list[Write]](list)
    for write in writes(journal, after):
        made[write.vendor, write.email].append(write)
    first, last = changes[0].at, {one.email: one for one in changes}
    took = []
    for one in changes:
        later = [w.at for w in made[WRITTEN_TO[one.kind], one.email] if w.at >= one.at]
        took.append((one, later[0] - one.at if later else None))
    lost, doubled = _at_the_end(last.values(), after)
    wanted = Counter((WRITTEN_TO[one.kind], one.email) for one in changes)
    for (vendor, email), done in made.items():
        since = [w for w in done if w.at >= first]
        if len(since) > wanted[vendor, email]:
            doubled.append(f"{email}: {len(since)} writes to {vendor} for {wanted[vendor, email]}")
    is_left = after.left()
    differs = [
        f"{email} was {how} and is {is_left.get(email)}"
        for email, how in before.left().items() if is_left.get(email) != how
    ]  # fmt: skip
    return Verdict(took, lost, doubled, differs)


def _at_the_end(last: Any, after: Books) -> tuple[list[str], list[str]]:
    """Whose last value is not on both sides, and who is there twice."""
    sides = {vendor: after.names(vendor) for vendor in (CRM, ENGAGEMENT)}
    lost, doubled = [], []
    for one in last:
        for vendor, names in sides.items():
            found = names[one.email]
            if one.value not in found:
                lost.append(f"{one.kind} {one.email}: {found or 'nobody'} at {vendor}")
            if len(found) > 1:
                doubled.append(f"{one.email} is at {vendor} {len(found)} times")
    return lost, doubled
