"""A member as the API shows it."""

from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.links import Link, link

MOST_TAGS = 50
AS_IT_STANDS = (
    "id", "email_address", "unique_email_id", "contact_id", "web_id", "email_type", "status",
    "ip_signup", "timestamp_signup", "ip_opt", "timestamp_opt", "member_rating", "last_changed",
    "language", "vip", "email_client", "source", "list_id",
)  # fmt: skip
NOWHERE = {
    "latitude": 0, "longitude": 0, "gmtoff": 0, "dstoff": 0, "country_code": "", "timezone": "",
    "region": "",
}  # fmt: skip
DEFINITION = "Lists/Members/Response"


def show_members(call: Call, members: list[Record]) -> list[dict[str, Any]]:
    """Members of one list; what they share is looked up once."""
    if not members:
        return []
    account, list_id = call.account, members[0]["list_id"]
    tags = [field["tag"] for field in account.fields_of(list_id)]
    interests = [i["id"] for i in account.interests.live() if i["list_id"] == list_id]
    return [_shown(call, member, tags, interests) for member in members]


def show_member(call: Call, member: Record) -> dict[str, Any]:
    return show_members(call, [member])[0]


def full_name(member: Record) -> str:
    values = member["merge_fields"]
    return f"{values.get('FNAME', '')} {values.get('LNAME', '')}".strip()


def member_url(call: Call, member: Record) -> str:
    return call.url(f"/lists/{member['list_id']}/members/{member['id']}")


def tags_of(account: Account, member: Record) -> list[dict[str, Any]]:
    """The tags of a member, the one added first coming first."""
    named = ((tag_id, account.segments.get(tag_id)) for tag_id in member["tags"])
    return [{"id": int(tag_id), "name": tag["name"]} for tag_id, tag in named if tag]


def _shown(call: Call, member: Record, tags: list[str], interests: list[str]) -> dict[str, Any]:
    on_it = tags_of(call.account, member)
    shown = {
        **{name: member[name] for name in AS_IT_STANDS},
        "full_name": full_name(member),
        "consents_to_one_to_one_messaging": member["status"] == "subscribed",
        "merge_fields": {tag: member["merge_fields"].get(tag, "") for tag in tags},
        "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
        "location": {**NOWHERE, **member["location"]},
        "tags_count": len(on_it),
        "tags": on_it[:MOST_TAGS],
        "_links": _links(member_url(call, member), call.url(f"/lists/{member['list_id']}/members")),
    }
    if interests:
        shown["interests"] = {i: bool(member["interests"].get(i)) for i in interests}
    if member["status"] == "unsubscribed":
        shown["unsubscribe_reason"] = member["unsubscribe_reason"] or "N/A (Unsubscribed by admin)"
    if note := _last_note(call.account, member):
        shown["last_note"] = note
    return shown


def _last_note(account: Account, member: Record) -> dict[str, Any] | None:
    if not len(account.notes):
        return None
    mine = [n for n in account.notes.live() if n["contact_id"] == member["contact_id"]]
    if not mine:
        return None
    last = mine[-1]
    told = {name: last[name] for name in ("created_at", "created_by", "note")}
    return {"note_id": last["id"], **told}


def _links(one: str, all_of_them: str) -> list[Link]:
    parts = ("activity", "goals", "notes", "events")
    return [
        link("self", one, schema=DEFINITION),
        link("parent", all_of_them, schema="Lists/Members/CollectionResponse"),
        link("update", one, "PATCH", DEFINITION),
        link("upsert", one, "PUT", DEFINITION),
        link("delete", one, "DELETE"),
        *(link(part, f"{one}/{part}") for part in parts),
        link("delete_permanent", f"{one}/actions/delete-permanent", "POST"),
    ]
