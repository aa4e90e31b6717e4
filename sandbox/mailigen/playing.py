"""What people, mail servers and the list's owner do, on request of the control surface.

An event is a mapping with `kind`; `list` is "Newsletter" unless named, `campaign` an id or title.
What cannot happen (an unknown address, a draft that is opened) is a ValueError that names it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sandbox.books import Record
from sandbox.mailigen.account import ADMIN_KEY, Account
from sandbox.mailigen.campaigns import put_send
from sandbox.mailigen.membership import (
    Leaving,
    announce_member,
    change_email,
    delete_member,
    new_member,
    unsubscribe,
)
from sandbox.mailigen.merges import checked_email, checked_merges
from sandbox.mailigen.reports import BOUNCE_TYPES

MOST_TIMES = 1000
BOUNCE_MESSAGES = {
    "hard": "550 5.1.1 User unknown",
    "soft": "452 4.2.2 Mailbox full",
    "blocked": "554 5.7.1 Blocked by the recipient's filter",
    "temporary": "421 4.4.2 Connection timed out",
    "generic": "500 Undeliverable",
}

# What `GET /_sandbox` tells about the kinds and what each needs; a trailing ? is optional.
EVENTS = {
    "send": "campaign, email",
    "open": "campaign, email, times?",
    "click": "campaign, email, link?, times?",
    "bounce": "campaign, email, type? (hard, soft, blocked, temporary, generic)",
    "subscribe": "email, list?, fields?",
    "unsubscribe": "email, list?, campaign?",
    "confirm": "email, list?",
    "remove": "email, list?",
    "edit": "email, list?, fields",
    "email_change": "email, new_email, list?",
    "revoke_key": "key?",
    "restore_key": "key?",
}

Played = dict[str, Any]


class Reader(NamedTuple):
    """Somebody a campaign is about: the list member, or the address it was once sent to."""

    campaign: Record
    email: str
    member: Record | None


def play(account: Account, event: Mapping[str, Any]) -> Played:
    """Carry out one event and tell what happened."""
    match event.get("kind"):
        case "open":
            return _open(account, event)
        case "click":
            return _click(account, event)
        case "send":
            reader = _reader(account, event)
            return {**_told(event, reader), "sent": _send_first(account, reader)}
        case "bounce":
            return _bounce(account, event)
        case "subscribe":
            return _subscribe(account, event)
        case "unsubscribe":
            return _unsubscribe(account, event)
        case "confirm" | "remove" | "edit" | "email_change":
            return _change_member(account, event)
        case "revoke_key" | "restore_key":
            return _switch_key(account, event)
        case unknown:
            raise ValueError(f"mailigen cannot play {unknown!r}")


def _open(account: Account, event: Mapping[str, Any]) -> Played:
    reader, times = _reader(account, event), _times(event)
    is_sent = _send_first(account, reader)
    count = add_opens(account, reader.campaign["id"], reader.email, times)
    for _ in range(times):
        _announce_email(account, "email.open", reader, {})
    return {**_told(event, reader), "times": times, "count": count, "sent": is_sent}


def add_opens(account: Account, campaign_id: str, email: str, times: int, at: str = "") -> int:
    """Count opens of a campaign by an address; returns the new total."""
    at = at or account.stamp()
    known = account.opens.find(campaign_id, email)
    opened = known or {
        "id": f"{campaign_id}/{email.lower()}",
        "campaign": campaign_id,
        "email": email,
        "count": 0,
        "first_at": at,
    }
    count = int(opened["count"]) + times
    account.opens.put({**opened, "count": count, "last_at": at})
    _touch_campaign(account, campaign_id, "last_open", at)
    return count


def _click(account: Account, event: Mapping[str, Any]) -> Played:
    reader, times = _reader(account, event), _times(event)
    urls = [link["url"] for link in reader.campaign["links"]]
    if not urls:
        raise ValueError(f"campaign {reader.campaign['title']!r} has no links")
    link = event.get("link") or urls[0]
    if link not in urls:
        raise ValueError(f"campaign {reader.campaign['title']!r} has no link {link!r}, only {urls}")
    is_sent = _send_first(account, reader)
    campaign_id = reader.campaign["id"]
    if account.assumed.is_on("click_implies_open") and not account.opens.find(
        campaign_id, reader.email
    ):
        add_opens(account, campaign_id, reader.email, 1)
    for _ in range(times):
        add_click(account, campaign_id, reader.email, str(link))
        _announce_email(account, "email.click", reader, {"link": link})
    return {**_told(event, reader), "link": link, "times": times, "sent": is_sent}


def add_click(account: Account, campaign_id: str, email: str, link: str, at: str = "") -> None:
    at = at or account.stamp()
    click = {"id": account.new_number("click"), "campaign": campaign_id, "email": email}
    account.clicks.put(
        {**click, "link": link, "date": at, "device": "Desktop", "browser": "Firefox"}
    )
    _touch_campaign(account, campaign_id, "last_click", at)


def _bounce(account: Account, event: Mapping[str, Any]) -> Played:
    reader, kind = _reader(account, event), event.get("type", "hard")
    if kind not in BOUNCE_TYPES:
        raise ValueError(f"no such bounce type: {kind!r}; choose of {list(BOUNCE_TYPES)}")
    is_sent = _send_first(account, reader)
    add_bounce(account, reader.campaign["id"], reader.email, str(kind))
    member = reader.member
    if kind == "hard" and member is not None and member["status"] in ("subscribed", "inactive"):
        account.members.put({**member, "status": "bounced"})
    _announce_email(account, "email.bounce", reader, {"type": kind})
    return {**_told(event, reader), "type": kind, "sent": is_sent}


def add_bounce(account: Account, campaign_id: str, email: str, kind: str, at: str = "") -> None:
    account.bounces.put(
        {
            "id": account.new_number("bounce"),
            "campaign": campaign_id,
            "email": email,
            "type": kind,
            "date": at or account.stamp(),
            "message": BOUNCE_MESSAGES[kind],
        }
    )


def _subscribe(account: Account, event: Mapping[str, Any]) -> Played:
    """The person's own act, so it also brings back one who had left."""
    the_list, email = _the_list(account, event), checked_email(_text(event, "email"))
    merges = _fields(account, the_list, event)
    known = account.members.find(the_list["id"], email)
    member = known or new_member(account, the_list["id"], email, {})
    back = {"status": "subscribed", "confirmed_at": account.stamp(), "unsubscribed_at": ""}
    member = {**member, **back, "left_by": "", "merges": {**member["merges"], **merges}}
    account.members.put(member)
    announce_member(account, "contact.subscribe", member, "subscriber")
    return {"kind": "subscribe", "list": the_list["id"], "email": member["email"], "new": not known}


def _unsubscribe(account: Account, event: Mapping[str, Any]) -> Played:
    campaign = the_campaign(account, event) if event.get("campaign") else None
    if campaign is not None and "list" not in event:
        the_list = account.the_list(campaign["list_id"])
    else:
        the_list = _the_list(account, event)
    member = _member(account, the_list, event)
    left = unsubscribe(account, the_list, member, Leaving(source="subscriber", cause="person"))
    add_unsubscribe(account, campaign["id"] if campaign else "", left)
    return {"kind": "unsubscribe", "list": the_list["id"], "email": left["email"]}


def add_unsubscribe(account: Account, campaign_id: str, member: Record) -> None:
    """Note who left, and through which campaign if through one."""
    account.unsubscribes.put(
        {
            "id": account.new_number("unsubscribe"),
            "campaign": campaign_id,
            "list": member["list"],
            "email": member["email"],
            "date": member["unsubscribed_at"],
        }
    )


def _change_member(account: Account, event: Mapping[str, Any]) -> Played:
    kind, the_list = event["kind"], _the_list(account, event)
    member = _member(account, the_list, event)
    told = {"kind": kind, "list": the_list["id"], "email": member["email"]}
    if kind == "remove":
        delete_member(account, member, "admin")
    elif kind == "edit":
        merges = {**member["merges"], **_fields(account, the_list, event)}
        edited = account.members.put({**member, "merges": merges})
        announce_member(account, "contact.update", edited, "admin")
    elif kind == "email_change":
        moved = change_email(account, member, _text(event, "new_email"), "subscriber")
        told["new_email"] = moved["email"]
    else:
        _confirm(account, member)
    return told


def _confirm(account: Account, member: Record) -> None:
    if member["status"] != "inactive":
        raise ValueError(f"{member['email']} is {member['status']}, there is nothing to confirm")
    confirmed = {**member, "status": "subscribed", "confirmed_at": account.stamp()}
    account.members.put(confirmed)
    announce_member(account, "contact.subscribe", confirmed, "subscriber")


def _switch_key(account: Account, event: Mapping[str, Any]) -> Played:
    key = event.get("key", ADMIN_KEY)
    record = account.apikeys.get(key)
    if record is None:
        raise ValueError(f"no such key: {key!r}")
    expired_at = account.stamp() if event["kind"] == "revoke_key" else ""
    account.apikeys.put(key, {**record, "expired_at": expired_at})
    return {"kind": event["kind"], "key": key}


def the_campaign(account: Account, event: Mapping[str, Any]) -> Record:
    """A live campaign by id or title."""
    wanted = _text(event, "campaign")
    for campaign in account.campaigns.live():
        if wanted in (campaign["id"], campaign["title"]):
            return campaign
    raise ValueError(f"no such campaign: {wanted!r}")


def _reader(account: Account, event: Mapping[str, Any]) -> Reader:
    campaign, email = the_campaign(account, event), _text(event, "email").strip()
    if not campaign["send_time"]:
        raise ValueError(f"campaign {campaign['title']!r} is {campaign['status']}, not sent")
    member = account.members.find(campaign["list_id"], email)
    sent = account.sends.find(campaign["id"], email)
    if member is None and sent is None:
        raise ValueError(f"{email!r} is not on the list of campaign {campaign['title']!r}")
    known = sent or member
    return Reader(campaign, str(known["email"]) if known else email, member)


def _send_first(account: Account, reader: Reader) -> bool:
    """Nobody reads what was not sent: send the mail now if it was not; True if it was sent now."""
    campaign_id = reader.campaign["id"]
    if account.sends.find(campaign_id, reader.email):
        return False
    put_send(account, campaign_id, reader.email)
    campaign = account.the_campaign(campaign_id)
    sent = {**campaign, "emails_sent": int(campaign["emails_sent"]) + 1}
    account.campaigns.put(campaign_id, sent)
    return True


def _touch_campaign(account: Account, campaign_id: str, key: str, at: str) -> None:
    campaign = account.the_campaign(campaign_id)
    if at > campaign[key]:
        account.campaigns.put(campaign_id, {**campaign, key: at})


def _announce_email(account: Account, hook: str, reader: Reader, row: dict[str, Any]) -> None:
    if account.assumed.is_on("email_webhooks_carry_campaign"):
        row = {**row, "campaign": reader.campaign["id"]}
    about = {"email": reader.email, **row}
    account.announce(hook, reader.campaign["list_id"], "subscriber", about)


def _the_list(account: Account, event: Mapping[str, Any]) -> Record:
    wanted = event.get("list", "Newsletter")
    for the_list in account.lists.live():
        if wanted in (the_list["id"], the_list["name"]):
            return the_list
    raise ValueError(f"no such list: {wanted!r}")


def _member(account: Account, the_list: Record, event: Mapping[str, Any]) -> Record:
    email = _text(event, "email").strip()
    member = account.members.find(the_list["id"], email)
    if member is None:
        raise ValueError(f"{email!r} is not on list {the_list['name']!r}")
    return member


def _fields(account: Account, the_list: Record, event: Mapping[str, Any]) -> dict[str, str]:
    given = event.get("fields") or {}
    if not isinstance(given, Mapping):
        raise ValueError("fields must be an object of tag: value")
    known = {field["tag"] for field in account.merge_vars.of(the_list["id"])}
    unknown = [tag for tag in given if str(tag).upper() not in known]
    if unknown:
        raise ValueError(f"list {the_list['name']!r} has no merge fields {unknown}")
    return checked_merges(account, the_list["id"], {str(k): str(v) for k, v in given.items()})


def _told(event: Mapping[str, Any], reader: Reader) -> Played:
    return {"kind": event["kind"], "campaign": reader.campaign["id"], "email": reader.email}


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{event.get('kind')} needs {name}")
    return value


def _times(event: Mapping[str, Any]) -> int:
    times = event.get("times", 1)
    if type(times) is not int or not 1 <= times <= MOST_TIMES:
        raise ValueError(f"times must be a whole number from 1 to {MOST_TIMES}, not {times!r}")
    return times
