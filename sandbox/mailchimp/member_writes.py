"""What a write of a member asks for, read from its body and applied, with nothing stored yet."""

from collections.abc import Mapping
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.call import kind_of, read_time
from sandbox.mailchimp.kinds import check_types
from sandbox.mailchimp.membership import STATUSES
from sandbox.mailchimp.merge_values import checked_values, missing_values
from sandbox.mailchimp.problems import ProblemError, bad_merge_fields, invalid

KINDS: dict[str, type] = {
    "email_address": str, "email_type": str, "status": str, "status_if_new": str,
    "merge_fields": dict, "interests": dict, "language": str, "vip": bool, "location": dict,
    "ip_signup": str, "ip_opt": str, "timestamp_signup": str, "timestamp_opt": str, "tags": list,
}  # fmt: skip
COPIED = ("language", "vip", "ip_signup", "ip_opt")
TIMES = ("timestamp_signup", "timestamp_opt")


def check_kinds(body: Mapping[str, Any]) -> None:
    """Every member of the body is of the type the contract says; unknown ones are passed over."""
    check_types(body, KINDS)


def check_needed(body: Mapping[str, Any], *needed: str) -> None:
    absent = [name for name in needed if body.get(name) in (None, "")]
    if absent:
        raise invalid(("", f"Required fields were not provided: {', '.join(absent)}"))


def asked_status(body: Mapping[str, Any], name: str, choices: tuple[str, ...] = STATUSES) -> str:
    """The status a body names, empty when it names none."""
    status = body.get(name, "")
    if status and status not in choices:
        raise invalid((name, f"Value must be one of these: {', '.join(choices)}"))
    return str(status)


def with_values(
    account: Account, member: Record, body: Mapping[str, Any], *, are_required_checked: bool
) -> Record:
    """The member with everything of the body but status, address and tags."""
    fields = account.fields_of(member["list_id"])
    longest = account.assumed["text_longest"]
    values = checked_values(fields, body.get("merge_fields", {}), member["merge_fields"], longest)
    if are_required_checked and (errors := missing_values(fields, values)):
        raise bad_merge_fields(*errors)
    after = {**member, "merge_fields": values}
    after |= {name: body[name] for name in COPIED if name in body}
    after |= {name: read_time(name, body[name]) for name in TIMES if body.get(name)}
    if "email_type" in body:
        after["email_type"] = _email_type(body["email_type"])
    if "location" in body:
        parts = ("latitude", "longitude")
        after["location"] = {n: body["location"][n] for n in parts if n in body["location"]}
    if "interests" in body:
        after["interests"] = _interests(account, member, body["interests"])
    return after


def tag_names(given: Any) -> list[str]:
    """The tags of a body: names, or objects with a name."""
    names = [tag.get("name") if isinstance(tag, Mapping) else tag for tag in given]
    if wrong := [name for name in names if not isinstance(name, str) or not name.strip()]:
        said = f"Schema describes string, {kind_of(wrong[0])} found instead"
        raise invalid(("tags", said))
    return [str(name).strip() for name in names]


def _email_type(given: str) -> str:
    if given not in ("html", "text"):
        raise invalid(("email_type", "Value must be one of these: html, text"))
    return given


def _interests(account: Account, member: Record, given: Mapping[str, Any]) -> dict[str, bool]:
    """Interests that are not named stay as they were."""
    known = {i["id"] for i in account.interests.live() if i["list_id"] == member["list_id"]}
    if unknown := [name for name in given if name not in known]:
        raise ProblemError(400, "Invalid Resource", f"Invalid interest ID: '{unknown[0]}'.")
    return {**member["interests"], **{name: bool(wanted) for name, wanted in given.items()}}
