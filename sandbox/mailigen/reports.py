"""What came of a campaign: totals, who opened, clicked, bounced and left.

Opens are totals per address without dates; only clicks and bounce messages carry a time.
"""

from datetime import UTC, timedelta
from typing import Any

from sandbox.books import Record
from sandbox.mailigen.account import STAMP, Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Form

MOST_ADDRESSES = 15_000
MOST_MESSAGES = 50
MESSAGE_DAYS = 30
BOUNCE_TYPES = ("hard", "soft", "blocked", "temporary", "generic")


def _sent_campaign(account: Account, form: Form) -> Record:
    campaign = account.the_campaign(form.text("cid"))
    if not campaign["send_time"]:
        raise MailigenError("stats_missing", f"Campaign {campaign['id']} has not been sent")
    return campaign


def show_stats(account: Account, form: Form) -> dict[str, Any]:
    campaign = _sent_campaign(account, form)
    cid = campaign["id"]
    opens, clicks = account.opens.of(cid), account.clicks.of(cid)
    totals: dict[str, Any] = {
        f"{kind}_bounces": account.bounces.count(cid, kind) for kind in BOUNCE_TYPES
    }
    clickers = {click["email"].lower() for click in clicks}
    totals.update(
        unsubscribes=account.unsubscribes.size(cid),
        forwards=0,
        opens=sum(opened["count"] for opened in opens),
        last_open=account.shown(campaign["last_open"]),
        unique_opens=len(opens),
        clicks=len(clicks),
        unique_clicks=len({(click["email"].lower(), click["link"]) for click in clicks}),
        last_click=account.shown(campaign["last_click"]),
        users_who_clicked=len(clickers),
        emails_sent=campaign["emails_sent"],
    )
    return totals


def show_click_stats(account: Account, form: Form) -> list[dict[str, Any]]:
    """Version 1.8: one record per link of the campaign, clicked or not."""
    campaign = _sent_campaign(account, form)
    clicks = account.clicks.of(campaign["id"])
    shown: list[dict[str, Any]] = []
    for link in campaign["links"]:
        clickers = [click["email"].lower() for click in clicks if click["link"] == link["url"]]
        unique = len(set(clickers))
        shown.append({**link, "clicks": len(clickers), "unique": unique})
    return shown


def show_click_stats_by_url(account: Account, form: Form) -> dict[str, Any]:
    """Versions up to 1.6: a map of url to counts."""
    return {
        link["url"]: {"clicks": link["clicks"], "unique": link["unique"]}
        for link in show_click_stats(account, form)
    }


def list_clicks(account: Account, form: Form) -> list[dict[str, Any]]:
    campaign = _sent_campaign(account, form)
    filters = form.under("filters")
    link_id, link = filters.optional("linkId"), filters.optional("link")
    urls = {entry["id"]: entry["url"] for entry in campaign["links"]}
    clicks = [
        click
        for click in account.clicks.of(campaign["id"])
        if (not link_id or urls.get(link_id) == click["link"])
        and (not link or click["link"] == link)
    ]
    is_reversed = account.assumed.text("click_details_order") == "newest_first"
    clicks.sort(key=lambda click: (click["date"], int(click["id"])), reverse=is_reversed)
    most = account.assumed.number("click_details_limit_max")
    return [
        {
            "email": click["email"],
            "link": click["link"],
            "date": account.shown(click["date"]),
            "device": click["device"],
            "browser": click["browser"],
        }
        for click in form.page(25, most).cut(clicks)
    ]


def list_opened(account: Account, form: Form) -> dict[str, Any]:
    opens = account.opens.of(_sent_campaign(account, form)["id"])
    page = form.page(25, account.assumed.number("opened_limit_max"))
    rows = [{"email": opened["email"], "count": opened["count"]} for opened in page.cut(opens)]
    return {"total": len(opens), "data": rows}


def list_not_opened(account: Account, form: Form) -> dict[str, Any]:
    cid = _sent_campaign(account, form)["id"]
    left_out = {opened["email"].lower() for opened in account.opens.of(cid)}
    if not account.assumed.is_on("not_opened_includes_bounced"):
        left_out |= {bounce["email"].lower() for bounce in account.bounces.of(cid)}
    emails = [s["email"] for s in account.sends.of(cid) if s["email"].lower() not in left_out]
    page = form.page(25, account.assumed.number("opened_limit_max"))
    return {"total": len(emails), "data": list(page.cut(emails))}


def list_bounces(account: Account, form: Form, kind: str) -> list[str]:
    """Each address once, however often it bounced."""
    cid = _sent_campaign(account, form)["id"]
    emails = [bounce["email"] for bounce in account.bounces.of(cid) if bounce["type"] == kind]
    return list(form.page(1000, MOST_ADDRESSES).cut(list(dict.fromkeys(emails))))


def list_unsubscribes(account: Account, form: Form) -> list[str]:
    cid = _sent_campaign(account, form)["id"]
    emails = [gone["email"] for gone in account.unsubscribes.of(cid)]
    return list(form.page(1000, MOST_ADDRESSES).cut(list(dict.fromkeys(emails))))


def list_forwards(account: Account, form: Form) -> list[str]:
    """Nobody forwards anything in this sandbox."""
    _sent_campaign(account, form)
    return []


def list_bounce_messages(account: Account, form: Form) -> list[dict[str, str]]:
    """Only the messages of the last thirty days are kept."""
    cid = _sent_campaign(account, form)["id"]
    oldest = account.world.clock.now().astimezone(UTC) - timedelta(days=MESSAGE_DAYS)
    kept = [b for b in account.bounces.of(cid) if b["date"] >= oldest.strftime(STAMP)]
    return [
        {"date": account.shown(b["date"]), "email": b["email"], "message": b["message"]}
        for b in form.page(25, MOST_MESSAGES).cut(kept)
    ]
