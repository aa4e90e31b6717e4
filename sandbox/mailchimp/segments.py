"""Segments: static ones (tags), saved ones (conditions) and fuzzy ones (similar people)."""

from collections.abc import Callable, Collection
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.call import Call, kind_of
from sandbox.mailchimp.conditions import check_options, condition_kind, similar, tester
from sandbox.mailchimp.kinds import check_types
from sandbox.mailchimp.links import links_of_many, links_of_one
from sandbox.mailchimp.member_shape import show_member, show_members
from sandbox.mailchimp.member_writes import check_needed
from sandbox.mailchimp.membership import STATUSES, write_member
from sandbox.mailchimp.problems import bad_request, invalid, not_found
from sandbox.mailchimp.route import Route
from sandbox.mailchimp.tags import find_tag, new_segment, without_tags

MOST_CHANGES = 500
TYPES = ("saved", "static", "fuzzy")
KINDS: dict[str, type] = {"name": str, "options": dict, "static_segment": list}
INCLUDED = {
    "include_cleaned": "cleaned",
    "include_transactional": "transactional",
    "include_unsubscribed": "unsubscribed",
}
NOT_IN_MEMBERS = ("tags", "tags_count", "contact_id", "web_id", "full_name", "source")


def members_in(
    account: Account, segment: Record, statuses: Collection[str] = STATUSES
) -> list[Record]:
    """Everybody of these statuses in a segment by now; unasked, all but the archived."""

    def find() -> list[Record]:
        is_in = _belongs(account, segment)
        everybody = account.members.of(segment["list_id"])
        return [m for m in everybody if m["status"] in statuses and is_in(m)]

    if segment["type"] != "static":  # who is in these hangs on the day and on campaigns too
        return find()
    question = ("segment", segment["id"], *sorted(statuses))
    return account.members.kept(segment["list_id"], question, find)


def _belongs(account: Account, segment: Record) -> Callable[[Record], bool]:
    if segment["type"] == "static":
        tag_id = str(segment["id"])
        return lambda m: tag_id in m["tags"]
    if segment["type"] == "fuzzy":
        alike = similar(account, segment["list_id"], segment["id"])
        return lambda m: m["contact_id"] in alike
    return tester(account, segment["list_id"], segment["options"])


def list_segments(call: Call) -> dict[str, Any]:
    list_id, kind = call.list_id, call.one_of("type", TYPES)
    rows = [
        s
        for s in call.account.segments_of(list_id)
        if kind in ("", s["type"])
        and all(
            call.is_since(f"since_{name}", s[name]) and call.is_before(f"before_{name}", s[name])
            for name in ("created_at", "updated_at")
        )
    ]
    return {
        "segments": [_shown(call, s) for s in call.page_of(rows)],
        "list_id": list_id,
        "total_items": len(rows),
        "_links": links_of_many(call.url(f"/lists/{list_id}/segments"), "Lists/Segments"),
    }


def get_segment(call: Call) -> dict[str, Any]:
    return _shown(call, call.the_segment())


def create_segment(call: Call) -> dict[str, Any]:
    """A list of addresses makes a static one, conditions a saved one."""
    account, list_id, body = call.account, call.list_id, call.body()
    check_types(body, KINDS)
    check_needed(body, "name")
    if "options" in body:
        check_options(account, list_id, body["options"])
        segment = new_segment(account, list_id, body["name"], "saved")
        return _shown(call, account.segments.put(segment["id"], _saved(segment, body)))
    emails = _addresses(body, "static_segment")
    if find_tag(account, list_id, body["name"]):
        raise bad_request("Sorry, that tag already exists.")
    segment = new_segment(account, list_id, body["name"], "static")
    for email in emails:
        _put_on(call, segment, email)
    return _shown(call, segment)


def update_segment(call: Call) -> dict[str, Any]:
    """A list of addresses replaces who is in a static one."""
    account, segment, body = call.account, call.the_segment(), call.body()
    check_types(body, KINDS)
    after = {**segment, "name": body.get("name", segment["name"]), "updated_at": account.now()}
    if "options" in body and segment["type"] == "saved":
        check_options(account, segment["list_id"], body["options"])
        after = _saved(after, body)
    if "static_segment" in body:
        _check_static(segment)
        emails = _addresses(body, "static_segment")
        for member in members_in(account, segment):
            if member["email_address"].lower() not in {e.lower() for e in emails}:
                _take_off(call, segment, member["email_address"])
        for email in emails:
            _put_on(call, segment, email)
    return _shown(call, account.segments.put(segment["id"], after))


def _saved(segment: Record, body: Record) -> Record:
    """Conditions are kept with their kind, named or not."""
    options = body["options"]
    conditions = [
        {"condition_type": condition_kind(condition), **condition}
        for condition in options.get("conditions", [])
    ]
    shown = {"match": options.get("match", "any"), "conditions": conditions}
    return {**segment, "options": shown}


def delete_segment(call: Call) -> None:
    remove_segment(call.account, call.the_segment())


def remove_segment(account: Account, segment: Record) -> None:
    """A tag goes from everybody who had it; nobody's `last_changed` moves."""
    gone = {str(segment["id"])}
    for member in account.members.of(segment["list_id"]):
        if gone & member["tags"].keys():
            account.members.put(without_tags(member, gone))
    account.segments.delete(segment["id"])


def change_many(call: Call) -> dict[str, Any]:
    """members_to_add and members_to_remove of a static segment."""
    segment, body = call.the_segment(), call.body()
    _check_static(segment)
    to_add, to_remove = _addresses(body, "members_to_add"), _addresses(body, "members_to_remove")
    added, not_added = _each(call, segment, to_add, _put_on)
    removed, not_removed = _each(call, segment, to_remove, _take_off)
    errors = []
    if call.account.assumed["segment_strangers"] == "errors":
        if not_added:
            said = "Emails not found in the audience or already in the segment"
            errors.append({"email_addresses": not_added, "error": said})
        if not_removed:
            said = "Emails not found in the segment"
            errors.append({"email_addresses": not_removed, "error": said})
    return {
        "members_added": show_members(call, added),
        "members_removed": show_members(call, removed),
        "errors": errors,
        "total_added": len(added),
        "total_removed": len(removed),
        "error_count": sum(len(e["email_addresses"]) for e in errors),
        "_links": links_of_one(_url(call, segment), "Lists/Segments"),
    }


Change = Callable[[Call, Record, str], Record | None]


def _each(
    call: Call, segment: Record, emails: list[str], change: Change
) -> tuple[list[Record], list[str]]:
    """Who was changed, and the addresses for which there was nothing to change."""
    done, strangers = list[Record](), list[str]()
    for email in emails:
        member = change(call, segment, email)
        if member:
            done.append(member)
        else:
            strangers.append(email)
    return done, strangers


def _put_on(call: Call, segment: Record, email: str) -> Record | None:
    account, tag_id = call.account, str(segment["id"])
    member = account.members.find(segment["list_id"], email)
    if member is None or member["status"] == "archived" or tag_id in member["tags"]:
        return None
    tags = {**member["tags"], tag_id: account.now()}
    return write_member(account, member, {**member, "tags": tags}, "api")


def _take_off(call: Call, segment: Record, email: str) -> Record | None:
    member = call.account.members.find(segment["list_id"], email)
    if member is None or str(segment["id"]) not in member["tags"]:
        return None
    after = without_tags(member, {str(segment["id"])})
    return write_member(call.account, member, after, "api")


def list_segment_members(call: Call) -> dict[str, Any]:
    """Subscribed ones, and those of the statuses a query includes."""
    segment = call.the_segment()
    found = members_in(call.account, segment, _statuses(call))
    shown = show_members(call, call.page_of(found))
    return {
        "members": [_as_in_segment(member) for member in shown],
        "total_items": len(found),
        "_links": links_of_many(f"{_url(call, segment)}/members", "Lists/Segments/Members"),
    }


def add_to_segment(call: Call) -> dict[str, Any]:
    segment, body = call.the_segment(), call.body()
    _check_static(segment)
    check_needed(body, "email_address")
    known = call.account.members.find(segment["list_id"], str(body["email_address"]))
    if known is None or known["status"] == "archived":
        raise not_found()
    return _as_in_segment(show_member(call, _put_on(call, segment, known["id"]) or known))


def take_from_segment(call: Call) -> None:
    segment = call.the_segment()
    _check_static(segment)
    if _take_off(call, segment, call.path["subscriber_hash"]) is None:
        raise not_found()


def _statuses(call: Call) -> set[str]:
    return {"subscribed", *(status for name, status in INCLUDED.items() if call.flag(name))}


def _as_in_segment(shown: dict[str, Any]) -> dict[str, Any]:
    """The contract shows less of a member here: no tags, no contact_id."""
    return {name: value for name, value in shown.items() if name not in NOT_IN_MEMBERS}


def _check_static(segment: Record) -> None:
    if segment["type"] != "static":
        raise bad_request("Only static segments can be changed member by member.")


def _addresses(body: Record, name: str) -> list[str]:
    given = body.get(name, [])
    if not isinstance(given, list) or not all(isinstance(email, str) for email in given):
        raise invalid((name, f"Schema describes array, {kind_of(given)} found instead"))
    if len(given) > MOST_CHANGES:
        raise bad_request(f"{name} has more than {MOST_CHANGES} addresses.")
    return list(dict.fromkeys(email.strip() for email in given))


def _url(call: Call, segment: Record) -> str:
    return call.url(f"/lists/{segment['list_id']}/segments/{segment['id']}")


def _shown(call: Call, segment: Record) -> dict[str, Any]:
    """Static and fuzzy segments show no conditions."""
    shown = {
        "id": segment["id"],
        "name": segment["name"],
        "member_count": len(members_in(call.account, segment, _statuses(call))),
        "type": segment["type"],
        "created_at": segment["created_at"],
        "updated_at": segment["updated_at"],
        "list_id": segment["list_id"],
        "_links": links_of_one(_url(call, segment), "Lists/Segments"),
    }
    return {**shown, "options": segment["options"]} if segment["options"] else shown


_ALL = "/lists/{list_id}/segments"
_ONE = f"{_ALL}/{{segment_id}}"
ROUTES = [
    Route("GET", _ALL, list_segments),
    Route("POST", _ALL, create_segment),
    Route("GET", _ONE, get_segment),
    Route("POST", _ONE, change_many),
    Route("PATCH", _ONE, update_segment),
    Route("DELETE", _ONE, delete_segment),
    Route("GET", f"{_ONE}/members", list_segment_members),
    Route("POST", f"{_ONE}/members", add_to_segment),
    Route("DELETE", f"{_ONE}/members/{{subscriber_hash}}", take_from_segment),
]
