"""Interest categories and their interests: the groups a person may join on a form."""

from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account, alive
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.kinds import check_types
from sandbox.mailchimp.links import links_of_many, links_of_one
from sandbox.mailchimp.member_writes import check_needed
from sandbox.mailchimp.problems import invalid, not_found
from sandbox.mailchimp.route import Route

TYPES = ("checkboxes", "dropdown", "radio", "hidden")
KINDS: dict[str, type] = {"title": str, "name": str, "type": str, "display_order": int}
CATEGORY = ("title", "type", "display_order")
INTEREST = ("name", "display_order")


def put_category(account: Account, list_id: str, title: str, kind: str) -> Record:
    key = account.new_hex()
    record = {"id": key, "list_id": list_id, "title": title, "type": kind, "display_order": 0}
    return account.categories.put(key, record)


def put_interest(account: Account, category: Record, name: str) -> Record:
    key = account.new_hex()
    of = {"list_id": category["list_id"], "category_id": category["id"]}
    return account.interests.put(key, {"id": key, **of, "name": name, "display_order": 0})


def list_categories(call: Call) -> dict[str, Any]:
    list_id, kind = call.list_id, call.query.get("type")
    rows = [
        c
        for c in call.account.categories.live()
        if c["list_id"] == list_id and kind in (None, "", c["type"])
    ]
    url = call.url(f"/lists/{list_id}/interest-categories")
    return {
        "categories": [_shown_category(call, c) for c in call.page_of(rows)],
        "list_id": list_id,
        "total_items": len(rows),
        "_links": links_of_many(url, "Lists/InterestCategories"),
    }


def get_category(call: Call) -> dict[str, Any]:
    return _shown_category(call, _the_category(call))


def create_category(call: Call) -> dict[str, Any]:
    body = call.body()
    _check_body(body)
    check_needed(body, "title", "type")
    made = put_category(call.account, call.list_id, body["title"], body["type"])
    return _shown_category(call, _written(call, made, body, CATEGORY))


def update_category(call: Call) -> dict[str, Any]:
    category, body = _the_category(call), call.body()
    _check_body(body)
    return _shown_category(call, _written(call, category, body, CATEGORY))


def delete_category(call: Call) -> None:
    category = _the_category(call)
    for interest in _interests_of(call, category):
        call.account.interests.delete(interest["id"])
    call.account.categories.delete(category["id"])


def list_interests(call: Call) -> dict[str, Any]:
    category = _the_category(call)
    rows = _interests_of(call, category)
    of = f"/lists/{category['list_id']}/interest-categories/{category['id']}"
    return {
        "interests": [_shown_interest(call, i) for i in call.page_of(rows)],
        "list_id": category["list_id"],
        "category_id": category["id"],
        "total_items": len(rows),
        "_links": links_of_many(call.url(f"{of}/interests"), "Lists/Interests"),
    }


def get_interest(call: Call) -> dict[str, Any]:
    return _shown_interest(call, _the_interest(call))


def create_interest(call: Call) -> dict[str, Any]:
    category, body = _the_category(call), call.body()
    _check_body(body)
    check_needed(body, "name")
    made = put_interest(call.account, category, body["name"])
    return _shown_interest(call, _written(call, made, body, INTEREST))


def update_interest(call: Call) -> dict[str, Any]:
    interest, body = _the_interest(call), call.body()
    _check_body(body)
    return _shown_interest(call, _written(call, interest, body, INTEREST))


def delete_interest(call: Call) -> None:
    call.account.interests.delete(_the_interest(call)["id"])


def _the_category(call: Call) -> Record:
    category = alive(call.account.categories, call.path["category_id"])
    if category["list_id"] != call.list_id:
        raise not_found()
    return category


def _the_interest(call: Call) -> Record:
    interest = alive(call.account.interests, call.path["interest_id"])
    if interest["category_id"] != _the_category(call)["id"]:
        raise not_found()
    return interest


def _interests_of(call: Call, category: Record) -> list[Record]:
    return [i for i in call.account.interests.live() if i["category_id"] == category["id"]]


def _check_body(body: Record) -> None:
    check_types(body, KINDS)
    if body.get("type", TYPES[0]) not in TYPES:
        raise invalid(("type", f"Value must be one of these: {', '.join(TYPES)}"))


def _written(call: Call, record: Record, body: Record, names: tuple[str, ...]) -> Record:
    after = {**record, **{name: body[name] for name in names if name in body}}
    if after == record:
        return record
    is_category = "category_id" not in record
    book = call.account.categories if is_category else call.account.interests
    return book.put(record["id"], after)


def _shown_category(call: Call, category: Record) -> dict[str, Any]:
    url = call.url(f"/lists/{category['list_id']}/interest-categories/{category['id']}")
    return {**category, "_links": links_of_one(url, "Lists/InterestCategories")}


def _shown_interest(call: Call, interest: Record) -> dict[str, Any]:
    of = f"/lists/{interest['list_id']}/interest-categories/{interest['category_id']}"
    members = call.account.members.of(interest["list_id"])
    count = sum(
        m["status"] == "subscribed" and bool(m["interests"].get(interest["id"])) for m in members
    )
    links = links_of_one(call.url(f"{of}/interests/{interest['id']}"), "Lists/Interests")
    return {**interest, "subscriber_count": str(count), "_links": links}


_ALL = "/lists/{list_id}/interest-categories"
_ONE = f"{_ALL}/{{category_id}}"
_INTEREST = f"{_ONE}/interests/{{interest_id}}"
ROUTES = [
    Route("GET", _ALL, list_categories),
    Route("POST", _ALL, create_category),
    Route("GET", _ONE, get_category),
    Route("PATCH", _ONE, update_category),
    Route("DELETE", _ONE, delete_category),
    Route("GET", f"{_ONE}/interests", list_interests),
    Route("POST", f"{_ONE}/interests", create_interest),
    Route("GET", _INTEREST, get_interest),
    Route("PATCH", _INTEREST, update_interest),
    Route("DELETE", _INTEREST, delete_interest),
]
