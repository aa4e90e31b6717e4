"""The account itself: `/` and `/ping`."""

from typing import Any

from sandbox.mailchimp.call import Call
from sandbox.mailchimp.links import link
from sandbox.mailchimp.route import Route

COMPANY = {
    "company": "Acme", "addr1": "Brivibas iela 1", "addr2": "", "city": "Riga", "state": "",
    "zip": "LV-1010", "country": "LV",
}  # fmt: skip
COLLECTIONS = ("lists", "campaigns", "reports", "batches", "search-members")


def show_account(call: Call) -> dict[str, Any]:
    account = call.account
    lists = [record["id"] for record in account.lists.live()]
    members = [m for list_id in lists for m in account.members.of(list_id)]
    owner = f"owner@{account.name.lower()}.example"
    return {
        "account_id": f"{account.name.lower()}0123456789abcdef"[:16],
        "login_id": "100001",
        "account_name": account.name,
        "email": owner,
        "first_name": "Olga",
        "last_name": "Owner",
        "username": owner,
        "avatar_url": "",
        "role": "owner",
        "member_since": "2020-01-15T09:00:00+00:00",
        "pricing_plan_type": "monthly",
        "first_payment": "2020-02-01T09:00:00+00:00",
        "account_timezone": "Europe/Riga",
        "account_industry": "",
        "contact": {**COMPANY, "company": account.name},
        "pro_enabled": False,
        "last_login": account.now(),
        "total_subscribers": sum(m["status"] == "subscribed" for m in members),
        "industry_stats": {"open_rate": 0.2, "bounce_rate": 0.01, "click_rate": 0.02},
        "_links": [link("self", call.url("/")), *(link(n, call.url(f"/{n}")) for n in COLLECTIONS)],
    }


def ping(_: Call) -> dict[str, Any]:
    return {"health_status": "Everything's Chimpy!"}


ROUTES = [Route("GET", "/", show_account), Route("GET", "/ping", ping)]
