"""Merge fields, the columns of an audience: read, create, change, delete.

The id of one is stable, its tag is not; its type never changes.
"""

import re
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account, alive
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.kinds import check_types
from sandbox.mailchimp.links import links_of_many, links_of_one
from sandbox.mailchimp.member_writes import check_needed
from sandbox.mailchimp.merge_values import TYPES
from sandbox.mailchimp.problems import bad_request, invalid
from sandbox.mailchimp.route import Route

TAG = re.compile(r"[A-Z0-9_]{1,10}")
WRITABLE = ("name", "required", "default_value", "public", "display_order", "help_text")
CHOOSING = ("radio", "dropdown")
FIRST_OPTIONS: dict[str, dict[str, Any]] = {
    "text": {"size": 25},
    "address": {"default_country": 164},
    "phone": {"phone_format": "none"},
    "date": {"date_format": "MM/DD/YYYY"},
    "birthday": {"date_format": "MM/DD"},
    "radio": {"choices": []},
    "dropdown": {"choices": []},
}
TYPES_OF_BODY: dict[str, type] = {
    "name": str, "tag": str, "type": str, "required": bool, "default_value": str, "public": bool,
    "display_order": int, "help_text": str, "options": dict,
}  # fmt: skip
TYPES_OF_OPTIONS: dict[str, type] = {
    "choices": list, "size": int, "default_country": int, "date_format": str, "phone_format": str,
}  # fmt: skip
# What a new audience has, and what was seen of it: all may be renamed or deleted.
DEFAULT_FIELDS = (
    ("FNAME", "First Name", "text"),
    ("LNAME", "Last Name", "text"),
    ("ADDRESS", "Address", "address"),
    ("PHONE", "Phone Number", "phone"),
    ("BIRTHDAY", "Birthday", "birthday"),
)


def add_default_fields(account: Account, list_id: str) -> None:
    for tag, name, kind in DEFAULT_FIELDS:
        put_field(account, list_id, {"tag": tag, "name": name, "type": kind})


def put_field(account: Account, list_id: str, given: Record) -> Record:
    """Store a new field; what is not given is as the vendor has it."""
    number = account.new_number(f"{list_id}/merge_id")
    field = {
        "merge_id": number,
        "tag": f"MMERGE{number}",
        "required": False,
        "default_value": "",
        "public": True,
        "display_order": number + 1,
        "help_text": "",
        "list_id": list_id,
        **given,
    }
    field["options"] = FIRST_OPTIONS.get(given["type"], {}) | given.get("options", {})
    return account.merge_fields.put(f"{list_id}/{number}", field)


def list_fields(call: Call) -> dict[str, Any]:
    list_id, kind = call.list_id, call.query.get("type")
    fields = [f for f in call.account.fields_of(list_id) if kind in (None, "", f["type"])]
    if call.query.get("required"):
        fields = [f for f in fields if f["required"] == call.flag("required")]
    return {
        "merge_fields": [_shown(call, field) for field in call.page_of(fields)],
        "list_id": list_id,
        "total_items": len(fields),
        "_links": links_of_many(call.url(f"/lists/{list_id}/merge-fields"), "Lists/MergeFields"),
    }


def get_field(call: Call) -> dict[str, Any]:
    return _shown(call, _the_field(call))


def create_field(call: Call) -> dict[str, Any]:
    list_id, body = call.list_id, call.body()
    check_needed(body, "name", "type")
    if body["type"] not in TYPES:
        raise invalid(("type", f"Value must be one of these: {', '.join(TYPES)}"))
    given = {"type": body["type"], **_read(call, body, None)}
    return _shown(call, put_field(call.account, list_id, given))


def update_field(call: Call) -> dict[str, Any]:
    """A type in the body is passed over; a new tag takes the members' values along."""
    field, body = _the_field(call), call.body()
    given = _read(call, body, field)
    options = {**field["options"], **given.pop("options", {})}
    after = {**field, **given, "options": options}
    key = f"{field['list_id']}/{field['merge_id']}"
    call.account.merge_fields.put(key, after)
    if after["tag"] != field["tag"]:
        _rename(call.account, field, after["tag"])
    return _shown(call, after)


def delete_field(call: Call) -> None:
    """The values go with the field; nobody's `last_changed` moves."""
    field = _the_field(call)
    call.account.merge_fields.delete(f"{field['list_id']}/{field['merge_id']}")
    _rename(call.account, field, "")


def _rename(account: Account, field: Record, tag: str) -> None:
    for member in account.members.of(field["list_id"]):
        values = dict(member["merge_fields"])
        if field["tag"] in values:
            value = values.pop(field["tag"])
            if tag:
                values[tag] = value
            account.members.put({**member, "merge_fields": values})


def _the_field(call: Call) -> Record:
    return alive(call.account.merge_fields, f"{call.list_id}/{call.path['merge_id']}")


def _read(call: Call, body: Record, old: Record | None) -> Record:
    """What a body says of a field, checked."""
    check_types(body, TYPES_OF_BODY)
    given = {name: body[name] for name in WRITABLE if name in body}
    options = body.get("options", {})
    check_types(options, TYPES_OF_OPTIONS, "options.")
    for choice in options.get("choices", []):
        check_types({"choices": choice}, {"choices": str}, "options.")
    kind = old["type"] if old else body["type"]
    if kind in CHOOSING and not (options.get("choices") or (old and old["options"]["choices"])):
        raise invalid(("options.choices", "Please enter at least one choice"))
    if options:
        given["options"] = options
    if body.get("tag"):
        given["tag"] = _free_tag(call, str(body["tag"]).upper(), old)
    return given


def _free_tag(call: Call, tag: str, old: Record | None) -> str:
    if not TAG.fullmatch(tag):
        raise invalid(("tag", "Tags have 1 to 10 letters, digits or underscores"))
    taken = {f["tag"] for f in call.account.fields_of(call.list_id) if f is not old}
    if tag in taken or tag == "EMAIL":
        raise bad_request(f'A Merge Field with the tag "{tag}" already exists for this list.')
    return tag


def _shown(call: Call, field: Record) -> dict[str, Any]:
    url = call.url(f"/lists/{field['list_id']}/merge-fields/{field['merge_id']}")
    return {**field, "_links": links_of_one(url, "Lists/MergeFields")}


_ONE = "/lists/{list_id}/merge-fields/{merge_id}"
ROUTES = [
    Route("GET", "/lists/{list_id}/merge-fields", list_fields),
    Route("POST", "/lists/{list_id}/merge-fields", create_field),
    Route("GET", _ONE, get_field),
    Route("PATCH", _ONE, update_field),
    Route("DELETE", _ONE, delete_field),
]
