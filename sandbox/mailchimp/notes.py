"""What is written down about one member: notes, and events that other systems report."""

from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import alive
from sandbox.mailchimp.call import Call, kind_of, read_time
from sandbox.mailchimp.links import links_of_many, links_of_one
from sandbox.mailchimp.member_lists import sorted_rows
from sandbox.mailchimp.member_shape import member_url
from sandbox.mailchimp.problems import invalid, not_found
from sandbox.mailchimp.route import Route

LONGEST_NOTE = 1000
SORTS = ("created_at", "updated_at", "note_id")
EVENT_NAME = range(2, 31)  # characters


def list_notes(call: Call) -> dict[str, Any]:
    member = call.the_member()
    mine = [n for n in call.account.notes.live() if n["contact_id"] == member["contact_id"]]
    rows = sorted_rows(call, [{**n, "note_id": f"{n['id']:012}"} for n in mine], SORTS)
    return {
        "notes": [_shown(call, member, note) for note in call.page_of(rows)],
        "email_id": member["id"],
        "list_id": member["list_id"],
        "total_items": len(rows),
        "_links": links_of_many(f"{member_url(call, member)}/notes", "Lists/Members/Notes"),
    }


def get_note(call: Call) -> dict[str, Any]:
    return _shown(call, call.the_member(), _the_note(call))


def add_note(call: Call) -> dict[str, Any]:
    member, now = call.the_member(), call.account.now()
    number = call.account.new_number("note")
    note = {
        "id": number,
        "list_id": member["list_id"],
        "contact_id": member["contact_id"],
        "note": _text(call),
        "created_at": now,
        "created_by": call.account.name,
        "updated_at": now,
    }
    return _shown(call, member, call.account.notes.put(number, note))


def update_note(call: Call) -> dict[str, Any]:
    note = {**_the_note(call), "note": _text(call), "updated_at": call.account.now()}
    return _shown(call, call.the_member(), call.account.notes.put(note["id"], note))


def delete_note(call: Call) -> None:
    call.account.notes.delete(_the_note(call)["id"])


def _text(call: Call) -> str:
    text = call.body().get("note")
    if not isinstance(text, str) or not text or len(text) > LONGEST_NOTE:
        raise invalid(("note", f"Please enter a note of 1 to {LONGEST_NOTE} characters"))
    return text


def _the_note(call: Call) -> Record:
    note = alive(call.account.notes, call.path["note_id"])
    if note["contact_id"] != call.the_member()["contact_id"]:
        raise not_found()
    return note


def _shown(call: Call, member: Record, note: Record) -> dict[str, Any]:
    links = links_of_one(f"{member_url(call, member)}/notes/{note['id']}", "Lists/Members/Notes")
    kept = {name: value for name, value in note.items() if name != "note_id"}
    return {**kept, "email_id": member["id"], "_links": links}


def list_events(call: Call) -> dict[str, Any]:
    """The latest first."""
    member = call.the_member()
    mine = [e for e in call.account.events.live() if e["contact_id"] == member["contact_id"]]
    mine.sort(key=lambda e: str(e["occurred_at"]), reverse=True)
    names = ("name", "occurred_at", "properties")
    return {
        "events": [{n: e[n] for n in names} for e in call.page_of(mine)],
        "total_items": len(mine),
        "_links": links_of_many(f"{member_url(call, member)}/events", "Lists/Members/Events"),
    }


def add_event(call: Call) -> None:
    member, body = call.the_member(), call.body()
    name, properties = body.get("name"), body.get("properties", {})
    if not isinstance(name, str) or len(name) not in EVENT_NAME:
        raise invalid(("name", "Event names have 2 to 30 characters"))
    if not isinstance(properties, dict):
        said = f"Schema describes object, {kind_of(properties)} found instead"
        raise invalid(("properties", said))
    number = call.account.new_number("event")
    event = {
        "id": number,
        "list_id": member["list_id"],
        "contact_id": member["contact_id"],
        "name": name,
        "properties": properties,
        "occurred_at": read_time("occurred_at", body.get("occurred_at")) or call.account.now(),
    }
    call.account.events.put(number, event)


_MEMBER = "/lists/{list_id}/members/{subscriber_hash}"
ROUTES = [
    Route("GET", f"{_MEMBER}/notes", list_notes),
    Route("POST", f"{_MEMBER}/notes", add_note),
    Route("GET", f"{_MEMBER}/notes/{{note_id}}", get_note),
    Route("PATCH", f"{_MEMBER}/notes/{{note_id}}", update_note),
    Route("DELETE", f"{_MEMBER}/notes/{{note_id}}", delete_note),
    Route("GET", f"{_MEMBER}/events", list_events),
    Route("POST", f"{_MEMBER}/events", add_event),
]
