"""Do by hand, through the vendors' APIs, what the oracle expects: the product's job, done naively.

Only for the oracle's own tests: whoever checks others should be seen to be quiet and to speak.
"""

from tests.oracle.bench import Bench
from tests.oracle.model import Expected, Row
from tests.oracle.reading import Json, World


def carry_out(bench: Bench, expected: Expected, before: World) -> None:
    """Make both vendors look as expected; works once, on a world nobody has synced yet."""
    add_fields(bench, [name for row in expected.rows.values() for name in row.values])
    for address, row in expected.rows.items():
        member = before.members.get(address)
        if row.presence == "absent" and member:
            bench.list.call("listMemberDelete", id=before.list_id, email_address=address)
        elif row.presence == "subscribed":
            subscribe(bench, before.list_id, address, row)
    for (kind, owner, person), count in expected.activities.items():
        for _ in range(count):
            add_activity(bench, kind, owner, person)
    for (stage, pipeline, owner, person), count in expected.deals.items():
        for _ in range(count):
            body = {"title": "by hand", "stage_id": stage, "pipeline_id": pipeline}
            body |= {"owner_id": owner, "person_id": person}
            bench.crm.call("POST", "/api/v2/deals", body)
    for person, count in expected.notes.items():
        for number in range(count):
            add_note(bench, person, f"by hand, number {number}")


def add_fields(bench: Bench, names: list[str]) -> None:
    """Fields of the list by these names, and the one for the source."""
    list_id = bench.list.list_named(bench.title)
    known = {field["tag"] for field in bench.list.call("listMergeVars", id=list_id)}
    for name in dict.fromkeys([*names, "Source"]):
        if tag_of(name) not in known:
            bench.list.call("listMergeVarAdd", id=list_id, tag=tag_of(name), name=name)


def tag_of(name: str) -> str:
    return name.upper().replace(" ", "_")


def subscribe(bench: Bench, list_id: str, address: str, row: Row) -> None:
    source = "|".join(["Pipedrive", *sorted(row.sources[0] or ())])
    values = {tag_of(name): next(iter(right)) for name, right in row.values.items()}
    form = {f"merge_vars[{tag}]": value for tag, value in (values | {"SOURCE": source}).items()}
    bench.list.call(
        "listSubscribe",
        id=list_id,
        email_address=address,
        double_optin="false",
        update_existing="true",
        **form,
    )


def add_activity(bench: Bench, kind: str, owner: int, person: int) -> None:
    body: Json = {"subject": "by hand", "type": kind, "owner_id": owner}
    body["participants"] = [{"person_id": person, "primary": True}]
    bench.crm.call("POST", "/api/v2/activities", body)


def add_note(bench: Bench, person: int, text: str) -> None:
    bench.crm.call("POST", "/v1/notes", {"content": text, "person_id": person})
