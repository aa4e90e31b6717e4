"""Campaigns: made, changed, sent.

draft --schedule--> scheduled --the hour--> sending --> sent        auto: draft --send--> sending
scheduled --unschedule--> draft      scheduled, sending --pause--> paused --resume--> as before
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.books import Record
from sandbox.mailigen.account import STAMP, Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Form
from sandbox.mailigen.merges import checked_email
from sandbox.mailigen.segments import segment_members, the_segment

MOST_CAMPAIGNS = 1000
TYPES = ("html", "plain", "auto")
SHOWN = (
    "id",
    "web_id",
    "title",
    "type",
    "create_time",
    "send_time",
    "emails_sent",
    "status",
    "from_name",
    "from_email",
    "subject",
    "to_email",
    "archive_url",
    "analytics",
    "analytcs_tag",  # the vendor's spelling
    "track_clicks_text",
    "track_clicks_html",
    "track_opens",
)
_LINK = re.compile(r"""href\s*=\s*["'](https?://[^"'\s>]+)""", re.IGNORECASE)
_BARE_LINK = re.compile(r"https?://[^\s<>\"']+")


def list_campaigns(account: Account, form: Form) -> list[dict[str, Any]]:
    wanted = _filter(account, form.under("filters"))
    found = [campaign for campaign in account.campaigns.live() if wanted(campaign)]
    if account.assumed.text("campaigns_order") == "newest_first":
        found.reverse()
    return [_shown(account, campaign) for campaign in form.page(25, MOST_CAMPAIGNS).cut(found)]


def _shown(account: Account, campaign: Record) -> dict[str, Any]:
    times = {key: account.shown(campaign[key]) for key in ("create_time", "send_time")}
    return {**{key: campaign[key] for key in SHOWN}, **times}


def _filter(account: Account, filters: Form) -> Callable[[Record], bool]:
    same = {
        name: filters.optional(name)
        for name in ("list_id", "status", "type", "from_name", "from_email", "title", "subject")
    }
    same["id"] = filters.optional("campaign_id")
    same = {name: value for name, value in same.items() if value}
    first = _filter_time(filters, "sendtime_start")
    last = _filter_time(filters, "sendtime_end")

    def wanted(campaign: Record) -> bool:
        if any(campaign[name] != value for name, value in same.items()):
            return False
        sent = account.shown(campaign["send_time"])
        is_sent = bool(sent) or not (first or last)
        return is_sent and (not first or sent >= first) and (not last or sent <= last)

    return wanted


def _filter_time(filters: Form, name: str) -> str:
    text = filters.optional(name)
    return _parsed(text).strftime(STAMP) if text else ""


def _parsed(text: str) -> datetime:
    for shape in (STAMP, "%Y-%m-%d %H:%M", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, shape)
        except ValueError:
            continue
    raise MailigenError("time_invalid", f"Invalid date/time: {text}")


def create_campaign(account: Account, form: Form) -> str:
    kind, options, content = form.text("type"), form.under("options"), form.under("content")
    if kind not in TYPES:
        raise MailigenError("campaign_option", f"Invalid campaign type: {kind}")
    the_list = account.the_list(options.text("list_id"))
    subject, body = options.text("subject"), content.optional("html") + content.optional("plain")
    if not body and not content.optional("url"):
        raise MailigenError("campaign_content", "Campaign has no content")
    campaign = new_campaign(account, the_list["id"], options.optional("title") or subject, kind)
    campaign.update(
        subject=subject,
        from_email=checked_email(options.text("from_email")),
        from_name=options.text("from_name"),
        to_email=options.optional("to_email"),
        segment_id=options.optional("segment_id"),
        html=content.optional("html"),
        plain=content.optional("plain"),
        links=_links(account, body),
    )
    if campaign["segment_id"]:
        the_segment(account, campaign["segment_id"])
    account.campaigns.put(campaign["id"], campaign)
    return str(campaign["id"])


def new_campaign(account: Account, list_id: str, title: str, kind: str) -> Record:
    """A draft as stored, not stored yet."""
    campaign_id = account.new_hex()
    return {
        "id": campaign_id,
        "web_id": account.new_number("campaign", first=9_001),
        "list_id": list_id,
        "segment_id": "",
        "title": title,
        "type": kind,
        "create_time": account.stamp(),
        "send_time": "",
        "emails_sent": 0,
        "status": "draft",
        "from_name": "Acme",
        "from_email": "news@acme.example",
        "subject": title,
        "to_email": "",
        "archive_url": f"http://archive.example/{campaign_id}",
        "analytics": "",
        "analytcs_tag": "",
        "track_clicks_text": False,
        "track_clicks_html": True,
        "track_opens": True,
        "html": "",
        "plain": "",
        "links": [],
        "last_open": "",
        "last_click": "",
    }


def new_links(account: Account, urls: list[str]) -> list[dict[str, str]]:
    return [{"id": account.new_number("link", first=50_001), "url": url} for url in urls]


def _links(account: Account, body: str) -> list[dict[str, str]]:
    return new_links(account, list(dict.fromkeys(_LINK.findall(body) + _BARE_LINK.findall(body))))


def update_campaign(account: Account, form: Form) -> bool:
    campaign, name = account.the_campaign(form.text("cid")), form.text("name")
    if campaign["status"] not in ("draft", "paused"):
        raise MailigenError("campaign_status", f"Campaign is {campaign['status']}")
    if name in ("title", "subject", "from_name", "to_email"):
        changes: dict[str, Any] = {name: form.text("value")}
    elif name == "from_email":
        changes = {name: checked_email(form.text("value"))}
    elif name == "list_id":
        changes = {name: account.the_list(form.text("value"))["id"]}
    elif name == "segment_id":
        changes = {name: the_segment(account, form.text("value"))["id"]}
    elif name == "content":
        content = form.under("value")
        html, plain = content.optional("html"), content.optional("plain")
        changes = {"html": html, "plain": plain, "links": _links(account, html + plain)}
    else:
        raise MailigenError("campaign_option", f"Invalid campaign option: {name}")
    account.campaigns.put(campaign["id"], {**campaign, **changes})
    return True


def delete_campaign(account: Account, form: Form) -> bool:
    account.campaigns.delete(account.the_campaign(form.text("cid"))["id"])
    return True


def send_campaign_now(account: Account, form: Form) -> bool:
    campaign = account.the_campaign(form.text("cid"))
    if campaign["status"] not in ("draft", "paused", account.assumed.text("scheduled_status")):
        raise MailigenError("campaign_status", f"Campaign is {campaign['status']}")
    _send(account, campaign)
    return True


def schedule_campaign(account: Account, form: Form) -> bool:
    """`schedule_time` is GMT; it must lie ahead."""
    campaign, when = account.the_campaign(form.text("cid")), _parsed(form.text("schedule_time"))
    if campaign["status"] != "draft":
        raise MailigenError("campaign_status", f"Campaign is {campaign['status']}")
    if when.replace(tzinfo=UTC) <= account.world.clock.now():
        raise MailigenError("time_invalid", "Schedule time is in the past")
    status, hour = account.assumed.text("scheduled_status"), when.strftime(STAMP)
    scheduled = {**campaign, "status": status, "scheduled_for": hour}
    account.campaigns.put(campaign["id"], scheduled)

    def send_when_due() -> None:
        now = account.campaigns.get(campaign["id"])
        is_live = now is not None and not account.campaigns.is_deleted(campaign["id"])
        if now and is_live and now["status"] == status and now.get("scheduled_for") == hour:
            _send_or_pause(account, now)

    account.world.clock.at(when.replace(tzinfo=UTC), send_when_due)
    return True


def _send_or_pause(account: Account, campaign: Record) -> None:
    """Nobody waits for an answer at the hour: what cannot be sent is paused."""
    try:
        _send(account, campaign)
    except MailigenError:
        paused = {**campaign, "status": "paused", "paused_from": "draft", "scheduled_for": ""}
        account.campaigns.put(campaign["id"], paused)


def unschedule_campaign(account: Account, form: Form) -> bool:
    campaign = account.the_campaign(form.text("cid"))
    if not campaign.get("scheduled_for"):
        raise MailigenError("campaign_status", "Campaign is not scheduled")
    account.campaigns.put(campaign["id"], {**campaign, "status": "draft", "scheduled_for": ""})
    return True


def pause_campaign(account: Account, form: Form) -> bool:
    campaign = account.the_campaign(form.text("cid"))
    if campaign["status"] in ("draft", "sent", "paused") and campaign["type"] != "auto":
        raise MailigenError("campaign_status", f"Campaign is {campaign['status']}")
    paused = {**campaign, "status": "paused", "paused_from": campaign["status"]}
    account.campaigns.put(campaign["id"], paused)
    return True


def resume_campaign(account: Account, form: Form) -> bool:
    campaign = account.the_campaign(form.text("cid"))
    if campaign["status"] != "paused":
        raise MailigenError("campaign_status", "Campaign is not paused")
    account.campaigns.put(campaign["id"], {**campaign, "status": campaign["paused_from"]})
    return True


def recipients(account: Account, campaign: Record) -> list[Record]:
    """The subscribed members of the campaign's list, of its segment if it has one."""
    if campaign["segment_id"]:
        segment = the_segment(account, campaign["segment_id"])
        return segment_members(account, segment, "subscribed")
    return [m for m in account.members.of(campaign["list_id"]) if m["status"] == "subscribed"]


def _send(account: Account, campaign: Record) -> None:
    if campaign["type"] == "auto":
        # An autoresponder writes to those who come; those already there get nothing.
        status = account.assumed.text("autoresponder_status")
        started = {**campaign, "status": status, "send_time": account.stamp()}
        account.campaigns.put(campaign["id"], started)
        return
    suppressed = {record["email"].lower() for record in account.suppressed.live()}
    found = [m for m in recipients(account, campaign) if m["email"].lower() not in suppressed]
    _spend_emails(account, len(found))
    for member in found:
        put_send(account, campaign["id"], member["email"])
    duration = account.assumed.number("sending_takes_s")
    sending = {
        **campaign,
        "status": "sending" if duration else "sent",
        "send_time": account.stamp(),
        "emails_sent": len(found),
        "scheduled_for": "",
    }
    account.campaigns.put(campaign["id"], sending)
    if duration:
        _finish_later(account, campaign["id"], duration)


def _finish_later(account: Account, campaign_id: str, seconds: int) -> None:
    def finish() -> None:
        campaign = account.campaigns.get(campaign_id)
        if campaign is not None and campaign["status"] == "sending":
            account.campaigns.put(campaign_id, {**campaign, "status": "sent"})

    account.world.clock.at(account.world.clock.now() + timedelta(seconds=seconds), finish)


def put_send(account: Account, campaign_id: str, email: str, at: str = "") -> None:
    """Note that a mail of the campaign went to an address; keep the campaign's count yourself."""
    account.sends.put(
        {
            "id": f"{campaign_id}/{email.lower()}",
            "campaign": campaign_id,
            "email": email,
            "at": at or account.stamp(),
        }
    )


def _spend_emails(account: Account, count: int) -> None:
    left = account.assumed.limit("emails_left")
    if left is not None and account.emails_spent + count > left:
        text = (
            f"Not enough e-mails left in your plan ({left - account.emails_spent} left, "
            f"{count} needed). Please upgrade your account."
        )
        raise MailigenError("emails_limit", text)
    account.emails_spent += count
