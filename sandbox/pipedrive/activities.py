"""Activities, v2. The person of an activity is its primary participant, never set directly."""

from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers, checks
from sandbox.pipedrive.answers import RefusalError, invalid
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.checks import or_null
from sandbox.pipedrive.company import Company
from sandbox.pipedrive.conditions import Matcher
from sandbox.pipedrive.contacts import alive, check_links, delete_one, kept, show_one
from sandbox.pipedrive.extras import shower
from sandbox.pipedrive.lists import Listing, answer_list, same
from sandbox.vendor import Answer

PARTICIPANT = checks.thing({"person_id": checks.whole, "primary": checks.boolean}, ("person_id",))
ATTENDEE = checks.thing(
    {
        "email": checks.text,
        "name": or_null(checks.text),
        "status": or_null(checks.text),
        "is_organizer": checks.boolean,
        "person_id": or_null(checks.whole),
        "user_id": or_null(checks.whole),
    },
    ("email",),
)
ACTIVITY = {
    "subject": checks.text,
    "type": checks.text,
    "owner_id": checks.whole,
    "deal_id": or_null(checks.whole),
    "lead_id": or_null(checks.text),
    "org_id": or_null(checks.whole),
    "project_id": or_null(checks.whole),
    "due_date": or_null(checks.day),
    "due_time": or_null(checks.clock_time),
    "duration": or_null(checks.clock_time),
    "busy": checks.boolean,
    "done": checks.boolean,
    "location": or_null(checks.address),
    "participants": or_null(checks.several(PARTICIPANT)),
    "attendees": or_null(checks.several(ATTENDEE)),
    "public_description": or_null(checks.text),
    "priority": or_null(checks.whole),
    "note": or_null(checks.text),
}
NOTE_LIMIT = 100 * 1024  # bytes, since 21 Sep 2025 ("Updating activities note field")


def _done(_: Company, asked: str) -> Matcher:
    if asked not in ("true", "false"):
        raise invalid({"done": f"Expected boolean, received '{asked}'"})
    return lambda activity: activity["done"] == (asked == "true")


def _lead(_: Company, asked: str) -> Matcher:
    return lambda activity: activity["lead_id"] == asked


ACTIVITIES = Listing(
    "activities",
    {
        "owner_id": same("owner_id"),
        "deal_id": same("deal_id"),
        "lead_id": _lead,
        "person_id": same("person_id"),
        "org_id": same("org_id"),
        "done": _done,
    },
    ("id", "update_time", "add_time", "due_date"),
)


def list_activities(company: Company, call: Call) -> Answer:
    show = shower(company, call, "activities")
    return answer_list(
        company, call, ACTIVITIES, show or (lambda a: company.shown_bytes("activities", a))
    )


def get_activity(company: Company, call: Call) -> Answer:
    return show_one(company, call, "activities", kept(company, "activities", call.id))


def create_activity(company: Company, call: Call) -> Answer:
    body = _checked(company, call)
    record = blank_activity(company.next_id("activities"), call.user["id"], call.time)
    record |= _members(company, record, body, call)
    company.create("activities", record, call)
    _invite(company, record, call)
    return answers.one(company.shown_bytes("activities", record))


def update_activity(company: Company, call: Call) -> Answer:
    before = alive(company, "activities", call.id)
    body = _checked(company, call)
    after = company.change("activities", before, _members(company, before, body, call), call)
    if {"public_description", "attendees"} & set(body):
        _invite(company, after, call)
    return answers.one(company.shown_bytes("activities", after))


def delete_activity(company: Company, call: Call) -> Answer:
    return delete_one(company, call, "activities")


def blank_activity(record_id: int, user_id: int, time: str) -> Record:
    return {
        "id": record_id,
        "subject": "",
        "type": "call",
        "owner_id": user_id,
        "creator_user_id": user_id,
        "is_deleted": False,
        "add_time": time,
        "update_time": time,
        "deal_id": None,
        "lead_id": None,
        "person_id": None,
        "org_id": None,
        "project_id": None,
        "due_date": None,
        "due_time": None,
        "duration": None,
        "busy": False,
        "done": False,
        "marked_as_done_time": None,
        "location": None,
        "participants": [],
        "conference_meeting_client": None,
        "conference_meeting_url": None,
        "conference_meeting_id": None,
        "public_description": None,
        "priority": None,
        "note": None,
    }


def _checked(company: Company, call: Call) -> dict[str, Any]:
    body = call.body()
    if company.assume["activity_person_id"] == "ignored":
        body.pop("person_id", None)
    checks.check_body(body, ACTIVITY)
    check_links(company, body)
    if len((body.get("note") or "").encode()) > NOTE_LIMIT:
        raise RefusalError(400, "Activity note is too long, maximum is 100 KB")
    known = {t["key_string"] for t in company.books["activityTypes"].live() if t["active_flag"]}
    if "type" in body and body["type"] not in known:
        raise invalid({"type": f"Activity type '{body['type']}' not found"})
    for participant in body.get("participants") or []:
        check_links(company, {"person_id": participant["person_id"]})
    return body


def _members(company: Company, before: Record, body: dict[str, Any], call: Call) -> Record:
    members = dict(body)
    if "participants" in body:
        members["participants"] = _participants(body["participants"] or [])
        people = members["participants"]
        members["person_id"] = people[0]["person_id"] if people else None
    if not before["subject"] and not members.get("subject"):
        kind = members.get("type", before["type"])
        types = company.books["activityTypes"].live()
        members["subject"] = next(t["name"] for t in types if t["key_string"] == kind)
    if "done" in body and body["done"] != before["done"]:
        members["marked_as_done_time"] = call.time if body["done"] else None
    for part in ("due_time", "duration"):
        if members.get(part) and len(members[part]) == 5:
            members[part] += ":00"
    return members


def _participants(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The primary one first; the first is primary when none is said to be."""
    primary = next((p["person_id"] for p in given if p.get("primary")), None)
    if primary is None and given:
        primary = given[0]["person_id"]
    told = [{"person_id": p["person_id"], "primary": p["person_id"] == primary} for p in given]
    return sorted(told, key=lambda participant: not participant["primary"])


def _invite(company: Company, activity: Record, call: Call) -> None:
    """Guests see the public description in their calendars: that is how markers leak."""
    guests = activity.get("attendees") or []
    if not guests or not company.assume["public_description_reaches_guests"]:
        return
    for guest in guests:
        mail = {
            "id": company.next_id("invitations"),
            "activity_id": activity["id"],
            "to": guest["email"],
            "text": activity["public_description"],
            "sent_time": call.time,
        }
        company.seed("invitations", mail)
