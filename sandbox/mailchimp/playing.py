"""What people, mail servers and the account's owner do, on request of the control surface.

An event is a mapping with `kind`; `list` is "Newsletter" unless named by name or id. What cannot
happen (an unknown address, nothing to confirm) is a ValueError that names it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.access import ACME_KEY, Access
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.member_writes import with_values
from sandbox.mailchimp.membership import (
    checked_email,
    forget,
    moved,
    new_member,
    with_address,
    write_member,
)
from sandbox.mailchimp.problems import not_removable
from sandbox.mailchimp.segments import remove_segment
from sandbox.mailchimp.tags import find_tag, with_tags_named, without_tags

Event = Mapping[str, Any]
Played = dict[str, Any]

FORM, BY_HAND = "Hosted Signup Form", "Admin Add"
FINAL = "was cleaned for bouncing and cannot sign up again"

# What `GET /_sandbox` tells about the kinds and what each needs; a trailing ? is optional.
EVENTS = {
    "subscribe": "email, list?, fields?  (the form; pending where the list wants a double opt-in)",
    "confirm": "email, list?  (the link in the opt-in mail)",
    "unsubscribe": "email, list?, by? (person, admin, abuse), campaign?",
    "update_profile": "email, list?, fields?, interests?, language?  (by the person)",
    "change_address": "email, new_email, list?  (by the person)",
    "clean": "email, list?, campaign?  (hard bounce)",
    "add": "email, list?, fields?  (by hand, as subscribed)",
    "edit": "email, list?, fields?, interests?, language?, vip?, new_email?  (by hand)",
    "archive": "email, list?  (by hand)",
    "forget": "email, list?  (deleted for good, by hand)",
    "tag": "email, tag, list?",
    "untag": "email, tag, list?",
    "delete_segment": "segment (id or name), list?",
    "crowd": "email  (it joined too many lists lately: refused everywhere)",
    "disable_key": "key?",
    "enable_key": "key?",
    "disable_api": "",
    "enable_api": "",
}


def play(account: Account, access: Access, event: Event) -> Played:
    """Carry out one event and tell what happened."""
    kind = _text(event, "kind")
    if kind in OF_MEMBER:
        the_list = _the_list(account, event)
        member = _member(account, the_list, event)
        after = OF_MEMBER[kind](account, member, event)
        return _told(kind, the_list["id"], after or member)
    if kind in OF_LIST:
        return OF_LIST[kind](account, _the_list(account, event), event)
    if kind in ("disable_key", "enable_key"):
        access.switch(event.get("key", ACME_KEY), is_on=kind == "enable_key")
    elif kind in ("disable_api", "enable_api"):
        account.is_api_disabled = kind == "disable_api"
    elif kind == "crowd":
        account.crowded.add(_text(event, "email").lower())
    else:
        raise ValueError(f"mailchimp cannot play {kind!r}")
    return {"kind": kind}


def _subscribe(account: Account, the_list: Record, event: Event) -> Played:
    """The person's own act, so it also brings back who left or was forgotten."""
    return _join(account, the_list, event, "user")


def _add(account: Account, the_list: Record, event: Event) -> Played:
    """By hand; whoever left by own act stays out."""
    return _join(account, the_list, event, "admin")


def _join(account: Account, the_list: Record, event: Event, source: str) -> Played:
    list_id, email = the_list["id"], checked_email(account, event.get("email"))
    known = account.members.find(list_id, email)
    left_by = known["left_by"] if known else ""
    if left_by == "bounce":
        raise ValueError(f"{email} {FINAL}")
    if source == "admin" and (left_by or account.is_forgotten(list_id, email)):
        raise ValueError(f"{email} left and can only come back by signing up")
    named = FORM if source == "user" else BY_HAND
    before = known or new_member(account, list_id, email, named)
    is_asked = source == "user" and the_list["double_optin"] and before["status"] != "subscribed"
    after = moved(account, before, "pending" if is_asked else "subscribed", "")
    if known is None and source == "user":
        after["timestamp_signup"] = account.now()
    after = _edited(account, after, event)
    return _told(event["kind"], list_id, write_member(account, known, after, source))


def _confirm(account: Account, member: Record, _: Event) -> Record:
    if member["status"] != "pending":
        said = f"{member['email_address']} is {member['status']}, there is nothing to confirm"
        raise ValueError(said)
    return write_member(account, member, moved(account, member, "subscribed", ""), "user")


def _unsubscribe(account: Account, member: Record, event: Event) -> Record:
    by = event.get("by", "person")
    if by not in ("person", "admin", "abuse"):
        raise ValueError(f"by is person, admin or abuse, not {by!r}")
    if member["status"] not in ("subscribed", "pending", "transactional"):
        raise ValueError(f"{member['email_address']} is {member['status']}")
    after = moved(account, member, "unsubscribed", by)
    reasons = {"person": "N/A (Unsubscribed by the person)", "abuse": "Reported as spam"}
    after["unsubscribe_reason"] = reasons.get(by, "")
    source = "admin" if by == "admin" else "user"
    return write_member(account, member, after, source, str(event.get("campaign", "")))


def _update_profile(account: Account, member: Record, event: Event) -> Record:
    return write_member(account, member, _edited(account, member, event), "user")


def _change_address(account: Account, member: Record, event: Event) -> Record:
    email = checked_email(account, _text(event, "new_email"))
    return write_member(account, member, with_address(account, member, email), "user")


def _clean(account: Account, member: Record, event: Event) -> Record:
    if member["status"] == "archived":
        raise ValueError(f"{member['email_address']} is archived: nothing is sent to it")
    after = moved(account, member, "cleaned", "bounce")
    source = str(account.assumed["cleaned_source"])
    return write_member(account, member, after, source, str(event.get("campaign", "")))


def _edit(account: Account, member: Record, event: Event) -> Record:
    after = _edited(account, member, event)
    if "new_email" in event:
        email = checked_email(account, _text(event, "new_email"))
        after = with_address(account, after, email)
    return write_member(account, member, after, "admin")


def _edited(account: Account, member: Record, event: Event) -> Record:
    """The member with what an event says of it; a field that is not there is a ValueError."""
    fields = event.get("fields") or {}
    known = {field["tag"] for field in account.fields_of(member["list_id"])}
    if unknown := [tag for tag in fields if tag not in known]:
        raise ValueError(f"the list has no merge fields {unknown}; it has {sorted(known)}")
    said = {name: event[name] for name in ("interests", "language", "vip") if name in event}
    body = {"merge_fields": fields, **said}
    return with_values(account, member, body, are_required_checked=False)


def _archive(account: Account, member: Record, _: Event) -> Record:
    if member["status"] == "archived":
        raise not_removable()
    return write_member(account, member, moved(account, member, "archived", "admin"), "admin")


def _forget(account: Account, member: Record, _: Event) -> None:
    forget(account, member, "admin")


def _tag(account: Account, member: Record, event: Event) -> Record:
    after = with_tags_named(account, member, [_text(event, "tag")])
    return write_member(account, member, after, "admin")


def _untag(account: Account, member: Record, event: Event) -> Record:
    tag = find_tag(account, member["list_id"], _text(event, "tag"))
    if tag is None or str(tag["id"]) not in member["tags"]:
        raise ValueError(f"{member['email_address']} has no tag {event.get('tag')!r}")
    return write_member(account, member, without_tags(member, {str(tag["id"])}), "admin")


def _delete_segment(account: Account, the_list: Record, event: Event) -> Played:
    wanted = str(event.get("segment", ""))
    for segment in account.segments_of(the_list["id"]):
        if wanted in (str(segment["id"]), segment["name"]):
            remove_segment(account, segment)
            return {"kind": "delete_segment", "segment": segment["id"], "name": segment["name"]}
    raise ValueError(f"no such segment: {wanted!r}")


def _told(kind: str, list_id: str, member: Record) -> Played:
    named = {"email": member["email_address"], "status": member["status"]}
    return {"kind": kind, "list": list_id, "contact_id": member["contact_id"], **named}


def _the_list(account: Account, event: Event) -> Record:
    wanted = event.get("list", "Newsletter")
    for the_list in account.lists.live():
        if wanted in (the_list["id"], the_list["name"]):
            return the_list
    raise ValueError(f"no such list: {wanted!r}")


def _member(account: Account, the_list: Record, event: Event) -> Record:
    email = _text(event, "email")
    member = account.members.find(the_list["id"], email)
    if member is None:
        raise ValueError(f"{email!r} is not on list {the_list['name']!r}")
    return member


def _text(event: Event, name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{event.get('kind', 'an event')} needs {name}")
    return value.strip()


OF_LIST: dict[str, Callable[[Account, Record, Event], Played]] = {
    "subscribe": _subscribe,
    "add": _add,
    "delete_segment": _delete_segment,
}
OF_MEMBER: dict[str, Callable[[Account, Record, Event], Record | None]] = {
    "confirm": _confirm,
    "unsubscribe": _unsubscribe,
    "update_profile": _update_profile,
    "change_address": _change_address,
    "clean": _clean,
    "edit": _edit,
    "archive": _archive,
    "forget": _forget,
    "tag": _tag,
    "untag": _untag,
}
