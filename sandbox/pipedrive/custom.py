"""Values of custom fields: by field code only, each type with a shape of its own."""

from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import checks
from sandbox.pipedrive.answers import invalid
from sandbox.pipedrive.company import WITH_CUSTOM_FIELDS, Company

RANGE_OF_DAYS = checks.thing(
    {"value": checks.day, "until": checks.or_null(checks.day)}, ("value", "until")
)
RANGE_OF_TIMES = checks.thing(
    {
        "value": checks.clock_time,
        "until": checks.or_null(checks.clock_time),
        "timezone_id": checks.or_null(checks.whole),
        "timezone_name": checks.or_null(checks.text),
    },
    ("value",),
)
ONE_TIME = checks.thing(
    {
        "value": checks.clock_time,
        "timezone_id": checks.or_null(checks.whole),
        "timezone_name": checks.or_null(checks.text),
    },
    ("value",),
)
MONEY = checks.thing({"value": checks.number, "currency": checks.text}, ("value", "currency"))
SHAPES: dict[str, checks.Check] = {
    "varchar": checks.text,
    "varchar_auto": checks.text,
    "text": checks.text,
    "phone": checks.text,
    "double": checks.number,
    "monetary": MONEY,
    "date": checks.day,
    "daterange": RANGE_OF_DAYS,
    "time": ONE_TIME,
    "timerange": RANGE_OF_TIMES,
    "address": checks.address,
    "enum": checks.whole,
    "set": checks.wholes,
    "user": checks.whole,
    "org": checks.whole,
    "people": checks.whole,
}
TARGETS = {"user": "users", "org": "organizations", "people": "persons"}
VARCHAR_LIMIT, TEXT_LIMIT = 255, 65_000


def merge_values(company: Company, name: str, before: Record, given: Any) -> dict[str, Any]:
    """Stored values with `given` laid over them; null unsets. One bad value refuses them all."""
    if not isinstance(given, dict):
        raise invalid({"custom_fields": "Expected object"})
    fields = company.books[WITH_CUSTOM_FIELDS[name]]
    problems: dict[str, str] = {}
    after = dict(before)
    for code, value in given.items():
        field = None if fields.is_deleted(code) else fields.get(code)
        if field is None or not field["is_custom_field"]:
            problems[f"custom_fields.{code}"] = (
                f"Parameter '{code}' is not allowed for this request"
            )
        elif value is None:
            after.pop(code, None)
        elif wrong := _problem(company, field, value):
            problems[f"custom_fields.{code}"] = wrong
        else:
            after[code] = value
    if problems:
        raise invalid(problems)
    return after


def _problem(company: Company, field: Record, value: Any) -> str:
    kind = field["field_type"]
    if wrong := SHAPES[kind](value):
        return wrong
    if kind in ("varchar", "varchar_auto") and len(value) > VARCHAR_LIMIT:
        return f"Expected at most {VARCHAR_LIMIT} characters"
    if kind == "text" and len(value) > TEXT_LIMIT:
        return f"Expected at most {TEXT_LIMIT} characters"
    if kind in ("enum", "set"):
        options = {option["id"] for option in field["options"]}
        chosen = [value] if kind == "enum" else value
        if kind == "set" and not chosen:
            return "Expected at least one option, or null"
        return "" if options.issuperset(chosen) else "Option not found"
    if kind in TARGETS and company.live(TARGETS[kind], value) is None:
        return "Entity not found"
    return ""
