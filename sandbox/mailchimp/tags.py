"""Tags: static segments by another name, put on members one at a time.

No webhook tells of a tag, and by default a tag leaves `last_changed` alone.
"""

from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.call import Call, kind_of
from sandbox.mailchimp.links import link
from sandbox.mailchimp.member_shape import member_url, tags_of
from sandbox.mailchimp.membership import write_member
from sandbox.mailchimp.problems import invalid
from sandbox.mailchimp.route import Route

LONGEST_NAME = 100


def find_tag(account: Account, list_id: str, name: str) -> Record | None:
    """The tag of that name; capitals do not matter unless assumed to."""
    fold = str.lower if account.assumed["tag_names_ignore_case"] else str
    for segment in account.segments_of(list_id):
        if segment["type"] == "static" and fold(segment["name"]) == fold(name):
            return segment
    return None


def new_segment(account: Account, list_id: str, name: str, kind: str) -> Record:
    """A segment of no members, stored; `kind` is static, saved or fuzzy."""
    now = account.now()
    number = account.new_number("segment", 49_001)
    segment = {"id": number, "list_id": list_id, "name": name, "type": kind, "options": None}
    return account.segments.put(number, {**segment, "created_at": now, "updated_at": now})


def with_tags_named(account: Account, member: Record, names: list[str]) -> Record:
    """The member with these tags too; a name nobody used yet becomes a tag."""
    tags = dict(member["tags"])
    for name in names:
        tag = find_tag(account, member["list_id"], name)
        tag = tag or new_segment(account, member["list_id"], name, "static")
        tags.setdefault(str(tag["id"]), account.now())
    return {**member, "tags": tags}


def without_tags(member: Record, tag_ids: set[str]) -> Record:
    kept = {tag_id: added for tag_id, added in member["tags"].items() if tag_id not in tag_ids}
    return {**member, "tags": kept}


def list_member_tags(call: Call) -> dict[str, Any]:
    member = call.the_member()
    tags = [
        {**tag, "date_added": member["tags"][str(tag["id"])]}
        for tag in tags_of(call.account, member)
    ]
    return {
        "tags": call.page_of(tags),
        "total_items": len(tags),
        "_links": [link("parent", member_url(call, member))],
    }


def change_member_tags(call: Call) -> None:
    """Answered 204 whatever came of it: taking off what is not on is no error."""
    member, asked = call.the_member(), call.body().get("tags")
    if not isinstance(asked, list):
        raise invalid(("tags", f"Schema describes array, {kind_of(asked)} found instead"))
    wanted = [_wanted(number, tag) for number, tag in enumerate(asked)]
    after = member
    for name, is_active in wanted:
        if is_active:
            after = with_tags_named(call.account, after, [name])
        elif tag := find_tag(call.account, member["list_id"], name):
            after = without_tags(after, {str(tag["id"])})
    if after["tags"] != member["tags"]:
        write_member(call.account, member, after, "api")


def _wanted(number: int, tag: Any) -> tuple[str, bool]:
    """A name and whether it is to be on; a problem for what is neither."""
    place = f"tags.item:{number}"
    if not isinstance(tag, dict):
        raise invalid((place, f"Schema describes object, {kind_of(tag)} found instead"))
    name, status = tag.get("name"), tag.get("status")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise invalid((f"{place}.name", f"Tag names have 1 to {LONGEST_NAME} characters"))
    if status not in ("active", "inactive"):
        raise invalid((f"{place}.status", "Value must be one of these: active, inactive"))
    return name.strip(), status == "active"


def search_tags(call: Call) -> dict[str, Any]:
    """Tags whose name begins with what is asked; all of them when nothing is."""
    asked = call.query.get("name", "").lower()
    found = [
        {"id": segment["id"], "name": segment["name"]}
        for segment in call.account.segments_of(call.list_id)
        if segment["type"] == "static" and segment["name"].lower().startswith(asked)
    ]
    return {"tags": found, "total_items": len(found)}


ROUTES = [
    Route("GET", "/lists/{list_id}/members/{subscriber_hash}/tags", list_member_tags),
    Route("POST", "/lists/{list_id}/members/{subscriber_hash}/tags", change_member_tags),
    Route("GET", "/lists/{list_id}/tag-search", search_tags),
]
