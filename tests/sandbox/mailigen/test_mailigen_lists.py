"""Lists, their merge fields and their segments."""

from typing import Any

import pytest
from mailigen_desk import Desk


def tags(desk: Desk) -> list[str]:
    return [field["tag"] for field in desk.call("listMergeVars", id=desk.list_id)]


def test_a_new_list_starts_empty_with_three_fields(desk: Desk) -> None:
    list_id = desk.call("listCreate", title="Fresh", options={"notify_to": "a@acme.example"})
    assert len(list_id) == 8
    assert [field["tag"] for field in desk.call("listMergeVars", id=list_id)] == [
        "EMAIL",
        "FNAME",
        "LNAME",
    ]
    assert desk.call("listMembers", id=list_id) == []
    assert desk.call("listDelete", id=list_id) == "true"
    assert desk.call("listMembers", id=list_id)["code"] == 200


def test_merge_fields_show_what_was_captured(desk: Desk) -> None:
    email = desk.call("listMergeVars", id=desk.list_id)[0]
    assert email == {
        "name": "Email",
        "req": True,
        "field_type": "email",
        "show": True,
        "order": "1",
        "default": "",
        "tag": "EMAIL",
        "predefined_values": "",
    }


def test_a_field_is_added_renamed_and_removed_with_its_values(desk: Desk) -> None:
    where = {"id": desk.list_id, "tag": "CITY"}
    assert desk.call("listMergeVarAdd", **where, name="City") == "true"
    desk.subscribe("a@x.lv", merge_vars={"CITY": "Riga"})
    assert desk.call("listMergeVarUpdate", **where, options={"name": "Town"}) == "true"
    assert desk.call("listMergeVars", id=desk.list_id)[-1]["name"] == "Town"
    assert desk.call("listMergeVarDel", **where) == "true"
    desk.call("listMergeVarAdd", **where, name="City")
    shown = desk.call("listMemberInfo", id=desk.list_id, email_address="a@x.lv")
    assert shown["merges"]["CITY"] == ""


def test_the_type_of_a_field_cannot_change_and_email_cannot_go(desk: Desk) -> None:
    where = {"id": desk.list_id, "tag": "FNAME"}
    assert "error" in desk.call("listMergeVarUpdate", **where, options={"field_type": "number"})
    assert desk.call("listMergeVarDel", id=desk.list_id, tag="EMAIL")["code"] == 251
    assert "error" in desk.call("listMergeVarAdd", **where, name="Again")
    assert "error" in desk.call("listMergeVarAdd", id=desk.list_id, tag="bad tag", name="Bad")
    assert tags(desk) == ["EMAIL", "FNAME", "LNAME"]


@pytest.mark.parametrize(
    ("options", "good", "bad"),
    [
        ({"field_type": "number"}, "12.5", "twelve"),
        ({"field_type": "date"}, "2026-02-28", "2026-02-30"),
        ({"field_type": "dropdown", "predefined_values": "Gold||Silver"}, "Gold", "Bronze"),
        ({"field_type": "email"}, "b@x.lv", "b"),
        ({"req": True}, "x", ""),
    ],
)
def test_values_must_fit_their_field(
    desk: Desk, options: dict[str, Any], good: str, bad: str
) -> None:
    desk.call("listMergeVarAdd", id=desk.list_id, tag="EXTRA", name="Extra", options=options)
    assert "error" in desk.subscribe("a@x.lv", merge_vars={"EXTRA": bad})
    assert desk.subscribe("a@x.lv", merge_vars={"EXTRA": good}) == "true"


def test_a_required_field_that_is_absent_refuses_a_new_member(desk: Desk) -> None:
    desk.call("listMergeVarUpdate", id=desk.list_id, tag="FNAME", options={"req": True})
    assert desk.subscribe("a@x.lv")["code"] == 250


def test_an_unknown_tag_is_ignored_or_refused_as_assumed(desk: Desk) -> None:
    assert desk.subscribe("a@x.lv", merge_vars={"NOPE": "1"}) == "true"
    desk.vendor.assume("unknown_merge_tag", "refuse")
    assert desk.subscribe("b@x.lv", merge_vars={"NOPE": "1"})["code"] == 254


def test_a_long_value_is_refused_or_cut_as_assumed(desk: Desk) -> None:
    assert "error" in desk.subscribe("a@x.lv", merge_vars={"FNAME": "x" * 256})
    desk.vendor.assume("long_values", "truncate")
    desk.subscribe("a@x.lv", merge_vars={"FNAME": "x" * 256})
    shown = desk.call("listMemberInfo", id=desk.list_id, email_address="a@x.lv")
    assert len(shown["merges"]["FNAME"]) == 255


def test_members_are_found_by_a_merge_value(desk: Desk) -> None:
    desk.subscribe("a@x.lv", merge_vars={"LNAME": "Unusual"})
    found = desk.call(
        "listMembersByMerge", id=desk.list_id, merge_var="LNAME", merge_value="unusual"
    )
    assert [row["email"] for row in found] == ["a@x.lv"]


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("is", "unusual"),
        ("contains", "usu"),
        ("starts", "unu"),
        ("ends", "ual"),
        ("isany", "other||unusual"),
    ],
)
def test_a_segment_finds_the_members_its_condition_holds_for(
    desk: Desk, condition: str, value: str
) -> None:
    desk.subscribe("a@x.lv", merge_vars={"LNAME": "Unusual"})
    rows = [{"field": "merge2", "condition": condition, "value": value}]
    sid = desk.call("listSegmentCreate", list=desk.list_id, title="S", match="all", filter=rows)
    found = desk.call("listSegmentMembers", sid=sid)
    assert [row["email"] for row in found] == ["a@x.lv"]
    assert set(found[0]) == {"email", "id", "list", "timestamp"}


@pytest.mark.parametrize(("match", "count"), [("any", 2), ("or", 2), ("all", 1), ("and", 1)])
def test_conditions_are_joined_by_the_match(desk: Desk, match: str, count: int) -> None:
    desk.subscribe("a@x.lv", merge_vars={"LNAME": "Unusual"})
    desk.subscribe("b@x.lv", merge_vars={"LNAME": "Unusual"})
    rows = [
        {"field": "merge2", "condition": "is", "value": "Unusual"},
        {"field": "merge0", "condition": "is", "value": "b@x.lv"},
    ]
    sid = desk.call("listSegmentCreate", list=desk.list_id, title="S", match=match, filter=rows)
    assert len(desk.call("listSegmentMembers", sid=sid)) == count


def test_a_segment_by_confirmation_time_follows_the_list(desk: Desk) -> None:
    rows = [{"field": "confirm_time", "condition": "greater", "value": "2026-11-02"}]
    sid = desk.call("listSegmentCreate", list=desk.list_id, title="New", match="any", filter=rows)
    assert desk.call("listSegmentMembers", sid=sid) == []
    desk.subscribe("a@x.lv")
    assert len(desk.call("listSegmentMembers", sid=sid)) == 1


def test_a_segment_without_auto_update_may_be_assumed_frozen(desk: Desk) -> None:
    desk.vendor.assume("auto_update_false_freezes", True)
    rows = [{"field": "merge0", "condition": "contains", "value": "@"}]
    sid = desk.call("listSegmentCreate", list=desk.list_id, title="All", filter=rows)
    before = len(desk.call("listSegmentMembers", sid=sid, limit=15000))
    desk.subscribe("a@x.lv")
    assert (
        len(desk.call("listSegmentMembers", sid=sid, limit=15000))
        == before
        == len(desk.emails()) - 1
    )


def test_a_segment_is_listed_changed_and_deleted(desk: Desk) -> None:
    rows = [{"field": "merge0", "condition": "is", "value": "a@x.lv"}]
    sid = desk.call("listSegmentCreate", list=desk.list_id, title="One", filter=rows)
    assert desk.call("listSegmentUpdate", sid=sid, name="title", value="Two") == "true"
    assert [s["title"] for s in desk.call("listSegments", list=desk.list_id)] == ["Two"]
    assert desk.call("listSegmentDelete", sid=sid) == "true"
    assert desk.call("listSegmentMembers", sid=sid)["code"] == 315


def test_growth_adds_up_to_the_members(desk: Desk) -> None:
    months = desk.call("listGrowthHistory", id=desk.list_id, split_by="month")
    assert set(months[0]) == {"month", "existing", "imports"}
    counted = months[-1]["existing"] + months[-1]["imports"]
    assert counted == sum(len(desk.emails(s)) for s in ("subscribed", "unsubscribed", "bounced"))
