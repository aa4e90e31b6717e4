"""Merge fields: which values a list accepts for them, and the calls that define them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.books import Record
from sandbox.mailigen.account import Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Form, Tree

LONGEST_VALUE = 255  # characters; the docblock of listMergeVarAdd
LONGEST_EMAIL = 254
FIELD_TYPES = (
    "text",
    "number",
    "date",
    "address",
    "phone",
    "website",
    "image",
    "email",
    "dropdown",
)
_EMAIL = re.compile(r"[^@\s,;<>\"()\[\]\\]+@(?:[^@\s.,;<>\"()\[\]\\]+\.)+[^@\s.,;<>\"()\[\]\\]{2,}")
_TAG = re.compile(r"[A-Z0-9_]+")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


def checked_email(text: str) -> str:
    """The address without blanks around it; refused unless it has the look of one.

    >>> checked_email(" Ann@x.lv ")
    'Ann@x.lv'
    """
    email = text.strip()
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        raise MailigenError("email_invalid", f"Invalid Email Address: {email[:LONGEST_EMAIL]}")
    return email


def checked_merges(account: Account, list_id: str, given: Mapping[str, Tree]) -> dict[str, str]:
    """The given values that the list takes, by tag, without EMAIL; tags in any case.

    A required field may be absent here (an update need not repeat it) but not be emptied.
    """
    taken: dict[str, str] = {}
    for name, value in given.items():
        tag = name.upper()
        if tag in ("EMAIL", "EMAIL_TYPE"):
            continue
        field = account.merge_vars.find(list_id, tag)
        if field is not None:
            taken[field["tag"]] = _checked_value(account, field, value)
        elif account.assumed.text("unknown_merge_tag") == "refuse":
            raise MailigenError("merge_invalid", f"Merge field {tag} does not exist")
    return taken


def require_all(account: Account, list_id: str, merges: Mapping[str, str]) -> dict[str, str]:
    """The merges of a new member: defaults filled in, required fields present."""
    complete: dict[str, str] = {}
    for field in account.merge_vars.of(list_id):
        tag = field["tag"]
        if tag == "EMAIL":
            continue
        value = merges.get(tag) or field["default"]
        if field["req"] and not value:
            raise MailigenError("merge_required", f"{tag} - {field['name']} is required")
        complete[tag] = value
    return complete


def _checked_value(account: Account, field: Record, value: Tree) -> str:
    tag = field["tag"]
    if isinstance(value, dict):
        # Address fields may come in parts; they are kept as one line.
        value = ", ".join(v for v in value.values() if isinstance(v, str) and v)
    if len(value) > LONGEST_VALUE:
        if account.assumed.text("long_values") == "refuse":
            raise MailigenError(
                "merge_invalid", f"{tag} - value is longer than {LONGEST_VALUE} characters"
            )
        value = value[:LONGEST_VALUE]
    if not value:
        if field["req"]:
            raise MailigenError("merge_required", f"{tag} - {field['name']} is required")
        return ""
    if account.assumed.is_on("merge_types_checked") and not _fits(field, value):
        raise MailigenError("merge_invalid", f"{tag} - invalid {field['field_type']} value")
    return value


def _fits(field: Record, value: str) -> bool:
    match field["field_type"]:
        case "number":
            return bool(_NUMBER.fullmatch(value))
        case "date":
            return _is_date(value)
        case "email":
            return bool(_EMAIL.fullmatch(value))
        case "dropdown":
            return value in field["predefined_values"].split("||")
        case _:
            return True


def _is_date(value: str) -> bool:
    try:
        datetime.strptime(value, "%Y-%m-%d")
    except ValueError:
        return False
    return True


def list_merge_vars(account: Account, form: Form) -> list[dict[str, Any]]:
    list_id = account.the_list(form.text("id"))["id"]
    shown = ("name", "req", "field_type", "show", "order", "default", "tag", "predefined_values")
    return [{key: field[key] for key in shown} for field in account.merge_vars.of(list_id)]


def add_merge_var(account: Account, form: Form) -> bool:
    list_id = account.the_list(form.text("id"))["id"]
    tag, name = form.text("tag").upper(), form.text("name")
    longest = account.assumed.number("merge_tag_max_length")
    if not _TAG.fullmatch(tag) or len(tag) > longest:
        raise MailigenError("merge_invalid", f"Invalid merge tag: {tag}")
    if account.merge_vars.find(list_id, tag):
        raise MailigenError("merge_invalid", f"Merge tag {tag} already exists")
    options = form.under("options")
    field_type = options.optional("field_type", "text")
    if field_type not in FIELD_TYPES:
        raise MailigenError("merge_invalid", f"Invalid merge field type: {field_type}")
    put_merge_var(
        account,
        list_id,
        tag,
        name,
        field_type=field_type,
        req=options.flag("req", False),
        show=options.flag("show", True),
        default=options.optional("default_value"),
        predefined_values=options.optional("predefined_values"),
    )
    return True


def put_merge_var(
    account: Account, list_id: str, tag: str, name: str, **options: str | bool
) -> None:
    """Add a field at the end of the list's fields."""
    field = {
        "id": f"{list_id}/{tag}",
        "list": list_id,
        "name": name,
        "req": False,
        "field_type": "text",
        "show": True,
        "order": str(account.merge_vars.size(list_id) + 1),
        "default": "",
        "tag": tag,
        "predefined_values": "",
    }
    account.merge_vars.put({**field, **options})


def update_merge_var(account: Account, form: Form) -> bool:
    field = _the_field(account, form)
    options = form.under("options")
    if options.optional("field_type", field["field_type"]) != field["field_type"]:
        raise MailigenError("merge_invalid", "Merge field type cannot be changed")
    account.merge_vars.put(
        {
            **field,
            "name": options.optional("name") or field["name"],
            "req": options.flag("req", field["req"]),
            "show": options.flag("show", field["show"]),
            "default": options.optional("default_value", field["default"]),
            "predefined_values": options.optional("predefined_values", field["predefined_values"]),
        }
    )
    return True


def delete_merge_var(account: Account, form: Form) -> bool:
    """The field goes, and its values with it."""
    field = _the_field(account, form)
    tag = field["tag"]
    if tag == "EMAIL":
        raise MailigenError("merge_email_stays", "The EMAIL merge field cannot be removed")
    account.merge_vars.delete(field)
    for member in account.members.of(field["list"]):
        if tag in member["merges"]:
            merges = {k: v for k, v in member["merges"].items() if k != tag}
            account.members.put({**member, "merges": merges})
    return True


def _the_field(account: Account, form: Form) -> Record:
    list_id, tag = account.the_list(form.text("id"))["id"], form.text("tag")
    field = account.merge_vars.find(list_id, tag)
    if field is None:
        raise MailigenError("merge_unknown", f"Merge field {tag} does not exist")
    return field
