"""v2 takes nothing it does not know: shapes of bodies, checked type by type.

A shape maps each member a call accepts to a check, which returns what is wrong with a value
or an empty string. Booleans are not numbers here and numbers in quotes are texts.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.pipedrive.answers import invalid

Check = Callable[[Any], str]
Shape = Mapping[str, Check]

ADDRESS_PARTS = (
    "value", "country", "admin_area_level_1", "admin_area_level_2", "locality", "sublocality",
    "route", "street_number", "subpremise", "postal_code",
)  # fmt: skip
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def check_body(body: Mapping[str, Any], shape: Shape, required: tuple[str, ...] = ()) -> None:
    """Refuse the body when a member is unknown, missing or of the wrong type; all are named."""
    problems = {
        key: f"Parameter '{key}' is not allowed for this request"
        for key in body
        if key not in shape
    }
    problems |= {key: "Required" for key in required if key not in body}
    for key, check in shape.items():
        if key in body and (wrong := check(body[key])):
            problems[key] = wrong
    if problems:
        raise invalid(problems)


def _received(value: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return "null" if value is None else kinds.get(type(value), "object")


def _of(expected: str, fits: Callable[[Any], bool]) -> Check:
    return lambda v: "" if fits(v) else f"Expected {expected}, received {_received(v)}"


def or_null(check: Check) -> Check:
    return lambda value: "" if value is None else check(value)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


text = _of("string", lambda v: isinstance(v, str))
filled = _of("non-empty string", lambda v: isinstance(v, str) and v.strip() != "")
short = _of("string of 1 to 255", lambda v: isinstance(v, str) and 0 < len(v.strip()) <= 255)
whole = _of("integer", is_whole)
number = _of("number", is_number)
boolean = _of("boolean", lambda v: isinstance(v, bool))
wholes = _of("array of integers", lambda v: isinstance(v, list) and all(map(is_whole, v)))
day = _of("date (YYYY-MM-DD)", lambda v: isinstance(v, str) and _is(r"\d{4}-\d\d-\d\d", v))
clock_time = _of(
    "time (HH:MM or HH:MM:SS)", lambda v: isinstance(v, str) and _is(r"\d\d:\d\d(:\d\d)?", v)
)
moment = _of("RFC 3339 time", lambda v: isinstance(v, str) and bool(RFC3339.fullmatch(v)))
anything: Check = lambda _value: ""  # noqa: E731  a check like the others


def _is(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def among(*allowed: Any) -> Check:
    listed = " | ".join(map(repr, allowed))
    return lambda v: "" if v in allowed and type(v) in map(type, allowed) else f"Expected {listed}"


def thing(parts: Shape, required: tuple[str, ...] = ()) -> Check:
    """An object with exactly these members."""

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return f"Expected object, received {_received(value)}"
        for key, part in value.items():
            if key not in parts:
                return f"Parameter '{key}' is not allowed for this request"
            if wrong := parts[key](part):
                return f"{key}: {wrong}"
        missing = [key for key in required if key not in value]
        return f"{missing[0]}: Required" if missing else ""

    return check


def open_thing(parts: Shape) -> Check:
    """An object whose known members are checked; what else it has is taken as it is."""

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return f"Expected object, received {_received(value)}"
        wrong = ((key, part(value[key])) for key, part in parts.items() if key in value)
        return next((f"{key}: {said}" for key, said in wrong if said), "")

    return check


def every_member(part: Check) -> Check:
    """An object of any members, all of the same shape."""
    return lambda value: open_thing(dict.fromkeys(value if isinstance(value, dict) else (), part))(
        value
    )


def several(item: Check) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, list):
            return f"Expected array, received {_received(value)}"
        return next((wrong for wrong in map(item, value) if wrong), "")

    return check


address = thing(dict.fromkeys(ADDRESS_PARTS, or_null(text)))


def contact_ways(value: Any) -> str:
    """E-mails or phones: objects with a value, at most one of them primary."""
    parts = {"value": text, "primary": boolean, "label": or_null(text)}
    wrong = several(thing(parts, ("value",)))(value)
    if not wrong and sum(1 for way in value if way.get("primary")) > 1:
        return "Only one primary value is allowed"
    return wrong


def with_primary(ways: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """As stored: labels default to work, the first becomes primary when none is."""
    stored = [
        {
            "value": way["value"],
            "primary": way.get("primary", False),
            "label": way.get("label") or "work",
        }
        for way in ways or []
    ]
    if stored and not any(way["primary"] for way in stored):
        stored[0]["primary"] = True
    return stored
