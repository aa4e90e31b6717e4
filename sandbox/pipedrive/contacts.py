"""Persons and organizations, v2."""

from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers, checks
from sandbox.pipedrive.answers import invalid, not_found
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.checks import or_null
from sandbox.pipedrive.company import CONTACT_SYNC, Company
from sandbox.pipedrive.conditions import Matcher
from sandbox.pipedrive.custom import merge_values
from sandbox.pipedrive.extras import shower
from sandbox.pipedrive.lists import Listing, answer_list, same
from sandbox.vendor import Answer

PERSON = {
    "name": checks.filled,
    "first_name": or_null(checks.text),
    "last_name": or_null(checks.text),
    "owner_id": checks.whole,
    "org_id": or_null(checks.whole),
    "emails": or_null(checks.contact_ways),
    "phones": or_null(checks.contact_ways),
    "visible_to": checks.among(1, 3, 5, 7),
    "label_ids": or_null(checks.wholes),
    "postal_address": or_null(checks.address),
    "notes": or_null(checks.text),
    "im": or_null(checks.contact_ways),
    "birthday": or_null(checks.day),
    "job_title": or_null(checks.text),
    "marketing_status": checks.among("no_consent", "unsubscribed", "subscribed", "archived"),
    "custom_fields": checks.anything,
}
ORGANIZATION = {
    "name": checks.filled,
    "owner_id": checks.whole,
    "visible_to": checks.among(1, 3, 5, 7),
    "label_ids": or_null(checks.wholes),
    "address": or_null(checks.address),
    "website": or_null(checks.text),
    "linkedin": or_null(checks.text),
    "industry": or_null(checks.whole),
    "annual_revenue": or_null(checks.whole),
    "employee_count": or_null(checks.whole),
    "custom_fields": checks.anything,
}
AT_CREATION = {"add_time": checks.moment}
LINKS = {
    "owner_id": "users",
    "org_id": "organizations",
    "person_id": "persons",
    "deal_id": "deals",
}
NOTES_LIMIT = 10_000


def _of_deal(company: Company, asked: str) -> Matcher:
    deal = company.live("deals", asked) or {}
    return lambda person: person["id"] == deal.get("person_id")


PERSONS = Listing(
    "persons", {"owner_id": same("owner_id"), "org_id": same("org_id"), "deal_id": _of_deal}
)
ORGANIZATIONS = Listing("organizations", {"owner_id": same("owner_id")})


def list_persons(company: Company, call: Call) -> Answer:
    return answer_list(company, call, PERSONS, shower(company, call, "persons"))


def list_organizations(company: Company, call: Call) -> Answer:
    return answer_list(company, call, ORGANIZATIONS, shower(company, call, "organizations"))


def get_person(company: Company, call: Call) -> Answer:
    """A deleted person is answered as the assumption `get_deleted_person` says."""
    record = company.books["persons"].get(call.id)
    is_gone = company.books["persons"].is_deleted(call.id)
    if record is None or (is_gone and company.assume["get_deleted_person"] == "404"):
        raise not_found()
    return show_one(company, call, "persons", record)


def get_organization(company: Company, call: Call) -> Answer:
    return show_one(company, call, "organizations", alive(company, "organizations", call.id))


def create_person(company: Company, call: Call) -> Answer:
    body = call.body()
    _check_person(company, body, PERSON | AT_CREATION)
    if not body.get("name") and not (body.get("first_name") or body.get("last_name")):
        raise invalid({"name": "Required"})
    record = blank_person(company.next_id("persons"), call.user["id"], call.time)
    record |= _person_members(company, record, body)
    return answers.one(company.shown_bytes("persons", company.create("persons", record, call)))


def update_person(company: Company, call: Call) -> Answer:
    """Only what the body names changes; lists (e-mails, phones, labels) are replaced whole."""
    before = alive(company, "persons", call.id)
    body = call.body()
    _check_person(company, body, PERSON)
    changes = _person_members(company, before, body)
    after = company.change("persons", before, changes, call)
    return answers.one(company.shown_bytes("persons", after))


def create_organization(company: Company, call: Call) -> Answer:
    body = call.body()
    checks.check_body(body, ORGANIZATION | AT_CREATION, ("name",))
    check_links(company, body)
    record = blank_organization(company.next_id("organizations"), call.user["id"], call.time)
    record |= _members(company, "organizations", record, body)
    company.create("organizations", record, call)
    return answers.one(company.shown_bytes("organizations", record))


def update_organization(company: Company, call: Call) -> Answer:
    before = alive(company, "organizations", call.id)
    body = call.body()
    checks.check_body(body, ORGANIZATION)
    check_links(company, body)
    changes = _members(company, "organizations", before, body)
    after = company.change("organizations", before, changes, call)
    return answers.one(company.shown_bytes("organizations", after))


def delete_person(company: Company, call: Call) -> Answer:
    return delete_one(company, call, "persons")


def delete_organization(company: Company, call: Call) -> Answer:
    return delete_one(company, call, "organizations")


def alive(company: Company, name: str, record_id: object) -> Record:
    """The record, or 404."""
    record = company.live(name, record_id)
    if record is None:
        raise not_found()
    return record


def kept(company: Company, name: str, record_id: object) -> Record:
    """The record, deleted or not, as the assumption `get_deleted_item` says; or 404."""
    record = company.books[name].get(record_id)
    is_gone = company.books[name].is_deleted(record_id)
    if record is None or (is_gone and company.assume["get_deleted_item"] == "404"):
        raise not_found()
    return record


def delete_one(company: Company, call: Call, name: str) -> Answer:
    company.remove(name, alive(company, name, call.id), call)
    return answers.ok({"id": call.id})


def show_one(company: Company, call: Call, name: str, record: Record) -> Answer:
    show = shower(company, call, name)
    return answers.one(show(record) if show else company.shown_bytes(name, record))


def check_links(company: Company, body: dict[str, Any]) -> None:
    """What a body points at has to exist."""
    for member, name in LINKS.items():
        if body.get(member) is not None and company.live(name, body[member]) is None:
            raise invalid({member: f"Entity {body[member]} not found"})


def blank_person(record_id: int, owner_id: int, time: str) -> Record:
    return {
        "id": record_id,
        "name": "",
        "first_name": None,
        "last_name": None,
        "owner_id": owner_id,
        "org_id": None,
        "add_time": time,
        "update_time": time,
        "emails": [],
        "phones": [],
        "is_deleted": False,
        "visible_to": 3,
        "label_ids": [],
        "picture_id": None,
        "postal_address": None,
        "notes": None,
        "im": [],
        "birthday": None,
        "job_title": None,
        "custom_fields": {},
    }


def blank_organization(record_id: int, owner_id: int, time: str) -> Record:
    return {
        "id": record_id,
        "name": "",
        "owner_id": owner_id,
        "add_time": time,
        "update_time": time,
        "is_deleted": False,
        "visible_to": 3,
        "address": None,
        "label_ids": [],
        "website": None,
        "linkedin": None,
        "industry": None,
        "annual_revenue": None,
        "employee_count": None,
        "custom_fields": {},
    }


def split_name(name: str) -> tuple[str, str | None]:
    """First word and the rest, as the server splits a name it was given whole."""
    first, _, last = name.strip().partition(" ")
    return first, last.strip() or None


def _check_person(company: Company, body: dict[str, Any], shape: checks.Shape) -> None:
    if not company.assume["contact_sync"]:
        shape = {member: check for member, check in shape.items() if member not in CONTACT_SYNC}
    checks.check_body(body, shape)
    parts = [part for part in ("first_name", "last_name") if body.get(part)]
    if parts and body.get("name") and company.assume["name_with_one_part"] == "refused":
        raise invalid({"name": f"Not allowed together with {' and '.join(parts)}"})
    if len(body.get("notes") or "") > NOTES_LIMIT:
        raise invalid({"notes": f"Expected at most {NOTES_LIMIT} characters"})
    if "marketing_status" in body:
        raise answers.forbidden("Marketing status needs the Campaigns product.")
    check_links(company, body)


def _person_members(company: Company, before: Record, body: dict[str, Any]) -> Record:
    members = _members(company, "persons", before, body)
    if "first_name" in body or "last_name" in body:
        first = body.get("first_name", before["first_name"])
        last = body.get("last_name", before["last_name"])
        members |= {"first_name": first, "last_name": last}
        members["name"] = body.get("name") or " ".join(part for part in (first, last) if part)
        if not members["name"]:
            raise invalid({"name": "Required"})
    elif "name" in body:
        members["first_name"], members["last_name"] = split_name(body["name"])
    for ways in ("emails", "phones", "im"):
        if ways in body:
            members[ways] = checks.with_primary(body[ways])
    return members


def _members(company: Company, name: str, before: Record, body: dict[str, Any]) -> Record:
    members = {k: v for k, v in body.items() if k != "custom_fields"}
    if "label_ids" in members:
        members["label_ids"] = members["label_ids"] or []
    if "custom_fields" in body:
        given = body["custom_fields"]
        members["custom_fields"] = merge_values(company, name, before["custom_fields"], given)
    return members
