"""Statuses of a Mailchimp audience: what each allows the API, and what only the person may do."""

import pytest
from mailchimp_desk import Desk


def test_delete_archives_and_a_second_one_is_405(desk: Desk) -> None:
    """MC-06"""
    desk.add("ann@x.lv", merge_fields={"FNAME": "Ann"}, tags=["Customer"])
    desk.call("DELETE", desk.path("ann@x.lv"))
    shown = desk.member("ann@x.lv")
    assert (shown["status"], shown["tags_count"], shown["full_name"]) == ("archived", 1, "Ann")
    problem = desk.refusal("DELETE", desk.path("ann@x.lv"))
    assert (problem["status"], problem["title"]) == (405, "Method Not Allowed")
    assert problem["detail"].endswith(
        "Can not archive a contact that is bounced, pending or archived"
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [("cleaned", 405), ("pending", 405), ("unsubscribed", 204), ("transactional", 204)],
)
def test_delete_depends_on_the_status(desk: Desk, status: str, expected: int) -> None:
    desk.add("ann@x.lv", status)
    assert desk.send("DELETE", desk.path("ann@x.lv")).status == expected
    assert desk.send("DELETE", desk.path("nobody@x.lv")).status == 404


def test_an_archived_member_is_hidden_from_a_plain_listing(desk: Desk) -> None:
    desk.add("ann@x.lv")
    desk.call("DELETE", desk.path("ann@x.lv"))
    assert "ann@x.lv" not in desk.members()
    assert "ann@x.lv" in desk.members("status=archived")
    desk.assume("members_hide_archived", False)
    assert "ann@x.lv" in desk.members()


def test_put_restores_an_archived_member_with_its_contact_id(desk: Desk) -> None:
    first = desk.add("ann@x.lv")
    desk.call("DELETE", desk.path("ann@x.lv"))
    back = desk.put("ann@x.lv", status="subscribed")
    assert (back["status"], back["contact_id"]) == ("subscribed", first["contact_id"])


@pytest.mark.parametrize(("is_assumed", "status"), [(True, "subscribed"), (False, "archived")])
def test_status_if_new_restores_an_archived_member_as_assumed(
    desk: Desk, is_assumed: bool, status: str
) -> None:
    """ALL-08"""
    desk.assume("status_if_new_restores_archived", is_assumed)
    desk.add("ann@x.lv")
    desk.play("archive", "ann@x.lv")
    assert desk.put("ann@x.lv", status_if_new="subscribed")["status"] == status


def test_who_unsubscribed_by_own_act_may_only_become_pending(desk: Desk) -> None:
    """ALL-08"""
    desk.add("ann@x.lv")
    desk.play("unsubscribe", "ann@x.lv")
    for method in ("PUT", "PATCH"):
        body = {"email_address": "ann@x.lv", "status": "subscribed"}
        problem = desk.refusal(method, desk.path("ann@x.lv"), body)
        assert (problem["status"], problem["title"]) == (400, "Member In Compliance State")
        assert problem["detail"] == (
            "ann@x.lv is in a compliance state due to unsubscribe, bounce, or compliance review "
            "and cannot be subscribed."
        )
    assert desk.put("ann@x.lv", status="pending")["status"] == "pending"
    assert desk.book("mails")[-1]["kind"] == "optin"
    assert desk.refusal("PATCH", desk.path("ann@x.lv"), {"status": "subscribed"})["status"] == 400
    desk.play("confirm", "ann@x.lv")
    assert desk.status("ann@x.lv") == "subscribed"


def test_no_way_round_leads_the_api_past_an_unsubscription(desk: Desk) -> None:
    """ALL-08"""
    desk.add("ann@x.lv")
    desk.play("unsubscribe", "ann@x.lv")
    desk.put("ann@x.lv", status="unsubscribed")
    desk.call("DELETE", desk.path("ann@x.lv"))
    for name in ("status", "status_if_new"):
        body = {"email_address": "ann@x.lv", name: "subscribed"}
        problem = desk.refusal("PUT", desk.path("ann@x.lv"), body)
        assert problem["title"] == "Member In Compliance State"


def test_a_member_in_compliance_state_still_takes_values(desk: Desk) -> None:
    desk.add("ann@x.lv")
    desk.play("unsubscribe", "ann@x.lv")
    shown = desk.put("ann@x.lv", status_if_new="subscribed", merge_fields={"FNAME": "Ann"})
    assert (shown["status"], shown["full_name"]) == ("unsubscribed", "Ann")


@pytest.mark.parametrize("who", ["api", "admin"])
def test_who_was_unsubscribed_by_others_may_be_subscribed_again(desk: Desk, who: str) -> None:
    desk.add("ann@x.lv")
    if who == "api":
        desk.put("ann@x.lv", status="unsubscribed")
    else:
        desk.play("unsubscribe", "ann@x.lv", by="admin")
    assert desk.put("ann@x.lv", status="subscribed")["status"] == "subscribed"


def test_a_cleaned_address_cannot_be_subscribed_or_asked(desk: Desk) -> None:
    """ALL-08"""
    desk.add("ann@x.lv")
    desk.play("clean", "ann@x.lv")
    for status in ("subscribed", "pending"):
        problem = desk.refusal("PATCH", desk.path("ann@x.lv"), {"status": status})
        assert problem["title"] == "Member In Compliance State"
    desk.put("ann@x.lv", status="unsubscribed")
    assert desk.refusal("PATCH", desk.path("ann@x.lv"), {"status": "subscribed"})
    desk.assume("cleaned_may_be_pending", True)
    assert desk.put("ann@x.lv", status="pending")["status"] == "pending"


@pytest.mark.parametrize("status", ["subscribed", "pending", "unsubscribed"])
def test_a_forgotten_address_stays_out_for_ever(desk: Desk, status: str) -> None:
    """ALL-08, ALL-11"""
    desk.add("Ann@x.lv", merge_fields={"FNAME": "Ann"})
    assert desk.send("POST", f"{desk.path('ann@x.lv')}/actions/delete-permanent").status == 204
    assert desk.refusal("GET", desk.path("ann@x.lv"))["status"] == 404
    body = {"email_address": "ann@x.lv", "status": status, "status_if_new": status}
    for method, path in (
        ("POST", f"/lists/{desk.list_id}/members"),
        ("PUT", desk.path("ann@x.lv")),
    ):
        problem = desk.refusal(method, path, body)
        assert (problem["status"], problem["title"]) == (400, "Forgotten Email Not Subscribed")
        assert problem["detail"] == (
            "ann@x.lv was permanently deleted and cannot be re-imported. "
            "The contact must re-subscribe to get back on the list."
        )
    assert not any("Ann" in str(record) for record in desk.book("members")[-1:])
    desk.play("subscribe", "ann@x.lv")
    assert desk.status("ann@x.lv") == "subscribed"


def test_a_forgotten_address_is_free_on_another_list(desk: Desk) -> None:
    desk.add("ann@x.lv")
    desk.play("forget", "ann@x.lv")
    body = {"email_address": "ann@x.lv", "status": "subscribed"}
    assert desk.call("POST", f"/lists/{desk.partners}/members", body)


def test_who_left_becomes_transactional_only_if_assumed(desk: Desk) -> None:
    """ALL-08"""
    desk.add("ann@x.lv")
    desk.play("unsubscribe", "ann@x.lv")
    body = {"email_address": "ann@x.lv", "status": "transactional"}
    assert desk.refusal("PUT", desk.path("ann@x.lv"), body)["title"] == "Member In Compliance State"
    desk.assume("left_may_be_transactional", True)
    assert desk.call("PUT", desk.path("ann@x.lv"), body)["status"] == "transactional"
    body["status"] = "subscribed"
    assert desk.refusal("PUT", desk.path("ann@x.lv"), body)["status"] == 400
