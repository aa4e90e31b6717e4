"""What a report tells of each person: sent-to, email-activity, open- and click-details, who left.

Persons are told in the order the mail went to them. Whoever was erased for good is left out.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.campaigns import list_of
from sandbox.mailchimp.links import link
from sandbox.mailchimp.problems import not_found
from sandbox.mailchimp.reports import sent_campaign
from sandbox.mailchimp.route import Route

MOST_OF_A_KIND = 1000  # opens, and clicks, of one member in email-activity
Row = dict[str, Any]
Acts = list[Record]
Recipient = tuple[Record, Acts]
Showing = Callable[[Call, Record, Acts], Row]


def list_sent_to(call: Call) -> Row:
    return _page(call, "sent_to", "sent-to", list(_recipients(call)), _sent_to)


def show_sent_to(call: Call) -> Row:
    return _sent_to(call, *_one(call))


def list_email_activity(call: Call) -> Row:
    found = list(_recipients(call))
    if call.account.assumed["quiet_recipients"] == "left_out":
        found = [(person, acts) for person, acts in found if _told(call, acts)]
    return _page(call, "emails", "email-activity", found, _email_activity)


def show_email_activity(call: Call) -> Row:
    return _email_activity(call, *_one(call))


def list_open_details(call: Call) -> Row:
    found = [(person, acts) for person, acts in _recipients(call) if _told(call, acts, "open")]
    counts = {person["contact_id"]: len(_told(call, acts, "open")) for person, acts in found}
    if call.one_of("sort_field", ("opens_count",)):
        is_down = call.one_of("sort_dir", ("ASC", "DESC")) == "DESC"
        found.sort(key=lambda pair: counts[pair[0]["contact_id"]], reverse=is_down)
    page = _page(call, "members", "open-details", found, _open_details)
    return {**page, "total_opens": sum(counts.values())}


def show_open_details(call: Call) -> Row:
    row = _open_details(call, *_one(call))
    if not row["opens_count"]:
        raise not_found()
    return row


def list_unsubscribed(call: Call) -> Row:
    found = [(person, acts) for person, acts in _recipients(call) if _is_among(acts, "unsub")]
    return _page(call, "unsubscribes", "unsubscribed", found, _unsubscribed)


def show_unsubscribed(call: Call) -> Row:
    person, acts = _one(call)
    if not _is_among(acts, "unsub"):
        raise not_found()
    return _unsubscribed(call, person, acts)


def list_click_details(call: Call) -> Row:
    rows = [_link(call, place) for place in sent_campaign(call)["links"]]
    if order := call.one_of("sort_field", ("total_clicks", "unique_clicks")):
        is_down = call.one_of("sort_dir", ("ASC", "DESC")) == "DESC"
        rows.sort(key=lambda row: int(row[order]), reverse=is_down)
    return _collection(call, "urls_clicked", "click-details", call.page_of(rows), len(rows))


def show_click_details(call: Call) -> Row:
    return _link(call, _place(call))


def list_clickers(call: Call) -> Row:
    place = _place(call)
    found = [(person, acts) for person, acts in _recipients(call) if _clicks(place, acts)]
    return _page(call, "members", f"click-details/{place['id']}/members", found, _clicker)


def show_clicker(call: Call) -> Row:
    row = _clicker(call, *_one(call))
    if not row["clicks"]:
        raise not_found()
    return row


def _page(call: Call, name: str, part: str, found: list[Recipient], show: Showing) -> Row:
    """Only those of the page are shown, however many there are."""
    rows = [show(call, person, acts) for person, acts in call.page_of(found)]
    return _collection(call, name, part, rows, len(found))


def _collection(call: Call, name: str, part: str, rows: list[Row], total: int) -> Row:
    campaign_id = sent_campaign(call)["id"]
    return {
        name: rows,
        "campaign_id": campaign_id,
        "total_items": total,
        "_links": [
            link("self", call.url(f"/reports/{campaign_id}/{part}")),
            link("parent", call.url(f"/reports/{campaign_id}")),
        ],
    }


def _recipients(call: Call) -> Iterator[Recipient]:
    """Everybody the campaign went to who is known still, with all that followed."""
    account, campaign = call.account, sent_campaign(call)
    followed = account.acts.by_contact(campaign["id"])
    for act in account.acts.of_campaign(campaign["id"], "sent"):
        person = account.members.book.get(act["contact_id"])
        if person is not None and not account.members.book.is_deleted(act["contact_id"]):
            yield person, followed[act["contact_id"]]


def _one(call: Call) -> Recipient:
    """The recipient of the path; a 404 for anybody the campaign did not go to."""
    campaign = sent_campaign(call)
    member = call.account.members.find(campaign["list_id"], call.path["subscriber_hash"])
    for person, acts in _recipients(call):
        if member is not None and person["contact_id"] == member["contact_id"]:
            return person, acts
    raise not_found()


def _about(call: Call, person: Record, part: str, *, with_values: bool = True) -> Row:
    """Who it is, as every part of a report begins to tell."""
    campaign = sent_campaign(call)
    place = list_of(call.account, campaign)
    told = {
        "campaign_id": campaign["id"],
        "list_id": place["list_id"],
        "list_is_active": place["list_is_active"],
        "email_id": person["id"],
        "email_address": person["email_address"],
    }
    if with_values:
        tags = [field["tag"] for field in call.account.fields_of(place["list_id"])]
        told["merge_fields"] = {tag: person["merge_fields"].get(tag, "") for tag in tags}
        told["vip"] = person["vip"]
    href = call.url(f"/reports/{campaign['id']}/{part}")
    links = [
        link("self", f"{href}/{person['id']}"),
        link("parent", href),
        link("member", call.url(f"/lists/{place['list_id']}/members/{person['id']}")),
    ]
    return {**told, "_links": links}


def _sent_to(call: Call, person: Record, acts: Acts) -> Row:
    opens = [act["at"] for act in acts if act["kind"] == "open"]
    bounces = [act["bounce"] for act in acts if act["kind"] == "bounce"]
    return {
        **_about(call, person, "sent-to"),
        "status": bounces[-1] if bounces else "sent",
        "open_count": len(opens),
        "last_open": max(opens, default=""),
        "absplit_group": "",
        "gmt_offset": 0,
    }


def _email_activity(call: Call, person: Record, acts: Acts) -> Row:
    counts = {"open": 0, "click": 0, "bounce": 0}
    shown: list[Row] = []
    for act in _told(call, acts):
        counts[act["kind"]] += 1
        if counts[act["kind"]] <= MOST_OF_A_KIND:
            shown.append(_activity(act))
    row = _about(call, person, "email-activity", with_values=False)
    if not shown and call.account.assumed["quiet_recipients"] == "no_member":
        return row
    return {**row, "activity": shown}


def _told(call: Call, acts: Acts, *kinds: str) -> Acts:
    """What of these kinds happened after `since`; opens, clicks and bounces if none is named."""
    since, is_inclusive = call.time("since"), call.account.assumed["since_is_inclusive"]
    kinds = kinds or ("open", "click", "bounce")
    return [
        act
        for act in acts
        if act["kind"] in kinds and (act["at"] > since or (is_inclusive and act["at"] == since))
    ]


def _is_among(acts: Acts, kind: str) -> bool:
    return any(act["kind"] == kind for act in acts)


def _clicks(place: Row, acts: Acts) -> int:
    return sum(act["kind"] == "click" and act["url"] == place["url"] for act in acts)


def _activity(act: Record) -> Row:
    told = {"action": act["kind"], "timestamp": act["at"], "ip": act["ip"]}
    if act["kind"] == "click":
        told["url"] = act["url"]
    return told | ({"type": act["bounce"]} if act["kind"] == "bounce" else {})


def _open_details(call: Call, person: Record, acts: Acts) -> Row:
    opens = [{"timestamp": act["at"]} for act in _told(call, acts, "open")]
    told = {"contact_status": person["status"], "opens_count": len(opens), "opens": opens}
    return {**_about(call, person, "open-details"), **told}


def _unsubscribed(call: Call, person: Record, acts: Acts) -> Row:
    """The last time: nobody leaves twice through one campaign, unless they came back between."""
    left = [act for act in acts if act["kind"] == "unsub"][-1]
    told = {"timestamp": left["at"], "reason": left["reason"] or "None given"}
    return {**_about(call, person, "unsubscribed"), **told}


def _place(call: Call) -> Row:
    links: list[Row] = sent_campaign(call)["links"]
    found = next((one for one in links if one["id"] == call.path["link_id"]), None)
    if found is None:
        raise not_found()
    return found


def _link(call: Call, place: Row) -> Row:
    campaign_id = sent_campaign(call)["id"]
    clicks = call.account.acts.of_campaign(campaign_id, "click")
    here = [act for act in clicks if act["url"] == place["url"]]
    people = {act["contact_id"] for act in here}
    everybody = {(act["contact_id"], act["url"]) for act in clicks}
    href = call.url(f"/reports/{campaign_id}/click-details/{place['id']}")
    return {
        "id": place["id"],
        "url": place["url"],
        "total_clicks": len(here),
        "click_percentage": len(here) / len(clicks) if clicks else 0,
        "unique_clicks": len(people),
        "unique_click_percentage": len(people) / len(everybody) if everybody else 0,
        "last_click": max((act["at"] for act in here), default=""),
        "campaign_id": campaign_id,
        "_links": [link("self", href), link("members", f"{href}/members")],
    }


def _clicker(call: Call, person: Record, acts: Acts) -> Row:
    """How often, and not when: click times are in email-activity alone."""
    place = _place(call)
    about = _about(call, person, f"click-details/{place['id']}/members")
    told = {"contact_status": person["status"], "url_id": place["id"]}
    return {**about, **told, "clicks": _clicks(place, acts)}


ROUTES = [
    Route("GET", f"/reports/{{campaign_id}}/{path}", answer)
    for path, answer in (
        ("sent-to", list_sent_to),
        ("sent-to/{subscriber_hash}", show_sent_to),
        ("email-activity", list_email_activity),
        ("email-activity/{subscriber_hash}", show_email_activity),
        ("open-details", list_open_details),
        ("open-details/{subscriber_hash}", show_open_details),
        ("unsubscribed", list_unsubscribed),
        ("unsubscribed/{subscriber_hash}", show_unsubscribed),
        ("click-details", list_click_details),
        ("click-details/{link_id}", show_click_details),
        ("click-details/{link_id}/members", list_clickers),
        ("click-details/{link_id}/members/{subscriber_hash}", show_clicker),
    )
]
