"""`include_fields`, `custom_fields`, option labels: what is added to a record, or left out."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from sandbox.books import Record
from sandbox.pipedrive.answers import invalid
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.company import WITH_CUSTOM_FIELDS, Company
from sandbox.pipedrive.conditions import Matcher

MOST_CUSTOM_KEYS = 15
LINK = {"persons": "person_id", "organizations": "org_id", "deals": "deal_id"}
MAIL_TIMES = ("last_incoming_mail_time", "last_outgoing_mail_time")
COUNTED: dict[str, Matcher] = {
    "activities_count": bool,
    "done_activities_count": lambda a: a["done"],
    "undone_activities_count": lambda a: not a["done"],
}
DEALS_COUNTED: dict[str, Matcher] = {
    "open_deals_count": lambda d: d["status"] == "open",
    "closed_deals_count": lambda d: d["status"] in ("won", "lost"),
    "won_deals_count": lambda d: d["status"] == "won",
    "lost_deals_count": lambda d: d["status"] == "lost",
}
NOTHING_TO_COUNT = (
    "related_open_deals_count", "related_closed_deals_count", "related_won_deals_count",
    "related_lost_deals_count", "participant_open_deals_count", "participant_closed_deals_count",
    "email_messages_count", "files_count", "followers_count", "products_count",
    "participants_count", "people_count",
)  # fmt: skip
NOT_KEPT = ("marketing_status", "doi_status", "smart_bcc_email", "first_won_time", "source_lead_id")


def shower(company: Company, call: Call, name: str) -> Callable[[Record], bytes] | None:
    """How this call wants records written; `None`: as usual."""
    include, only = call.words("include_fields"), call.words("custom_fields")
    with_labels = call.flag("include_option_labels")
    if len(only) > MOST_CUSTOM_KEYS:
        raise invalid({"custom_fields": f"A maximum of {MOST_CUSTOM_KEYS} keys is allowed"})
    if not include and not only and not with_labels:
        return None
    labels = _labels(company, name) if with_labels else {}

    def show(record: Record) -> bytes:
        shown = company.shown(name, record)
        values = shown.get("custom_fields", {})
        if only:
            values = {code: values[code] for code in only if code in values}
        if labels:
            values = {code: _labelled(value, labels.get(code)) for code, value in values.items()}
        if "custom_fields" in shown:
            shown = shown | {"custom_fields": values}
        return orjson.dumps(shown | {f: _extra(company, name, record, f) for f in include})

    return show


def last_activity_id(company: Company, person_id: int) -> int | None:
    """The activity done last; ties fall to the higher id."""
    done = [a for a in _activities(company, "persons", person_id) if a["done"]]
    done.sort(key=lambda a: (a["marked_as_done_time"] or "", a["id"]))
    return int(done[-1]["id"]) if done else None


def next_activity_id(company: Company, person_id: int) -> int | None:
    waiting = [a for a in _activities(company, "persons", person_id) if not a["done"]]
    waiting.sort(key=lambda a: (a["due_date"] or "9", a["due_time"] or "", a["id"]))
    return int(waiting[0]["id"]) if waiting else None


def _activities(company: Company, name: str, record_id: int) -> Iterable[Record]:
    if name == "persons":
        ids = company.activities_of.get(record_id, set())
        return [a for a in (company.live("activities", i) for i in ids) if a]
    return [a for a in company.records("activities") if a.get(LINK[name]) == record_id]


def _extra(company: Company, name: str, record: Record, field: str) -> Any:
    if name == "activities" and field == "attendees":
        return record.get("attendees", [])
    if field in ("last_activity_id", "next_activity_id") and name == "persons":
        find = last_activity_id if field == "last_activity_id" else next_activity_id
        return find(company, record["id"])
    if field in MAIL_TIMES:
        return company.mail_times.get(record["id"], {}).get(field) if name == "persons" else None
    if field in COUNTED:
        return sum(1 for a in _activities(company, name, record["id"]) if COUNTED[field](a))
    if field in DEALS_COUNTED and name in LINK:
        mine = (d for d in company.records("deals") if d.get(LINK[name]) == record["id"])
        return sum(1 for d in mine if DEALS_COUNTED[field](d))
    if field == "notes_count":
        return sum(1 for n in company.records("notes") if n[LINK[name]] == record["id"])
    if field in NOTHING_TO_COUNT:
        return 0
    if field in NOT_KEPT or field in ("last_activity_id", "next_activity_id"):
        return None
    raise invalid({"include_fields": f"Unknown field '{field}'"})


def _labels(company: Company, name: str) -> dict[str, dict[int, str]]:
    fields = company.books[WITH_CUSTOM_FIELDS[name]].live()
    return {
        f["field_code"]: {o["id"]: o["label"] for o in f["options"]}
        for f in fields
        if f["is_custom_field"] and f["options"]
    }


def _labelled(value: Any, labels: dict[int, str] | None) -> Any:
    if labels is None or value is None:
        return value
    if isinstance(value, list):
        return [{"id": v, "label": labels[v]} for v in value]
    return {"id": value, "label": labels[value]}
