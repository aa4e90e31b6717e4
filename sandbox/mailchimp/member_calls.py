"""Members one at a time: read, add, upsert, change, archive, erase."""

from collections.abc import Mapping
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account, hash_of
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.member_shape import show_member
from sandbox.mailchimp.member_writes import (
    asked_status,
    check_kinds,
    check_needed,
    tag_names,
    with_values,
)
from sandbox.mailchimp.membership import (
    check_is_not_forgotten,
    checked_email,
    forget,
    moved,
    moved_by_api,
    new_member,
    with_address,
    write_member,
)
from sandbox.mailchimp.problems import member_exists, not_found, not_removable
from sandbox.mailchimp.route import Route
from sandbox.mailchimp.tags import with_tags_named

SOURCE = "API - Generic"
PATCHED = ("subscribed", "unsubscribed", "cleaned", "pending")


def get_member(call: Call) -> dict[str, Any]:
    return show_member(call, call.the_member())


def add_member(call: Call) -> dict[str, Any]:
    """POST: refused for whoever is a member, archived or not."""
    list_id, body = call.list_id, call.body()
    check_kinds(body)
    check_needed(body, "email_address", "status")
    email = checked_email(call.account, body["email_address"])
    known = call.account.members.find(list_id, email)
    if known is None:
        tags = tag_names(body.get("tags", []))
        return show_member(call, create_member(call, email, body, tags))
    if known["status"] != "archived" or call.account.assumed["post_on_archived"] != "restore":
        raise member_exists(known["email_address"])
    return show_member(call, change_member(call, known, body, status=asked_status(body, "status")))


def put_member(call: Call) -> dict[str, Any]:
    """PUT: whom the path names is changed; otherwise the address of the body is added, if free."""
    list_id, body = call.list_id, call.body()
    check_kinds(body)
    known = call.account.members.find(list_id, call.path["subscriber_hash"])
    if known is None or call.account.assumed["put_needs_address"]:
        check_needed(body, "email_address")
    status, if_new = asked_status(body, "status"), asked_status(body, "status_if_new")
    if known is None:
        return show_member(call, _put_new(call, if_new or status))
    if known["status"] == "archived" and not status and _is_restored(call.account):
        status = if_new
    return show_member(call, change_member(call, known, body, status=status))


def _put_new(call: Call, status: str) -> Record:
    body, named = call.body(), call.path["subscriber_hash"]
    email = checked_email(call.account, body["email_address"])
    if taken := call.account.members.find(call.list_id, email):
        raise member_exists(taken["email_address"])
    is_other = named.lower() not in (email.lower(), hash_of(email))
    if is_other and call.account.assumed["put_under_other_hash"] == "not_found":
        raise not_found()
    check_needed({"status_if_new": status}, "status_if_new")
    has_tags = call.account.assumed["put_takes_tags"]
    tags = tag_names(body.get("tags", [])) if has_tags else []
    return create_member(call, email, {**body, "status": status}, tags)


def _is_restored(account: Account) -> bool:
    return bool(account.assumed["status_if_new_restores_archived"])


def patch_member(call: Call) -> dict[str, Any]:
    body = call.body()
    check_kinds(body)
    known = call.the_member()
    status = asked_status(body, "status", PATCHED)
    return show_member(call, change_member(call, known, body, status=status))


def create_member(call: Call, email: str, body: Mapping[str, Any], tags: list[str]) -> Record:
    """Add somebody who is no member, with the status of the body: no opt-in unless pending."""
    account, list_id = call.account, call.list_id
    check_is_not_forgotten(account, list_id, email)
    fresh = new_member(account, list_id, email, SOURCE)
    after = moved(account, fresh, asked_status(body, "status"), "api")
    after = with_values(account, after, body, are_required_checked=_is_strict(call))
    return write_member(account, None, with_tags_named(account, after, tags), "api")


def change_member(call: Call, known: Record, body: Mapping[str, Any], *, status: str) -> Record:
    """Change a member by the API; an empty `status` leaves it. Refused as a whole or done."""
    account = call.account
    after = known
    if "email_address" in body:
        after = with_address(account, after, checked_email(account, body["email_address"]))
    if status:
        after = moved_by_api(account, after, status)
    is_strict = _is_strict(call) and account.assumed["required_checked_on_change"]
    after = with_values(account, after, body, are_required_checked=is_strict)
    if account.assumed["put_takes_tags"]:
        after = with_tags_named(account, after, tag_names(body.get("tags", [])))
    return write_member(account, known, after, "api")


def _is_strict(call: Call) -> bool:
    return not call.flag("skip_merge_validation")


def archive_member(call: Call) -> None:
    """DELETE: the member stays, archived, with all its values and tags."""
    known = call.the_member()
    if known["status"] in ("archived", "cleaned", "pending"):
        raise not_removable()
    write_member(call.account, known, moved(call.account, known, "archived", "api"), "api")


def erase_member(call: Call) -> None:
    """Delete for good: the address cannot be imported again."""
    forget(call.account, call.the_member(), "api")


_ONE = "/lists/{list_id}/members/{subscriber_hash}"
ROUTES = [
    Route("POST", "/lists/{list_id}/members", add_member),
    Route("GET", _ONE, get_member),
    Route("PUT", _ONE, put_member),
    Route("PATCH", _ONE, patch_member),
    Route("DELETE", _ONE, archive_member),
    Route("POST", f"{_ONE}/actions/delete-permanent", erase_member),
]
