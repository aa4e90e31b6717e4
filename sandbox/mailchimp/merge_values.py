"""What a merge field takes, by its type, and what it makes of it.

A value that is refused names its field and what to enter, in the vendor's words where those were
recorded. An empty text clears a field. Tags no field has are passed over without a word.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.problems import FieldError, bad_merge_fields

TYPES = (
    "text", "number", "address", "phone", "date", "url", "imageurl", "radio", "dropdown",
    "birthday", "zip",
)  # fmt: skip
ADDRESS = ("addr1", "addr2", "city", "state", "zip", "country")
ADDRESS_REQUIRED = ("addr1", "city", "state", "zip")
COUNTRIES = {164: "US", 73: "GB", 118: "LV", 56: "EE", 119: "LT"}
NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})", re.ASCII)
US_PHONE = re.compile(r"\d{3}-\d{3}-\d{4}")
BIRTHDAY = re.compile(r"(0[1-9]|1[0-2])/(0[1-9]|[12]\d|3[01])")
MISSING = "Please enter a value"
LONGEST = 255


class ValueRefusedError(Exception):
    """What to enter instead."""


def checked_values(
    fields: list[Record], given: Any, before: Mapping[str, Any], longest: int = LONGEST
) -> dict[str, Any]:
    """The values by tag after a write, empty ones left out.

    Every field that refuses its value is named at once.
    """
    if not isinstance(given, Mapping):
        raise bad_merge_fields(("merge_fields", "Schema describes object"))
    values, errors = dict(before), list[FieldError]()
    for field in fields:
        tag = field["tag"]
        if tag not in given:
            continue
        try:
            read = read_value(field, given[tag], longest)
        except ValueRefusedError as refused:
            errors.append((tag, str(refused)))
            continue
        values.pop(tag, None)
        if read != "":
            values[tag] = read
    if errors:
        raise bad_merge_fields(*errors)
    return values


def missing_values(fields: list[Record], values: Mapping[str, Any]) -> list[FieldError]:
    """The required fields without a value."""
    return [
        (field["tag"], MISSING)
        for field in fields
        if field["required"] and values.get(field["tag"], "") == ""
    ]


def read_value(field: Record, value: Any, longest: int = LONGEST) -> Any:
    """One value as the field keeps it; a ValueRefusedError says what it wants."""
    if value is None or value == "":
        return ""
    if field["type"] == "number":
        return _number(value)
    if field["type"] == "address":
        return _address(field, value)
    if isinstance(value, dict | list | bool):
        raise ValueRefusedError("Please enter a value")
    text = str(value) if field["type"] == "text" else str(value).strip()
    if len(text.encode()) > longest:
        raise ValueRefusedError(f"Please enter a value of less than {longest} bytes")
    read = READERS.get(field["type"])
    return read(field, text) if read else text


def _number(value: Any) -> int | float:
    if not NUMBER.fullmatch("" if isinstance(value, bool) else str(value).strip()):
        raise ValueRefusedError("Please enter a number")
    number = float(value)
    return int(number) if number.is_integer() else number


def _address(field: Record, value: Any) -> Any:
    """An object with street, city, state and zip; one of empty parts clears the field."""
    if not isinstance(value, Mapping):
        raise ValueRefusedError("Please enter a complete address")
    parts = {name: str(value.get(name) or "") for name in ADDRESS}
    if not any(parts[name] for name in ADDRESS_REQUIRED):
        return ""
    if not all(parts[name] for name in ADDRESS_REQUIRED):
        raise ValueRefusedError("Please enter a complete address")
    country = COUNTRIES.get(field["options"].get("default_country", 164), "US")
    return {**parts, "country": parts["country"] or country}


def _phone(field: Record, text: str) -> str:
    if field["options"].get("phone_format") == "US" and not US_PHONE.fullmatch(text):
        raise ValueRefusedError("Please enter a phone number as NNN-NNN-NNNN")
    return text


def _date(_: Record, text: str) -> str:
    for style in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, style).date().isoformat()
        except ValueError:
            continue
    raise ValueRefusedError("Please enter a date as YYYY-MM-DD")


def _birthday(_: Record, text: str) -> str:
    if not BIRTHDAY.fullmatch(text):
        raise ValueRefusedError("Please enter a month (01-12) and a day (01-31)")
    return text


def _choice(field: Record, text: str) -> str:
    if text not in field["options"].get("choices", ()):
        raise ValueRefusedError("Please choose one of the options")
    return text


def _url(_: Record, text: str) -> str:
    if not re.match(r"https?://[^\s/]+\S*$", text):
        raise ValueRefusedError("Please enter a complete web address")
    return text


def _zip(_: Record, text: str) -> str:
    if not re.fullmatch(r"\d{5}", text):
        raise ValueRefusedError("Please enter a zip code of 5 digits")
    return text


READERS: dict[str, Callable[[Record, str], str]] = {
    "phone": _phone,
    "date": _date,
    "birthday": _birthday,
    "radio": _choice,
    "dropdown": _choice,
    "url": _url,
    "imageurl": _url,
    "zip": _zip,
}
