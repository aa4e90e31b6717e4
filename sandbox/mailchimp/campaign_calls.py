"""`/campaigns`: what was sent, to whom and when. Campaigns are written in the web, not here."""

from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account, alive, hash_of
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.campaigns import list_of, sums_of
from sandbox.mailchimp.links import link, links_of_many
from sandbox.mailchimp.route import Route

TYPES = ("regular", "plaintext", "absplit", "rss", "variate")
STATUSES = ("save", "paused", "schedule", "sending", "sent")
ORDERS = ("create_time", "send_time")


def list_campaigns(call: Call) -> dict[str, Any]:
    found = [campaign for campaign in call.account.campaigns.live() if _is_wanted(call, campaign)]
    if order := call.one_of("sort_field", ORDERS):
        is_down = call.one_of("sort_dir", ("ASC", "DESC")) == "DESC"
        found.sort(key=lambda campaign: (campaign[order], campaign["id"]), reverse=is_down)
    return {
        "campaigns": [_shown(call, campaign) for campaign in call.page_of(found)],
        "total_items": len(found),
        "_links": links_of_many(call.url("/campaigns"), "Campaigns"),
    }


def show_campaign(call: Call) -> dict[str, Any]:
    return _shown(call, alive(call.account.campaigns, call.path["campaign_id"]))


def delete_campaign(call: Call) -> None:
    """Its reports go with it."""
    call.account.campaigns.delete(alive(call.account.campaigns, call.path["campaign_id"])["id"])


def is_in_time(call: Call, campaign: Record, *names: str) -> bool:
    """Whether the campaign's times lie where `since_...` and `before_...` want them."""
    return all(
        (not call.time(f"since_{name}") or bool(campaign[name]))
        and call.is_since(f"since_{name}", campaign[name])
        and call.is_before(f"before_{name}", campaign[name])
        for name in names
    )


def _is_wanted(call: Call, campaign: Record) -> bool:
    kind, status = call.one_of("type", TYPES), call.one_of("status", STATUSES)
    list_id, member = call.query.get("list_id", ""), call.query.get("member_id", "")
    return (
        kind in ("", campaign["type"])
        and status in ("", campaign["status"])
        and list_id in ("", campaign["list_id"])
        and (not member or _was_sent_to(call.account, campaign, member))
        and is_in_time(call, campaign, "send_time", "create_time")
    )


def _was_sent_to(account: Account, campaign: Record, named: str) -> bool:
    named = hash_of(named) if "@" in named else named.lower()
    member = account.members.find(campaign["list_id"], named)
    contact_id = member["contact_id"] if member else ""
    return any(
        a["contact_id"] == contact_id for a in account.acts.of_campaign(campaign["id"], "sent")
    )


def _shown(call: Call, campaign: Record) -> dict[str, Any]:
    href = call.url(f"/campaigns/{campaign['id']}")
    copied = ("id", "web_id", "type", "create_time", "status", "emails_sent", "send_time")
    shown: dict[str, Any] = {
        **{name: campaign[name] for name in copied},
        "archive_url": f"http://eepurl.example/{campaign['id']}",
        "long_archive_url": f"http://mailchi.example/{campaign['id']}",
        "content_type": "html",
        "needs_block_refresh": False,
        "resendable": campaign["status"] == "sent",
        "recipients": _recipients(call.account, campaign),
        "settings": _settings(campaign),
        "tracking": {"opens": True, "html_clicks": True, "text_clicks": False,
                     "goal_tracking": False, "ecomm360": False, "google_analytics": "",
                     "clicktale": ""},
        "delivery_status": {"enabled": False},
        "_links": [
            link("self", href, schema="Campaigns/Response"),
            link("parent", call.url("/campaigns"), schema="Campaigns/CollectionResponse"),
            link("delete", href, "DELETE"),
        ],
    }  # fmt: skip
    if campaign["status"] in ("sending", "sent"):
        shown["report_summary"] = summary_of(call.account, campaign)
    return shown


def summary_of(account: Account, campaign: Record) -> dict[str, Any]:
    sums = sums_of(account, campaign["id"])
    return {
        "opens": sums.opens,
        "unique_opens": sums.unique_opens,
        "open_rate": sums.open_rate,
        "clicks": sums.clicks,
        "subscriber_clicks": sums.clickers,
        "click_rate": sums.click_rate,
        "ecommerce": {"total_orders": 0, "total_spent": 0, "total_revenue": 0},
    }


def _recipients(account: Account, campaign: Record) -> dict[str, Any]:
    told = {**list_of(account, campaign), "segment_text": ""}
    told["recipient_count"] = campaign["emails_sent"]
    if campaign["segment_id"] is not None:
        told["segment_opts"] = {"saved_segment_id": campaign["segment_id"], "match": "any"}
    return told


def _settings(campaign: Record) -> dict[str, Any]:
    copied = ("subject_line", "preview_text", "title", "from_name", "reply_to")
    return {
        **{name: campaign[name] for name in copied},
        "use_conversation": False,
        "to_name": "*|FNAME|*",
        "folder_id": "",
        "authenticate": True,
        "auto_footer": False,
        "inline_css": False,
        "auto_tweet": False,
        "fb_comments": True,
        "timewarp": False,
        "template_id": 0,
        "drag_and_drop": True,
    }


ROUTES = [
    Route("GET", "/campaigns", list_campaigns),
    Route("GET", "/campaigns/{campaign_id}", show_campaign),
    Route("DELETE", "/campaigns/{campaign_id}", delete_campaign),
]
