"""Members by the page: filters, orders and the search."""

from mailchimp_desk import Desk

FIRST, SECOND, THIRD = "one@x.lv", "two@x.lv", "three@x.lv"


def add_three(desk: Desk) -> str:
    """Three members an hour apart, after a day; returns the time of the second's change."""
    desk.clock.advance(days=1)
    for email in (FIRST, SECOND, THIRD):
        desk.clock.advance(hours=1)
        desk.add(email)
    return str(desk.member(SECOND)["last_changed"])


def test_since_and_before_last_changed_leave_out_that_very_second(desk: Desk) -> None:
    """MC-04"""
    moment = add_three(desk).replace("+00:00", "Z")
    assert desk.members(f"since_last_changed={moment}") == [THIRD]
    assert desk.members(f"before_last_changed={moment}")[-1] == FIRST
    desk.assume("since_is_inclusive", True)
    assert desk.members(f"since_last_changed={moment}") == [SECOND, THIRD]


def test_a_time_that_never_was_is_neither_before_nor_after(desk: Desk) -> None:
    desk.play("subscribe", FIRST, list="Partners")
    path = f"/lists/{desk.partners}/members?count=1000&status=pending"
    (pending,) = [m for m in desk.call("GET", path)["members"] if m["email_address"] == FIRST]
    assert pending["timestamp_opt"] == ""
    for name in ("since", "before"):
        told = desk.call("GET", f"{path}&{name}_timestamp_opt=2026-11-30T00:00:00Z")
        assert told["total_items"] == 0


def test_a_time_may_come_with_an_unescaped_plus_or_without_a_zone(desk: Desk) -> None:
    moment = add_three(desk)
    for told in (moment.replace("+", " "), moment.removesuffix("+00:00")):
        assert desk.members(f"since_timestamp_opt={told}") == [THIRD]
    path = f"/lists/{desk.list_id}/members?since_last_changed=yesterday"
    assert desk.refusal("GET", path)["errors"][0]["field"] == "since_last_changed"


def test_members_come_in_the_order_asked_for(desk: Desk) -> None:
    add_three(desk)
    down = desk.members("sort_field=last_changed&sort_dir=DESC")
    assert down[:3] == [THIRD, SECOND, FIRST]
    up = desk.members("sort_field=last_changed&sort_dir=ASC")
    assert up == down[::-1] or up[-3:] == [FIRST, SECOND, THIRD]


def test_a_row_that_changes_during_the_walk_shifts_the_pages(desk: Desk) -> None:
    """MC-04, ALL-09"""
    add_three(desk)
    query = "sort_field=last_changed&sort_dir=DESC&count=2"
    path = f"/lists/{desk.list_id}/members?{query}"
    first = [m["email_address"] for m in desk.call("GET", path)["members"]]
    desk.clock.advance(hours=1)
    desk.put(FIRST, vip=True)
    second = [m["email_address"] for m in desk.call("GET", f"{path}&offset=2")["members"]]
    assert (first, second[0]) == ([THIRD, SECOND], SECOND)


def test_a_status_filter_shows_that_status_alone(desk: Desk) -> None:
    seen = {
        status: len(desk.members(f"status={status}"))
        for status in ("subscribed", "unsubscribed", "cleaned", "pending", "archived")
    }
    assert all(seen.values())
    desk.add("txn@x.lv", "transactional")
    assert "txn@x.lv" in desk.members("status=transactional")
    assert desk.refusal("GET", f"/lists/{desk.list_id}/members?status=gone")["status"] == 400


def test_vips_and_addresses_and_types_may_be_asked_for(desk: Desk) -> None:
    shown = desk.add(FIRST, vip=True, email_type="text")
    assert FIRST in desk.members("vip_only=true")
    assert desk.members("email_type=text") == [FIRST]
    assert desk.members(f"unique_email_id={shown['unique_email_id']}") == [FIRST]


def test_interests_match_any_all_or_none(desk: Desk) -> None:
    (category,) = desk.call("GET", f"/lists/{desk.list_id}/interest-categories")["categories"]
    one, two = desk.add(FIRST)["interests"]
    desk.put(FIRST, interests={one: True})
    desk.put(SECOND, status="subscribed", interests={one: True, two: True})
    desk.add(THIRD)
    asked = f"interest_category_id={category['id']}&interest_ids={one},{two}&interest_match="
    found = {how: set(desk.members(asked + how)) for how in ("any", "all", "none")}
    assert {FIRST, SECOND} <= found["any"]
    assert SECOND in found["all"]
    assert FIRST not in found["all"]
    assert THIRD in found["none"]
    path = f"/lists/{desk.list_id}/members?interest_match=any"
    assert desk.refusal("GET", path)["status"] == 400


def test_unsubscribed_since_needs_that_status(desk: Desk) -> None:
    moment = add_three(desk)
    desk.play("unsubscribe", FIRST)
    assert desk.members(f"status=unsubscribed&unsubscribed_since={moment}") == [FIRST]
    path = f"/lists/{desk.list_id}/members?unsubscribed_since={moment}"
    assert desk.refusal("GET", path)["status"] == 400
    assert desk.refusal("GET", f"/lists/{desk.list_id}/members?since_last_campaign=true")


def test_a_search_tells_exact_matches_from_the_rest(desk: Desk) -> None:
    desk.add(FIRST, merge_fields={"FNAME": "Zelda", "LNAME": "Oak"})
    exact = desk.call("GET", f"/search-members?query={FIRST}")
    assert exact["exact_matches"]["total_items"] == 1
    named = desk.call("GET", f"/search-members?query=zelda oak&list_id={desk.list_id}")
    assert named["exact_matches"]["members"] == []
    assert [m["email_address"] for m in named["full_search"]["members"]] == [FIRST]
    elsewhere = desk.call("GET", f"/search-members?query=zelda&list_id={desk.partners}")
    assert elsewhere["full_search"]["total_items"] == 0
    assert desk.refusal("GET", "/search-members?query=z")["status"] == 400


def test_a_search_that_lags_does_not_know_who_just_came(desk: Desk) -> None:
    desk.add(FIRST)
    answer = desk.send("GET", f"/search-members?query={FIRST}", x_sandbox_search_lag="900")
    assert b'"total_items":0' in answer.body


def test_an_archived_member_is_found_by_search_as_assumed(desk: Desk) -> None:
    desk.add(FIRST)
    desk.call("DELETE", desk.path(FIRST))
    path = f"/search-members?query={FIRST}"
    assert desk.call("GET", path)["exact_matches"]["total_items"] == 1
    desk.assume("search_finds_archived", False)
    assert desk.call("GET", path)["exact_matches"]["total_items"] == 0
