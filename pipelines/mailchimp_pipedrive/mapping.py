"""Which Pipedrive field may be mapped to which merge field, by the vendors' own types (MC-03).

Text goes with text, numbers with numbers, dates with dates. What one side offers as a choice
among options the other would take as free text, and give back as something no option is called:
such fields are refused by name, and so are those that stand for a record.
"""

from typing import Any, NamedTuple

TEXT = frozenset({"varchar", "varchar_auto", "text"})
NUMBER = frozenset({"double", "int", "monetary"})
# Pipedrive calls these fields' types as follows, whatever they are called in an account.
CODE_TYPES = {"name": "varchar", "first_name": "varchar", "last_name": "varchar", "phone": "phone"}
REFUSED_IN_PIPEDRIVE = {
    "enum": "a single option", "set": "multiple options", "user": "a user",
    "org": "an organization", "people": "a person", "picture": "a picture",
    "status": "a status", "stage": "a stage", "visible_to": "a visibility group",
}  # fmt: skip
REFUSED_IN_MAILCHIMP = {"radio": "radio buttons", "dropdown": "a drop-down"}
FITTING = {
    "text": TEXT | {"phone", "address"},
    "phone": frozenset({"phone"}),
    "number": NUMBER,
    "date": frozenset({"date"}),
    "birthday": frozenset({"date"}),
    "address": frozenset({"address"}),
}
# A birthday has no year and an address no parts that the CRM would take: nothing to bring back.
OUT_OF_PIPEDRIVE_ONLY = frozenset({"birthday", "address"})


class Side(NamedTuple):
    """A field of one side: what people call it, and the vendor's word for its type."""

    label: str
    field_type: str


def misfit(crm: Side, engagement: Side, *, is_into_crm: bool) -> str:
    """Why two fields cannot be mapped to each other; '' when they can."""
    said = f"the Pipedrive field {crm.label!r} and the merge field {engagement.label!r}"
    if crm.field_type in REFUSED_IN_PIPEDRIVE:
        noun = REFUSED_IN_PIPEDRIVE[crm.field_type]
        return f"the Pipedrive field {crm.label!r} is {noun}: such fields cannot be mapped"
    if engagement.field_type in REFUSED_IN_MAILCHIMP:
        noun = REFUSED_IN_MAILCHIMP[engagement.field_type]
        return f"the merge field {engagement.label!r} is {noun}: such fields cannot be mapped"
    types = f"({crm.field_type} and {engagement.field_type})"
    if crm.field_type not in FITTING.get(engagement.field_type, frozenset()):
        return f"{said} are of types that do not go together {types}"
    if is_into_crm and (
        engagement.field_type in OUT_OF_PIPEDRIVE_ONLY or crm.field_type == "address"
    ):
        return f"{said} go together only out of Pipedrive {types}"
    return ""


def required_and_unmapped(merge_fields: list[dict[str, Any]], mapped: set[str]) -> list[str]:
    """The tags an audience requires of every member and a flow into it does not fill."""
    return sorted(
        str(field["tag"])
        for field in merge_fields
        if field.get("required") and str(field["tag"]) not in mapped
    )
