"""Saved filters, v1."""

from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers
from sandbox.pipedrive.answers import RefusalError
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.company import Company
from sandbox.pipedrive.conditions import (
    BOOK_OF,
    FIELDS_OF,
    KNOWN_OPERATORS,
    MOST_CONDITIONS,
    field_code,
)
from sandbox.pipedrive.contacts import alive
from sandbox.vendor import Answer

TYPES = ("deals", "leads", "org", "people", "products", "activity", "projects")


def list_filters(company: Company, call: Call) -> Answer:
    """Without conditions: only a filter read by itself shows those."""
    wanted = call.query.get("type")
    found = [f for f in company.records("filters") if wanted in (None, "", f["type"])]
    return answers.ok([{k: v for k, v in f.items() if k != "conditions"} for f in found])


def get_filter(company: Company, call: Call) -> Answer:
    return _answer(company, call, alive(company, "filters", call.id))


def create_filter(company: Company, call: Call) -> Answer:
    body = call.body()
    if not str(body.get("name") or "").strip():
        raise RefusalError(400, "Name must be given.")
    if body.get("type") not in TYPES:
        raise RefusalError(400, "Filter type is invalid.")
    conditions = read_conditions(company, body.get("conditions"))
    record = blank_filter(company.next_id("filters"), call.user["id"])
    record |= {
        "name": body["name"],
        "type": body["type"],
        "conditions": conditions,
        "add_time": company.stamp("filters", call.at),
        "update_time": company.stamp("filters", call.at),
    }
    return _answer(company, call, company.create("filters", record, call))


def update_filter(company: Company, call: Call) -> Answer:
    before, body = alive(company, "filters", call.id), call.body()
    changes: dict[str, Any] = {"conditions": read_conditions(company, body.get("conditions"))}
    if body.get("name"):
        changes["name"] = body["name"]
    return _answer(company, call, company.change("filters", before, changes, call))


def delete_filter(company: Company, call: Call) -> Answer:
    company.remove("filters", alive(company, "filters", call.id), call)
    return answers.ok({"id": call.id})


def tell_operators(_: Company, __: Call) -> Answer:
    return answers.ok({"operators": dict.fromkeys(KNOWN_OPERATORS, "")})


def blank_filter(record_id: int, user_id: int) -> Record:
    return {
        "id": record_id,
        "name": "",
        "filter_code": None,
        "is_editable": True,
        "active_flag": True,
        "type": "people",
        "temporary_flag": None,
        "user_id": user_id,
        "add_time": "",
        "update_time": "",
        "visible_to": "7",
        "last_used_time": None,
        "custom_view_id": None,
        "conditions": {},
    }


def read_conditions(company: Company, given: Any) -> Record:
    """Conditions as stored; refused when a field, an operator or the two groups are wrong."""
    try:
        groups = [(group["glue"], group["conditions"]) for group in given["conditions"]]
        stored = [
            {"glue": glue, "conditions": [_read_condition(company, c) for c in conditions]}
            for glue, conditions in groups
        ]
    except (KeyError, TypeError) as wrong:
        raise RefusalError(400, "Filter conditions are invalid.") from wrong
    count = sum(len(group["conditions"]) for group in stored)
    if [glue for glue, _ in groups] != ["and", "or"] or not 1 <= count <= MOST_CONDITIONS:
        said = f"Filter needs an 'and' and an 'or' group, 1 to {MOST_CONDITIONS} conditions."
        raise RefusalError(400, said)
    return {"glue": "and", "conditions": stored}


def _read_condition(company: Company, given: Any) -> Record:
    subject, field_id = given["object"], str(given["field_id"])
    if subject not in FIELDS_OF or (subject != "activity" and subject not in BOOK_OF):
        raise RefusalError(400, f"Filter object {subject!r} is invalid.")
    if field_code(company, subject, field_id) is None:
        raise RefusalError(400, f"Filter field {field_id} does not exist.")
    if given["operator"] not in KNOWN_OPERATORS:
        raise RefusalError(400, f"Filter operator {given['operator']!r} is invalid.")
    value = given.get("value")
    return {
        "object": subject,
        "field_id": field_id,
        "operator": given["operator"],
        "value": None if value is None else str(value),
        "extra_value": given.get("extra_value"),
        "json_value_flag": False,
    }


def _answer(company: Company, call: Call, record: Record) -> Answer:
    if not call.flag("include_field_code"):
        return answers.ok(record)
    groups = [
        group | {"conditions": [_with_code(company, c) for c in group["conditions"]]}
        for group in record["conditions"]["conditions"]
    ]
    return answers.ok(record | {"conditions": {"glue": "and", "conditions": groups}})


def _with_code(company: Company, condition: Record) -> Record:
    code = field_code(company, condition["object"], condition["field_id"])
    return condition | {"field_code": code}
