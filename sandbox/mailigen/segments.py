"""Segments: conditions over the members of a list, evaluated when read (or frozen when made)."""

import re
from typing import Any

from sandbox.books import Record
from sandbox.mailigen.account import Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Form, Tree
from sandbox.mailigen.member_calls import (
    MOST_MEMBERS,
    members_with,
    merge_value,
    shown_time,
    wanted_status,
)

CONDITIONS = ("is", "not", "isany", "contains", "notcontain", "starts", "ends", "greater", "less")
MATCHES = ("any", "or", "all", "and")
_MERGE_FIELD = re.compile(r"merge(\d{1,3})")


def list_segments(account: Account, form: Form) -> list[dict[str, Any]]:
    list_id = account.the_list(form.either("list", "id"))["id"]
    shown = ("id", "title", "list", "match", "filter", "auto_update", "date_created")
    return [{key: segment[key] for key in shown} for segment in account.segments.of(list_id)]


def create_segment(account: Account, form: Form) -> str:
    list_id = account.the_list(form.either("list", "id"))["id"]
    segment = {
        "id": account.new_hex(),
        "list": list_id,
        "title": form.text("title"),
        "match": _match(form.optional("match", "all")),
        "filter": _conditions(account, list_id, form.tree("filter")),
        "auto_update": form.flag("auto_update", False),
        "date_created": account.stamp(),
        "frozen": None,
    }
    return str(account.segments.put(_frozen(account, segment))["id"])


def update_segment(account: Account, form: Form) -> bool:
    segment, name = the_segment(account, form.text("sid")), form.text("name")
    if name == "title":
        changes: dict[str, Any] = {"title": form.text("value")}
    elif name == "match":
        changes = {"match": _match(form.text("value"))}
    elif name == "filter":
        changes = {"filter": _conditions(account, segment["list"], form.tree("value"))}
    elif name == "auto_update":
        changes = {"auto_update": form.flag("value", False)}
    else:
        raise MailigenError("option_invalid", f"Invalid segment option: {name}")
    account.segments.put(_frozen(account, {**segment, **changes}))
    return True


def delete_segment(account: Account, form: Form) -> bool:
    account.segments.delete(the_segment(account, form.text("sid")))
    return True


def list_segment_members(account: Account, form: Form) -> list[dict[str, str]]:
    segment = the_segment(account, form.text("sid"))
    found = segment_members(account, segment, wanted_status(form))
    return [
        {
            "email": member["email"],
            "id": member["id"],
            "list": member["list"],
            "timestamp": shown_time(account, member),
        }
        for member in form.page(100, MOST_MEMBERS).cut(found)
    ]


def the_segment(account: Account, segment_id: str) -> Record:
    segment = account.segments.book.get(segment_id)
    if segment is None or account.segments.book.is_deleted(segment_id):
        raise MailigenError("segment_unknown", f"Invalid Segment ID: {segment_id}")
    return segment


def segment_members(account: Account, segment: Record, status: str) -> list[Record]:
    members = members_with(account, segment["list"], status)
    if segment["frozen"] is not None:
        frozen = set(segment["frozen"])
        return [member for member in members if member["id"] in frozen]
    return [member for member in members if _belongs(account, segment, member)]


def _belongs(account: Account, segment: Record, member: Record) -> bool:
    verdicts = (_holds(account, condition, member) for condition in segment["filter"])
    return any(verdicts) if segment["match"] in ("any", "or") else all(verdicts)


def _holds(account: Account, condition: dict[str, str], member: Record) -> bool:
    if condition["field"] == "confirm_time":
        actual = account.shown(member["confirmed_at"])
    else:
        actual = merge_value(member, condition["tag"])
    wanted = condition["value"]
    if account.assumed.is_on("segment_ignores_case"):
        actual, wanted = actual.lower(), wanted.lower()
    if condition["condition"] == "isany" and account.assumed.text("isany_means") == "not_empty":
        return bool(actual)
    return _compare(condition["condition"], actual, wanted)


def _compare(condition: str, actual: str, wanted: str) -> bool:
    match condition:
        case "is":
            return actual == wanted
        case "not":
            return actual != wanted
        case "isany":
            return actual in [part.strip() for part in re.split(r"\|\||,", wanted)]
        case "contains":
            return wanted in actual
        case "notcontain":
            return wanted not in actual
        case "starts":
            return actual.startswith(wanted)
        case "ends":
            return actual.endswith(wanted)
        case _:
            ordered = _ordered(actual, wanted)
            return ordered > 0 if condition == "greater" else ordered < 0


def _ordered(actual: str, wanted: str) -> int:
    """1, 0 or -1; as numbers where both are, as text otherwise."""
    try:
        left, right = float(actual), float(wanted)
    except ValueError:
        return (actual > wanted) - (actual < wanted)
    return (left > right) - (left < right)


def _match(text: str) -> str:
    if text not in MATCHES:
        raise MailigenError("option_invalid", f"Invalid match: {text}")
    return text


def _conditions(account: Account, list_id: str, given: Tree) -> list[dict[str, str]]:
    """The conditions with the tag each field stands for now; merge0 is the first field, EMAIL."""
    rows = list(given.values()) if isinstance(given, dict) else []
    if not rows:
        raise MailigenError("option_invalid", "A segment needs at least one condition")
    return [_condition(account, list_id, row) for row in rows]


def _condition(account: Account, list_id: str, row: Tree) -> dict[str, str]:
    if not isinstance(row, dict):
        raise MailigenError("option_invalid", "A condition needs field, condition and value")
    field, condition, value = (row.get(key, "") for key in ("field", "condition", "value"))
    if isinstance(value, dict):
        value = "||".join(item for item in value.values() if isinstance(item, str))
    if not isinstance(field, str) or not isinstance(condition, str) or condition not in CONDITIONS:
        raise MailigenError("option_invalid", f"Invalid segment condition: {condition}")
    tag = "" if field == "confirm_time" else _tag(account, list_id, field)
    return {"field": field, "condition": condition, "value": value, "tag": tag}


def _tag(account: Account, list_id: str, field: str) -> str:
    numbered = _MERGE_FIELD.fullmatch(field)
    fields = account.merge_vars.of(list_id)
    if numbered is None or int(numbered[1]) >= len(fields):
        raise MailigenError("option_invalid", f"Invalid segment field: {field}")
    return str(fields[int(numbered[1])]["tag"])


def _frozen(account: Account, segment: Record) -> Record:
    """With the ids of its members of now, where a segment without auto_update stands still."""
    if segment["auto_update"] or not account.assumed.is_on("auto_update_false_freezes"):
        return {**segment, "frozen": None}
    found = [m for m in account.members.of(segment["list"]) if _belongs(account, segment, m)]
    return {**segment, "frozen": [member["id"] for member in found]}
