"""Merge fields of a Mailchimp audience: what each type takes, what is required, and their tags."""

from typing import Any

import pytest
from mailchimp_desk import Desk

COMPLETE = {"addr1": "1 High St", "city": "Riga", "state": "-", "zip": "LV-1010"}


def make(desk: Desk, kind: str, tag: str = "NEW", **more: Any) -> Any:
    body = {"name": "New", "type": kind, "tag": tag, **more}
    return desk.call("POST", f"/lists/{desk.list_id}/merge-fields", body)


def field_of(desk: Desk, tag: str) -> dict[str, Any]:
    told = desk.call("GET", f"/lists/{desk.list_id}/merge-fields?count=100")
    return next(field for field in told["merge_fields"] if field["tag"] == tag)


@pytest.mark.parametrize(
    ("kind", "options", "given", "kept"),
    [
        ("text", {}, "Ann", "Ann"),
        ("text", {}, 5, "5"),
        ("number", {}, "12.50", 12.5),
        ("number", {}, 12, 12),
        ("date", {}, "1980-12-21", "1980-12-21"),
        ("date", {}, "12/21/1980", "1980-12-21"),
        ("birthday", {}, "12/21", "12/21"),
        ("phone", {"phone_format": "International"}, "+5583999999998", "+5583999999998"),
        ("phone", {"phone_format": "US"}, "555-123-4567", "555-123-4567"),
        ("url", {}, "https://acme.example/a", "https://acme.example/a"),
        ("imageurl", {}, "http://acme.example/a.png", "http://acme.example/a.png"),
        ("radio", {"choices": ["A", "B"]}, "B", "B"),
        ("dropdown", {"choices": ["A", "B"]}, "A", "A"),
        ("zip", {}, "90210", "90210"),
        ("address", {}, COMPLETE, {**COMPLETE, "addr2": "", "country": "US"}),
        ("address", {"default_country": 118}, COMPLETE, {**COMPLETE, "addr2": "", "country": "LV"}),
    ],
)
def test_a_value_that_fits_its_field_reads_back(
    desk: Desk, kind: str, options: dict[str, Any], given: Any, kept: Any
) -> None:
    """MC-03"""
    make(desk, kind, options=options)
    assert desk.add("ann@x.lv", merge_fields={"NEW": given})["merge_fields"]["NEW"] == kept


@pytest.mark.parametrize(
    ("kind", "options", "given", "said"),
    [
        ("number", {}, "much", "Please enter a number"),
        ("number", {}, "nan", "Please enter a number"),
        ("number", {}, "1_000", "Please enter a number"),
        ("number", {}, "1e5", "Please enter a number"),
        ("number", {}, True, "Please enter a number"),
        ("address", {}, {"addr1": "1 High St"}, "Please enter a complete address"),
        ("address", {}, "1 High St, Riga", "Please enter a complete address"),
        ("birthday", {}, "21/12", "Please enter a month (01-12) and a day (01-31)"),
        ("date", {}, "21.12.1980", ""),
        ("phone", {"phone_format": "US"}, "+371 2612 3456", ""),
        ("radio", {"choices": ["A"]}, "C", ""),
        ("dropdown", {"choices": ["A"]}, "a", ""),
        ("url", {}, "acme", ""),
        ("zip", {}, "LV-1010", ""),
        ("text", {}, "é" * 128, ""),
        ("text", {}, {"a": 1}, ""),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_tag(
    desk: Desk, kind: str, options: dict[str, Any], given: Any, said: str
) -> None:
    """MC-03"""
    make(desk, kind, options=options)
    body = {"email_address": "ann@x.lv", "status": "subscribed", "merge_fields": {"NEW": given}}
    problem = desk.refusal(
        "POST", f"/lists/{desk.list_id}/members?skip_merge_validation=true", body
    )
    assert (problem["status"], problem["title"]) == (400, "Invalid Resource")
    assert problem["detail"] == "Your merge fields were invalid."
    (error,) = problem["errors"]
    assert error["field"] == "NEW"
    assert error["message"] == (said or error["message"])
    assert desk.refusal("GET", desk.path("ann@x.lv"))["status"] == 404


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_value_clears_a_field_of_any_type(desk: Desk, empty: Any) -> None:
    values = {"FNAME": "Ann", "SCORE": 5, "ADDRESS": COMPLETE, "SINCE": "2020-01-01"}
    desk.add("ann@x.lv", merge_fields=values)
    shown = desk.put("ann@x.lv", merge_fields=dict.fromkeys(values, empty))
    assert {tag: shown["merge_fields"][tag] for tag in values} == dict.fromkeys(values, "")


def test_a_text_may_be_as_long_as_assumed(desk: Desk) -> None:
    assert desk.add("ann@x.lv", merge_fields={"FNAME": "x" * 255})
    desk.assume("text_longest", 10)
    body = {"merge_fields": {"FNAME": "x" * 11}}
    assert desk.refusal("PATCH", desk.path("ann@x.lv"), body)["errors"][0]["field"] == "FNAME"


def test_tags_nobody_has_are_passed_over(desk: Desk) -> None:
    shown = desk.add("ann@x.lv", merge_fields={"NOPE": "x", "email_address": "y"})
    assert "NOPE" not in shown["merge_fields"]


def test_a_required_field_without_a_value_is_refused_unless_skipped(desk: Desk) -> None:
    """MC-03"""
    make(desk, "text", required=True)
    path, body = (
        f"/lists/{desk.list_id}/members",
        {"email_address": "a@x.lv", "status": "subscribed"},
    )
    problem = desk.refusal("POST", path, body)
    assert problem["errors"] == [{"field": "NEW", "message": "Please enter a value"}]
    assert desk.call("POST", f"{path}?skip_merge_validation=true", body)["status"] == "subscribed"
    assert desk.refusal("PATCH", desk.path("a@x.lv"), {"status": "unsubscribed"})["errors"]
    desk.assume("required_checked_on_change", False)
    assert desk.call("PATCH", desk.path("a@x.lv"), {"status": "unsubscribed"})


def test_all_bad_values_of_a_write_are_named_at_once(desk: Desk) -> None:
    body = {"merge_fields": {"SCORE": "x", "BIRTHDAY": "x", "FNAME": "Ann"}}
    desk.add("ann@x.lv")
    problem = desk.refusal("PATCH", desk.path("ann@x.lv"), body)
    assert {error["field"] for error in problem["errors"]} == {"SCORE", "BIRTHDAY"}
    assert desk.member("ann@x.lv")["full_name"] == ""


def test_a_type_never_changes_and_an_id_never_does(desk: Desk) -> None:
    made = make(desk, "text")
    path = f"/lists/{desk.list_id}/merge-fields/{made['merge_id']}"
    shown = desk.call("PATCH", path, {"name": "Newer", "type": "number", "tag": "NEWER"})
    assert (shown["type"], shown["tag"], shown["merge_id"]) == ("text", "NEWER", made["merge_id"])


def test_a_renamed_tag_takes_the_values_along(desk: Desk) -> None:
    desk.add("ann@x.lv", merge_fields={"FNAME": "Ann"})
    before = desk.member("ann@x.lv")["last_changed"]
    path = f"/lists/{desk.list_id}/merge-fields/{field_of(desk, 'FNAME')['merge_id']}"
    desk.clock.advance(hours=1)
    desk.call("PATCH", path, {"tag": "GIVEN"})
    shown = desk.member("ann@x.lv")
    assert shown["merge_fields"]["GIVEN"] == "Ann"
    assert "FNAME" not in shown["merge_fields"]
    assert shown["last_changed"] == before


def test_a_deleted_field_takes_its_values_away(desk: Desk) -> None:
    desk.add("ann@x.lv", merge_fields={"FNAME": "Ann"})
    path = f"/lists/{desk.list_id}/merge-fields/{field_of(desk, 'FNAME')['merge_id']}"
    assert desk.send("DELETE", path).status == 204
    assert "FNAME" not in desk.member("ann@x.lv")["merge_fields"]
    assert desk.refusal("GET", path)["status"] == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "A"},
        {"type": "text"},
        {"name": "A", "type": "money"},
        {"name": "A", "type": "text", "tag": "LONGER_THAN_TEN"},
        {"name": "A", "type": "text", "tag": "fname"},
        {"name": "A", "type": "text", "tag": "EMAIL"},
        {"name": "A", "type": "radio"},
    ],
)
def test_a_field_that_cannot_be_is_refused(desk: Desk, body: Any) -> None:
    assert desk.refusal("POST", f"/lists/{desk.list_id}/merge-fields", body)["status"] == 400


def test_a_field_without_a_tag_is_named_by_its_number(desk: Desk) -> None:
    body = {"name": "New", "type": "text"}
    made = desk.call("POST", f"/lists/{desk.list_id}/merge-fields", body)
    assert made["tag"] == f"MMERGE{made['merge_id']}"


def test_the_newsletter_has_fields_of_the_kinds_a_mapping_meets(desk: Desk) -> None:
    """MC-03"""
    told = desk.call("GET", f"/lists/{desk.list_id}/merge-fields?count=100")
    kinds = {field["tag"]: field["type"] for field in told["merge_fields"]}
    assert kinds == {
        "FNAME": "text", "LNAME": "text", "ADDRESS": "address", "PHONE": "phone",
        "BIRTHDAY": "birthday", "SCORE": "number", "SINCE": "date", "TIER": "dropdown",
        "CONTACT": "radio",
    }  # fmt: skip
    only = desk.call("GET", f"/lists/{desk.list_id}/merge-fields?type=dropdown")
    assert only["total_items"] == 1
