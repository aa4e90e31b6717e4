"""Filters: which records a filter's conditions select.

A filter is two groups joined by "and": all conditions of the first hold, and, when the second
has any, at least one of them. A condition names its field by numeric id and keeps its value as
text, whatever the field's type.
"""

from collections.abc import Callable
from typing import Any

from sandbox.books import Record
from sandbox.pipedrive.answers import RefusalError
from sandbox.pipedrive.company import Company

Matcher = Callable[[Record], bool]

OBJECT_OF_TYPE = {
    "people": "persons",
    "org": "organizations",
    "deals": "deals",
    "activity": "activities",
}
FIELDS_OF = {
    "person": "personFields",
    "organization": "organizationFields",
    "deal": "dealFields",
    "activity": "activityFields",
}
BOOK_OF = {"person": "persons", "organization": "organizations", "deal": "deals"}
LINK_TO = {"person": "person_id", "organization": "org_id", "deal": "deal_id"}
MOST_CONDITIONS = 16


def _like(test: Callable[[str, str], bool]) -> Callable[[Any, str], bool]:
    return lambda have, want: test(str(have).casefold(), want.casefold())


def _same(have: Any, want: str) -> bool:
    if isinstance(have, bool):
        return str(int(have)) == want or str(have).casefold() == want.casefold()
    return str(have).casefold() == want.casefold() or _order(have, want) == 0


def _order(have: Any, want: str) -> int:
    """-1, 0 or 1; numbers as numbers when both are."""
    try:
        left, right = float(have), float(want)
    except (TypeError, ValueError):
        return (str(have) > want) - (str(have) < want)
    return (left > right) - (left < right)


def _holds(have: Any, want: str) -> bool:
    """A text has the part; of a field of several options it is one of them."""
    return want.casefold() in have.casefold() if isinstance(have, str) else _same(have, want)


OPERATORS: dict[str, Callable[[Any, str], bool]] = {
    "=": _same,
    "<": lambda have, want: _order(have, want) < 0,
    ">": lambda have, want: _order(have, want) > 0,
    "<=": lambda have, want: _order(have, want) <= 0,
    ">=": lambda have, want: _order(have, want) >= 0,
    "LIKE '%$%'": _like(lambda have, want: want in have),
    "LIKE '$%'": _like(lambda have, want: have.startswith(want)),
    "LIKE '%$'": _like(lambda have, want: have.endswith(want)),
    "contains": _holds,
}
NEGATIONS = {
    "!=": "=",
    "NOT LIKE '$%'": "LIKE '$%'",
    "NOT LIKE '%$%'": "LIKE '%$%'",
    "NOT LIKE '%$'": "LIKE '%$'",
    "not_contains": "contains",
}
EMPTINESS = ("IS NULL", "IS NOT NULL")
KNOWN_OPERATORS = (*OPERATORS, *NEGATIONS, *EMPTINESS)


def selection(company: Company, name: str, filter_id: int) -> Matcher | None:
    """Who the filter selects; `None` when it is dead and assumed to select everybody."""
    found = company.live("filters", filter_id)
    if found and found["active_flag"] and OBJECT_OF_TYPE.get(found["type"]) == name:
        return matcher(company, name, found["conditions"])
    match company.assume["dead_filter"]:
        case "everybody":
            return None
        case "empty":
            return lambda _record: False
    raise RefusalError(400, "Filter not found")


def matcher(company: Company, name: str, conditions: Record) -> Matcher:
    """A test of one record of `name` for a filter's whole `conditions`."""
    groups = [
        ([_condition(company, name, c) for c in group["conditions"]], group["glue"])
        for group in conditions["conditions"]
    ]

    def matches(record: Record) -> bool:
        for tests, glue in groups:
            join = any if glue == "or" else all
            if tests and not join(test(record) for test in tests):
                return False
        return True

    return matches


def _condition(company: Company, name: str, condition: Record) -> Matcher:
    subject = condition["object"]
    code = field_code(company, subject, condition["field_id"])
    operator, want = str(condition["operator"]), str(condition["value"])
    is_own = BOOK_OF.get(subject, "activities") == name

    def matches(record: Record) -> bool:
        about: Record | None = record
        if not is_own:
            about = company.live(BOOK_OF[subject], record.get(LINK_TO[subject]))
        values = field_values(about, code) if about and code else []
        if operator in EMPTINESS:
            return bool(values) == (operator == "IS NOT NULL")
        if operator in NEGATIONS:
            return not any(OPERATORS[NEGATIONS[operator]](value, want) for value in values)
        return any(OPERATORS[operator](value, want) for value in values)

    return matches


def field_code(company: Company, subject: str, field_id: str) -> str | None:
    """The code of the field with this numeric id; `None` once it is deleted."""
    fields = company.books[FIELDS_OF[subject]].live()
    return next((f["field_code"] for f in fields if str(f["id"]) == field_id), None)


def field_values(record: Record, code: str) -> list[Any]:
    """What a record has in a field, as a list: several for e-mails, phones and sets."""
    value = record.get({"email": "emails", "phone": "phones"}.get(code, code))
    if value is None:
        value = record.get("custom_fields", {}).get(code)
    if isinstance(value, dict):
        value = value.get("value")
    values = value if isinstance(value, list) else [value]
    flat = [v["value"] if isinstance(v, dict) else v for v in values]
    return [v for v in flat if v not in (None, "")]
