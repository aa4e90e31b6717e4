"""Fields of persons, organizations, deals and activities: v2, and v1's list with numeric ids."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers, checks
from sandbox.pipedrive.answers import invalid, not_found
from sandbox.pipedrive.call import Call, v1_time
from sandbox.pipedrive.checks import or_null
from sandbox.pipedrive.company import WITH_CUSTOM_FIELDS, Company
from sandbox.pipedrive.custom import SHAPES
from sandbox.pipedrive.lists import read_limit, read_marker, write_marker
from sandbox.vendor import Answer

FLAGS = ("add_visible_flag", "details_visible_flag", "projects_detail_visible_flag")
IN_A_DIALOG = checks.open_thing({"show": checks.boolean, "order": or_null(checks.whole)})
IN_STAGES = {"enabled": checks.boolean, "stage_ids": checks.wholes}
OUTCOMES = checks.every_member(checks.several(checks.among("won", "lost")))
NAMESPACES = {
    "ui_visibility": checks.open_thing(
        dict.fromkeys(FLAGS, checks.boolean)
        | {
            "show_in_add_deal_dialog": IN_A_DIALOG,
            "show_in_add_person_dialog": IN_A_DIALOG,
            "show_in_pipelines": checks.open_thing(
                {"show_in_all": checks.boolean, "pipeline_ids": checks.wholes}
            ),
        }
    ),
    "important_fields": checks.open_thing(IN_STAGES),
    "required_fields": checks.open_thing(IN_STAGES | {"statuses": OUTCOMES}),
}
DESCRIBED = {"description": checks.text}  # deal fields only
HIDDEN = NAMESPACES | DESCRIBED
LABEL = checks.thing({"label": checks.filled}, ("label",))
FIELD_CHANGE = {"field_name": checks.short} | NAMESPACES
FIELD = FIELD_CHANGE | {"field_type": checks.among(*SHAPES), "options": checks.several(LABEL)}
FIRST_ID = {"personFields": 9001, "organizationFields": 4001, "dealFields": 12001}
MOST_OPTIONS = 10_000
SUBFIELDS = {
    "monetary": (("currency", "Currency", "varchar"),),
    "daterange": (("until", "End date", "date"),),
    "timerange": (("until", "End time", "time"), ("timezone_id", "Timezone", "int")),
    "time": (("timezone_id", "Timezone", "int"),),
    "address": tuple((part, part, "varchar") for part in checks.ADDRESS_PARTS[1:]),
}


def list_fields(company: Company, call: Call) -> Answer:
    """A page of the fields, in order of their numeric ids."""
    marker = read_marker(call, "id", "asc")
    limit = read_limit(company, call)
    fields = [
        f for f in company.books[call.path["fields"]].live() if not marker or f["id"] >= marker.id
    ]
    more = write_marker(fields[limit], "id", "asc") if len(fields) > limit else None
    shown = [_shown(field, call) for field in fields[:limit]]
    return answers.ok(shown, additional_data={"next_cursor": more})


def list_fields_v1(company: Company, call: Call) -> Answer:
    """v1 names a field by `key` and gives the numeric `id` that filters use."""
    start, limit = call.counted("start", 0), call.counted("limit", 500, least=1)
    fields = list(company.books[call.path["fields"]].live())
    shown = [_shown_v1(field) for field in fields[start : start + limit]]
    told = {
        "start": start,
        "limit": limit,
        "more_items_in_collection": len(fields) > start + limit,
    }
    return answers.ok(shown, additional_data={"pagination": told})


def get_field(company: Company, call: Call) -> Answer:
    return answers.ok(_shown(_alive(company, call), call))


def create_field(company: Company, call: Call) -> Answer:
    call.admins_only()
    body = call.body()
    checks.check_body(body, _shape(call, FIELD), ("field_name", "field_type"))
    is_choice = body["field_type"] in ("enum", "set")
    if is_choice != bool(body.get("options")):
        raise invalid({"options": "Required for enum and set, and only for them"})
    name = call.path["fields"]
    code = _code(company, name)
    field = new_field(company, name, body["field_name"], code, body["field_type"])
    if is_choice:
        labels = [option["label"] for option in body["options"]]
        field["options"] = new_options(company, labels, call.time)
    field |= {k: v for k, v in body.items() if k in HIDDEN}
    _put(company, name, field)
    return answers.ok(_shown(field, call))


def update_field(company: Company, call: Call) -> Answer:
    call.admins_only()
    body = call.body()
    checks.check_body(body, _shape(call, FIELD_CHANGE))
    after = _put(company, call.path["fields"], _alive(company, call) | body)
    return answers.ok(_shown(after, call))


def delete_field(company: Company, call: Call) -> Answer:
    """The field goes, and its values with it, from every record at once."""
    call.admins_only()
    field, name = _custom(company, call), call.path["fields"]
    company.books[name].delete(field["field_code"])
    for record in company.records(_object_of(name), with_deleted=True):
        record["custom_fields"].pop(field["field_code"], None)
    company.forget_bytes()
    return answers.ok({k: v for k, v in _shown(field, call).items() if k not in HIDDEN})


def add_options(company: Company, call: Call) -> Answer:
    call.admins_only()
    field, asked = _choice(company, call), call.json()
    _check_options(asked, checks.several(LABEL))
    added = new_options(company, [option["label"] for option in asked], call.time)
    if len(field["options"]) + len(added) > MOST_OPTIONS:
        raise invalid({"options": f"At most {MOST_OPTIONS} options"})
    _put(company, call.path["fields"], field | {"options": field["options"] + added})
    return _told_options(added)


def rename_options(company: Company, call: Call) -> Answer:
    call.admins_only()
    field, asked = _choice(company, call), call.json()
    wanted = {"id": checks.whole, "label": checks.filled}
    _check_options(asked, checks.several(checks.thing(wanted, ("id", "label"))))
    labels = {option["id"]: option["label"] for option in asked}
    _must_have(field, set(labels))
    options = [o | {"label": labels.get(o["id"], o["label"])} for o in field["options"]]
    _put(company, call.path["fields"], field | {"options": options})
    return _told_options([o for o in options if o["id"] in labels])


def delete_options(company: Company, call: Call) -> Answer:
    """The options go, and records lose them as values."""
    call.admins_only()
    field, asked = _choice(company, call), call.json()
    _check_options(asked, checks.several(checks.thing({"id": checks.whole}, ("id",))))
    gone = {option["id"] for option in asked}
    _must_have(field, gone)
    removed = [o for o in field["options"] if o["id"] in gone]
    kept = [o for o in field["options"] if o["id"] not in gone]
    _put(company, call.path["fields"], field | {"options": kept})
    code = field["field_code"]
    for record in company.records(_object_of(call.path["fields"]), with_deleted=True):
        value = record["custom_fields"].get(code)
        if isinstance(value, list):
            left = [v for v in value if v not in gone]
            record["custom_fields"] |= {code: left}
            if not left:
                del record["custom_fields"][code]
        elif value in gone:
            del record["custom_fields"][code]
    return _told_options(removed)


def new_field(company: Company, name: str, label: str, code: str, kind: str) -> Record:
    """A field that is in no book yet; 40 hex digits as code make it a custom one."""
    ids = company.ids[name]
    ids.append((ids[-1] if ids else FIRST_ID.get(name, 1) - 1) + 1)
    parts = SUBFIELDS.get(kind, ())
    return {
        "id": ids[-1],
        "field_name": label,
        "field_code": code,
        "description": "",
        "field_type": kind,
        "options": None,
        "subfields": [
            {"field_code": f"{code}_{part}", "field_name": shown, "field_type": part_kind}
            for part, shown, part_kind in parts
        ]
        or None,
        "is_custom_field": len(code) == 40,
        "is_optional_response_field": False,
    }


def new_options(company: Company, labels: list[str], time: str) -> list[Record]:
    """Option ids are unique in the account, as custom options are at Pipedrive."""
    ids = company.ids["options"]
    options = []
    for label in labels:
        ids.append((ids[-1] if ids else 0) + 1)
        options.append(
            {"id": ids[-1], "label": label, "color": None, "update_time": time, "add_time": time}
        )
    return options


def custom_code(seed: int, name: str, number: int) -> str:
    """40 hex digits, the same for the same seed and place."""
    return hashlib.sha1(f"{seed}/{name}/{number}".encode(), usedforsecurity=False).hexdigest()


def _shape(call: Call, shape: checks.Shape) -> checks.Shape:
    return {**shape, **DESCRIBED} if call.path["fields"] == "dealFields" else shape


def _code(company: Company, name: str) -> str:
    return custom_code(company.world.seed, name, len(company.ids[name]) + 1)


def _object_of(name: str) -> str:
    return next(o for o, fields in WITH_CUSTOM_FIELDS.items() if fields == name)


def _put(company: Company, name: str, field: Record) -> Record:
    company.books[name].put(field["field_code"], field)
    company.forget_bytes()
    return field


def _alive(company: Company, call: Call) -> Record:
    field = company.live(call.path["fields"], call.path["code"])
    if field is None:
        raise not_found()
    return field


def _custom(company: Company, call: Call) -> Record:
    field = _alive(company, call)
    if not field["is_custom_field"]:
        raise answers.RefusalError(400, "Only custom fields can be deleted")
    return field


def _choice(company: Company, call: Call) -> Record:
    field = _alive(company, call)
    if not field["is_custom_field"] or field["field_type"] not in ("enum", "set"):
        raise answers.RefusalError(400, "The field has no options that can be edited")
    return field


def _check_options(asked: Any, check: checks.Check) -> None:
    if wrong := check(asked):
        raise invalid({"options": wrong})


def _must_have(field: Record, wanted: set[int]) -> None:
    if unknown := wanted - {option["id"] for option in field["options"]}:
        raise invalid({"options": f"Option {min(unknown)} not found"})


def _told_options(options: list[Record]) -> Answer:
    told = [{"id": option["id"], "label": option["label"]} for option in options]
    return answers.ok(told, additional_data={})


def _shown(field: Mapping[str, Any], call: Call) -> Record:
    hidden = {"id"} | (set(NAMESPACES) - set(call.words("include_fields")))
    return {k: v for k, v in field.items() if k not in hidden}


def _shown_v1(field: Mapping[str, Any]) -> Record:
    return {
        "id": field["id"],
        "key": field["field_code"],
        "name": field["field_name"],
        "field_type": field["field_type"],
        "active_flag": True,
        "edit_flag": field["is_custom_field"],
        "add_time": v1_time("2024-01-01T00:00:00Z"),
        "options": [{"id": o["id"], "label": o["label"]} for o in field["options"] or []],
    }
