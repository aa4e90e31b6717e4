"""Walks are answered from what was found once; whatever is written in between is seen."""

import pytest
from mailchimp_desk import Desk

NEW = "new@x.lv"
SORTED = "sort_field=last_changed&sort_dir=ASC"


@pytest.fixture
def tag(desk: Desk) -> str:
    """Where the members of a tag of one member are listed."""
    desk.add(NEW, tags=["Walked"])
    (found,) = desk.call("GET", f"/lists/{desk.list_id}/tag-search?name=Walked")["tags"]
    return f"/lists/{desk.list_id}/segments/{found['id']}"


def inside(desk: Desk, tag: str, query: str = "") -> list[str]:
    told = desk.call("GET", f"{tag}/members?count=1000&{query}")
    return [member["email_address"] for member in told["members"]]


def test_who_joins_and_who_changes_is_on_the_next_page(desk: Desk) -> None:
    first = desk.members(SORTED)
    desk.clock.advance(hours=1)
    desk.add(NEW)
    assert desk.members(SORTED) == [*first, NEW]
    desk.clock.advance(hours=1)
    desk.put(first[0], vip=True)
    assert desk.members(SORTED) == [*first[1:], NEW, first[0]]


def test_who_leaves_is_on_no_later_page(desk: Desk) -> None:
    desk.add(NEW)
    assert NEW in desk.members("status=subscribed")
    desk.play("unsubscribe", NEW)
    assert NEW not in desk.members("status=subscribed")
    assert NEW in desk.members(SORTED)
    desk.call("POST", f"{desk.path(NEW)}/actions/delete-permanent")
    assert NEW not in desk.members(SORTED)


def test_a_page_after_a_write_is_the_next_of_the_members_as_they_stand_by_then(desk: Desk) -> None:
    path = f"/lists/{desk.list_id}/members?count=1"
    everybody = desk.members()
    assert desk.call("GET", path)["members"][0]["email_address"] == everybody[0]
    desk.call("POST", f"{desk.path(everybody[0])}/actions/delete-permanent")
    next_page = desk.call("GET", f"{path}&offset=1")
    assert next_page["members"][0]["email_address"] == everybody[2]
    assert next_page["total_items"] == len(everybody) - 1


def test_each_assumption_is_asked_again(desk: Desk) -> None:
    desk.clock.advance(days=1)
    moment = desk.add(NEW)["last_changed"].replace("+00:00", "Z")
    since = f"since_last_changed={moment}"
    archived = desk.members("status=archived")
    assert archived
    assert (desk.members(since), set(archived) & set(desk.members())) == ([], set())
    desk.assume("since_is_inclusive", True)
    desk.assume("members_hide_archived", False)
    assert desk.members(since) == [NEW]
    assert set(archived) < set(desk.members())


def test_who_gets_or_loses_a_tag_is_seen_on_its_next_page(desk: Desk, tag: str) -> None:
    other = next(email for email in desk.members("status=subscribed") if email != NEW)
    assert inside(desk, tag) == [NEW]
    put_on = {"tags": [{"name": "Walked", "status": "active"}]}
    desk.call("POST", f"{desk.path(other)}/tags", put_on)
    assert sorted(inside(desk, tag)) == sorted([NEW, other])
    assert desk.call("GET", tag)["member_count"] == 2
    taken_off = {"tags": [{"name": "Walked", "status": "inactive"}]}
    desk.call("POST", f"{desk.path(NEW)}/tags", taken_off)
    assert inside(desk, tag) == [other]


def test_who_unsubscribes_leaves_the_tags_page_unless_asked_for(desk: Desk, tag: str) -> None:
    assert inside(desk, tag) == inside(desk, tag, "include_unsubscribed=true") == [NEW]
    desk.play("unsubscribe", NEW)
    assert inside(desk, tag) == []
    assert inside(desk, tag, "include_unsubscribed=true") == [NEW]


def test_a_list_of_its_own_is_not_answered_from_anothers_members(desk: Desk) -> None:
    def listed(list_id: str) -> set[str]:
        told = desk.call("GET", f"/lists/{list_id}/members?count=1000")["members"]
        return {member["contact_id"] for member in told}

    assert listed(desk.list_id).isdisjoint(listed(desk.partners))


def test_a_saved_segment_is_found_anew_each_time(desk: Desk) -> None:
    """Its days go by without a write."""
    desk.clock.advance(days=30)
    desk.add(NEW)
    within = {"field": "timestamp_opt", "op": "within", "value": "2"}
    body = {"name": "Lately", "options": {"match": "all", "conditions": [within]}}
    made = desk.call("POST", f"/lists/{desk.list_id}/segments", body)
    path = f"/lists/{desk.list_id}/segments/{made['id']}"
    assert inside(desk, path) == [NEW]
    desk.clock.advance(days=9)
    assert inside(desk, path) == []
