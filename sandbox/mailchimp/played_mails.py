"""What people and mail servers do with a campaign, on request of the control surface.

`campaign` is an id or a title, `email` an address of its list. Nobody opens what was not sent:
an open, a click, a bounce or a complaint sends the mail first when it was not. What cannot happen
(an unknown address, a link the mail does not have) is a ValueError that names it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sandbox.books import Record
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.acts import Act
from sandbox.mailchimp.campaigns import new_campaign, send_to
from sandbox.mailchimp.changes import Change
from sandbox.mailchimp.membership import moved, write_member

MOST_TIMES = 2000
LINKS = ["https://acme.example/offer", "https://acme.example/news"]

# What `GET /_sandbox` tells of the kinds and what each needs; a trailing ? is optional.
MAIL_EVENTS = {
    "send": "campaign, email?, list? (a title nobody has yet is a new campaign)",
    "open": "campaign, email, times?",
    "click": "campaign, email, link?, times?",
    "bounce": "campaign, email, type? (hard, soft)",
    "abuse": "campaign, email",
}


class Reader(NamedTuple):
    campaign: Record
    member: Record


def play_mail(account: Account, event: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out one of MAIL_EVENTS and tell what happened."""
    kind = event["kind"]
    if kind == "send":
        return _send(account, event)
    reader = _reader(account, event)
    told = {"kind": kind, "campaign": reader.campaign["id"]}
    told["email"] = reader.member["email_address"]
    match kind:
        case "open":
            return told | {"times": _open(account, reader, _times(event))}
        case "click":
            return told | _click(account, reader, event)
        case "bounce":
            return told | _bounce(account, reader, event.get("type", "hard"))
        case _:
            return told | _complain(account, reader)


def _send(account: Account, event: Mapping[str, Any]) -> dict[str, Any]:
    """To everybody subscribed, or to one address."""
    campaign = find_campaign(account, event)
    if campaign is None:
        the_list = _list_of(account, event)
        campaign = new_campaign(account, the_list, _text(event, "campaign"), LINKS)
    found = [m for m in account.members.of(campaign["list_id"]) if m["status"] == "subscribed"]
    if "email" in event:
        member = account.members.find(campaign["list_id"], _text(event, "email"))
        found = [m for m in found if member is not None and m["id"] == member["id"]]
        if not found:
            raise ValueError(f"{event['email']} is not subscribed to the campaign's list")
    after = send_to(account, campaign, found)
    return {"kind": "send", "campaign": after["id"], "emails_sent": after["emails_sent"]}


def _open(account: Account, reader: Reader, times: int) -> int:
    for _ in range(times):
        _note(account, reader, "open")
    return times


def _click(account: Account, reader: Reader, event: Mapping[str, Any]) -> dict[str, Any]:
    urls = [link["url"] for link in reader.campaign["links"]]
    url, times = event.get("link", urls[0] if urls else ""), _times(event)
    if url not in urls:
        raise ValueError(f"the campaign has no link {url!r}; it has {urls}")
    for _ in range(times):
        _note(account, reader, "click", url=url)
    if account.assumed["click_implies_open"] and not _has_opened(account, reader):
        _note(account, reader, "open")
    return {"link": url, "times": times}


def _bounce(account: Account, reader: Reader, kind: str) -> dict[str, Any]:
    """A hard one cleans a subscribed address."""
    if kind not in ("hard", "soft"):
        raise ValueError(f"a bounce is hard or soft, not {kind!r}")
    campaign, member = reader
    if kind == "hard" and member["status"] == "subscribed":
        after = moved(account, member, "cleaned", "bounce")
        member = write_member(account, member, after, "admin", campaign["id"])
    else:
        _note(account, reader, "bounce", bounce=kind)
    return {"type": kind, "status": member["status"]}


def _complain(account: Account, reader: Reader) -> dict[str, Any]:
    """The mail was called spam: the address leaves, and the API may not bring it back."""
    campaign, member = reader
    if member["status"] == "subscribed":
        after = moved(account, member, "unsubscribed", "abuse")
        after["unsubscribe_reason"] = "Reported as spam"
        member = write_member(account, member, after, "user", campaign["id"])
    else:
        _note(account, reader, "abuse")
    return {"status": member["status"]}


def note_leaving(account: Account, change: Change) -> None:
    """Who leaves or is cleaned through a campaign is in its report; whoever asks for what they
    did not get gets it first."""
    campaign = account.campaigns.get(change.campaign_id)
    if campaign is None or change.kind not in ("unsubscribe", "cleaned"):
        return
    reader = Reader(
        send_to(account, campaign, [change.member], status=campaign["status"]), change.member
    )
    if change.kind == "cleaned":
        _note(account, reader, "bounce", bounce="hard")
    else:
        kind = "abuse" if change.reason == "abuse" else "unsub"
        _note(account, reader, kind, reason=change.member["unsubscribe_reason"])


def _note(account: Account, reader: Reader, kind: str, **told: str) -> None:
    campaign, member = reader
    contact_id, list_id = member["contact_id"], member["list_id"]
    account.acts.add(Act(kind, campaign["id"], list_id, contact_id, account.now(), **told))


def _has_opened(account: Account, reader: Reader) -> bool:
    acts = account.acts.of_campaign(reader.campaign["id"], "open")
    return any(act["contact_id"] == reader.member["contact_id"] for act in acts)


def find_campaign(account: Account, event: Mapping[str, Any]) -> Record | None:
    named = _text(event, "campaign")
    found = (c for c in account.campaigns.live() if named in (c["id"], c["title"]))
    return next(found, None)


def _reader(account: Account, event: Mapping[str, Any]) -> Reader:
    """The campaign, and the member it went to; it goes to them now if it has not."""
    campaign = find_campaign(account, event)
    if campaign is None or not campaign["send_time"]:
        raise ValueError(f"no campaign {event.get('campaign')!r} has been sent")
    member = account.members.find(campaign["list_id"], _text(event, "email"))
    if member is None:
        raise ValueError(f"{event['email']} is not on the campaign's list")
    return Reader(send_to(account, campaign, [member], status=campaign["status"]), member)


def _list_of(account: Account, event: Mapping[str, Any]) -> Record:
    named = event.get("list", "Newsletter")
    found = (one for one in account.lists.live() if named in (one["id"], one["name"]))
    if (the_list := next(found, None)) is None:
        raise ValueError(f"no list {named!r}")
    return the_list


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{event['kind']} needs {name}")
    return value


def _times(event: Mapping[str, Any]) -> int:
    times = event.get("times", 1)
    if type(times) is not int or not 1 <= times <= MOST_TIMES:
        raise ValueError(f"times is a whole number from 1 to {MOST_TIMES}")
    return times
