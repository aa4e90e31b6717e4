"""What a story can leave at the vendors, ids and wording aside: one line a record."""

import json
import re

from tests.lab.stories.story import LabDesk

REFERENCE = re.compile(r"SL-[A-Z2-7]{8}")
KEPT = {
    "deals": ("person_id", "owner_id", "stage_id"),
    "activities": ("person_id", "owner_id", "type"),
    "notes": ("person_id",),
    "dealFields": ("field_name",),
    "filters": ("name",),
}


def list_books(desk: LabDesk) -> list[str]:
    """Deeds go by their reference, which is made of who, which rule and which crossing."""
    found = [
        json.dumps([name, *(row.get(column) for column in columns), *REFERENCE.findall(str(row))])
        for name, columns in KEPT.items()
        for row in desk.book("pipedrive", name)
    ]
    titles = {one["id"]: one["name"] for one in desk.book("mailigen", "lists")}
    found += [json.dumps(["list", title]) for title in titles.values()]
    found += [
        json.dumps(
            [titles[m["list"]], m["email"].lower(), m["status"], m["merges"]], sort_keys=True
        )
        for m in desk.book("mailigen", "members")
    ]
    for var in desk.book("mailigen", "merge_vars"):
        found.append(json.dumps([titles[var["list"]], var["tag"]]))
    return sorted(found + _persons(desk))


def flow_books(desk: LabDesk) -> list[str]:
    """Persons by their addresses and names, contacts by theirs, ids aside."""
    found = [json.dumps(["filter", row["name"]]) for row in desk.book("pipedrive", "filters")]
    tags = {s["id"]: s["name"] for s in desk.book("mailchimp", "segments")}
    found += [
        json.dumps([
            row["list_id"], row["email_address"].lower(), row["status"], row["merge_fields"],
            sorted(str(tags.get(one)) for one in row["tags"]),
        ], sort_keys=True)
        for row in desk.book("mailchimp", "members")
    ]  # fmt: skip
    return sorted(found + _persons(desk))


def _persons(desk: LabDesk) -> list[str]:
    return [
        json.dumps(["person", sorted(e["value"].lower() for e in row["emails"]), row["name"]])
        for row in desk.book("pipedrive", "persons")
    ]
