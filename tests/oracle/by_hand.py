"""Do by hand, through the vendors' APIs, what the oracle expects: the product's job, done naively.

Only for the oracle's own tests: whoever checks others should be seen to be quiet and to speak.
"""

from collections import Counter
from typing import Any

from tests.oracle.bench import DONE, GUARDED, Bench, Ended
from tests.oracle.model import Expected
from tests.oracle.reading import Json, World
from tests.oracle.rows import SOURCE, Row


class Understudy(Bench):
    """A bench whose runs are done by hand, to rehearse scenarios: ORACLE_REHEARSAL=1 pytest ...

    It stops the first run as the guard would. It cannot be killed, nor make mistakes.
    """

    _has_asked = False

    def run(self, *, before: World | None = None) -> Ended:
        before = before or self.world()
        wrote, self._has_asked = self._has_asked, True
        expected = self.oracle.sweep(before, wrote=wrote)
        if wrote:
            carry_out(self, expected, before)
        return Ended(DONE if wrote else GUARDED, "approve")

    def approve(self) -> None:
        return


def carry_out(bench: Bench, expected: Expected, before: World) -> None:
    """Make both vendors look as expected."""
    add_fields(bench, [name for row in expected.rows.values() for name in row.values])
    # First who goes, then who comes: an address may be free only after that.
    for address, row in expected.rows.items():
        if row.presence == "absent" and address in before.members:
            bench.list.call("listMemberDelete", id=before.list_id, email_address=address)
    for address, row in expected.rows.items():
        if row.presence == "subscribed" and not looks_right(before, address, row):
            subscribe(bench, address, row)
        elif row.presence == "as_before" and row.sources:
            take_source(bench, before, address)
    do_deeds(bench, expected, before)


def do_deeds(bench: Bench, expected: Expected, before: World) -> None:
    """What is expected and not there yet."""
    old, own = bench.seeded, bench.own_activities
    activities = [a for i, a in before.activities.items() if i not in old.activities]
    made = Counter(
        (a["type"], a["owner_id"], a["person_id"]) for a in activities if a["id"] not in own
    )
    for kind, owner, person in (expected.activities - made).elements():
        add_activity(bench, kind, owner, person)
    deals = [d for i, d in before.deals.items() if i not in old.deals]
    sold = Counter((d["stage_id"], d["pipeline_id"], d["owner_id"], d["person_id"]) for d in deals)
    for stage, pipeline, owner, person in (expected.deals - sold).elements():
        body = {"title": "by hand", "stage_id": stage, "pipeline_id": pipeline}
        bench.crm.call("POST", "/api/v2/deals", body | {"owner_id": owner, "person_id": person})
    noted = Counter(n["person_id"] for i, n in before.notes.items() if i not in old.notes)
    for person, count in (expected.notes - noted).items():
        for number in range(count):
            add_note(bench, person, f"by hand, number {noted[person] + number}")


def looks_right(before: World, address: str, row: Row) -> bool:
    member = before.members.get(address)
    if member is None:
        return False
    values_fit = all(member.merges.get(tag_of(n), "") in right for n, right in row.values.items())
    return values_fit and member.merges.get(SOURCE) == source_of(row)


def add_fields(bench: Bench, names: list[str]) -> None:
    """Fields of the list by these names, and the one for the source."""
    list_id = bench.list.list_named(bench.title)
    if not list_id:
        list_id = str(bench.list.call("listCreate", title=bench.title))
    known = {field["tag"] for field in bench.list.call("listMergeVars", id=list_id)}
    for name in dict.fromkeys([*names, "Source"]):
        if tag_of(name) not in known:
            bench.list.call("listMergeVarAdd", id=list_id, tag=tag_of(name), name=name)


def tag_of(name: str) -> str:
    return name.upper().replace(" ", "_")


def source_of(row: Row) -> str:
    return "|".join(["Pipedrive", *sorted(row.sources[0] or ())])


def subscribe(bench: Bench, address: str, row: Row) -> None:
    values: dict[str, Any] = {tag_of(name): min(right) for name, right in row.values.items()}
    values[SOURCE] = source_of(row)
    form = {f"merge_vars[{tag}]": value for tag, value in values.items()}
    bench.list.call(
        "listSubscribe",
        id=bench.list.list_named(bench.title),
        email_address=address,
        double_optin="false",
        update_existing="true",
        **form,
    )


def take_source(bench: Bench, before: World, address: str) -> None:
    if before.members[address].merges.get(SOURCE):
        form = {f"merge_vars[{SOURCE}]": ""}
        bench.list.call("listUpdateMember", id=before.list_id, email_address=address, **form)


def add_activity(bench: Bench, kind: str, owner: int, person: int) -> None:
    body: Json = {"subject": "by hand", "type": kind, "owner_id": owner}
    body["participants"] = [{"person_id": person, "primary": True}]
    bench.crm.call("POST", "/api/v2/activities", body)


def add_note(bench: Bench, person: int, text: str) -> None:
    bench.crm.call("POST", "/v1/notes", {"content": text, "person_id": person})
