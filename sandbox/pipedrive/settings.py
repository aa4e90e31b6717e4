"""v1's account settings: users, currencies, activity types, webhooks."""

import re
from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers
from sandbox.pipedrive.answers import RefusalError, WholeAnswerError
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.company import COMPANY_ID, Company
from sandbox.pipedrive.contacts import alive
from sandbox.vendor import Answer

ICONS = frozenset(
    {"task", "email", "meeting", "deadline", "call", "lunch", "calendar", "downarrow", "document",
     "smartphone", "camera", "scissors", "cogs", "bubble", "uparrow", "checkbox", "signpost",
     "shuffle", "addressbook", "linegraph", "picture", "car", "world", "search", "clip", "sound",
     "brush", "key", "padlock", "pricetag", "suitcase", "finish", "plane", "loop", "wifi", "truck",
     "cart", "bulb", "bell", "presentation"}
)  # fmt: skip
ACTIONS = ("create", "change", "delete", "*")
EVENT_OBJECTS = (
    "activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage",
    "user", "*",
)  # fmt: skip
MOST_WEBHOOKS = 40


def list_users(company: Company, call: Call) -> Answer:
    return answers.ok([_as_seen(user, call) for user in company.books["users"].live()])


def get_user(company: Company, call: Call) -> Answer:
    return answers.ok(_as_seen(alive(company, "users", call.path["id"]), call))


def get_me(_: Company, call: Call) -> Answer:
    """The user of the token, with the company."""
    company_members = {
        "company_id": COMPANY_ID,
        "company_name": "Acme",
        "company_domain": "acme",
        "company_country": "LV",
        "company_industry": "Retail",
        "language": {"language_code": "en", "country_code": "US"},
    }
    return answers.ok(_as_seen(dict(call.user), call) | company_members)


def _as_seen(user: Record, call: Call) -> Record:
    return user | {"is_you": user["id"] == call.user["id"]}


def list_currencies(company: Company, call: Call) -> Answer:
    term = call.query.get("term", "").casefold()
    found = company.books["currencies"].live()
    return answers.ok([c for c in found if term in f"{c['code']} {c['name']}".casefold()])


def list_activity_types(company: Company, _: Call) -> Answer:
    return answers.ok(list(company.records("activityTypes")))


def create_activity_type(company: Company, call: Call) -> Answer:
    """The key is made of the name, once; renaming does not move it."""
    call.admins_only()
    body = call.body()
    name, icon, color = body.get("name"), body.get("icon_key"), body.get("color") or "FFFFFF"
    if not isinstance(name, str) or not name.strip():
        raise RefusalError(400, "Name must be given.")
    if not isinstance(icon, str) or icon not in ICONS:
        raise RefusalError(400, "Icon key is invalid.")
    if not isinstance(color, str):
        raise RefusalError(400, "Color is invalid.")
    name = name.strip()
    key = re.sub(r"\W+", "_", name.casefold()).strip("_")
    types = list(company.records("activityTypes"))
    if any(t["key_string"] == key for t in types):
        raise RefusalError(400, "Activity type with this name already exists.")
    now = company.stamp("activityTypes", call.at)
    record = new_activity_type(len(company.ids["activityTypes"]) + 1, name, key, now)
    record |= {
        "icon_key": icon,
        "color": color,
        "is_custom_flag": True,
    }
    return answers.ok(company.create("activityTypes", record, call))


def new_activity_type(record_id: int, name: str, key: str, now: str) -> Record:
    return {
        "id": record_id,
        "name": name,
        "icon_key": key if key in ICONS else "task",
        "color": "FFFFFF",
        "order_nr": record_id,
        "key_string": key,
        "active_flag": True,
        "is_custom_flag": False,
        "add_time": now,
        "update_time": now,
    }


def list_webhooks(company: Company, call: Call) -> Answer:
    call.admins_only()
    found = list(company.records("webhooks"))
    return answers.dump({"status": "ok", "success": True, "data": found})


def create_webhook(company: Company, call: Call) -> Answer:
    call.admins_only()
    body = call.body()
    _check_webhook(body)
    mine = [h for h in company.records("webhooks") if h["owner_id"] == call.user["id"]]
    if len(mine) >= MOST_WEBHOOKS:
        raise WholeAnswerError(422, _webhook_errors("webhooks", "limit reached"))
    record = {
        "id": company.next_id("webhooks"),
        "company_id": COMPANY_ID,
        "owner_id": call.user["id"],
        "user_id": body.get("user_id") or call.user["id"],
        "event_action": body["event_action"],
        "event_object": body["event_object"],
        "subscription_url": body["subscription_url"],
        "version": body.get("version", "2.0"),
        "is_active": 1,
        "add_time": call.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "remove_time": None,
        "type": "general",
        "http_auth_user": body.get("http_auth_user"),
        "http_auth_password": body.get("http_auth_password"),
        "remove_reason": None,
        "last_delivery_time": None,
        "last_http_status": None,
        "admin_id": call.user["id"],
        "name": body["name"],
    }
    company.create("webhooks", record, call)
    return answers.dump({"status": "ok", "success": True, "data": record}, 201)


def delete_webhook(company: Company, call: Call) -> Answer:
    call.admins_only()
    record = company.live("webhooks", call.path["id"])
    if record is None:
        raise WholeAnswerError(404, _webhook_errors("id", "not found"))
    company.remove("webhooks", record, call)
    return answers.dump({"status": "ok", "success": True})


def _check_webhook(body: dict[str, Any]) -> None:
    for member, allowed in (("event_action", ACTIONS), ("event_object", EVENT_OBJECTS)):
        if body.get(member) not in allowed:
            raise WholeAnswerError(400, _webhook_errors(member, "is invalid"))
    if not str(body.get("name") or "").strip():
        raise WholeAnswerError(400, _webhook_errors("name", "is required"))
    if not str(body.get("subscription_url") or "").startswith(("http://", "https://")):
        raise WholeAnswerError(
            400, _webhook_errors("subscription_url", "invalid or non-reachable URL")
        )


def _webhook_errors(member: str, said: str) -> dict[str, Any]:
    return {"status": "error", "success": False, "errors": {member: [said]}}
