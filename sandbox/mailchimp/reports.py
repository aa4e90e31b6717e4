"""`/reports` and `/reports/{campaign_id}`: the sums over a campaign that was sent."""

from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import alive
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.campaign_calls import TYPES, is_in_time
from sandbox.mailchimp.campaigns import Sums, list_of, sums_of
from sandbox.mailchimp.links import link, links_of_many
from sandbox.mailchimp.problems import not_found
from sandbox.mailchimp.route import Route

PARTS = (
    "abuse-reports", "click-details", "email-activity", "open-details", "sent-to", "unsubscribed"
)  # fmt: skip
SENT = ("sending", "sent")
# What an industry does is nobody's business here; the members are there.
INDUSTRY = {
    "type": "", "open_rate": 0.2, "click_rate": 0.02, "bounce_rate": 0.01, "unopen_rate": 0.79,
    "unsub_rate": 0.002, "abuse_rate": 0.0001,
}  # fmt: skip


def list_reports(call: Call) -> dict[str, Any]:
    kind = call.one_of("type", TYPES)
    found = [
        campaign
        for campaign in call.account.campaigns.live()
        if campaign["status"] in SENT
        and kind in ("", campaign["type"])
        and is_in_time(call, campaign, "send_time")
    ]
    return {
        "reports": [_shown(call, campaign) for campaign in call.page_of(found)],
        "total_items": len(found),
        "_links": links_of_many(call.url("/reports"), "Reports"),
    }


def show_report(call: Call) -> dict[str, Any]:
    return _shown(call, sent_campaign(call))


def sent_campaign(call: Call) -> Record:
    """The campaign of the path; a 404 for one that has not been sent."""
    campaign = alive(call.account.campaigns, call.path["campaign_id"])
    if campaign["status"] not in SENT:
        raise not_found()
    return campaign


def _shown(call: Call, campaign: Record) -> dict[str, Any]:
    sums, href = sums_of(call.account, campaign["id"]), call.url(f"/reports/{campaign['id']}")
    return {
        "id": campaign["id"],
        "campaign_title": campaign["title"],
        "type": campaign["type"],
        **list_of(call.account, campaign),
        "subject_line": campaign["subject_line"],
        "preview_text": campaign["preview_text"],
        "emails_sent": campaign["emails_sent"],
        "abuse_reports": sums.complaints,
        "unsubscribed": sums.left,
        "send_time": campaign["send_time"],
        **_sums_shown(sums),
        "forwards": {"forwards_count": 0, "forwards_opens": 0},
        "facebook_likes": {"recipient_likes": 0, "unique_likes": 0, "facebook_likes": 0},
        "industry_stats": INDUSTRY,
        "list_stats": {"sub_rate": 0, "unsub_rate": 0, "open_rate": 0, "click_rate": 0},
        "timeseries": [],
        "ecommerce": {
            "total_orders": 0, "total_spent": 0, "total_revenue": 0, "currency_code": "USD"
        },
        "delivery_status": {"enabled": False},
        "_links": [
            link("self", href, schema="Reports/Response"),
            link("parent", call.url("/reports"), schema="Reports/CollectionResponse"),
            *(link(part, f"{href}/{part}") for part in PARTS),
        ],
    }  # fmt: skip


def _sums_shown(sums: Sums) -> dict[str, Any]:
    return {
        "bounces": {"hard_bounces": sums.hard, "soft_bounces": sums.soft, "syntax_errors": 0},
        "opens": {
            "opens_total": sums.opens,
            "unique_opens": sums.unique_opens,
            "open_rate": sums.open_rate,
            "last_open": sums.last_open,
        },
        "clicks": {
            "clicks_total": sums.clicks,
            "unique_clicks": sums.unique_clicks,
            "unique_subscriber_clicks": sums.clickers,
            "click_rate": sums.click_rate,
            "last_click": sums.last_click,
        },
    }


ROUTES = [
    Route("GET", "/reports", list_reports),
    Route("GET", "/reports/{campaign_id}", show_report),
]
