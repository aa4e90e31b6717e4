"""Audiences, and what belongs to them or to one member: counts, interests, notes, events."""

from typing import Any

import pytest
from mailchimp_desk import Desk

WANTED: dict[str, Any] = {
    "name": "Third",
    "permission_reminder": "You asked for it.",
    "email_type_option": False,
    "contact": {"company": "A", "address1": "B", "city": "C", "country": "LV"},
    "campaign_defaults": {
        "from_name": "A", "from_email": "a@acme.example", "subject": "", "language": "en",
    },
}  # fmt: skip
GOOD = {**WANTED, "campaign_defaults": {**WANTED["campaign_defaults"], "subject": "Hello"}}


def stats(desk: Desk) -> Any:
    return desk.call("GET", f"/lists/{desk.list_id}?include_total_contacts=true")["stats"]


def test_counts_of_a_list_follow_its_members(desk: Desk) -> None:
    """ALL-09"""
    before = stats(desk)
    desk.add("a@x.lv")
    desk.add("b@x.lv")
    desk.add("c@x.lv")
    desk.play("unsubscribe", "b@x.lv")
    desk.play("clean", "c@x.lv")
    after = stats(desk)
    grown = {name: after[name] - before[name] for name in before if name.endswith("_count")}
    assert grown["member_count"] == grown["unsubscribe_count"] == grown["cleaned_count"] == 1
    assert after["total_contacts"] - before["total_contacts"] == 3
    assert after["member_count"] == len(desk.members("status=subscribed"))
    assert after["last_unsub_date"] == "2026-11-02T12:00:00+00:00"


def test_a_list_is_made_changed_and_deleted(desk: Desk) -> None:
    made = desk.call("POST", "/lists", GOOD)
    path = f"/lists/{made['id']}"
    fields = desk.call("GET", f"{path}/merge-fields")["merge_fields"]
    assert [field["tag"] for field in fields] == ["FNAME", "LNAME", "ADDRESS", "PHONE", "BIRTHDAY"]
    changed = desk.call(
        "PATCH", path, {"double_optin": True, "contact": {**GOOD["contact"], "city": "D"}}
    )
    assert (changed["double_optin"], changed["contact"]["city"]) == (True, "D")
    body = {"email_address": "ann@x.lv", "status": "subscribed"}
    desk.call("POST", f"{path}/members", body)
    assert desk.send("DELETE", path).status == 204
    for below in ("", "/members", "/segments", "/merge-fields"):
        assert desk.refusal("GET", path + below)["status"] == 404
    assert desk.call("GET", "/lists?email=ann@x.lv")["total_items"] == 0


@pytest.mark.parametrize("name", ["name", "permission_reminder", "contact", "campaign_defaults"])
def test_a_list_without_what_it_needs_is_refused(desk: Desk, name: str) -> None:
    body = {key: value for key, value in GOOD.items() if key != name}
    assert name in desk.refusal("POST", "/lists", body)["errors"][0]["message"]


def test_a_part_of_a_list_without_what_it_needs_is_refused(desk: Desk) -> None:
    problem = desk.refusal("POST", "/lists", WANTED)
    assert problem["errors"][0]["field"] == "campaign_defaults"
    assert "subject" in problem["errors"][0]["message"]


def test_the_plan_limits_how_many_lists_there_are(desk: Desk) -> None:
    desk.assume("audience_limit", 2)
    told = desk.call("GET", "/lists")["constraints"]
    assert told == {"may_create": False, "max_instances": 2, "current_total_instances": 2}
    assert desk.refusal("POST", "/lists", GOOD)["status"] == 403


def test_lists_may_be_asked_for_by_address_and_time(desk: Desk) -> None:
    desk.clock.advance(days=1)
    made = desk.call("POST", "/lists", GOOD)
    desk.call(
        "POST", f"/lists/{made['id']}/members", {"email_address": "a@x.lv", "status": "subscribed"}
    )
    assert [one["name"] for one in desk.call("GET", "/lists?email=A@x.lv")["lists"]] == ["Third"]
    since = desk.call("GET", "/lists?since_date_created=2026-11-02T12:00:00Z")["lists"]
    assert [one["name"] for one in since] == ["Third"]
    down = desk.call("GET", "/lists?sort_field=date_created&sort_dir=DESC")["lists"]
    assert down[0]["name"] == "Third"


def test_interests_are_made_counted_and_deleted(desk: Desk) -> None:
    path = f"/lists/{desk.list_id}/interest-categories"
    made = desk.call("POST", path, {"title": "Colours", "type": "radio"})
    below = f"{path}/{made['id']}/interests"
    red = desk.call("POST", below, {"name": "Red", "display_order": 2})
    desk.add("ann@x.lv", interests={red["id"]: True})
    assert desk.call("GET", f"{below}/{red['id']}")["subscriber_count"] == "1"
    assert desk.call("PATCH", f"{below}/{red['id']}", {"name": "Rose"})["name"] == "Rose"
    assert desk.call("PATCH", f"{path}/{made['id']}", {"title": "Hues"})["title"] == "Hues"
    assert desk.call("GET", below)["total_items"] == 1
    desk.call("DELETE", f"{path}/{made['id']}")
    assert desk.refusal("GET", below)["status"] == 404
    assert red["id"] not in desk.member("ann@x.lv")["interests"]
    assert desk.refusal("POST", path, {"title": "X", "type": "wheel"})["status"] == 400


def test_a_note_is_kept_with_its_member(desk: Desk) -> None:
    desk.add("ann@x.lv")
    desk.add("ben@x.lv")
    path = f"{desk.path('ann@x.lv')}/notes"
    note = desk.call("POST", path, {"note": "Called."})
    assert desk.member("ann@x.lv")["last_note"]["note"] == "Called."
    assert desk.call("PATCH", f"{path}/{note['id']}", {"note": "Rang."})["note"] == "Rang."
    assert desk.refusal("GET", f"{desk.path('ben@x.lv')}/notes/{note['id']}")["status"] == 404
    assert desk.refusal("POST", path, {"note": "x" * 1001})["status"] == 400
    assert desk.call("GET", path)["notes"][0]["note"] == "Rang."
    desk.call("DELETE", f"{path}/{note['id']}")
    assert desk.call("GET", path)["total_items"] == 0


def test_an_event_is_reported_and_listed_latest_first(desk: Desk) -> None:
    desk.add("ann@x.lv")
    path = f"{desk.path('ann@x.lv')}/events"
    assert desk.send("POST", path, {"name": "visited", "properties": {"page": "a"}}).status == 204
    desk.call("POST", path, {"name": "bought", "occurred_at": "2026-01-01T00:00:00Z"})
    told = desk.call("GET", path)["events"]
    assert [event["name"] for event in told] == ["visited", "bought"]
    assert told[1]["occurred_at"] == "2026-01-01T00:00:00+00:00"
    assert desk.refusal("POST", path, {"name": "x"})["status"] == 400


def test_the_account_tells_who_it_is(desk: Desk) -> None:
    """MC-01"""
    told = desk.call("GET", "/")
    assert (told["account_name"], told["role"]) == ("Acme", "owner")
    everybody = sum(
        desk.call("GET", f"/lists/{list_id}")["stats"]["member_count"]
        for list_id in (desk.list_id, desk.partners)
    )
    assert told["total_subscribers"] == everybody
