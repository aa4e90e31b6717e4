"""Many members in one request: 200 whatever becomes of each row."""

from typing import Any

from mailchimp_desk import Desk

ANN, BEN, CID = "ann@x.lv", "ben@x.lv", "cid@x.lv"


def post(desk: Desk, *rows: Any, query: str = "", **body: Any) -> Any:
    return desk.call("POST", f"/lists/{desk.list_id}?{query}", {"members": list(rows), **body})


def row(email: str, **more: Any) -> dict[str, Any]:
    return {"email_address": email, "status": "subscribed", **more}


def errors(told: Any) -> dict[str, str]:
    return {error["email_address"]: error["error_code"] for error in told["errors"]}


def test_good_rows_are_written_and_bad_ones_listed(desk: Desk) -> None:
    """ALL-06"""
    desk.add(BEN)
    told = post(desk, row(ANN), row(BEN), row("nonsense"), row(CID, merge_fields={"SCORE": "x"}))
    assert [member["email_address"] for member in told["new_members"]] == [ANN]
    assert (told["total_created"], told["total_updated"], told["error_count"]) == (1, 0, 3)
    assert errors(told) == {
        BEN: "ERROR_CONTACT_EXISTS",
        "nonsense": "ERROR_GENERIC",
        CID: "ERROR_GENERIC",
    }
    (field,) = [error for error in told["errors"] if error["email_address"] == CID]
    assert (field["field"], field["field_message"]) == ("SCORE", "Please enter a number")
    assert set(field) == {"email_address", "error", "error_code", "field", "field_message"}


def test_existing_members_are_updated_only_when_asked(desk: Desk) -> None:
    desk.add(ANN)
    told = post(desk, row(ANN, merge_fields={"FNAME": "Ann"}), update_existing=True)
    assert (told["total_updated"], told["error_count"]) == (1, 0)
    assert told["updated_members"][0]["full_name"] == "Ann"


def test_who_left_or_was_forgotten_is_an_error_of_the_row(desk: Desk) -> None:
    """ALL-08"""
    for email in (ANN, BEN):
        desk.add(email)
    desk.play("unsubscribe", ANN)
    desk.play("forget", BEN)
    told = post(desk, row(ANN), row(BEN), row(CID), update_existing=True)
    assert [error["email_address"] for error in told["errors"]] == [ANN, BEN]
    assert "compliance state" in told["errors"][0]["error"]
    assert "permanently deleted" in told["errors"][1]["error"]
    assert desk.status(ANN) == "unsubscribed"


def test_an_address_twice_is_an_error_unless_the_check_is_skipped(desk: Desk) -> None:
    first, second = (
        row(ANN, merge_fields={"FNAME": "1"}),
        row("Ann@x.lv", merge_fields={"FNAME": "2"}),
    )
    told = post(desk, first, second)
    assert (told["total_created"], told["error_count"]) == (1, 1)
    desk.play("archive", ANN)
    told = post(
        desk, row(BEN, merge_fields={"FNAME": "1"}), row(BEN), query="skip_duplicate_check=true"
    )
    assert (told["total_created"], told["error_count"]) == (1, 0)
    assert desk.member(BEN)["full_name"] == "1"


def test_required_fields_may_be_skipped(desk: Desk) -> None:
    body = {"name": "New", "type": "text", "tag": "NEW", "required": True}
    desk.call("POST", f"/lists/{desk.list_id}/merge-fields", body)
    assert post(desk, row(ANN))["errors"][0]["field_message"] == "Please enter a value"
    assert post(desk, row(ANN), query="skip_merge_validation=true")["total_created"] == 1


def test_tags_of_rows_are_added_or_replace_the_others(desk: Desk) -> None:
    """MC-13"""
    desk.add(ANN, tags=["Old"])
    post(desk, row(ANN, tags=["New"]), update_existing=True)
    assert [tag["name"] for tag in desk.member(ANN)["tags"]] == ["Old", "New"]
    post(desk, row(ANN, tags=["New"]), update_existing=True, sync_tags=True)
    assert [tag["name"] for tag in desk.member(ANN)["tags"]] == ["New"]
    desk.assume("batch_rows_take_tags", False)
    assert post(desk, row(BEN, tags=["New"]))["new_members"][0]["tags"] == []


def test_more_than_five_hundred_rows_are_refused_as_a_whole(desk: Desk) -> None:
    path = f"/lists/{desk.list_id}"
    many = {"members": [row(f"a{number}@x.lv") for number in range(501)]}
    assert desk.refusal("POST", path, many)["status"] == 400
    assert desk.refusal("POST", path, {"members": "all"})["status"] == 400
    assert desk.effects == []


def test_rows_that_are_no_objects_or_have_no_status_are_errors(desk: Desk) -> None:
    told = post(desk, "ann@x.lv", {"email_address": BEN}, {"status": "subscribed"})
    assert told["error_count"] == 3
    assert desk.effects == []
