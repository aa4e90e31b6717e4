"""What does not fit the contract is refused, never a crash and never half done."""

import itertools
import re
from typing import Any

import pytest
from mailchimp_desk import Desk, hash_of

from sandbox.mailchimp.route import Route
from sandbox.mailchimp.routes import ROUTES

WRITING = [route for route in ROUTES if route.method in ("POST", "PUT", "PATCH")]
GOOD: dict[str, Any] = {
    "email_address": "ben@x.lv", "status": "subscribed", "name": "N", "type": "text", "title": "T",
    "note": "Called.", "permission_reminder": "R",
    "contact": {"company": "A", "address1": "B", "city": "C", "country": "LV"},
    "campaign_defaults": {
        "from_name": "A", "from_email": "a@x.lv", "subject": "S", "language": "en",
    },
    "tags": [{"name": "A", "status": "active"}],
}  # fmt: skip
NAMES = (
    *GOOD, "status_if_new", "merge_fields", "interests", "language", "vip", "location", "members",
    "email_type", "timestamp_opt", "update_existing", "options", "static_segment", "tag",
    "members_to_add", "members_to_remove", "required", "display_order", "default_value",
    "properties", "occurred_at", "double_optin",
)  # fmt: skip
WRONG: tuple[Any, ...] = (None, True, 1.5, "x", [], [None], {}, {"x": []})


def path_of(desk: Desk, route: Route) -> str:
    """The route's path with things that are there."""
    account = desk.vendor.acme
    there = {
        "list_id": desk.list_id,
        "subscriber_hash": hash_of("ann@x.lv"),
        "segment_id": next(account.segments.live())["id"],
        "category_id": next(account.categories.live())["id"],
        "interest_id": next(account.interests.live())["id"],
    }
    return re.sub(r"{(\w+)}", lambda named: str(there.get(named[1], 1)), route.path)


@pytest.mark.parametrize("route", WRITING, ids=lambda route: f"{route.method} {route.path}")
def test_nothing_in_a_body_crashes_the_vendor(desk: Desk, route: Route) -> None:
    desk.assume("audience_limit", 1000)
    desk.add("ann@x.lv")
    desk.call("POST", f"{desk.path('ann@x.lv')}/notes", {"note": "Called."})
    for name, value in itertools.product(NAMES, WRONG):
        if "delete-permanent" not in route.path:
            assert desk.send(route.method, path_of(desk, route), {**GOOD, name: value}).status < 500
    for path in ("/lists", f"/lists/{desk.list_id}/segments", "/search-members?query=x.lv"):
        assert desk.call("GET", path)
    for below in ("members", "merge-fields", "segments", "tag-search", "interest-categories"):
        assert desk.call("GET", f"/lists/{desk.list_id}/{below}?count=1000")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {**GOOD, "double_optin": "yes"}, "double_optin"),
        ("/{list}/segments", {"name": ["A"]}, "name"),
        ("/{list}/segments", {"name": "A", "options": []}, "options"),
        ("/{list}/merge-fields", {"name": {}, "type": "text"}, "name"),
        (
            "/{list}/merge-fields",
            {"name": "A", "type": "text", "display_order": "1"},
            "display_order",
        ),
        (
            "/{list}/merge-fields",
            {"name": "A", "type": "radio", "options": {"choices": "A"}},
            "options.choices",
        ),
        ("/{list}/interest-categories", {"title": 5, "type": "radio"}, "title"),
    ],
)
def test_a_member_of_the_wrong_type_is_named(desk: Desk, path: str, body: Any, field: str) -> None:
    problem = desk.refusal("POST", "/lists" + path.format(list=desk.list_id), body)
    assert (problem["status"], problem["title"]) == (400, "Invalid Resource")
    assert problem["errors"][0]["field"] == field
    assert problem["errors"][0]["message"].startswith("Schema describes")
    assert desk.effects == []
