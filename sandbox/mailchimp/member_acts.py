"""What one member did, newest first: `activity` (the last fifty), `activity-feed`, and complaints.

The feed alone tells of mails sent and pages on; neither has a "since".
"""

from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import alive
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.campaigns import list_of
from sandbox.mailchimp.links import link
from sandbox.mailchimp.problems import not_found
from sandbox.mailchimp.reports import sent_campaign
from sandbox.mailchimp.route import Route

MOST = 50
FEED = ("sent", "open", "click", "bounce", "unsub")


def list_activity(call: Call) -> dict[str, Any]:
    member = call.the_member()
    acts = call.account.acts.of_contact(member["contact_id"])
    if wanted := call.query.get("action"):
        acts = [act for act in acts if act["kind"] in wanted.split(",")]
    last = _newest_first(acts)[:MOST]
    return {
        "activity": [_activity(call, act) for act in last],
        "email_id": member["id"],
        "contact_id": member["contact_id"],
        "list_id": member["list_id"],
        "total_items": len(last),
        "_links": _links(call, member, "activity"),
    }


def list_feed(call: Call) -> dict[str, Any]:
    member = call.the_member()
    wanted = call.query.get("activity_filters", "").split(",")
    kinds = [kind for kind in FEED if wanted == [""] or kind in wanted]
    acts = [a for a in call.account.acts.of_contact(member["contact_id"]) if a["kind"] in kinds]
    if call.account.assumed["activity_feed_order"] == "newest_first":
        acts = _newest_first(acts)
    return {
        "activity": [_feed_item(call, act) for act in call.page_of(acts)],
        "email_id": member["id"],
        "list_id": member["list_id"],
        "_links": _links(call, member, "activity-feed"),
    }


def _newest_first(acts: list[Record]) -> list[Record]:
    return sorted(acts, key=lambda act: (act["at"], act["id"]), reverse=True)


def _title(call: Call, act: Record) -> str:
    campaign = call.account.campaigns.get(act["campaign_id"])
    return str(campaign["title"]) if campaign else ""


def _activity(call: Call, act: Record) -> dict[str, Any]:
    told = {
        "action": act["kind"],
        "timestamp": act["at"],
        "type": act["bounce"] if act["kind"] == "bounce" else "regular",
        "campaign_id": act["campaign_id"],
        "title": _title(call, act),
    }
    return told | ({"url": act["url"]} if act["kind"] == "click" else {})


def _feed_item(call: Call, act: Record) -> dict[str, Any]:
    told = {
        "activity_type": act["kind"],
        "created_at_timestamp": act["at"],
        "campaign_id": act["campaign_id"],
        "campaign_title": _title(call, act),
    }
    match act["kind"]:
        case "click":
            return told | {"link_clicked": act["url"]}
        case "bounce":
            opened = any(
                other["kind"] == "open" and other["contact_id"] == act["contact_id"]
                for other in call.account.acts.of_campaign(act["campaign_id"])
            )
            return told | {"bounce_type": act["bounce"], "bounce_has_open_activity": opened}
        case "unsub":
            why = act["reason"] or "None given"
            return told | {"unsubscribe_reason": why, "is_admin_unsubscribed": False}
    return told


def _links(call: Call, member: Record, part: str) -> list[dict[str, Any]]:
    href = call.url(f"/lists/{member['list_id']}/members/{member['id']}")
    return [link("self", f"{href}/{part}"), link("parent", href)]


def list_complaints(call: Call) -> dict[str, Any]:
    """Of one campaign, all of them: this collection has no pages."""
    campaign = sent_campaign(call)
    rows = [_complaint(call, act) for act in _complaints(call, campaign["id"])]
    href = call.url(f"/reports/{campaign['id']}")
    return {
        "abuse_reports": rows,
        "campaign_id": campaign["id"],
        "total_items": len(rows),
        "_links": [link("self", f"{href}/abuse-reports"), link("parent", href)],
    }


def show_complaint(call: Call) -> dict[str, Any]:
    for act in _complaints(call, sent_campaign(call)["id"]):
        if str(act["id"]) == call.path["report_id"]:
            return _complaint(call, act)
    raise not_found()


def list_complaints_of_list(call: Call) -> dict[str, Any]:
    list_id = call.list_id
    sent = [c["id"] for c in call.account.campaigns.live() if c["list_id"] == list_id]
    acts = [act for campaign_id in sent for act in _complaints(call, campaign_id)]
    href = call.url(f"/lists/{list_id}")
    return {
        "abuse_reports": [_of_list(_complaint(call, act)) for act in call.page_of(acts)],
        "list_id": list_id,
        "total_items": len(acts),
        "_links": [link("self", f"{href}/abuse-reports"), link("parent", href)],
    }


def _of_list(row: dict[str, Any]) -> dict[str, Any]:
    """A list's own collection does not tell that the list is there."""
    return {name: value for name, value in row.items() if name != "list_is_active"}


def _complaints(call: Call, campaign_id: str) -> list[Record]:
    """Those of people who are known still."""
    book = call.account.members.book
    acts = call.account.acts.of_campaign(campaign_id, "abuse")
    return [act for act in acts if not book.is_deleted(act["contact_id"])]


def _complaint(call: Call, act: Record) -> dict[str, Any]:
    account = call.account
    person = alive(account.members.book, act["contact_id"])
    place = list_of(account, alive(account.campaigns, act["campaign_id"]))
    tags = [field["tag"] for field in account.fields_of(act["list_id"])]
    return {
        "id": act["id"],
        "campaign_id": act["campaign_id"],
        "list_id": act["list_id"],
        "list_is_active": place["list_is_active"],
        "email_id": person["id"],
        "email_address": person["email_address"],
        "merge_fields": {tag: person["merge_fields"].get(tag, "") for tag in tags},
        "vip": person["vip"],
        "date": act["at"],
        "_links": [link("self", call.url(f"/reports/{act['campaign_id']}/abuse-reports"))],
    }


MEMBER = "/lists/{list_id}/members/{subscriber_hash}"
ROUTES = [
    Route("GET", f"{MEMBER}/activity", list_activity),
    Route("GET", f"{MEMBER}/activity-feed", list_feed),
    Route("GET", "/reports/{campaign_id}/abuse-reports", list_complaints),
    Route("GET", "/reports/{campaign_id}/abuse-reports/{report_id}", show_complaint),
    Route("GET", "/lists/{list_id}/abuse-reports", list_complaints_of_list),
]
