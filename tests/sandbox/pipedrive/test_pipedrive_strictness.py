"""What Pipedrive v2 refuses, and the words it refuses it with."""

from typing import Any

import pytest
from pipedrive_desk import CARA, Desk

PERSON: dict[str, Any] = {"name": "A B"}


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"nickname": "x"}, "nickname: Parameter 'nickname' is not allowed for this request"),
        ({"owner_id": "101"}, "owner_id: Expected integer, received string"),
        ({"owner_id": True}, "owner_id: Expected integer, received boolean"),
        ({"visible_to": 2}, "visible_to: Expected 1 | 3 | 5 | 7"),
        ({"emails": ["a@b.c"]}, "emails: Expected object, received string"),
        ({"emails": [{"label": "work"}]}, "emails: value: Required"),
        ({"org_id": 9999}, "org_id: Entity 9999 not found"),
        ({"custom_fields": {"nope": 1}}, "custom_fields.nope: Parameter 'nope' is not allowed"),
    ],
)
def test_a_person_body_is_refused_member_by_member(
    crm: Desk, extra: dict[str, Any], said: str
) -> None:
    reply = crm.post("/api/v2/persons", PERSON | extra)
    assert (reply.status, reply.body["code"]) == (400, "ERR_SCHEMA_VALIDATION_FAILED")
    assert said in reply.body["error"]
    assert len(crm.book("persons")) == 120


def test_two_primary_addresses_are_one_too_many(crm: Desk) -> None:
    both = [{"value": "a@b.c", "primary": True}, {"value": "d@e.f", "primary": True}]
    assert crm.post("/api/v2/persons", PERSON | {"emails": both}).status == 400


def test_the_first_address_becomes_primary_when_none_is(crm: Desk) -> None:
    ways = [{"value": "a@b.c"}, {"value": "d@e.f", "label": "home"}]
    person = crm.post("/api/v2/persons", PERSON | {"emails": ways}).result
    assert [(e["primary"], e["label"]) for e in person["emails"]] == [
        (True, "work"),
        (False, "home"),
    ]


def test_a_name_is_split_and_two_names_are_joined_by_the_server(crm: Desk) -> None:
    whole = crm.post("/api/v2/persons", {"name": "Ann van der Berg"}).result
    assert (whole["first_name"], whole["last_name"]) == ("Ann", "van der Berg")
    parts = crm.post("/api/v2/persons", {"first_name": "Ann", "last_name": "Berg"}).result
    assert parts["name"] == "Ann Berg"
    assert crm.post("/api/v2/persons", {"job_title": "Buyer"}).status == 400


def test_a_patch_changes_only_what_it_names(crm: Desk) -> None:
    before = crm.post("/api/v2/persons", {"name": "A B", "emails": [{"value": "a@b.c"}]}).result
    after = crm.patch(f"/api/v2/persons/{before['id']}", {"job_title": "Buyer"}).result
    assert after == before | {"job_title": "Buyer", "update_time": after["update_time"]}


@pytest.mark.parametrize(
    ("label", "good", "bad"),
    [
        ("Customer tier", 1, "Gold"),
        ("Interests", [4, 5], []),
        ("Interests", [4], [999]),
        ("Contract value", {"value": 12.5, "currency": "EUR"}, 12.5),
        ("Renewal", "2027-01-31", "31.01.2027"),
        ("Account lead", 101, 999),
        ("Region", "Baltics", "x" * 256),
    ],
)
def test_a_custom_value_has_the_shape_of_its_type(
    crm: Desk, label: str, good: Any, bad: Any
) -> None:
    code = crm.field_code(label)
    refused = crm.post("/api/v2/persons", PERSON | {"custom_fields": {code: bad}})
    assert (refused.status, code in refused.body["error"]) == (400, True)
    taken = crm.post("/api/v2/persons", PERSON | {"custom_fields": {code: good}}).result
    assert taken["custom_fields"][code] == good
    emptied = crm.patch(f"/api/v2/persons/{taken['id']}", {"custom_fields": {code: None}}).result
    assert emptied["custom_fields"][code] is None


def test_the_person_of_an_activity_comes_from_its_participants_only(crm: Desk) -> None:
    refused = crm.post("/api/v2/activities", {"subject": "x", "person_id": 1})
    assert (refused.status, "person_id" in refused.body["error"]) == (400, True)
    people = [{"person_id": 2, "primary": False}, {"person_id": 3, "primary": True}]
    activity = crm.post("/api/v2/activities", {"type": "call", "participants": people}).result
    assert (activity["person_id"], activity["subject"]) == (3, "Call")


def test_an_activity_note_stops_at_100_kilobytes(crm: Desk) -> None:
    assert crm.post("/api/v2/activities", {"subject": "x", "note": "y" * 102_400}).status == 200
    assert crm.post("/api/v2/activities", {"subject": "x", "note": "y" * 102_401}).status == 400


def test_the_stage_of_a_deal_decides_its_pipeline(crm: Desk) -> None:
    deal = crm.post("/api/v2/deals", {"title": "d", "stage_id": 6, "pipeline_id": 1}).result
    assert deal["pipeline_id"] == 2
    moved = crm.patch(f"/api/v2/deals/{deal['id']}", {"stage_id": 2}).result
    assert (moved["pipeline_id"], moved["stage_change_time"] is None) == (1, False)


def test_a_deal_beyond_the_plans_limit_is_refused_with_the_vendors_code(crm: Desk) -> None:
    crm.assume("deals_limit", 0)
    reply = crm.post("/api/v2/deals", {"title": "d"})
    assert (reply.status, reply.body["code"]) == (403, "feature_capping_deals_limit")


def test_a_lost_reason_needs_a_lost_deal(crm: Desk) -> None:
    assert crm.post("/api/v2/deals", {"title": "d", "lost_reason": "price"}).status == 400
    lost = crm.post(
        "/api/v2/deals", {"title": "d", "status": "lost", "lost_reason": "price"}
    ).result
    assert lost["lost_time"] and not lost["won_time"]


def test_job_titles_need_contact_sync(crm: Desk) -> None:
    crm.assume("contact_sync", False)
    assert "job_title" not in crm.get("/api/v2/persons/1").result
    assert crm.post("/api/v2/persons", PERSON | {"job_title": "Buyer"}).status == 400


def test_a_wrong_token_is_told_so_in_the_vendors_words(crm: Desk) -> None:
    reply = crm.as_user("nobody").get("/v1/users/me")
    assert reply.status == 401
    assert reply.body == {"success": False, "error": "unauthorized access", "errorCode": 401}


def test_a_revoked_token_stops_working_and_comes_back_when_restored(crm: Desk) -> None:
    cara = crm.as_user(CARA)
    crm.control("POST", "/events/pipedrive", {"kind": "revoke_token", "token": CARA})
    assert cara.get("/v1/users/me").status == 401
    crm.control("POST", "/events/pipedrive", {"kind": "restore_token", "token": CARA})
    assert cara.get("/v1/users/me").status == 200


def test_settings_are_for_admins(crm: Desk) -> None:
    cara = crm.as_user(CARA)
    kind = {"name": "Newsletter", "icon_key": "bubble"}
    assert cara.post("/v1/activityTypes", kind).status == 403
    created = crm.post("/v1/activityTypes", kind).result
    assert (created["key_string"], created["is_custom_flag"]) == ("newsletter", True)
    assert (
        cara.post("/api/v2/personFields", {"field_name": "F", "field_type": "text"}).status == 403
    )


def test_retired_v1_calls_are_gone(crm: Desk) -> None:
    assert crm.get("/v1/persons").status == 410
    assert crm.get("/api/v1/itemSearch", term="ann").status == 410
    crm.assume("legacy_v1", "404")
    assert crm.get("/v1/persons").status == 404
