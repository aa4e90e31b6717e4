"""Who gets on a list, who is refused, what a batch tells, and which mails a call causes."""

from typing import Any

import pytest
from mailigen_desk import Desk


def batch(desk: Desk, rows: list[dict[str, str]], **options: Any) -> Any:
    return desk.call(
        "listBatchSubscribe", **{"id": desk.list_id, "batch": rows, "double_optin": False} | options
    )


def test_lists_show_what_was_captured(desk: Desk) -> None:
    shown = desk.call("lists")
    assert [entry["name"] for entry in shown] == ["Newsletter", "Partners"]
    assert set(shown[0]) == {
        "id",
        "web_id",
        "name",
        "date_created",
        "member_count",
        "sms_member_count",
        "unsubscribe_count",
        "email_type_option",
        "default_from_name",
        "default_from_email",
        "default_subject",
        "default_language",
    }
    assert len(shown[0]["id"]) == 8
    assert shown[0]["member_count"] == len(desk.emails())


def test_members_are_rows_of_email_and_timestamp(desk: Desk) -> None:
    row = desk.call("listMembers", id=desk.list_id)[0]
    assert set(row) == {"email", "timestamp"}
    assert len(row["timestamp"]) == len("2026-11-02 12:00:00")


def test_start_is_a_page_number_and_not_an_offset(desk: Desk) -> None:
    everybody = desk.emails()
    pages = [
        [row["email"] for row in desk.call("listMembers", id=desk.list_id, start=n, limit=10)]
        for n in range(3)
    ]
    assert pages == [everybody[:10], everybody[10:20], everybody[20:30]]
    assert desk.call("listMembers", id=desk.list_id, start=999, limit=10) == []


def test_a_walk_newest_first_shifts_when_somebody_joins(desk: Desk) -> None:
    desk.vendor.assume("members_order", "newest_first")
    first = desk.call("listMembers", id=desk.list_id, limit=10)
    desk.subscribe("a@x.lv")
    second = desk.call("listMembers", id=desk.list_id, limit=10, start=1)
    assert second[0] == first[-1]


def test_listings_and_counts_may_be_of_a_while_ago_and_a_member_itself_is_not(desk: Desk) -> None:
    def count() -> int:
        return int(desk.call("lists")[0]["member_count"])

    desk.clock.advance(hours=1)
    desk.vendor.assume("members_index_lag_s", 60)
    before, leaves = desk.emails(), desk.emails()[0]
    desk.subscribe("a@x.lv")
    desk.vendor.play({"kind": "unsubscribe", "email": leaves})
    assert (desk.emails(), count()) == (before, len(before))
    assert leaves not in desk.emails("unsubscribed")
    shown = desk.call("listMemberInfo", id=desk.list_id, email_address=leaves)
    assert shown["status"] == "unsubscribed"
    desk.clock.advance(hours=1)
    assert (desk.emails(), count()) == ([*before[1:], "a@x.lv"], len(before))
    assert leaves in desk.emails("unsubscribed")


def test_who_was_deleted_is_listed_until_the_listing_knows(desk: Desk) -> None:
    desk.vendor.assume("members_index_lag_s", 60)
    everybody = desk.emails()
    desk.call("listMemberDelete", id=desk.list_id, email_address=everybody[1])
    assert desk.emails() == everybody
    desk.clock.advance(hours=1)
    assert desk.emails() == [everybody[0], *everybody[2:]]


def test_a_member_shows_its_fields(desk: Desk) -> None:
    desk.subscribe("Ann@x.lv", merge_vars={"FNAME": "Ann", "lname": "Ozola"})
    shown = desk.call("listMemberInfo", id=desk.list_id, email_address="ann@X.lv")
    assert shown["merges"] == {"EMAIL": "Ann@x.lv", "FNAME": "Ann", "LNAME": "Ozola"}
    assert set(shown) == {
        "id",
        "email",
        "email_type",
        "merges",
        "status",
        "ip_opt",
        "ip_signup",
        "timestamp",
    }
    assert desk.call("listMemberInfo", id=desk.list_id, email_address=shown["id"]) == shown


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a b@x.lv", "a@x..lv", "n/a", f"{'a' * 300}@x.lv"]
)
def test_an_address_that_is_none_is_refused(desk: Desk, email: str) -> None:
    assert "error" in desk.subscribe(email)


def test_a_subscribed_address_is_refused_without_update_existing(desk: Desk) -> None:
    desk.subscribe("a@x.lv")
    assert desk.subscribe("A@x.lv")["code"] == 214
    assert desk.subscribe("a@x.lv", update_existing=True, merge_vars={"FNAME": "Ann"}) == "true"


def test_who_left_stays_away_unless_update_existing_is_sent(desk: Desk) -> None:
    desk.subscribe("a@x.lv")
    desk.vendor.play({"kind": "unsubscribe", "email": "a@x.lv"})
    assert batch(desk, [{"EMAIL": "a@x.lv"}])["errors"][0]["code"] == 212
    assert desk.subscribe("a@x.lv")["code"] == 212
    batch(desk, [{"EMAIL": "a@x.lv"}], update_existing=True)
    assert desk.status("a@x.lv") == "subscribed"


def test_a_batch_may_be_assumed_to_bring_back_who_left(desk: Desk) -> None:
    desk.vendor.assume("batch_resubscribes_unsubscribed", True)
    left = desk.emails("unsubscribed")[0]
    assert batch(desk, [{"EMAIL": left}])["success_count"] == 1


def test_a_hard_bounced_address_never_comes_back_by_a_call(desk: Desk) -> None:
    bounced = desk.emails("bounced")[0]
    assert desk.subscribe(bounced, update_existing=True)["code"] == 213


def test_double_optin_leaves_people_inactive_until_they_confirm(desk: Desk) -> None:
    desk.subscribe("a@x.lv", double_optin=True)
    assert desk.emails("inactive") == ["a@x.lv"]
    desk.vendor.play({"kind": "confirm", "email": "a@x.lv"})
    assert desk.status("a@x.lv") == "subscribed"


def test_pending_people_may_be_assumed_invisible(desk: Desk) -> None:
    desk.vendor.assume("double_optin_pending", False)
    desk.subscribe("a@x.lv", double_optin=True)
    assert desk.emails("inactive") == []
    assert desk.status("a@x.lv") is None


def test_a_batch_tells_each_row_that_failed(desk: Desk) -> None:
    rows = [
        {"EMAIL": "a@x.lv"},
        {"EMAIL": "bad"},
        {"FNAME": "No"},
        {"EMAIL": "b@x.lv", "FNAME": "x" * 256},
    ]
    result = batch(desk, rows)
    assert (result["success_count"], result["error_count"]) == (1, 3)
    assert [set(error) for error in result["errors"]] == [{"code", "message", "email"}] * 3
    assert [error["email"] for error in result["errors"]] == ["bad", "", "b@x.lv"]


def test_two_rows_of_one_address_are_two_successes(desk: Desk) -> None:
    rows = [{"EMAIL": "a@x.lv"}, {"EMAIL": "b@x.lv"}, {"EMAIL": "A@x.lv"}]
    assert batch(desk, rows) == {"success_count": 3, "error_count": 0, "errors": []}
    desk.vendor.assume("batch_duplicates_succeed", False)
    assert batch(desk, [{"EMAIL": "c@x.lv"}, {"EMAIL": "c@x.lv"}])["error_count"] == 1


def test_a_batch_above_an_assumed_limit_changes_nothing(desk: Desk) -> None:
    desk.vendor.assume("batch_size_limit", 1)
    assert "error" in batch(desk, [{"EMAIL": "a@x.lv"}, {"EMAIL": "b@x.lv"}])
    assert desk.effects == []


def test_the_plan_limit_names_itself_and_the_way_out(desk: Desk) -> None:
    desk.vendor.assume("subscribers_limit", 0)
    refused = desk.subscribe("a@x.lv")
    assert refused["code"] == 120
    assert "Please upgrade" in refused["error"]
    assert batch(desk, [{"EMAIL": "a@x.lv"}])["errors"][0]["code"] == 120
    assert desk.effects == []


def test_an_update_changes_only_the_given_fields(desk: Desk) -> None:
    desk.subscribe("a@x.lv", merge_vars={"FNAME": "Ann", "LNAME": "Ozola"})
    where = {"id": desk.list_id, "email_address": "a@x.lv"}
    desk.call("listUpdateMember", **where, merge_vars={"FNAME": "Anna"})
    assert desk.call("listMemberInfo", **where)["merges"]["LNAME"] == "Ozola"
    desk.vendor.assume("update_member_merges", False)
    desk.call("listUpdateMember", **where, merge_vars={"FNAME": "Anna"})
    assert desk.call("listMemberInfo", **where)["merges"]["LNAME"] == ""


def test_an_update_never_changes_a_status(desk: Desk) -> None:
    left = desk.emails("unsubscribed")[0]
    assert (
        desk.call(
            "listUpdateMember", id=desk.list_id, email_address=left, merge_vars={"FNAME": "X"}
        )
        == "true"
    )
    assert desk.status(left) == "unsubscribed"
    desk.vendor.assume("update_member_needs_subscribed", True)
    assert desk.call("listUpdateMember", id=desk.list_id, email_address=left)["code"] == 215


def test_an_update_moves_the_address_unless_the_new_one_is_there_in_any_state(desk: Desk) -> None:
    desk.subscribe("a@x.lv")
    where = {"id": desk.list_id, "email_address": "a@x.lv"}
    left = desk.emails("unsubscribed")[0]
    assert desk.call("listUpdateMember", **where, merge_vars={"EMAIL": left})["code"] == 214
    assert desk.call("listUpdateMember", **where, merge_vars={"EMAIL": "b@x.lv"}) == "true"
    assert (desk.status("a@x.lv"), desk.status("b@x.lv")) == (None, "subscribed")


def test_a_deleted_member_is_gone_from_every_listing(desk: Desk) -> None:
    left = desk.emails("unsubscribed")[0]
    assert desk.call("listMemberDelete", id=desk.list_id, email_address=left) == "true"
    assert desk.status(left) is None
    assert left not in desk.emails("unsubscribed")
    assert desk.subscribe(left) == "true"


def test_a_deleted_member_no_longer_counts(desk: Desk) -> None:
    before = desk.call("lists")[0]["member_count"]
    desk.call("listMemberDelete", id=desk.list_id, email_address=desk.emails()[0])
    assert desk.call("lists")[0]["member_count"] == before - 1 == len(desk.emails())


def test_a_deleted_address_may_be_assumed_to_be_remembered(desk: Desk) -> None:
    desk.vendor.assume("delete_member_forgets_status", False)
    left = desk.emails("unsubscribed")[0]
    desk.call("listMemberDelete", id=desk.list_id, email_address=left)
    assert desk.subscribe(left)["code"] == 212


def test_quiet_calls_cause_no_mail_at_all(desk: Desk) -> None:
    desk.subscribe("a@x.lv")
    batch(desk, [{"EMAIL": "b@x.lv"}])
    where = {"id": desk.list_id, "email_address": "a@x.lv"}
    desk.call("listUpdateMember", **where, merge_vars={"FNAME": "Ann"})
    desk.call("listUnsubscribe", **where, send_goodbye=False, send_notify=False)
    desk.call("listMemberDelete", id=desk.list_id, email_address="b@x.lv")
    assert desk.book("mails") == []


def test_defaults_cause_optin_goodbye_and_notification_mails(desk: Desk) -> None:
    where = {"id": desk.list_id, "email_address": "a@x.lv"}
    desk.call("listSubscribe", **where)
    desk.call("listSubscribe", **where, double_optin=False, send_welcome=True)
    desk.call("listUnsubscribe", **where)
    kinds = [(mail["kind"], mail["cause"]) for mail in desk.book("mails")]
    assert kinds == [
        ("optin", "listSubscribe"),
        ("welcome", "listSubscribe"),
        ("goodbye", "listUnsubscribe"),
        ("notification", "listUnsubscribe"),
    ]


def test_a_list_that_notifies_mails_its_owner_about_new_subscribers(desk: Desk) -> None:
    desk.call("listUpdate", id=desk.list_id, name="subscription_notify", value="1")
    desk.call("listUpdate", id=desk.list_id, name="notify_to", value="boss@acme.example")
    desk.subscribe("a@x.lv")
    assert [(m["kind"], m["to"]) for m in desk.book("mails")] == [
        ("notification", "boss@acme.example")
    ]


def test_a_batch_of_unsubscribes_tells_who_was_not_there(desk: Desk) -> None:
    there = desk.emails()[0]
    result = desk.call("listBatchUnsubscribe", id=desk.list_id, emails=[there, "no@x.lv"])
    assert (result["success_count"], result["errors"][0]["email"]) == (1, "no@x.lv")
    assert desk.status(there) == "unsubscribed"


def test_the_timestamp_of_who_left_is_the_time_added(desk: Desk) -> None:
    desk.subscribe("a@x.lv")
    desk.clock.advance(hours=5)
    desk.vendor.play({"kind": "unsubscribe", "email": "a@x.lv"})
    times = []
    for is_added in (True, False):
        desk.vendor.assume("unsubscribed_timestamp_is_time_added", is_added)
        rows = desk.call("listMembers", id=desk.list_id, status="unsubscribed", limit=15000)
        times += [row["timestamp"] for row in rows if row["email"] == "a@x.lv"]
    assert times == ["2026-11-02 12:00:00", "2026-11-02 17:00:00"]


def test_times_may_be_assumed_to_be_those_of_riga(desk: Desk) -> None:
    desk.vendor.assume("timestamps_offset_hours", 2)
    desk.subscribe("a@x.lv")
    shown = desk.call("listMemberInfo", id=desk.list_id, email_address="a@x.lv")
    assert shown["timestamp"] == "2026-11-02 14:00:00"


def test_suppressed_addresses_are_refused(desk: Desk) -> None:
    assert desk.call("suppressedListSubscribe", email="a@x.lv") == "true"
    assert desk.subscribe("a@x.lv")["code"] == 231
    assert desk.call("suppressedListMembers")[0]["email"] == "a@x.lv"
    assert (
        desk.call("suppressedListBatchUnsubscribe", emails=["a@x.lv", "b@x.lv"])["error_count"] == 1
    )
    assert desk.subscribe("a@x.lv") == "true"


def test_the_lists_of_an_address_are_those_it_is_subscribed_to(desk: Desk) -> None:
    left = desk.emails("unsubscribed")[0]
    assert desk.call("listsForEmail", email_address=left) == []
    desk.vendor.assume("lists_for_email", "any")
    assert desk.call("listsForEmail", email_address=left) == [desk.list_id]
