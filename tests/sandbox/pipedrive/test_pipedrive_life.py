"""What becomes of persons, notes, activities and fields over time."""

from typing import Any

import pytest
from pipedrive_desk import CARA, Desk


def make_person(crm: Desk, **members: Any) -> dict[str, Any]:
    person: dict[str, Any] = crm.post("/api/v2/persons", {"name": "A B"} | members).result
    return person


def test_a_deleted_person_is_off_the_list_and_read_as_assumed(crm: Desk) -> None:
    person = make_person(crm)
    crm.control("POST", "/clock", {"advance_s": 60})
    assert crm.delete(f"/api/v2/persons/{person['id']}").result == {"id": person["id"]}
    assert crm.get("/api/v2/persons", ids=person["id"]).result == []
    read = crm.get(f"/api/v2/persons/{person['id']}").result
    assert (read["is_deleted"], read["update_time"] > person["update_time"]) == (True, True)
    crm.assume("get_deleted_person", "404")
    assert crm.get(f"/api/v2/persons/{person['id']}").status == 404
    assert crm.patch(f"/api/v2/persons/{person['id']}", {"name": "C"}).status == 404


def test_merging_leaves_the_other_person_with_everything(crm: Desk) -> None:
    loser = make_person(crm, emails=[{"value": "l@x.org"}], job_title="Buyer")
    winner = make_person(crm, emails=[{"value": "w@x.org"}])
    crm.post("/v1/notes", {"content": "n", "person_id": loser["id"]})
    people = [{"person_id": loser["id"], "primary": True}]
    activity = crm.post("/api/v2/activities", {"subject": "x", "participants": people}).result
    merged = crm.call(
        "PUT", f"/v1/persons/{loser['id']}/merge", {"merge_with_id": winner["id"]}
    ).result
    assert (merged["id"], merged["merge_what_id"]) == (winner["id"], loser["id"])
    assert [(e["value"], e["primary"]) for e in merged["email"]] == [
        ("w@x.org", True),
        ("l@x.org", False),
    ]
    kept = crm.get(f"/api/v2/persons/{winner['id']}").result
    assert kept["job_title"] == "Buyer"
    assert crm.get(f"/api/v2/persons/{loser['id']}").result["is_deleted"] is True
    assert crm.get("/v1/notes", person_id=winner["id"]).result[0]["content"] == "n"
    assert crm.get(f"/api/v2/activities/{activity['id']}").result["person_id"] == winner["id"]


def test_last_activity_is_the_one_done_last(crm: Desk) -> None:
    person = make_person(crm)
    body = {"subject": "x", "participants": [{"person_id": person["id"], "primary": True}]}
    first = crm.post("/api/v2/activities", body).result
    second = crm.post("/api/v2/activities", body | {"done": True}).result
    assert second["marked_as_done_time"] and not first["marked_as_done_time"]
    extras = {"include_fields": "last_activity_id,next_activity_id,done_activities_count"}
    read = crm.get(f"/api/v2/persons/{person['id']}", **extras).result
    assert (read["last_activity_id"], read["next_activity_id"]) == (second["id"], first["id"])
    crm.control("POST", "/clock", {"advance_s": 60})
    crm.patch(f"/api/v2/activities/{first['id']}", {"done": True})
    read = crm.get(f"/api/v2/persons/{person['id']}", **extras).result
    assert (read["last_activity_id"], read["done_activities_count"]) == (first["id"], 2)


def test_played_mails_set_the_times_that_include_fields_brings(crm: Desk) -> None:
    person = make_person(crm)
    at = "2026-01-02T03:04:05Z"
    crm.control("POST", "/events/pipedrive", {"kind": "mail_in", "person": person["id"], "at": at})
    extras = "last_incoming_mail_time,last_outgoing_mail_time"
    read = crm.get("/api/v2/persons", ids=person["id"], include_fields=extras).result[0]
    assert (read["last_incoming_mail_time"], read["last_outgoing_mail_time"]) == (at, None)
    assert "last_incoming_mail_time" not in crm.get(f"/api/v2/persons/{person['id']}").result


def test_notes_lose_scripts_and_as_assumed_comments(crm: Desk) -> None:
    content = '<b onclick="x()">hi</b><!-- SL-1 --><script>alert(1)</script>'
    note = crm.post("/v1/notes", {"content": content, "person_id": 1}).result
    assert note["content"] == "<b>hi</b>"
    crm.assume("note_strips_comments", False)
    kept = crm.call("PUT", f"/v1/notes/{note['id']}", {"content": content}).result
    assert kept["content"] == "<b>hi</b><!-- SL-1 -->"


def test_notes_are_paged_by_start_and_tied_to_something(crm: Desk) -> None:
    assert crm.post("/v1/notes", {"content": "loose"}).status == 400
    assert crm.post("/v1/notes", {"content": "x" * 102_401, "person_id": 1}).status == 400
    made = [
        crm.post("/v1/notes", {"content": str(n), "person_id": 1}).result["id"] for n in range(3)
    ]
    first = crm.get("/v1/notes", person_id=1, limit=2)
    paging = first.body["additional_data"]["pagination"]
    assert (paging["more_items_in_collection"], paging["next_start"]) == (True, 2)
    rest = crm.get("/v1/notes", person_id=1, limit=2, start=2)
    assert [n["id"] for n in first.result + rest.result] == made
    assert crm.delete(f"/v1/notes/{made[0]}").result is True
    assert crm.get(f"/v1/notes/{made[0]}").result["active_flag"] is False


def test_only_an_admin_writes_notes_in_another_name(crm: Desk) -> None:
    body = {"content": "x", "person_id": 1, "user_id": 102}
    assert crm.as_user(CARA).post("/v1/notes", body).status == 403
    assert crm.post("/v1/notes", body).result["user"]["email"] == "bob@acme.example"


def test_guests_of_a_meeting_read_its_public_description(crm: Desk) -> None:
    body = {
        "subject": "x",
        "public_description": "ref SL-7",
        "attendees": [{"email": "guest@x.org"}],
    }
    crm.post("/api/v2/activities", body)
    assert [(m["to"], m["text"]) for m in crm.book("invitations")] == [("guest@x.org", "ref SL-7")]


def test_a_deleted_field_takes_its_values_along(crm: Desk) -> None:
    body = {"field_name": "Marker", "field_type": "varchar"}
    code = crm.post("/api/v2/personFields", body).result["field_code"]
    assert len(code) == 40
    person = make_person(crm, custom_fields={code: "SL-1"})
    crm.delete(f"/api/v2/personFields/{code}")
    assert code not in crm.get(f"/api/v2/persons/{person['id']}").result["custom_fields"]
    assert crm.get(f"/api/v2/personFields/{code}").status == 404
    assert make_person_status(crm, {code: "x"}) == 400


def make_person_status(crm: Desk, custom_fields: dict[str, Any]) -> int:
    return crm.post("/api/v2/persons", {"name": "A", "custom_fields": custom_fields}).status


def test_options_can_be_added_renamed_and_deleted(crm: Desk) -> None:
    code = crm.field_code("Customer tier")
    (added,) = crm.post(f"/api/v2/personFields/{code}/options", [{"label": "Platinum"}]).result
    person = make_person(crm, custom_fields={code: added["id"]})
    renamed = [{"id": added["id"], "label": "Diamond"}]
    assert crm.patch(f"/api/v2/personFields/{code}/options", renamed).result == renamed
    read = crm.get(f"/api/v2/persons/{person['id']}", include_option_labels="true").result
    assert read["custom_fields"][code] == renamed[0]
    crm.delete(f"/api/v2/personFields/{code}/options", [{"id": added["id"]}])
    assert crm.get(f"/api/v2/persons/{person['id']}").result["custom_fields"][code] is None


def test_fields_are_listed_with_their_codes_and_two_may_share_a_name(crm: Desk) -> None:
    fields = crm.walk("/api/v2/personFields", limit=5)
    by_code = {f["field_code"]: f["field_name"] for f in fields}
    assert (by_code["email"], by_code["phone"], by_code["job_title"]) == (
        "Email",
        "Phone",
        "Job title",
    )
    assert sum(name == "Code" for name in by_code.values()) == 2
    numbered = crm.get("/v1/personFields").result
    assert {f["key"] for f in numbered} == set(by_code)


def test_every_kind_of_list_and_record_fits_the_contract(crm: Desk) -> None:
    for path in ("pipelines", "stages", "organizations", "deals", "activities", "persons",
                 "dealFields", "organizationFields", "activityFields"):  # fmt: skip
        first = crm.get(f"/api/v2/{path}", limit=500).result[0]
        assert crm.get(f"/api/v2/{path}/{first.get('id', first.get('field_code'))}").status == 200
    for path in ("users", "users/me", "users/101", "currencies", "activityTypes", "webhooks",
                 "filters", "filters/1", "filters/helpers"):  # fmt: skip
        assert crm.get(f"/v1/{path}").status == 200
        assert crm.get(f"/api/v1/{path}").status == 200
    assert crm.get("/api/v2/itemSearch", term="an").status == 200


def test_organizations_and_pipelines_can_be_kept(crm: Desk) -> None:
    body = {"name": "New Co", "address": {"value": "Riga"}}
    company = crm.post("/api/v2/organizations", body).result
    renamed = crm.patch(f"/api/v2/organizations/{company['id']}", {"name": "Newer Co"}).result
    assert (renamed["name"], renamed["address"]) == ("Newer Co", {"value": "Riga"})
    assert crm.delete(f"/api/v2/organizations/{company['id']}").status == 200
    pipeline = crm.post("/api/v2/pipelines", {"name": "Test"}).result
    body = {"name": "Start", "pipeline_id": pipeline["id"]}
    stage = crm.post("/api/v2/stages", body).result
    deal = crm.post("/api/v2/deals", {"title": "d", "pipeline_id": pipeline["id"]}).result
    assert deal["stage_id"] == stage["id"]


@pytest.mark.parametrize("fields", ["dealFields", "organizationFields"])
def test_a_field_with_options_lives_by_the_contract(crm: Desk, fields: str) -> None:
    body = {"field_name": "Size", "field_type": "enum", "options": [{"label": "S"}]}
    path = f"/api/v2/{fields}"
    code = crm.post(path, body).result["field_code"]
    added = crm.post(f"{path}/{code}/options", [{"label": "M"}]).result[0]
    renamed = [{"id": added["id"], "label": "L"}]
    assert crm.patch(f"{path}/{code}/options", renamed).result == renamed
    crm.delete(f"{path}/{code}/options", [{"id": added["id"]}])
    assert [o["label"] for o in crm.get(f"{path}/{code}").result["options"]] == ["S"]
    assert crm.delete(f"{path}/{code}").status == 200
    assert crm.get(f"{path}/{code}").status == 404
