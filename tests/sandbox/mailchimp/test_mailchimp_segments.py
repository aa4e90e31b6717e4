"""Tags and segments of a Mailchimp audience: who is in them, and how that changes."""

from typing import Any

import pytest
from mailchimp_desk import Desk, hash_of

ANN, BEN, CID = "ann@x.lv", "ben@x.lv", "cid@y.lv"


@pytest.fixture
def three(desk: Desk) -> Desk:
    """Ann, Ben and Cid with values that tell them apart, in a list with nobody else but seeds."""
    desk.clock.advance(days=40)
    desk.add(ANN, merge_fields={"FNAME": "Ann", "SCORE": 1001, "SINCE": "2030-01-01"}, vip=True)
    desk.add(BEN, merge_fields={"FNAME": "Ben", "SCORE": 1002, "BIRTHDAY": "12/31"})
    desk.add(
        CID, merge_fields={"FNAME": "Cid", "TIER": "Gold", "SINCE": "2031-01-01"}, language="xx"
    )
    return desk


def saved(desk: Desk, *conditions: dict[str, Any], match: str = "all") -> str:
    """The path of a new saved segment."""
    body = {"name": "S", "options": {"match": match, "conditions": list(conditions)}}
    made = desk.call("POST", f"/lists/{desk.list_id}/segments", body)
    return f"/lists/{desk.list_id}/segments/{made['id']}"


def static(desk: Desk, name: str, *emails: str) -> str:
    """The path of a new tag."""
    body = {"name": name, "static_segment": list(emails)}
    made = desk.call("POST", f"/lists/{desk.list_id}/segments", body)
    return f"/lists/{desk.list_id}/segments/{made['id']}"


def inside(desk: Desk, path: str, query: str = "") -> set[str]:
    told = desk.call("GET", f"{path}/members?count=1000&{query}")
    return {member["email_address"] for member in told["members"]}


def among(desk: Desk, path: str) -> str:
    """Which of the three are in it, by their first letters."""
    return "".join(sorted(email[0] for email in inside(desk, path) & {ANN, BEN, CID}))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"condition_type": "TextMerge", "field": "FNAME", "op": "is", "value": "ann"}, "a"),
        ({"condition_type": "TextMerge", "field": "FNAME", "op": "not", "value": "Ann"}, "bc"),
        ({"condition_type": "TextMerge", "field": "MERGE1", "op": "starts", "value": "b"}, "b"),
        ({"condition_type": "TextMerge", "field": "FNAME", "op": "ends", "value": "d"}, "c"),
        ({"condition_type": "TextMerge", "field": "FNAME", "op": "contains", "value": "n"}, "ab"),
        ({"condition_type": "TextMerge", "field": "FNAME", "op": "notcontain", "value": "n"}, "c"),
        ({"condition_type": "TextMerge", "field": "SCORE", "op": "greater", "value": "999.5"}, "ab"),
        ({"condition_type": "TextMerge", "field": "SCORE", "op": "less", "value": "1002"}, "a"),
        ({"condition_type": "TextMerge", "field": "SCORE", "op": "is", "value": "1002.0"}, "b"),
        ({"condition_type": "TextMerge", "field": "SCORE", "op": "blank"}, "c"),
        ({"condition_type": "SelectMerge", "field": "TIER", "op": "is", "value": "Gold"}, "c"),
        ({"condition_type": "DateMerge", "field": "SINCE", "op": "greater", "value": "2030-06-01"}, "c"),
        ({"condition_type": "DateMerge", "field": "SINCE", "op": "less", "value": "2030-06-01"}, "a"),
        ({"condition_type": "DateMerge", "field": "SINCE", "op": "blank_not"}, "ac"),
        ({"condition_type": "BirthdayMerge", "field": "BIRTHDAY", "op": "is", "value": "12/31"}, "b"),
        ({"condition_type": "EmailAddress", "field": "EMAIL", "op": "ends", "value": "@x.lv"}, "ab"),
        ({"field": "EMAIL", "op": "contains", "value": "CID"}, "c"),
        ({"condition_type": "VIP", "field": "gmonkey", "op": "member"}, "a"),
        ({"condition_type": "Language", "field": "language", "op": "is", "value": "xx"}, "c"),
        ({"condition_type": "MemberRating", "field": "rating", "op": "greater", "value": 1}, "abc"),
        ({"condition_type": "SignupSource", "field": "source", "op": "source_is", "value": "API - Generic"}, "abc"),
        ({"condition_type": "Date", "field": "timestamp_opt", "op": "within", "value": "7"}, "abc"),
        ({"condition_type": "Date", "field": "timestamp_opt", "op": "less", "value": "date", "extra": "2026-12-01"}, ""),
        ({"condition_type": "Date", "field": "info_changed", "op": "is", "value": "2026-12-12"}, "abc"),
        ({"condition_type": "NewSubscribers", "field": "timestamp_opt", "op": "date_within", "value": "1"}, "abc"),
        ({"condition_type": "Aim", "field": "aim", "op": "nosent", "value": "any"}, "abc"),
        ({"condition_type": "Aim", "field": "aim", "op": "open", "value": "any"}, ""),
    ],
)  # fmt: skip
def test_a_condition_chooses_whom_it_says(
    three: Desk, condition: dict[str, Any], expected: str
) -> None:
    """MC-04"""
    assert among(three, saved(three, condition)) == expected


def test_conditions_match_all_or_any(three: Desk) -> None:
    """MC-04"""
    x = {"condition_type": "EmailAddress", "field": "EMAIL", "op": "ends", "value": "@x.lv"}
    gold = {"condition_type": "SelectMerge", "field": "TIER", "op": "is", "value": "Gold"}
    assert among(three, saved(three, x, gold, match="all")) == ""
    assert among(three, saved(three, x, gold, match="any")) == "abc"


def test_a_saved_segment_is_evaluated_at_each_reading(three: Desk) -> None:
    """MC-04, MC-05"""
    path = saved(
        three, {"condition_type": "TextMerge", "field": "FNAME", "op": "is", "value": "Dan"}
    )
    assert inside(three, path) == set()
    three.put(ANN, merge_fields={"FNAME": "Dan"})
    assert inside(three, path) == {ANN}
    three.put(ANN, merge_fields={"FNAME": "Ann"})
    assert three.call("GET", path)["member_count"] == 0


def test_a_saved_segment_may_be_made_of_a_tag(three: Desk) -> None:
    tag = static(three, "Chosen", ANN, CID)
    number = int(tag.rpartition("/")[2])
    condition = {"condition_type": "StaticSegment", "field": "static_segment", "value": number}
    assert inside(three, saved(three, {**condition, "op": "static_is"})) == {ANN, CID}
    assert among(three, saved(three, {**condition, "op": "static_not"})) == "b"


def test_opens_and_clicks_choose_by_campaign(three: Desk) -> None:
    contact = three.member(ANN)["contact_id"]
    happened = {
        "list_id": three.list_id,
        "contact_id": contact,
        "campaign_id": "c1",
        "kind": "open",
    }
    three.vendor.acme.activity.put(1, {"id": 1, **happened})
    aim = {"condition_type": "Aim", "field": "aim", "op": "open"}
    assert among(three, saved(three, {**aim, "value": "c1"})) == "a"
    assert among(three, saved(three, {**aim, "value": "c2"})) == ""
    assert among(three, saved(three, {**aim, "value": "any", "op": "noopen"})) == "bc"


def test_interests_choose_by_any_or_all(three: Desk) -> None:
    (category,) = three.call("GET", f"/lists/{three.list_id}/interest-categories")["categories"]
    one, two = three.member(ANN)["interests"]
    three.put(ANN, interests={one: True, two: True})
    three.put(BEN, interests={one: True})
    groups = {
        "condition_type": "Interests",
        "field": f"interests-{category['id']}",
        "value": [one, two],
    }
    for op, expected in (
        ("interestcontains", "ab"), ("interestcontainsall", "a"), ("interestnotcontains", "c"),
    ):  # fmt: skip
        assert among(three, saved(three, {**groups, "op": op})) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"match": "some", "conditions": []},
        {"match": "any", "conditions": "all"},
        {"match": "any", "conditions": [{"condition_type": "Predicted", "op": "is"}]},
        {
            "match": "any",
            "conditions": [{"condition_type": "TextMerge", "field": "NOPE", "op": "is"}],
        },
        {"match": "any", "conditions": [{"condition_type": "VIP", "field": "gmonkey", "op": "is"}]},
    ],
)
def test_conditions_nobody_could_evaluate_are_refused(desk: Desk, options: Any) -> None:
    body = {"name": "S", "options": options}
    assert desk.refusal("POST", f"/lists/{desk.list_id}/segments", body)["status"] == 400


def test_a_condition_without_a_kind_is_shown_with_it(three: Desk) -> None:
    path = saved(three, {"field": "EMAIL", "op": "ends", "value": "@x.lv"})
    (condition,) = three.call("GET", path)["options"]["conditions"]
    assert condition["condition_type"] == "EmailAddress"


def test_segments_of_all_kinds_are_seeded(desk: Desk) -> None:
    """MC-04"""
    told = desk.call("GET", f"/lists/{desk.list_id}/segments?count=100")
    kinds = [segment["type"] for segment in told["segments"]]
    assert {"static", "saved", "fuzzy"} == set(kinds)
    for segment in told["segments"]:
        path = f"/lists/{desk.list_id}/segments/{segment['id']}"
        assert len(inside(desk, path)) == segment["member_count"]
        assert ("options" in segment) == (segment["type"] == "saved")
    only = desk.call("GET", f"/lists/{desk.list_id}/segments?type=fuzzy")
    assert only["total_items"] == kinds.count("fuzzy")
    assert 0 < only["segments"][0]["member_count"] < len(desk.members())


def test_a_tag_is_a_static_segment(desk: Desk) -> None:
    """MC-13"""
    desk.add(ANN, tags=["Fresh"])
    (tag,) = desk.call("GET", f"/lists/{desk.list_id}/tag-search?name=fre")["tags"]
    assert desk.member(ANN)["tags"] == [tag]
    path = f"/lists/{desk.list_id}/segments/{tag['id']}"
    assert desk.call("GET", path)["type"] == "static"
    assert inside(desk, path) == {ANN}


def test_tags_are_put_on_and_taken_off_with_204(desk: Desk) -> None:
    """MC-13"""
    desk.add(ANN)
    path = f"{desk.path(ANN)}/tags"
    on = {"tags": [{"name": "Fresh", "status": "active"}, {"name": "Other", "status": "inactive"}]}
    assert desk.send("POST", path, on).status == 204
    (tag,) = desk.call("GET", path)["tags"]
    assert (tag["name"], tag["date_added"]) == ("Fresh", "2026-11-02T12:00:00+00:00")
    off = {"tags": [{"name": "fresh", "status": "inactive"}]}
    assert desk.send("POST", path, off).status == 204
    assert desk.call("GET", path)["total_items"] == 0
    assert desk.refusal("POST", f"{desk.path(BEN)}/tags", on)["status"] == 404


@pytest.mark.parametrize(
    "tags", [None, "Fresh", ["Fresh"], [{"name": "", "status": "active"}], [{"name": "A"}]]
)
def test_tags_that_break_the_contract_are_refused(desk: Desk, tags: Any) -> None:
    desk.add(ANN)
    problem = desk.refusal("POST", f"{desk.path(ANN)}/tags", {"tags": tags})
    assert problem["errors"][0]["field"].startswith("tags")


def test_a_tag_tells_no_listener(desk: Desk) -> None:
    """MC-04"""
    desk.add(ANN)
    told = desk.told()
    desk.call("POST", f"{desk.path(ANN)}/tags", {"tags": [{"name": "A", "status": "active"}]})
    desk.play("tag", ANN, tag="B")
    desk.play("untag", ANN, tag="A")
    assert [tag["name"] for tag in desk.member(ANN)["tags"]] == ["B"]
    assert desk.told() == told


def test_a_tag_put_on_again_keeps_its_date(desk: Desk) -> None:
    first = desk.add(ANN, tags=["Fresh"])
    desk.clock.advance(days=1)
    on = {"tags": [{"name": "Fresh", "status": "active"}]}
    desk.call("POST", f"{desk.path(ANN)}/tags", on)
    (tag,) = desk.call("GET", f"{desk.path(ANN)}/tags")["tags"]
    assert tag["date_added"] == first["last_changed"]


@pytest.mark.parametrize("match", ["any", "all"])
def test_a_segment_without_conditions_holds_nobody(three: Desk, match: str) -> None:
    assert inside(three, saved(three, match=match)) == set()


def test_an_archived_member_keeps_a_tag_that_is_given_to_others(three: Desk) -> None:
    path = static(three, "Chosen", ANN, BEN)
    three.play("archive", ANN)
    three.call("PATCH", path, {"name": "Chosen", "static_segment": [CID]})
    three.put(ANN, status="subscribed")
    assert inside(three, path) == {ANN, CID}


def test_a_member_shows_fifty_tags_and_counts_all(desk: Desk) -> None:
    desk.add(ANN, tags=[f"T{number}" for number in range(60)])
    shown = desk.member(ANN)
    assert (len(shown["tags"]), shown["tags_count"]) == (50, 60)
    assert len(desk.call("GET", f"{desk.path(ANN)}/tags?count=100")["tags"]) == 60


def test_two_tags_differ_in_capitals_only_if_assumed(desk: Desk) -> None:
    desk.add(ANN, tags=["Fresh", "FRESH"])
    assert desk.member(ANN)["tags_count"] == 1
    desk.assume("tag_names_ignore_case", False)
    desk.add(BEN, tags=["Fresh", "FRESH"])
    assert desk.member(BEN)["tags_count"] == 2


def test_members_are_added_and_removed_in_bulk(three: Desk) -> None:
    path = static(three, "Chosen", ANN)
    body = {"members_to_add": [ANN, BEN, "no@x.lv"], "members_to_remove": [CID]}
    told = three.call("POST", path, body)
    assert (told["total_added"], told["total_removed"]) == (1, 0)
    assert [member["email_address"] for member in told["members_added"]] == [BEN]
    assert told["error_count"] == 3
    assert [error["email_addresses"] for error in told["errors"]] == [[ANN, "no@x.lv"], [CID]]
    assert inside(three, path) == {ANN, BEN}
    three.assume("segment_strangers", "silent")
    assert three.call("POST", path, body)["errors"] == []
    many = {"members_to_add": [f"a{n}@x.lv" for n in range(501)]}
    assert three.refusal("POST", path, many)["status"] == 400


def test_one_member_is_added_and_removed(three: Desk) -> None:
    path = static(three, "Chosen")
    shown = three.call("POST", f"{path}/members", {"email_address": ANN})
    assert "tags" not in shown
    assert inside(three, path) == {ANN}
    assert three.send("DELETE", f"{path}/members/{hash_of(ANN)}").status == 204
    assert three.refusal("DELETE", f"{path}/members/{hash_of(ANN)}")["status"] == 404
    assert three.refusal("POST", f"{path}/members", {"email_address": "no@x.lv"})["status"] == 404


def test_only_static_segments_take_members(three: Desk) -> None:
    path = saved(three, {"condition_type": "VIP", "field": "gmonkey", "op": "member"})
    assert three.refusal("POST", path, {"members_to_add": [ANN]})["status"] == 400
    assert three.refusal("POST", f"{path}/members", {"email_address": ANN})["status"] == 400


def test_a_patch_replaces_who_has_a_tag(three: Desk) -> None:
    path = static(three, "Chosen", ANN, BEN)
    three.clock.advance(hours=1)
    shown = three.call("PATCH", path, {"name": "Chosen ones", "static_segment": [BEN, CID]})
    assert inside(three, path) == {BEN, CID}
    assert (shown["name"], shown["member_count"]) == ("Chosen ones", 2)
    assert shown["updated_at"] > shown["created_at"]
    (found,) = three.call(
        "GET", f"/lists/{three.list_id}/segments?since_updated_at={shown['created_at']}"
    )["segments"]
    assert found["id"] == shown["id"]


def test_a_deleted_tag_is_gone_from_everybody(desk: Desk) -> None:
    """MC-07"""
    desk.add(ANN, tags=["Fresh"])
    (tag,) = desk.member(ANN)["tags"]
    before = desk.member(ANN)["last_changed"]
    desk.clock.advance(hours=1)
    desk.play("delete_segment", segment="Fresh")
    path = f"/lists/{desk.list_id}/segments/{tag['id']}"
    assert desk.refusal("GET", path)["status"] == 404
    assert desk.refusal("GET", f"{path}/members")["status"] == 404
    assert desk.member(ANN)["tags"] == []
    assert desk.member(ANN)["last_changed"] == before


def test_a_second_tag_of_a_name_is_refused(desk: Desk) -> None:
    body = {"name": "customer", "static_segment": []}
    problem = desk.refusal("POST", f"/lists/{desk.list_id}/segments", body)
    assert problem["detail"] == "Sorry, that tag already exists."


def test_members_of_other_statuses_show_when_included(three: Desk) -> None:
    path = static(three, "Chosen", ANN, BEN, CID)
    three.play("unsubscribe", ANN)
    three.play("clean", BEN)
    assert inside(three, path) == {CID}
    assert inside(three, path, "include_unsubscribed=true") == {ANN, CID}
    assert inside(three, path, "include_cleaned=true") == {BEN, CID}
    assert three.call("GET", f"{path}?include_cleaned=true")["member_count"] == 2
    three.play("archive", CID)
    assert inside(three, path) == set()
