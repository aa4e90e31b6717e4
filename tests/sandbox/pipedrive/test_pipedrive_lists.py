"""Paging, quick filters and saved filters."""

import base64
import json
from typing import Any

import pytest
from pipedrive_desk import Desk


def live_ids(crm: Desk) -> list[int]:
    return [p["id"] for p in crm.book("persons") if not p["_deleted"]]


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [record["id"] for record in records]


def test_a_walk_brings_every_live_person_once(crm: Desk) -> None:
    assert ids(crm.walk("/api/v2/persons", limit=7)) == live_ids(crm)


def test_the_cursor_is_a_keyset_marker(crm: Desk) -> None:
    reply = crm.get("/api/v2/persons", limit=3)
    cursor = reply.body["additional_data"]["next_cursor"]
    read = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    following = live_ids(crm)[3]
    assert read == {"field": "id", "fieldValue": following, "sortDirection": "asc", "id": following}


def test_deleting_on_the_way_shifts_nothing(crm: Desk) -> None:
    expected = live_ids(crm)
    first = crm.get("/api/v2/persons", limit=10)
    crm.delete(f"/api/v2/persons/{expected[0]}")
    crm.delete(f"/api/v2/persons/{expected[10]}")
    second = crm.get(
        "/api/v2/persons", limit=10, cursor=first.body["additional_data"]["next_cursor"]
    )
    assert ids(second.result) == expected[11:21]


def test_walking_by_update_time_skips_who_changes_meanwhile(crm: Desk) -> None:
    first = crm.get("/api/v2/persons", limit=10, sort_by="update_time", sort_direction="desc")
    oldest = crm.get("/api/v2/persons", limit=1, sort_by="update_time").result[0]["id"]
    crm.patch(f"/api/v2/persons/{oldest}", {"job_title": "Moved to the front"})
    seen = ids(first.result)
    reply = first
    while cursor := reply.body["additional_data"]["next_cursor"]:
        reply = crm.get(
            "/api/v2/persons",
            limit=10,
            sort_by="update_time",
            sort_direction="desc",
            cursor=cursor,
        )
        seen += ids(reply.result)
    assert sorted([*seen, oldest]) == live_ids(crm)


def test_a_cursor_of_another_sort_is_refused(crm: Desk) -> None:
    cursor = crm.get("/api/v2/persons", limit=1).body["additional_data"]["next_cursor"]
    assert crm.get("/api/v2/persons", cursor=cursor, sort_by="add_time").status == 400
    assert crm.get("/api/v2/persons", cursor="garbage!").status == 400


def test_limits_over_500_are_clamped_or_refused_as_assumed(crm: Desk) -> None:
    assert crm.get("/api/v2/persons", limit=501).status == 200
    crm.assume("limit_over_500", "error")
    assert crm.get("/api/v2/persons", limit=501).status == 400


def test_at_most_a_hundred_ids_a_call(crm: Desk) -> None:
    few = live_ids(crm)[:3]
    assert ids(crm.get("/api/v2/persons", ids=",".join(map(str, [*few, 9999]))).result) == few
    assert crm.get("/api/v2/persons", ids=",".join(map(str, range(1, 102)))).status == 400


def test_updated_since_is_inclusive_and_until_is_not(crm: Desk) -> None:
    person = crm.post("/api/v2/persons", {"name": "A B"}).result
    at = person["update_time"]
    assert person["id"] in ids(crm.get("/api/v2/persons", updated_since=at).result)
    assert person["id"] not in ids(crm.walk("/api/v2/persons", updated_until=at))


def test_quick_filters_narrow_and_a_saved_filter_switches_them_off(crm: Desk) -> None:
    mine = crm.walk("/api/v2/persons", owner_id=101)
    assert mine and {p["owner_id"] for p in mine} == {101}
    both = crm.walk("/api/v2/persons", filter_id=2, owner_id=101)
    assert {p["owner_id"] for p in both} > {101}


def test_customers_eu_selects_gold_and_silver(crm: Desk) -> None:
    code = crm.field_code("Customer tier")
    selected = crm.walk("/api/v2/persons", filter_id=1)
    assert {p["custom_fields"][code] for p in selected} == {1, 2}
    expected = [
        p["id"]
        for p in crm.book("persons")
        if p["custom_fields"].get(code) in (1, 2) and not p["_deleted"]
    ]
    assert ids(selected) == expected


@pytest.mark.parametrize(
    ("label", "operator", "value", "matches"),
    [
        ("Region", "=", "baltics", True),
        ("Region", "!=", "Baltics", False),
        ("Region", "LIKE '%$%'", "ALT", True),
        ("Region", "LIKE '$%'", "alt", False),
        ("Region", "NOT LIKE '$%'", "Nor", True),
        ("Region", "IS NOT NULL", None, True),
        ("Renewal", "IS NULL", None, True),
        ("Contract value", ">", "99", True),
        ("Contract value", "<=", "99.5", False),
        ("Interests", "=", "5", True),
        ("Email", "contains", "zebra", True),
        ("Email", "LIKE '%$'", "@b.c", False),
    ],
)
def test_a_condition_tests_a_person(
    crm: Desk, label: str, operator: str, value: str | None, matches: bool
) -> None:
    values = {
        crm.field_code("Region"): "Baltics",
        crm.field_code("Contract value"): {"value": 100, "currency": "EUR"},
        crm.field_code("Interests"): [4, 5],
    }
    body = {"name": "Z", "custom_fields": values, "emails": [{"value": "zebra@x.org"}]}
    person = crm.post("/api/v2/persons", body).result
    filter_id = saved_filter(crm, label, operator, value)
    found = crm.walk("/api/v2/persons", filter_id=filter_id, limit=500)
    assert (person["id"] in ids(found)) is matches


def saved_filter(crm: Desk, label: str, operator: str, value: str | None) -> int:
    fields = crm.book("personFields")
    field_id = next(f["id"] for f in fields if f["field_name"] == label)
    condition = {"object": "person", "field_id": str(field_id), "operator": operator}
    groups = [
        {"glue": "and", "conditions": [condition | {"value": value, "extra_value": None}]},
        {"glue": "or", "conditions": []},
    ]
    body = {"name": "f", "type": "people", "conditions": {"glue": "and", "conditions": groups}}
    created = crm.post("/v1/filters", body).result
    return int(created["id"])


def test_a_dead_filter_selects_what_is_assumed(crm: Desk) -> None:
    filter_id = saved_filter(crm, "Region", "=", "nowhere")
    assert crm.get("/api/v2/persons", filter_id=filter_id).result == []
    crm.delete(f"/v1/filters/{filter_id}")
    assert crm.get(f"/v1/filters/{filter_id}").status == 404
    assert len(crm.walk("/api/v2/persons", filter_id=filter_id)) == len(live_ids(crm))
    crm.assume("dead_filter", "empty")
    assert crm.get("/api/v2/persons", filter_id=filter_id).result == []
    crm.assume("dead_filter", "error")
    assert crm.get("/api/v2/persons", filter_id=filter_id).status == 400


def test_a_list_that_lags_does_not_show_what_was_just_created(crm: Desk) -> None:
    crm.assume("list_index_lag_s", 60)
    person = crm.post("/api/v2/persons", {"name": "A B"}).result
    body = {"content": "Called", "person_id": person["id"]}
    note = crm.post("/v1/notes", body).result
    assert crm.get("/api/v2/persons", ids=person["id"]).result == []
    assert crm.get("/v1/notes", person_id=person["id"]).result == []
    crm.control("POST", "/clock", {"advance_s": 61})
    assert ids(crm.get("/api/v2/persons", ids=person["id"]).result) == [person["id"]]
    assert ids(crm.get("/v1/notes", person_id=person["id"]).result) == [note["id"]]


def test_deleted_and_archived_deals_have_lists_of_their_own(crm: Desk) -> None:
    gone, stored, open_one = (crm.post("/api/v2/deals", {"title": t}).result["id"] for t in "abc")
    crm.delete(f"/api/v2/deals/{gone}")
    crm.patch(f"/api/v2/deals/{stored}", {"is_archived": True})
    listed = ids(crm.walk("/api/v2/deals"))
    assert open_one in listed and not {gone, stored} & set(listed)
    assert ids(crm.walk("/api/v2/deals", status="deleted")) == [gone]
    assert ids(crm.walk("/api/v2/deals/archived")) == [stored]
    assert crm.patch(f"/api/v2/deals/{stored}", {"title": "x"}).status == 400
