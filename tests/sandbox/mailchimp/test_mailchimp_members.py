"""Members of a Mailchimp audience: how they are named, added, changed and refused."""

from typing import Any

import pytest
from mailchimp_desk import Desk, hash_of


def test_a_member_shows_what_was_recorded(desk: Desk) -> None:
    shown = desk.add("Ann@x.lv", merge_fields={"FNAME": "Ann"}, tags=["Customer"])
    for name in (
        "id", "email_address", "unique_email_id", "contact_id", "full_name", "web_id",
        "email_type", "status", "consents_to_one_to_one_messaging", "merge_fields", "stats",
        "ip_signup", "timestamp_signup", "ip_opt", "timestamp_opt", "member_rating",
        "last_changed", "language", "vip", "email_client", "location", "source", "tags_count",
        "tags", "list_id", "_links",
    ):  # fmt: skip
        assert name in shown
    assert shown["id"] == hash_of("ann@x.lv")
    assert shown["email_address"] == "Ann@x.lv"
    assert (shown["source"], shown["full_name"]) == ("API - Generic", "Ann")
    assert shown["merge_fields"]["ADDRESS"] == ""
    assert [tag["name"] for tag in shown["tags"]] == ["Customer"]


def test_a_path_names_a_member_by_hash_address_or_contact_id(desk: Desk) -> None:
    shown = desk.add("Ann@x.lv")
    members = f"/lists/{desk.list_id}/members"
    for name in (hash_of("ann@x.lv"), "ann@X.lv", shown["contact_id"]):
        assert desk.call("GET", f"{members}/{name}")["contact_id"] == shown["contact_id"]
    partner = f"/lists/{desk.partners}/members/{shown['contact_id']}"
    assert desk.refusal("GET", partner)["status"] == 404


def test_a_contact_has_one_address_id_and_a_contact_id_for_each_list(desk: Desk) -> None:
    body = {"email_address": "ann@x.lv", "status": "subscribed"}
    one, two = (
        desk.call("POST", f"/lists/{i}/members", body) for i in (desk.list_id, desk.partners)
    )
    assert (one["id"], one["unique_email_id"]) == (two["id"], two["unique_email_id"])
    assert one["contact_id"] != two["contact_id"]


@pytest.mark.parametrize("status", ["subscribed", "unsubscribed", "cleaned", "pending"])
def test_a_second_post_is_refused_whatever_the_status(desk: Desk, status: str) -> None:
    desk.add("ann@x.lv", status)
    body = {"email_address": "ANN@x.lv", "status": "subscribed"}
    problem = desk.refusal("POST", f"/lists/{desk.list_id}/members", body)
    assert (problem["status"], problem["title"]) == (400, "Member Exists")
    assert problem["detail"] == (
        "ann@x.lv is already a list member. Use PUT to insert or update list members."
    )
    assert "type" not in problem


def test_older_captures_of_member_exists_have_a_type(desk: Desk) -> None:
    desk.add("ann@x.lv")
    desk.assume("type_in_member_400s", True)
    body = {"email_address": "ann@x.lv", "status": "subscribed"}
    assert "type" in desk.refusal("POST", f"/lists/{desk.list_id}/members", body)


def test_post_on_an_archived_member_restores_it_only_if_assumed(desk: Desk) -> None:
    desk.add("ann@x.lv")
    desk.call("DELETE", desk.path("ann@x.lv"))
    path, body = (
        f"/lists/{desk.list_id}/members",
        {"email_address": "ann@x.lv", "status": "subscribed"},
    )
    assert desk.refusal("POST", path, body)["title"] == "Member Exists"
    desk.assume("post_on_archived", "restore")
    assert desk.call("POST", path, body)["status"] == "subscribed"


def test_put_adds_a_new_member_and_updates_a_known_one(desk: Desk) -> None:
    first = desk.put("ann@x.lv", status_if_new="subscribed", merge_fields={"FNAME": "Ann"})
    again = desk.put("ann@x.lv", status_if_new="unsubscribed", merge_fields={"LNAME": "Oak"})
    assert again["contact_id"] == first["contact_id"]
    assert again["status"] == "subscribed"
    assert again["full_name"] == "Ann Oak"


def test_put_with_status_alone_adds_and_changes(desk: Desk) -> None:
    assert desk.put("ann@x.lv", status="unsubscribed")["status"] == "unsubscribed"
    assert desk.put("ann@x.lv", status="subscribed")["status"] == "subscribed"


def test_put_needs_an_address_and_a_status_for_who_is_new(desk: Desk) -> None:
    problem = desk.refusal("PUT", desk.path("ann@x.lv"), {"status_if_new": "subscribed"})
    assert problem["errors"][0]["message"] == "Required fields were not provided: email_address"
    problem = desk.refusal("PUT", desk.path("ann@x.lv"), {"email_address": "ann@x.lv"})
    assert "status_if_new" in problem["errors"][0]["message"]


def test_put_to_a_member_needs_the_address_as_assumed(desk: Desk) -> None:
    desk.add("ann@x.lv")
    assert desk.refusal("PUT", desk.path("ann@x.lv"), {"vip": True})["status"] == 400
    desk.assume("put_needs_address", False)
    assert desk.call("PUT", desk.path("ann@x.lv"), {"vip": True})["vip"] is True
    assert desk.refusal("PUT", desk.path("ben@x.lv"), {"status_if_new": "subscribed"})


def test_put_takes_transactional_and_patch_does_not(desk: Desk) -> None:
    assert desk.put("ann@x.lv", status_if_new="transactional")["status"] == "transactional"
    problem = desk.refusal("PATCH", desk.path("ann@x.lv"), {"status": "transactional"})
    assert problem["errors"][0]["field"] == "status"


def test_put_under_the_hash_of_another_address_is_member_exists(desk: Desk) -> None:
    """MC-10"""
    desk.add("ann@x.lv")
    body = {"email_address": "ann@x.lv", "status_if_new": "subscribed"}
    assert desk.refusal("PUT", desk.path("other@x.lv"), body)["title"] == "Member Exists"


def test_put_of_a_new_address_under_another_hash_is_as_assumed(desk: Desk) -> None:
    body = {"email_address": "new@x.lv", "status_if_new": "subscribed"}
    desk.assume("put_under_other_hash", "not_found")
    assert desk.refusal("PUT", desk.path("other@x.lv"), body)["status"] == 404
    desk.assume("put_under_other_hash", "create")
    assert desk.call("PUT", desk.path("other@x.lv"), body)["id"] == hash_of("new@x.lv")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_new_address_moves_the_member_and_adds_none(desk: Desk, method: str) -> None:
    """MC-10"""
    first = desk.add("ann@x.lv", tags=["Customer"])
    moved = desk.call(method, desk.path("ann@x.lv"), {"email_address": "ann@new.lv"})
    assert moved["contact_id"] == first["contact_id"]
    assert (moved["id"], moved["tags_count"]) == (hash_of("ann@new.lv"), 1)
    assert desk.refusal("GET", desk.path("ann@x.lv"))["status"] == 404
    assert desk.told()[-1] == ("upemail", "api")
    assert desk.changes[-1].old_address == "ann@x.lv"


@pytest.mark.parametrize("end", ["nothing", "archived", "forgotten"])
def test_an_address_change_fails_when_the_new_one_was_ever_there(desk: Desk, end: str) -> None:
    """MC-10"""
    desk.add("ann@x.lv")
    desk.add("ann@new.lv")
    if end == "archived":
        desk.call("DELETE", desk.path("ann@new.lv"))
    elif end == "forgotten":
        desk.call("POST", f"{desk.path('ann@new.lv')}/actions/delete-permanent")
    problem = desk.refusal("PATCH", desk.path("ann@x.lv"), {"email_address": "ann@new.lv"})
    titles = {"forgotten": "Forgotten Email Not Subscribed"}
    assert problem["title"] == titles.get(end, "Member Exists")
    assert desk.status("ann@x.lv") == "subscribed"


def test_a_change_to_a_forgotten_address_fails_in_the_words_assumed(desk: Desk) -> None:
    desk.assume("address_change_on_forgotten", "member_exists")
    desk.add("ann@x.lv")
    desk.add("ben@x.lv")
    desk.play("forget", "ben@x.lv")
    problem = desk.refusal("PATCH", desk.path("ann@x.lv"), {"email_address": "ben@x.lv"})
    assert problem["title"] == "Member Exists"


@pytest.mark.parametrize(("before", "after"), [("Ann@x.lv", "ann@x.lv"), ("ann@x.lv", "Ann@X.lv")])
def test_a_change_of_capitals_keeps_the_member(desk: Desk, before: str, after: str) -> None:
    desk.add(before)
    shown = desk.call("PATCH", desk.path(before), {"email_address": after})
    assert shown["email_address"] == after
    assert desk.told() == [("subscribe", "api")]


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("nonsense", "Please provide a valid email address."),
        ("ann@", "Please provide a valid email address."),
        ("a@test.com", "a@test.com looks fake or invalid, please enter a real email address."),
    ],
)
def test_an_address_nobody_could_have_is_refused(desk: Desk, email: str, said: str) -> None:
    body = {"email_address": email, "status": "subscribed"}
    problem = desk.refusal("POST", f"/lists/{desk.list_id}/members", body)
    assert (problem["title"], problem["detail"]) == ("Invalid Resource", said)


def test_nothing_looks_fake_when_assumed_so(desk: Desk) -> None:
    desk.assume("fake_addresses", "none")
    assert desk.add("a@test.com")["status"] == "subscribed"


def test_an_address_that_joined_too_many_lists_is_refused(desk: Desk) -> None:
    desk.play("crowd", "ann@x.lv")
    body = {"email_address": "ann@x.lv", "status": "subscribed"}
    problem = desk.refusal("POST", f"/lists/{desk.list_id}/members", body)
    assert "signed up to a lot of lists very recently" in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"email_address": 5, "status": "subscribed"},
        {"email_address": "ann@x.lv", "status": "archived"},
        {"email_address": "ann@x.lv", "status": "subscribed", "vip": "yes"},
        {"email_address": "ann@x.lv", "status": "subscribed", "email_type": "pdf"},
        {"email_address": "ann@x.lv", "status": "subscribed", "interests": {"nope": True}},
        {"email_address": "ann@x.lv", "status": "subscribed", "tags": [5]},
        {"email_address": "ann@x.lv", "status": "subscribed", "timestamp_opt": "soon"},
        {"email_address": "ann@x.lv"},
    ],
)
def test_a_body_that_breaks_the_contract_writes_nothing(desk: Desk, body: Any) -> None:
    assert desk.refusal("POST", f"/lists/{desk.list_id}/members", body)["status"] == 400
    assert desk.effects == []
    assert desk.changes == []


def test_put_and_patch_pass_over_tags_unless_assumed(desk: Desk) -> None:
    """MC-13"""
    assert desk.put("ann@x.lv", status_if_new="subscribed", tags=["A"])["tags"] == []
    assert desk.put("ann@x.lv", tags=["A"])["tags"] == []
    desk.assume("put_takes_tags", True)
    assert [tag["name"] for tag in desk.put("ann@x.lv", tags=["A"])["tags"]] == ["A"]


def test_interests_that_are_not_named_stay(desk: Desk) -> None:
    one, two = desk.add("ann@x.lv")["interests"]
    desk.put("ann@x.lv", interests={one: True})
    assert desk.put("ann@x.lv", interests={two: True})["interests"] == {one: True, two: True}


def test_last_changed_moves_with_values_and_not_with_tags(desk: Desk) -> None:
    """MC-04"""
    first = desk.add("ann@x.lv")["last_changed"]
    desk.clock.advance(hours=1)
    tags = {"tags": [{"name": "Customer", "status": "active"}]}
    desk.call("POST", f"{desk.path('ann@x.lv')}/tags", tags)
    desk.put("ann@x.lv", merge_fields={"FNAME": ""})
    assert desk.member("ann@x.lv")["last_changed"] == first
    second = desk.put("ann@x.lv", merge_fields={"FNAME": "Ann"})["last_changed"]
    assert second > first
    desk.assume("tags_move_last_changed", True)
    desk.clock.advance(hours=1)
    tags["tags"][0]["status"] = "inactive"
    desk.call("POST", f"{desk.path('ann@x.lv')}/tags", tags)
    assert desk.member("ann@x.lv")["last_changed"] > second


def test_an_unchanged_write_moves_last_changed_only_if_assumed(desk: Desk) -> None:
    first = desk.add("ann@x.lv")["last_changed"]
    desk.clock.advance(hours=1)
    assert desk.put("ann@x.lv")["last_changed"] == first
    desk.assume("same_values_move_last_changed", True)
    assert desk.put("ann@x.lv")["last_changed"] > first
