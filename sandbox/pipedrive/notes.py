"""Notes, v1: HTML, cleaned by the server, tied to at least one thing."""

import re
from typing import Any

from sandbox.books import Record
from sandbox.pipedrive import answers
from sandbox.pipedrive.answers import RefusalError, forbidden
from sandbox.pipedrive.call import Call
from sandbox.pipedrive.company import Company
from sandbox.pipedrive.contacts import alive, kept
from sandbox.vendor import Answer

TIES = {"deal_id": "deals", "person_id": "persons", "org_id": "organizations"}
OTHER_TIES = ("lead_id", "project_id", "task_id")
PINS = tuple(
    f"pinned_to_{thing}_flag"
    for thing in ("lead", "deal", "organization", "person", "project", "task")
)
NOTE_LIMIT = 100 * 1024  # bytes ("Notes": about 100 000 characters)
COMMENT = re.compile(r"<!--.*?-->", re.S)
SCRIPT = re.compile(r"<(script|style|iframe)\b.*?(</\1\s*>|$)", re.S | re.I)
ON_EVENT = re.compile(r"\son\w+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.I)
MOST = 500


def list_notes(company: Company, call: Call) -> Answer:
    start, limit = call.counted("start", 0), min(call.counted("limit", 100, least=1), MOST)
    then = company.as_of("notes", company.assume["list_index_lag_s"], call.at)
    unseen = {note_id for note_id, old in then.items() if old is None}
    found = [n for n in company.records("notes") if n["id"] not in unseen and _is_wanted(n, call)]
    column, _, direction = call.query.get("sort", "").partition(" ")
    if column:
        found.sort(key=lambda n: (n.get(column) or "", n["id"]), reverse=direction == "DESC")
    more = len(found) > start + limit
    told = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        told["next_start"] = start + limit
    shown = [_shown(company, note, call) for note in found[start : start + limit]]
    return answers.ok(shown, additional_data={"pagination": told})


def get_note(company: Company, call: Call) -> Answer:
    return answers.ok(_shown(company, kept(company, "notes", call.id), call))


def create_note(company: Company, call: Call) -> Answer:
    body = call.body()
    members = _members(company, body, call)
    if not members.get("content"):
        raise RefusalError(400, "Content must be given.")
    if not any(body.get(tie) for tie in (*TIES, *OTHER_TIES)):
        raise RefusalError(400, "At least one of the entity ids must be given.")
    now = company.stamp("notes", call.at)
    record = blank_note(company.next_id("notes"), call.user["id"], now) | members
    return answers.ok(_shown(company, company.create("notes", record, call), call))


def update_note(company: Company, call: Call) -> Answer:
    before = alive(company, "notes", call.id)
    members = _members(company, call.body(), call) | {"last_update_user_id": call.user["id"]}
    return answers.ok(_shown(company, company.change("notes", before, members, call), call))


def delete_note(company: Company, call: Call) -> Answer:
    company.remove("notes", alive(company, "notes", call.id), call)
    return answers.ok(data=True)


def blank_note(record_id: int, user_id: int, now: str) -> Record:
    return {
        "id": record_id,
        "active_flag": True,
        "add_time": now,
        "update_time": now,
        "content": "",
        "user_id": user_id,
        "last_update_user_id": None,
        **dict.fromkeys((*TIES, *OTHER_TIES)),
        **dict.fromkeys(PINS, False),
    }


def cleaned(content: str, *, strips_comments: bool) -> str:
    """HTML as the server keeps it: no scripts, no event attributes, perhaps no comments."""
    content = ON_EVENT.sub("", SCRIPT.sub("", content))
    return COMMENT.sub("", content) if strips_comments else content


def _members(company: Company, body: dict[str, Any], call: Call) -> Record:
    """What v1 takes of a body; it ignores what it does not know, and reads numbers in quotes."""
    members: Record = {}
    if "content" in body:
        content = str(body["content"] or "")
        if len(content.encode()) > NOTE_LIMIT:
            raise RefusalError(400, "Note content is too long.")
        members["content"] = cleaned(
            content, strips_comments=company.assume["note_strips_comments"]
        )
    for tie, name in TIES.items():
        if body.get(tie) is not None:
            members[tie] = alive(company, name, body[tie])["id"]
    members |= {tie: body[tie] for tie in OTHER_TIES if tie in body}
    members |= {pin: body[pin] in (1, True, "1") for pin in PINS if pin in body}
    if "user_id" in body:
        if body["user_id"] != call.user["id"] and not call.user["access"][0]["admin"]:
            raise forbidden("Only an admin can change the author of a note.")
        members["user_id"] = alive(company, "users", body["user_id"])["id"]
    if "add_time" in body:
        members["add_time"] = str(body["add_time"]).replace("T", " ").removesuffix("Z")
    return members


def _is_wanted(note: Record, call: Call) -> bool:
    for member in ("user_id", *TIES):
        asked = call.whole(member)
        if asked is not None and note[member] != asked:
            return False
    if call.query.get("lead_id") and note["lead_id"] != call.query["lead_id"]:
        return False
    since = call.query.get("updated_since", "").replace("T", " ").removesuffix("Z")
    start_date, end_date = call.query.get("start_date", ""), call.query.get("end_date", "")
    day = note["add_time"][:10]
    if end_date and day > end_date:
        return False
    return bool(note["update_time"] >= since and day >= start_date)


def _shown(company: Company, note: Record, call: Call) -> Record:
    user = company.user(note["user_id"]) or {}
    author = {k: user.get(k) for k in ("email", "name", "icon_url")}
    shown = note | {"user": author | {"is_you": note["user_id"] == call.user["id"]}}
    for part, tie, title in (
        ("deal", "deal_id", "title"),
        ("person", "person_id", "name"),
        ("organization", "org_id", "name"),
    ):
        record = company.books[TIES[tie]].get(note[tie])
        shown[part] = {title: record[title]} if record else None
    return shown
