"""Audiences: read, create, change, delete. Their counts are taken when asked."""

from collections import Counter
from typing import Any

from sandbox.books import Record
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.call import Call
from sandbox.mailchimp.kinds import check_types
from sandbox.mailchimp.links import link, links_of_many, links_of_one
from sandbox.mailchimp.member_lists import last_sent, sorted_rows
from sandbox.mailchimp.member_writes import check_needed
from sandbox.mailchimp.merge_field_calls import add_default_fields
from sandbox.mailchimp.problems import forbidden, invalid
from sandbox.mailchimp.route import Route

NEEDED = ("name", "permission_reminder", "contact", "campaign_defaults")
CONTACT = ("company", "address1", "city", "country")
DEFAULTS = ("from_name", "from_email", "subject", "language")
SETTINGS: dict[str, Any] = {
    "use_archive_bar": True,
    "permission_reminder": "",
    "notify_on_subscribe": "",
    "notify_on_unsubscribe": "",
    "email_type_option": False,
    "double_optin": False,
    "marketing_permissions": False,
}
WRITABLE = ("name", "contact", "campaign_defaults", *SETTINGS)
NOT_COUNTED = ("archived", "transactional", "pending")


def list_lists(call: Call) -> dict[str, Any]:
    rows = [record for record in call.account.lists.live() if _is_asked(call, record)]
    rows = sorted_rows(call, rows, ("date_created",))
    return {
        "lists": [show_list(call, record) for record in call.page_of(rows)],
        "total_items": len(rows),
        "constraints": _constraints(call.account),
        "_links": links_of_many(call.url("/lists"), "Lists"),
    }


def _is_asked(call: Call, record: Record) -> bool:
    account, created = call.account, record["date_created"]
    sent = last_sent(account, record["id"])
    email = call.query.get("email", "")
    return (
        call.is_since("since_date_created", created)
        and call.is_before("before_date_created", created)
        and call.is_since("since_campaign_last_sent", sent)
        and call.is_before("before_campaign_last_sent", sent)
        and (not email or account.members.find(record["id"], email) is not None)
        and not call.flag("has_ecommerce_store")
    )


def _constraints(account: Account) -> dict[str, Any]:
    most, now = account.assumed["audience_limit"], len(account.lists)
    return {"may_create": now < most, "max_instances": most, "current_total_instances": now}


def get_list(call: Call) -> dict[str, Any]:
    return show_list(call, call.account.the_list(call.list_id))


def show_list(call: Call, record: Record) -> dict[str, Any]:
    list_id = record["id"]
    one = call.url(f"/lists/{list_id}")
    parts = ("members", "merge-fields", "segments", "interest-categories", "webhooks")
    shown = {name: value for name, value in record.items() if not name.startswith("_")}
    return {
        **shown,
        "list_rating": 3,
        "subscribe_url_short": f"http://eepurl.example/{list_id}",
        "subscribe_url_long": f"https://acme.us6.list-manage.example/subscribe?id={list_id}",
        "beamer_address": f"us6-{list_id}@inbound.example",
        "visibility": "prv",
        "has_welcome": False,
        "modules": [],
        "stats": _stats(call, list_id),
        "_links": [*links_of_one(one, "Lists"), *(link(p, f"{one}/{p}") for p in parts)],
    }


def _stats(call: Call, list_id: str) -> dict[str, Any]:
    account = call.account
    members = account.members.of(list_id)
    counts = Counter(m["status"] for m in members)
    sent = last_sent(account, list_id)
    since = Counter(m["status"] for m in members if m["status_at"] > sent)
    stats = {
        "member_count": counts["subscribed"],
        "unsubscribe_count": counts["unsubscribed"],
        "cleaned_count": counts["cleaned"],
        "member_count_since_send": since["subscribed"],
        "unsubscribe_count_since_send": since["unsubscribed"],
        "cleaned_count_since_send": since["cleaned"],
        "campaign_count": sum(c["list_id"] == list_id for c in account.campaigns.live()),
        "campaign_last_sent": sent,
        "merge_field_count": len(account.fields_of(list_id)) + 1,
        "avg_sub_rate": 0,
        "avg_unsub_rate": 0,
        "target_sub_rate": 0,
        "open_rate": 0,
        "click_rate": 0,
        "last_sub_date": _last(members, "subscribed"),
        "last_unsub_date": _last(members, "unsubscribed"),
    }
    if call.flag("include_total_contacts"):
        stats["total_contacts"] = sum(n for s, n in counts.items() if s not in NOT_COUNTED[:1])
    return stats


def _last(members: list[Record], status: str) -> str:
    return max((str(m["status_at"]) for m in members if m["status"] == status), default="")


def create_list(call: Call) -> dict[str, Any]:
    if not _constraints(call.account)["may_create"]:
        raise forbidden("Your plan does not allow more audiences.")
    body = call.body()
    check_needed(body, *NEEDED)
    _check_parts(body)
    fresh = {"name": body["name"], "contact": {}, "campaign_defaults": {}, **SETTINGS}
    return show_list(call, put_list(call.account, _written(fresh, body)))


def put_list(account: Account, settings: Record) -> Record:
    """Store a new list with the merge fields every list begins with."""
    list_id = account.new_hex()
    record = {"id": list_id, "web_id": account.new_number("list", 7001), **settings}
    stored = account.lists.put(list_id, {**record, "date_created": account.now()})
    add_default_fields(account, list_id)
    return stored


def update_list(call: Call) -> dict[str, Any]:
    record = call.account.the_list(call.list_id)
    body = call.body()
    _check_parts(body)
    return show_list(call, call.account.lists.put(record["id"], _written(record, body)))


def _check_parts(body: Record) -> None:
    check_types(body, {"name": str} | {name: type(value) for name, value in SETTINGS.items()})
    for part, needed in (("contact", CONTACT), ("campaign_defaults", DEFAULTS)):
        if part not in body:
            continue
        if not isinstance(body[part], dict):
            raise invalid((part, "Schema describes object"))
        check_types(body[part], dict.fromkeys(needed, str), f"{part}.")
        if absent := [name for name in needed if not body[part].get(name)]:
            said = f"Required fields were not provided: {', '.join(absent)}"
            raise invalid((part, said))


def _written(record: Record, body: Record) -> Record:
    """The record with what the body says of it; the parts of an object are changed one by one."""
    after = dict(record)
    for name in WRITABLE:
        if name in body:
            is_object = name in ("contact", "campaign_defaults")
            after[name] = {**record[name], **body[name]} if is_object else body[name]
    return after


def delete_list(call: Call) -> None:
    """The list goes with everything on it; nobody is told of its members."""
    account, list_id = call.account, call.list_id
    account.lists.delete(list_id)
    account.members.remove_list(list_id)
    for book in (
        account.merge_fields, account.segments, account.categories, account.interests,
        account.webhooks,
    ):  # fmt: skip
        for key in [_key(book.name, r) for r in book.live() if r["list_id"] == list_id]:
            book.delete(key)


def _key(book: str, record: Record) -> str:
    return (
        f"{record['list_id']}/{record['merge_id']}"
        if book.endswith("merge_fields")
        else str(record["id"])
    )


ROUTES = [
    Route("GET", "/lists", list_lists),
    Route("POST", "/lists", create_list),
    Route("GET", "/lists/{list_id}", get_list),
    Route("PATCH", "/lists/{list_id}", update_list),
    Route("DELETE", "/lists/{list_id}", delete_list),
]
