"""Search, v2: an index of its own, which may lag behind the books."""

from collections.abc import Iterator
from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers
from sandbox.pipedrive.answers import RefusalError
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.company import Company
from sandbox.vendor import Answer

SEARCHED = {"persons": "person", "organizations": "organization", "deals": "deal"}
FIELDS = ("custom_fields", "email", "notes", "phone", "name", "title", "address")
MOST_ITEMS = 100


def search_persons(company: Company, call: Call) -> Answer:
    return _answer(company, call, ("persons",), 500)


def search_organizations(company: Company, call: Call) -> Answer:
    return _answer(company, call, ("organizations",), 500)


def search_deals(company: Company, call: Call) -> Answer:
    return _answer(company, call, ("deals",), 500)


def search_items(company: Company, call: Call) -> Answer:
    asked = call.words("item_types")
    return _answer(
        company, call, [n for n, kind in SEARCHED.items() if not asked or kind in asked], MOST_ITEMS
    )


def _answer(company: Company, call: Call, names: Any, most: int) -> Answer:
    is_exact = call.flag("exact_match")
    term = call.query.get("term", "").casefold()
    if len(term) < (1 if is_exact else 2):
        raise RefusalError(400, "The search term must be at least 2 characters long")
    limit = min(call.whole("limit") or 100, most)
    skip = call.whole("cursor") or 0
    wanted = set(call.words("fields") or FIELDS)
    lag_s = max(company.assume["search_lag_s"], call.search_lag_s)
    found = [
        {"result_score": 1.0 if is_exact else 0.5, "item": _item(company, name, record)}
        for name in names
        for record in _as_indexed(company, name, lag_s, call)
        if any(term == t if is_exact else term in t for t in _texts(record, wanted))
    ]
    more = str(skip + limit) if len(found) > skip + limit else None
    hits = {"items": found[skip : skip + limit]}
    return answers.ok(hits, additional_data={"next_cursor": more})


def _as_indexed(company: Company, name: str, lag_s: float, call: Call) -> Iterator[Record]:
    """Live records as they were `lag_s` seconds ago."""
    then = company.as_of(name, lag_s, call.at)
    for record in company.records(name, with_deleted=True):
        seen = then.get(record["id"], record)
        if seen and not seen.get("is_deleted"):
            yield seen


def _texts(record: Record, wanted: set[str]) -> Iterator[str]:
    for field, members in (
        ("name", ("name",)),
        ("title", ("title",)),
        ("notes", ("notes",)),
        ("email", ("emails",)),
        ("phone", ("phones",)),
        ("address", ("address",)),
    ):
        for value in (record.get(member) for member in members if field in wanted):
            ways = value if isinstance(value, list) else [value]
            for way in ways:
                text = way.get("value") if isinstance(way, dict) else way
                if text:
                    yield str(text).casefold()
    if "custom_fields" in wanted:
        yield from (v.casefold() for v in record["custom_fields"].values() if isinstance(v, str))


def _item(company: Company, name: str, record: Record) -> Record:
    org = company.live("organizations", record.get("org_id"))
    item: Record = {
        "id": record["id"],
        "type": SEARCHED[name],
        "visible_to": record["visible_to"],
        "owner": {"id": record["owner_id"]},
        "custom_fields": [v for v in record["custom_fields"].values() if isinstance(v, str)],
        "notes": [],
    }
    linked = {"id": org["id"], "name": org["name"], "address": None} if org else None
    if name == "persons":
        emails = [e["value"] for e in record["emails"]]
        phones = [p["value"] for p in record["phones"]]
        item |= {"name": record["name"], "phones": phones, "emails": emails}
        item |= {"organization": linked}
    elif name == "deals":
        item |= {"title": record["title"], "status": record["status"], "organization": linked}
    else:
        address = record["address"]
        item |= {"name": record["name"], "address": address["value"] if address else None}
    return item
