"""Campaigns: mails to a list or to a segment of it, and the sums over what came of them."""

from typing import Any, NamedTuple

from sandbox.books import Record
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.acts import Act
from sandbox.mailchimp.changes import Change

FROM = {"from_name": "Acme", "reply_to": "news@acme.example"}


class Sums(NamedTuple):
    """Rates are shares from 0 to 1, of what was delivered."""

    sent: int
    delivered: int
    opens: int
    unique_opens: int
    last_open: str
    clicks: int
    unique_clicks: int  # of a person at a link
    clickers: int
    last_click: str
    hard: int
    soft: int
    left: int
    complaints: int

    @property
    def open_rate(self) -> float:
        return self.unique_opens / self.delivered if self.delivered else 0

    @property
    def click_rate(self) -> float:
        return self.clickers / self.delivered if self.delivered else 0


def sums_of(account: Account, campaign_id: str) -> Sums:
    acts = account.acts.of_campaign(campaign_id)
    opens = [act for act in acts if act["kind"] == "open"]
    clicks = [act for act in acts if act["kind"] == "click"]
    bounced = {act["contact_id"]: act["bounce"] for act in acts if act["kind"] == "bounce"}
    sent = sum(act["kind"] == "sent" for act in acts)
    return Sums(
        sent=sent,
        delivered=max(sent - len(bounced), 0),
        opens=len(opens),
        unique_opens=len({act["contact_id"] for act in opens}),
        last_open=max((act["at"] for act in opens), default=""),
        clicks=len(clicks),
        unique_clicks=len({(act["contact_id"], act["url"]) for act in clicks}),
        clickers=len({act["contact_id"] for act in clicks}),
        last_click=max((act["at"] for act in clicks), default=""),
        hard=sum(kind == "hard" for kind in bounced.values()),
        soft=sum(kind == "soft" for kind in bounced.values()),
        left=sum(act["kind"] == "unsub" for act in acts),
        complaints=sum(act["kind"] == "abuse" for act in acts),
    )


def new_campaign(
    account: Account, the_list: Record, title: str, urls: list[str], at: str = ""
) -> Record:
    """A campaign as stored, to the whole list, not sent yet."""
    campaign_id, at = account.new_hex(), at or account.now()
    links = [{"id": account.new_hex(), "url": url} for url in urls]
    return {
        "id": campaign_id,
        "web_id": account.new_number("campaign", 7_000_001),
        "type": "regular",
        "create_time": at,
        "status": "save",
        "emails_sent": 0,
        "send_time": "",
        "list_id": the_list["id"],
        "segment_id": None,
        "title": title,
        "subject_line": title,
        "preview_text": "",
        **FROM,
        "links": links,
    }


def send_to(
    account: Account, campaign: Record, members: list[Record], at: str = "", status: str = "sent"
) -> Record:
    """The campaign after it went to these members; who had it already gets it once."""
    at = at or account.now()
    had = account.acts.by_contact(campaign["id"], "sent")
    fresh = [member for member in members if member["contact_id"] not in had]
    if not fresh and campaign["status"] == status:
        return campaign
    for member in fresh:
        contact_id, list_id = member["contact_id"], member["list_id"]
        account.acts.add(Act("sent", campaign["id"], list_id, contact_id, at))
    after = {
        **campaign,
        "status": status,
        "send_time": campaign["send_time"] or at,
        "emails_sent": campaign["emails_sent"] + len(fresh),
    }
    account.campaigns.put(campaign["id"], after)
    if campaign["status"] != "sent" and status == "sent":
        account.announce(Change("campaign", "admin", campaign["list_id"], after))
    return after


def list_of(account: Account, campaign: Record) -> dict[str, Any]:
    """The campaign's list as far as it is known: a deleted one is not active any more."""
    the_list = account.lists.get(campaign["list_id"]) or {}
    return {
        "list_id": campaign["list_id"],
        "list_is_active": bool(the_list) and not account.lists.is_deleted(campaign["list_id"]),
        "list_name": the_list.get("name", ""),
    }
